//! Rendering of a session from its template or manifest. All checks of the user's input happen here, before any request.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::manifest_settings;
use super::rendered_start::{Rendering, TemplateVersion};
use super::run_settings::resolve_settings;
use session_model::api::{PrimaryRef, SessionSpec, SessionTemplate, SessionTemplateSpec};
use session_model::names::{NamespaceName, SessionName, UserId};
use session_model::objects::metadata::{name_of, uid_of};
use session_model::objects::{overrides, primary_workload};
use session_template::{
    Adaptation, Manifest, OmittedSecret, Parameters, RenderBudget, RenderedManifest,
    SessionIdentity, Source, ValueLayers, Values,
};

/// Source of a session's objects: a template or a manifest.
#[derive(Clone, Copy, Debug)]
pub enum ManifestSource<'a> {
    /// A SessionTemplate as the server has it.
    Template(&'a SessionTemplate),
    /// Text of a manifest, with the name of its file for errors.
    Manifest {
        /// Name of the file, as the user gave it.
        file: &'a str,
        /// Text of the manifest.
        text: &'a str,
    },
}

/// All inputs of a rendering.
#[derive(Clone, Copy, Debug)]
pub struct RenderInput<'a> {
    /// Name of the session.
    pub session: &'a SessionName,
    /// Namespace of the session.
    pub namespace: &'a NamespaceName,
    /// Spec of the Session.
    pub spec: &'a SessionSpec,
    /// Template or manifest.
    pub source: ManifestSource<'a>,
    /// Values of `--set`, which are stored in spec.parameters too.
    pub set_values: &'a BTreeMap<String, String>,
    /// Values from files, including secret ones.
    pub file_values: &'a BTreeMap<String, String>,
    /// Values of the session's parameters Secret.
    pub stored_secrets: &'a BTreeMap<String, String>,
    /// If true, Secrets whose values were not given are left out instead of generated. Used to print objects.
    pub omit_secrets: bool,
}

/// A rendering with what the caller stores and reports.
#[derive(Clone, Debug)]
pub struct RenderOutput {
    /// The rendering.
    pub rendering: Rendering,
    /// Secrets that were left out of a public rendering.
    pub withheld: Vec<OmittedSecret>,
    /// Given values that may be stored in the Session: no defaults and no secrets.
    pub parameters: BTreeMap<String, String>,
    /// Notes on objects and fields of the manifest that were left out or moved, one line each.
    pub notes: Vec<String>,
    /// Maximum length of the session's name in characters, so that the names of all objects fit.
    pub max_name_length: usize,
}

/// Renders a session's objects.
///
/// # Errors
/// An error in values, manifest or overrides, with file, line and column where there is one.
pub fn render(recipe: &RenderInput<'_>) -> Result<RenderOutput> {
    let spec = recipe.spec;
    let (source, body) = read_source(recipe)?;
    let manifest = Manifest::parse(&source)?;
    manifest.check_api_versions()?;
    let parameters = Parameters::merge(&body.parameters, &manifest)?;
    let mut values = resolve_values(recipe, &body, &parameters)?;
    let (rendered, adaptation) = render_manifest(recipe, &manifest, &parameters, &mut values)?;
    let withheld = rendered.omitted_secrets.clone();
    let mut objects = rendered.into_objects();
    let primary = choose_primary(spec, &body, &values, &objects)?;
    override_fields(spec, &primary, &mut objects)?;
    // Its placeholders are replaced already: a value is not searched again.
    let own = manifest_settings::read_manifest_settings(&objects, &primary)?;
    let settings = resolve_settings(spec, &body, own, &values)?;
    let visible = parameters.find_visible_passwords();
    let warnings = visible.iter().chain(&adaptation.warnings);
    let rendering = Rendering {
        connect: settings.connect,
        hooks: settings.hooks,
        lifetime: settings.lifetime,
        on_expiry: settings.on_expiry,
        data_policy: spec.data_policy.or(body.data_policy).unwrap_or_default(),
        template: template_version(recipe.source),
        secrets: values.secret_values().clone(),
        warnings: warnings.map(ToString::to_string).collect(),
        primary,
        objects,
    };
    let parameters = storable_parameters(recipe, &values);
    Ok(RenderOutput {
        rendering,
        withheld,
        parameters,
        notes: adaptation.notes.iter().map(ToString::to_string).collect(),
        max_name_length: manifest.session_name_limit(&values),
    })
}

fn read_source(recipe: &RenderInput<'_>) -> Result<(Source, SessionTemplateSpec)> {
    match recipe.source {
        ManifestSource::Template(template) => {
            let name = name_of(&template.metadata);
            let file = format!("sessiontemplate/{name}");
            Ok((
                Source::new(file, template.spec.manifest.clone())?,
                template.spec.clone(),
            ))
        }
        ManifestSource::Manifest { file, text } => {
            Ok((Source::new(file, text)?, SessionTemplateSpec::default()))
        }
    }
}

/// Returns the values of the parameters, from the layers of the input. Secrets that nobody has given are still missing.
///
/// # Errors
/// An invalid owner or application; a value that is missing or does not suit its parameter.
fn resolve_values(
    recipe: &RenderInput<'_>,
    body: &SessionTemplateSpec,
    parameters: &Parameters,
) -> Result<Values> {
    let spec = recipe.spec;
    let given = ValueLayers {
        flags: recipe.set_values,
        files: recipe.file_values,
        session: &spec.parameters,
        preset: spec.preset.as_deref(),
        presets: &body.presets,
        stored: recipe.stored_secrets,
    };
    parameters.resolve(session_identity(recipe)?, &given)
}

/// Fills the values into the manifest, adapts a manifest that was not written for sessions, and checks the objects.
///
/// # Errors
/// A value that does not suit its place; objects of other namespaces; fields without a value that the server requires.
fn render_manifest(
    recipe: &RenderInput<'_>,
    manifest: &Manifest,
    parameters: &Parameters,
    values: &mut Values,
) -> Result<(RenderedManifest, Adaptation)> {
    let mut rendered = if recipe.omit_secrets {
        manifest.render_public(values)?
    } else {
        values.generate_missing_secrets()?;
        manifest.render(values)?
    };
    // An admin has written the template for sessions.
    let adaptation = match recipe.source {
        ManifestSource::Manifest { .. } => manifest.adapt(&mut rendered, recipe.namespace.as_str()),
        ManifestSource::Template(_) => Adaptation::default(),
    };
    manifest.check_namespace(&rendered, recipe.namespace.as_str())?;
    manifest.check_required_fields(&rendered, parameters)?;
    Ok((rendered, adaptation))
}

/// Chooses the primary workload: the session's, else the template's, else the only workload of the objects.
///
/// # Errors
/// A workload that is not among the objects, or several without a choice.
fn choose_primary(
    spec: &SessionSpec,
    body: &SessionTemplateSpec,
    values: &Values,
    objects: &[Value],
) -> Result<PrimaryRef> {
    let declared = spec.primary.as_ref().or(body.primary.as_ref());
    let declared = declared
        .map(|wanted| expand_primary(wanted, values))
        .transpose()?;
    let primary = primary_workload::choose_primary(objects, declared.as_ref())?;
    manifest_settings::read_workload_control(objects, primary)
}

/// Writes the resources and the storage of the spec into the objects.
///
/// # Errors
/// An invalid quantity; objects without the container or the volume that is meant.
fn override_fields(
    spec: &SessionSpec,
    primary: &PrimaryRef,
    objects: &mut Vec<Value>,
) -> Result<()> {
    if let Some(wanted) = &spec.resources {
        overrides::set_resources(objects, primary, wanted)?;
    }
    if let Some(wanted) = &spec.storage {
        overrides::set_storage(objects, wanted)?;
    }
    Ok(())
}

fn session_identity(recipe: &RenderInput<'_>) -> Result<SessionIdentity> {
    let user: UserId = recipe.spec.user_id.parse()?;
    let application = recipe
        .spec
        .application
        .as_deref()
        .map(str::parse)
        .transpose()
        .context("in spec.application")?;
    Ok(SessionIdentity {
        session: recipe.session.clone(),
        user,
        namespace: recipe.namespace.clone(),
        application,
    })
}

fn template_version(body: ManifestSource<'_>) -> Option<TemplateVersion> {
    let ManifestSource::Template(template) = body else {
        return None;
    };
    Some(TemplateVersion {
        name: name_of(&template.metadata).to_owned(),
        uid: uid_of(&template.metadata).map(str::to_owned),
        generation: template.metadata.generation,
    })
}

fn expand_primary(wanted: &PrimaryRef, values: &Values) -> Result<PrimaryRef> {
    Ok(PrimaryRef {
        name: values
            .expand_text(&wanted.name, true, &mut RenderBudget::default())
            .context("cannot use the primary workload")?,
        ..wanted.clone()
    })
}

/// Returns the given values that are not secret. They are stored in the Session, so that the next start has them again.
fn storable_parameters(recipe: &RenderInput<'_>, values: &Values) -> BTreeMap<String, String> {
    let given = recipe
        .spec
        .parameters
        .iter()
        .chain(recipe.file_values)
        .chain(recipe.set_values);
    let mut stored: BTreeMap<String, String> = given
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    stored.retain(|name, _| !values.is_secret(name));
    stored
}
