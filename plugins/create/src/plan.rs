//! Plans the session to create from the intent and the observed state. Pure.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::api::{API_VERSION, SecretSource, SessionSpec, SessionTemplate};
use session_shared::labels;
use session_shared::names::{NamespaceName, SessionName, UserId};
use session_shared::objects::ownership::Ownership;
use session_shared::objects::privileges::find_privileges;
use session_shared::reconcile::{self, RenderInput, RenderOutput, RenderedStart, status_patch};

use crate::given_session::SessionSource;
use crate::intent::Intent;

/// State read from the cluster before anything is written.
#[derive(Debug)]
pub(crate) struct Observed {
    /// Owner of the session: as given, else the caller's user name.
    pub(crate) owner: UserId,
    /// Namespace of the session.
    pub(crate) namespace: NamespaceName,
    /// Template; `None` for a manifest.
    pub(crate) template: Option<SessionTemplate>,
    /// Time of the start request.
    pub(crate) now: Timestamp,
    /// Random token of this run; its first characters end a generated name.
    pub(crate) run: String,
}

/// A validated and rendered session, ready to create.
#[derive(Debug)]
pub(crate) struct NewSession {
    /// Name of the session.
    pub(crate) name: SessionName,
    /// Complete spec.
    pub(crate) spec: SessionSpec,
    /// Rendered objects.
    pub(crate) rendered: RenderOutput,
    /// Ownership for all objects; the Session's UID is still empty.
    pub(crate) ownership: Ownership,
}

/// Determines name, owner and spec, and renders the session.
///
/// # Errors
/// Every problem of the values and the template.
pub(crate) fn plan_session(intent: &Intent, observed: &Observed) -> Result<NewSession> {
    let name = match (&intent.session.name, intent.generate_name) {
        (Some(name), false) => name.clone(),
        (begin, _) => {
            let random: String = observed.run.chars().take(5).collect();
            crate::intent::generate_name(
                &observed.owner,
                begin.as_ref(),
                observed.now.as_second(),
                &random,
            )?
        }
    };
    let mut spec = intent.session.spec.clone();
    spec.user_id = observed.owner.to_string();
    spec.start_request = Some(status_patch::format_rfc3339(observed.now));
    let rendered = render_session(
        intent,
        observed,
        &name,
        &spec,
        &BTreeMap::new(),
        intent.is_client_dry_run() && !intent.rendered.with_secrets,
    )?;
    spec.parameters = rendered.parameters.clone();
    if rendered
        .rendering
        .secrets
        .keys()
        .any(|secret| intent.values.from_files.contains_key(secret))
    {
        spec.secrets_from = Some(SecretSource::Client);
    }
    let ownership = rendered.rendering.new_ownership(
        &name,
        &observed.namespace,
        &observed.owner,
        &observed.run,
    );
    Ok(NewSession {
        name,
        spec,
        rendered,
        ownership,
    })
}

/// Renders the session with the values stored in its parameters Secret.
///
/// # Errors
/// Those of rendering in `reconcile`.
pub(crate) fn render_session(
    intent: &Intent,
    observed: &Observed,
    name: &SessionName,
    spec: &SessionSpec,
    stored: &BTreeMap<String, String>,
    public: bool,
) -> Result<RenderOutput> {
    let manifest = spec.manifest.as_deref().unwrap_or_default();
    let body = match (&intent.session.source, &observed.template) {
        (SessionSource::Template(_), Some(template)) => {
            reconcile::ManifestSource::Template(template)
        }
        (SessionSource::Manifest(file), _) => reconcile::ManifestSource::Manifest {
            file,
            text: manifest,
        },
        (SessionSource::Template(name), None) => {
            anyhow::bail!("template {:?} was not read", name.as_str())
        }
    };
    reconcile::render(&RenderInput {
        session: name,
        namespace: &observed.namespace,
        spec,
        source: body,
        set_values: &intent.values.from_arguments,
        file_values: &intent.values.from_files,
        stored_secrets: stored,
        omit_secrets: public,
    })
}

impl Intent {
    /// Returns true for a client-side dry run, which generates no secret values.
    pub(crate) fn is_client_dry_run(&self) -> bool {
        self.mutation.dry_run == session_shared::client::DryRun::Client
    }
}

impl NewSession {
    /// Sets the time of the start request.
    pub(crate) fn request_start(&mut self, now: Timestamp) {
        self.spec.start_request = Some(status_patch::format_rfc3339(now));
    }

    /// Returns the Session to create.
    pub(crate) fn session_object(&self, metadata: &Value) -> Value {
        let mut full = json!({
            "apiVersion": API_VERSION,
            "kind": "Session",
            "metadata": { "name": self.name.as_str(), "namespace": self.ownership.namespace.as_str() },
            "spec": self.spec,
        });
        for field in ["labels", "annotations"] {
            if let Some(Value::Object(entries)) = metadata.get(field) {
                full["metadata"][field] = Value::Object(entries.clone());
            }
        }
        // The Session does not carry its own session label: selectors for its objects must not match it.
        let user = labels::to_label_value(self.ownership.user_id.as_str());
        full["metadata"]["labels"][labels::MANAGED_BY] = labels::MANAGER.into();
        full["metadata"]["labels"][labels::USER] = user.into();
        full["metadata"]["annotations"][labels::USER_ID] = self.ownership.user_id.as_str().into();
        full["metadata"]["annotations"][labels::RUN] = self.ownership.command_token.as_str().into();
        full
    }

    /// Returns a warning for each privilege that a manifest requests. The first start is explicitly requested by the user;
    /// later starts need confirmation. Templates are written by admins and not checked.
    pub(crate) fn privilege_warnings(&self, body: &SessionSource) -> Vec<String> {
        if matches!(body, SessionSource::Template(_)) {
            return Vec::new();
        }
        let asked = find_privileges(&self.rendered.rendering.objects).into_iter();
        asked
            .map(|one| format!("{one}: later starts require --trust-manifest"))
            .collect()
    }

    /// Returns all objects that a quota counts: the session's objects and the Session.
    pub(crate) fn quota_objects(&self, metadata: &Value) -> Vec<Value> {
        let mut all = self.rendered.rendering.objects.clone();
        all.push(self.session_object(metadata));
        all
    }

    /// Returns the start for the reconciler to carry out.
    pub(crate) fn start(
        &self,
        use_existing: &[String],
        session_uid: Option<String>,
    ) -> RenderedStart {
        let mut ownership = self.ownership.clone();
        ownership.session_uid = session_uid;
        RenderedStart {
            rendering: self.rendered.rendering.clone(),
            ownership,
            use_existing: use_existing.to_vec(),
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
