//! From what was wanted and observed to what is made. Pure.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::api::{API_VERSION, SecretsFrom, SessionSpec, SessionTemplate};
use session_shared::diagnosis::{Cause, classes, quota};
use session_shared::failure::hinted;
use session_shared::labels;
use session_shared::names::{NamespaceName, SessionName, UserId, parameters_secret};
use session_shared::objects::belonging::Belonging;
use session_shared::plan::{Plan, Step};
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
        self.dry_run == session_shared::flags::writing::DryRun::Client
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

    /// The Secret of secret parameters, `None` where the session has none.
    pub(crate) fn parameters_secret(&self, session_uid: &str) -> Option<Value> {
        let secrets = &self.rendered.rendering.secrets;
        if secrets.is_empty() {
            return None;
        }
        let mut secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": { "name": parameters_secret(self.name.as_str()), "labels": {} },
            "stringData": secrets,
        });
        secret["metadata"]["labels"][labels::PARAMETERS] = "true".into();
        let mut belonging = self.belonging.clone();
        belonging.session_uid = session_uid.to_owned();
        belonging.put_on(&mut secret);
        Some(secret)
    }

    /// The first stage of every create: what holds the secrets that all others are rendered with.
    pub(crate) fn secret_plan(&self, session_uid: &str) -> Plan {
        let mut plan = Plan::default();
        let step = self
            .parameters_secret(session_uid)
            .map(|object| Step::Create {
                object,
                existing: false,
            });
        plan.stage(step.into_iter().collect());
        plan
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

/// What was looked up so that nothing has to be begun in vain; a `None` could not be looked up.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// ResourceQuotas of the namespace.
    pub(crate) quotas: Option<Vec<Value>>,
    /// StorageClasses.
    pub(crate) storage_classes: Option<Vec<Value>>,
    /// IngressClasses.
    pub(crate) ingress_classes: Option<Vec<Value>>,
}

/// Judges what was looked up.
///
/// # Errors
/// The first thing that the server would refuse, or that would wait for ever.
pub(crate) fn judge(subject: &Subject, session: &Value, checked: &Checked) -> Result<()> {
    let objects = &subject.rendered.rendering.objects;
    let none = Vec::new();
    let storage = checked.storage_classes.as_ref().unwrap_or(&none);
    let ingress = checked.ingress_classes.as_ref().unwrap_or(&none);
    let mut all = objects.clone();
    all.push(session.clone());
    let found = checked
        .storage_classes
        .as_ref()
        .and_then(|_| classes::missing("StorageClass", &classes::storage_classes(objects), storage))
        .or_else(|| {
            checked.ingress_classes.as_ref()?;
            classes::missing("IngressClass", &classes::ingress_classes(objects), ingress)
        })
        .or_else(|| quota::shortfall(&all, checked.quotas.as_ref()?));
    match found {
        None => Ok(()),
        Some(Cause {
            message, remedy, ..
        }) => {
            let error = anyhow::anyhow!("session {:?}: {message}", subject.name.as_str());
            Err(match remedy {
                Some(remedy) => hinted(error, remedy),
                None => error,
            })
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
