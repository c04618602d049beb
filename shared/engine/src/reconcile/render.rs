//! Rendering of a session from its template or manifest. All checks of the user's input happen here, before any request.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};

use super::manifest_settings;
use super::rendered_start::{Rendering, TemplateVersion};
use session_model::api::{
    ConnectMethod, Hook, Hooks, IntOrString, LifetimePolicy as LifetimeSpec, PrimaryRef,
    SessionSpec, SessionTemplate, SessionTemplateSpec,
};
use session_model::duration::Lifetime;
use session_model::failure::with_hint;
use session_model::names::{NamespaceName, SessionName, UserId};
use session_model::objects::metadata::{name_of, uid_of};
use session_model::objects::{overrides, primary_workload};
use session_template::{
    Adaptation, Manifest, OmittedSecret, Parameters, RenderBudget, SessionIdentity, Source,
    ValueLayers, Values,
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
    let given = ValueLayers {
        flags: recipe.set_values,
        files: recipe.file_values,
        session: &spec.parameters,
        preset: spec.preset.as_deref(),
        presets: &body.presets,
        stored: recipe.stored_secrets,
    };
    let mut values = parameters.resolve(session_identity(recipe)?, &given)?;
    let mut rendered = if recipe.omit_secrets {
        manifest.render_public(&values)?
    } else {
        values.generate_missing_secrets()?;
        manifest.render(&values)?
    };
    // An admin has written the template for sessions.
    let adaptation = match recipe.source {
        ManifestSource::Manifest { .. } => manifest.adapt(&mut rendered, recipe.namespace.as_str()),
        ManifestSource::Template(_) => Adaptation::default(),
    };
    manifest.check_namespace(&rendered, recipe.namespace.as_str())?;
    manifest.check_required_fields(&rendered, &parameters)?;
    let withheld = rendered.omitted_secrets.clone();
    let mut objects = rendered.into_objects();
    let declared = spec.primary.as_ref().or(body.primary.as_ref());
    let declared = declared
        .map(|wanted| expand_primary(wanted, &values))
        .transpose()?;
    let primary = primary_workload::choose_primary(&objects, declared.as_ref())?;
    let primary = manifest_settings::read_workload_control(&objects, primary)?;
    if let Some(wanted) = &spec.resources {
        overrides::set_resources(&mut objects, &primary, wanted)?;
    }
    if let Some(wanted) = &spec.storage {
        overrides::set_storage(&mut objects, wanted)?;
    }
    // Its placeholders are replaced already: a value is not searched again.
    let own = manifest_settings::read_manifest_settings(&objects, &primary)?;
    let lifetime = body.lifetime.clone().or(own.lifetime);
    let rendering = Rendering {
        connect: match body.connect.is_empty() {
            true => validate_methods(own.connect).context("cannot use the connection methods")?,
            false => expand_connect(&body.connect, &values)?,
        },
        hooks: match &body.hooks {
            Some(hooks) => Some(expand_hooks(hooks, &values)?),
            None => own.hooks,
        },
        lifetime: resolve_lifetime(spec, lifetime.as_ref())?,
        on_expiry: lifetime
            .as_ref()
            .and_then(|lifetime| lifetime.on_expiry)
            .unwrap_or_default(),
        data_policy: spec.data_policy.or(body.data_policy).unwrap_or_default(),
        template: template_version(recipe.source),
        secrets: values.secret_values().clone(),
        warnings: parameters
            .find_visible_passwords()
            .iter()
            .chain(&adaptation.warnings)
            .map(ToString::to_string)
            .collect(),
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

fn expand_hooks(hooks: &Hooks, values: &Values) -> Result<Hooks> {
    let mut budget = RenderBudget::default();
    let mut expand = |hook: &Option<Hook>| -> Result<Option<Hook>> {
        let Some(hook) = hook else {
            return Ok(None);
        };
        let mut expand = |text: &String| values.expand_text(text, false, &mut budget);
        Ok(Some(Hook {
            command: hook
                .command
                .iter()
                .map(&mut expand)
                .collect::<Result<_>>()?,
            workload: hook.workload.as_ref().map(&mut expand).transpose()?,
            ..hook.clone()
        }))
    };
    let mut expand =
        |hook, name| expand(hook).with_context(|| format!("cannot use the hook {name}"));
    Ok(Hooks {
        sync: expand(&hooks.sync, "sync")?,
        quiesce: expand(&hooks.quiesce, "quiesce")?,
        resume: expand(&hooks.resume, "resume")?,
    })
}

fn expand_connect(methods: &[ConnectMethod], values: &Values) -> Result<Vec<ConnectMethod>> {
    let mut budget = RenderBudget::default();
    let mut expand = |text: &String| values.expand_text(text, false, &mut budget);
    methods
        .iter()
        .map(|method| {
            let mut method = method.clone();
            method.exec = method.exec.iter().map(&mut expand).collect::<Result<_>>()?;
            method.enabled = method.enabled.as_ref().map(&mut expand).transpose()?;
            method.workload = method.workload.as_ref().map(&mut expand).transpose()?;
            if let Some(http) = &mut method.http {
                http.path = http.path.as_ref().map(&mut expand).transpose()?;
                if let Some(IntOrString::Text(port)) = &http.port {
                    http.port = Some(expand(port)?.as_str().into());
                }
            }
            if let Some(ssh) = &mut method.ssh {
                ssh.user = ssh.user.as_ref().map(&mut expand).transpose()?;
                if let Some(IntOrString::Text(port)) = &ssh.port {
                    ssh.port = Some(expand(port)?.as_str().into());
                }
            }
            Ok(method)
        })
        .collect::<Result<_>>()
        .and_then(validate_methods)
        .context("cannot use the connection methods")
}

/// Returns the methods that are enabled.
fn validate_methods(methods: Vec<ConnectMethod>) -> Result<Vec<ConnectMethod>> {
    methods.iter().try_for_each(ConnectMethod::validate)?;
    let enabled = methods.into_iter().filter_map(|mut method| {
        let enabled = method.enabled.take();
        (enabled.as_deref() != Some("false")).then_some(method)
    });
    Ok(enabled.collect())
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

/// Returns the lifetime of a start: the session's, else the template's, else the template's maximum.
///
/// # Errors
/// A value that does not parse, or that exceeds the template's maximum.
fn resolve_lifetime(spec: &SessionSpec, said: Option<&LifetimeSpec>) -> Result<Option<Duration>> {
    let parse = |value: &IntOrString, of: &str| {
        value
            .to_string()
            .parse::<Lifetime>()
            .with_context(|| format!("invalid {of} {:?}", value.to_string()))
    };
    let maximum = said
        .and_then(|said| said.maximum.as_ref())
        .map(|value| parse(value, "lifetime.maximum"))
        .transpose()?;
    let wanted = match (&spec.timeout, said.and_then(|said| said.timeout.as_ref())) {
        (Some(value), _) => parse(value, "timeout")?,
        (None, Some(value)) => parse(value, "lifetime.timeout")?,
        (None, None) => maximum.clone().unwrap_or_else(Lifetime::never),
    };
    if let Some(maximum) = maximum
        && wanted.exceeds(&maximum)
    {
        let error =
            anyhow::anyhow!("lifetime {wanted} exceeds the template's maximum of {maximum}");
        return Err(with_hint(
            error,
            format!("set --expires-in to at most {maximum}"),
        ));
    }
    Ok(wanted.duration())
}
