//! Objects of the sessions to count: rendered as `create` renders them, under two names. Pure.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::api::{API_VERSION, SessionSpec};
use session_shared::names::{NamespaceName, SessionName, UserId, parameters_secret_name};
use session_shared::reconcile::{self, ManifestSource, RenderInput, RenderOutput, RenderedStart};
use session_shared::template::{
    AssignedValues, Manifest, Parameters, SessionIdentity, Source, ValueLayers,
};

use crate::session_source::SessionSource;

/// Names of the two sessions that are compared; short, so that every template takes them.
const NAMES: [&str; 2] = ["fit-1", "fit-2"];

/// Objects of two sessions, which differ in what depends on the session's name.
#[derive(Debug)]
pub(crate) struct RenderedSessions {
    /// Objects of one session as they are sent, and the Session.
    pub(crate) objects: Vec<Value>,
    /// The same of another one.
    pub(crate) other: Vec<Value>,
    /// What was left out of a manifest.
    pub(crate) notes: Vec<String>,
}

/// Renders both sessions.
///
/// # Errors
/// Every problem of the template, the manifest and the values.
pub(crate) fn render_sessions(
    source: &SessionSource,
    namespace: &NamespaceName,
    owner: &UserId,
    preset: Option<String>,
    assigned: &AssignedValues,
) -> Result<RenderedSessions> {
    let render = |name: &str| {
        let renderer = Renderer {
            name: name.parse()?,
            namespace,
            owner,
            preset: preset.as_deref(),
            assigned,
        };
        renderer.render(source)
    };
    let [(objects, notes), (other, _)] = [render(NAMES[0])?, render(NAMES[1])?];
    Ok(RenderedSessions {
        objects,
        other,
        notes,
    })
}

struct Renderer<'a> {
    name: SessionName,
    namespace: &'a NamespaceName,
    owner: &'a UserId,
    preset: Option<&'a str>,
    assigned: &'a AssignedValues,
}

impl Renderer<'_> {
    fn render(&self, source: &SessionSource) -> Result<(Vec<Value>, Vec<String>)> {
        match source {
            SessionSource::Template(template, spec) => {
                let mut spec = spec.clone();
                spec.template.clone_from(&template.metadata.name);
                self.render_session(ManifestSource::Template(template), *spec)
            }
            SessionSource::SessionManifest(source, spec) => {
                let body = ManifestSource::Manifest {
                    file: source.name(),
                    text: source.text(),
                };
                self.render_session(body, *spec.clone())
            }
            SessionSource::Manifest(source) => self.render_manifest(source),
            SessionSource::TemplateName(name, _) => {
                anyhow::bail!("template {:?} was not read", name.as_str())
            }
        }
    }

    fn render_session(
        &self,
        source: ManifestSource<'_>,
        mut spec: SessionSpec,
    ) -> Result<(Vec<Value>, Vec<String>)> {
        spec.user_id = self.owner.to_string();
        if let Some(preset) = self.preset {
            spec.preset = Some(preset.to_owned());
        }
        let RenderOutput {
            rendering,
            withheld,
            notes,
            ..
        } = reconcile::render(&RenderInput {
            session: &self.name,
            namespace: self.namespace,
            spec: &spec,
            source,
            set_values: &self.assigned.from_arguments,
            file_values: &self.assigned.from_files,
            stored_secrets: &BTreeMap::new(),
            omit_secrets: true,
        })?;
        let has_secrets = !withheld.is_empty() || !rendering.secrets.is_empty();
        let ownership = rendering.new_ownership(&self.name, self.namespace, self.owner, "");
        let start = RenderedStart {
            rendering,
            ownership,
            use_existing: Vec::new(),
        };
        let mut objects = start.owned_objects();
        // Quotas count Secrets, whatever is in them.
        let parameters = has_secrets.then(|| parameters_secret_name(self.name.as_str()));
        let secrets = withheld
            .into_iter()
            .map(|secret| secret.name)
            .chain(parameters);
        objects.extend(secrets.map(|name| object("v1", "Secret", &name)));
        objects.push(object(API_VERSION, "Session", self.name.as_str()));
        Ok((objects, notes))
    }

    /// Renders a manifest that need not be one session's: it may have several workloads, none of which is entered.
    fn render_manifest(&self, source: &Source) -> Result<(Vec<Value>, Vec<String>)> {
        let manifest = Manifest::parse(source)?;
        let parameters = Parameters::merge(&[], &manifest)?;
        let presets = Default::default();
        let given = ValueLayers {
            flags: &self.assigned.from_arguments,
            files: &self.assigned.from_files,
            preset: self.preset,
            presets: &presets,
            ..ValueLayers::default()
        };
        let identity = SessionIdentity {
            session: self.name.clone(),
            user: self.owner.clone(),
            namespace: self.namespace.clone(),
            application: None,
        };
        let values = parameters.resolve(identity, &given)?;
        let mut rendered = manifest.render_public(&values)?;
        let adaptation = manifest.adapt(&mut rendered, self.namespace.as_str());
        let secrets = rendered.omitted_secrets.clone();
        let mut objects = rendered.into_objects();
        objects.extend(
            secrets
                .iter()
                .map(|secret| object("v1", "Secret", &secret.name)),
        );
        objects.push(object(API_VERSION, "Session", self.name.as_str()));
        let notes = adaptation.notes.iter().map(ToString::to_string);
        Ok((objects, notes.collect()))
    }
}

fn object(api_version: &str, kind: &str, name: &str) -> Value {
    json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } })
}
