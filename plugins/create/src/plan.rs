//! From what was wanted and observed to what is made. Pure.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::api::{API_VERSION, SecretsFrom, SessionSpec, SessionTemplate};
use session_shared::labels;
use session_shared::names::{NamespaceName, SessionName, UserId};
use session_shared::objects::belonging::Belonging;
use session_shared::objects::privilege::privileges;
use session_shared::reconcile::{self, Recipe, Rendered, Start, record};

use crate::intent::{Body, Intent};

/// What the cluster says before anything is written.
#[derive(Debug)]
pub(crate) struct Observed {
    /// The owner: the one that was named, else who the API server says the caller is.
    pub(crate) owner: UserId,
    /// The namespace.
    pub(crate) namespace: NamespaceName,
    /// The template; `None` for a manifest.
    pub(crate) template: Option<SessionTemplate>,
    /// Now.
    pub(crate) now: Timestamp,
    /// Random: this run's token, and the end of a made name.
    pub(crate) run: String,
}

/// A session that is about to be made.
#[derive(Debug)]
pub(crate) struct Subject {
    /// Its name.
    pub(crate) name: SessionName,
    /// Its whole spec.
    pub(crate) spec: SessionSpec,
    /// What it comes to.
    pub(crate) rendered: Rendered,
    /// Whose everything is.
    pub(crate) belonging: Belonging,
}

/// Settles name, owner and spec, and renders the session.
///
/// # Errors
/// All that is wrong with values and template.
pub(crate) fn subject(intent: &Intent, observed: &Observed) -> Result<Subject> {
    let name = match (&intent.name, intent.make_name) {
        (Some(name), false) => name.clone(),
        (begin, _) => {
            let random: String = observed.run.chars().take(5).collect();
            crate::intent::made_name(
                &observed.owner,
                begin.as_ref(),
                observed.now.as_second(),
                &random,
            )?
        }
    };
    let mut spec = intent.spec.clone();
    spec.user_id = observed.owner.to_string();
    spec.start_request = Some(record::rfc3339(observed.now));
    let rendered = render(
        intent,
        observed,
        &name,
        &spec,
        &BTreeMap::new(),
        intent.dry_run_shows(),
    )?;
    spec.parameters = rendered.parameters.clone();
    if rendered
        .rendering
        .secrets
        .keys()
        .any(|secret| intent.assigned.files.contains_key(secret))
    {
        spec.secrets_from = Some(SecretsFrom::Client);
    }
    let belonging = Belonging {
        session: name.clone(),
        session_uid: String::new(),
        namespace: observed.namespace.clone(),
        user_id: observed.owner.clone(),
        run: observed.run.clone(),
        template: rendered
            .rendering
            .template
            .as_ref()
            .map(|template| template.name.clone()),
        primary: Some(rendered.rendering.primary.clone()),
    };
    Ok(Subject {
        name,
        spec,
        rendered,
        belonging,
    })
}

/// Renders the session, with what its parameters Secret holds.
///
/// # Errors
/// As [`reconcile::render`].
pub(crate) fn render(
    intent: &Intent,
    observed: &Observed,
    name: &SessionName,
    spec: &SessionSpec,
    stored: &BTreeMap<String, String>,
    public: bool,
) -> Result<Rendered> {
    let manifest = spec.manifest.as_deref().unwrap_or_default();
    let body = match (&intent.body, &observed.template) {
        (Body::Template(_), Some(template)) => reconcile::Body::Template(template),
        (Body::Manifest(file), _) => reconcile::Body::Manifest {
            file,
            text: manifest,
        },
        (Body::Template(name), None) => anyhow::bail!("template {:?} was not read", name.as_str()),
    };
    reconcile::render(&Recipe {
        session: name,
        namespace: &observed.namespace,
        spec,
        body,
        set: &intent.assigned.set,
        files: &intent.assigned.files,
        stored,
        public,
    })
}

impl Intent {
    /// A client-side dry run shows objects: secrets that nobody gave are not made up for it.
    pub(crate) fn dry_run_shows(&self) -> bool {
        self.dry_run == session_shared::client::DryRun::Client
    }
}

impl Subject {
    /// The Session as it is POSTed.
    pub(crate) fn session(&self, metadata: &Value) -> Value {
        let mut full = json!({
            "apiVersion": API_VERSION,
            "kind": "Session",
            "metadata": { "name": self.name.as_str(), "namespace": self.belonging.namespace.as_str() },
            "spec": self.spec,
        });
        for field in ["labels", "annotations"] {
            if let Some(Value::Object(entries)) = metadata.get(field) {
                full["metadata"][field] = Value::Object(entries.clone());
            }
        }
        // A Session is not labelled as part of a session: selectors for its objects must not find it.
        let user = labels::label_value(self.belonging.user_id.as_str());
        full["metadata"]["labels"][labels::MANAGED_BY] = labels::MANAGER.into();
        full["metadata"]["labels"][labels::USER] = user.into();
        full["metadata"]["annotations"][labels::USER_ID] = self.belonging.user_id.as_str().into();
        full["metadata"]["annotations"][labels::RUN] = self.belonging.run.as_str().into();
        full
    }

    /// What a manifest asks for beyond an ordinary session, a line each: its first start is asked for here and now, later
    /// ones have to be confirmed. What a template asks for is its author's affair.
    pub(crate) fn privileges(&self, body: &Body) -> Vec<String> {
        if matches!(body, Body::Template(_)) {
            return Vec::new();
        }
        let asked = privileges(&self.rendered.rendering.objects).into_iter();
        asked
            .map(|one| format!("{one}: later starts need --trust-manifest"))
            .collect()
    }

    /// All that a quota counts: the Session and its objects.
    pub(crate) fn counted(&self, metadata: &Value) -> Vec<Value> {
        let mut all = self.rendered.rendering.objects.clone();
        all.push(self.session(metadata));
        all
    }

    /// The start that the reconciler carries out.
    pub(crate) fn start(&self, use_existing: &[String], session_uid: &str) -> Start {
        let mut belonging = self.belonging.clone();
        belonging.session_uid = session_uid.to_owned();
        Start {
            rendering: self.rendered.rendering.clone(),
            belonging,
            use_existing: use_existing.to_vec(),
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
