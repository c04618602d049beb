//! Writing: create, apply, patch, delete. Every write names its field manager and is checked strictly.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use super::request::{Call, JSON};
use super::{Cluster, paths};
use session_model::failure::{self, Failure, Kind};
use session_model::objects::ResourceType;
use session_model::objects::propagation::Propagation;
use session_model::objects::resource::text;

/// RFC 7386.
const MERGE: &str = "application/merge-patch+json";
/// Kubernetes' own.
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// How much of a change is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRun {
    /// All of it.
    #[default]
    None,
    /// Nothing is sent that writes.
    Client,
    /// Writes are sent with `dryRun=All`: the server checks them and keeps nothing.
    Server,
}

/// How to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The server checks and keeps nothing.
    pub dry_run: bool,
    /// Who owns the fields.
    pub field_manager: String,
}

impl Write {
    /// A write for real, whose fields `field_manager` owns.
    pub fn by(field_manager: &str) -> Self {
        Self {
            dry_run: false,
            field_manager: field_manager.to_owned(),
        }
    }
}

/// How to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delete {
    /// The object must have this UID; empty for no such condition, which only names typed by a user justify.
    pub uid: String,
    /// The object must have this version; empty for no such condition.
    pub resource_version: String,
    /// What happens to what it owns.
    pub propagation: Propagation,
    /// Seconds a Pod has to end; `None` leaves it to the Pod.
    pub grace_seconds: Option<u32>,
    /// The server checks and deletes nothing.
    pub dry_run: bool,
}

/// What became of a DELETE.
#[derive(Clone, Debug, PartialEq)]
pub enum Deleted {
    /// The object is gone.
    Gone,
    /// It is marked and goes later: finalizers, foreground deletion, a Pod's grace period. As it was then.
    Going(Value),
    /// There was none.
    Absent,
}

impl Cluster {
    /// Creates an object and returns it as the server keeps it. Never repeated: after a lost answer the caller looks
    /// whether it is there.
    ///
    /// # Errors
    /// A Failure; of kind AlreadyExists where the name is taken.
    pub async fn create(
        &self,
        t: &ResourceType,
        namespace: &str,
        object: &Value,
        write: &Write,
    ) -> Result<Value> {
        let path = paths::collection(t, super::Place::Namespace(namespace))?;
        let call = Call::new(Method::POST, path).about(t, text(object, "/metadata/name"));
        self.call(&writing(call, write).body(JSON, object))
            .await?
            .json()
    }

    /// Applies a whole object (server-side apply): fields of ours that it no longer has are removed, and those of others that
    /// it has are taken over. [`Cluster::adopt_fields`] belongs before it.
    ///
    /// # Errors
    /// A Failure.
    pub async fn apply(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
        object: &Value,
        write: &Write,
    ) -> Result<Value> {
        let call = Call::new(Method::PATCH, paths::object(t, namespace, name)?).about(t, name);
        let call = writing(call, write)
            .with("force", "true")
            .body("application/apply-patch+yaml", object);
        self.call(&call).await?.json()
    }

    /// Changes single fields; null removes one. `metadata.uid` in the patch makes sure that it is still the same object.
    /// Of a subresource the server does not check it; then a wrong object is noticed only in the answer.
    ///
    /// # Errors
    /// A Failure; of kind Conflict where the UID or the version is another.
    pub async fn merge_patch(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
        subresource: Option<&str>,
        patch: &Value,
        write: &Write,
    ) -> Result<Value> {
        let mut path = paths::object(t, namespace, name)?;
        path.extend(subresource.iter().flat_map(|part| ["/", part]));
        self.patch(MERGE, t, (name, path), patch, write).await
    }

    /// As [`Cluster::merge_patch`], but lists whose items have a key (containers their name) are changed item by item. Only for
    /// kinds that are built into the server.
    ///
    /// # Errors
    /// As [`Cluster::merge_patch`].
    pub async fn strategic_patch(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
        subresource: Option<&str>,
        patch: &Value,
        write: &Write,
    ) -> Result<Value> {
        let mut path = paths::object(t, namespace, name)?;
        path.extend(subresource.iter().flat_map(|part| ["/", part]));
        self.patch(STRATEGIC, t, (name, path), patch, write).await
    }

    async fn patch(
        &self,
        content_type: &'static str,
        t: &ResourceType,
        (name, path): (&str, String),
        patch: &Value,
        write: &Write,
    ) -> Result<Value> {
        let call = Call::new(Method::PATCH, path).about(t, name);
        let call = writing(call, write).body(content_type, patch);
        let meant = text(patch, "/metadata/uid");
        match self.call(&call).await {
            Ok(answer) => {
                let object = answer.json()?;
                let same = meant.is_empty() || text(&object, "/metadata/uid") == meant;
                if same {
                    Ok(object)
                } else {
                    Err(successor(t, name))
                }
            }
            Err(error) if !meant.is_empty() && blames_uid(&error) => Err(successor(t, name)),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// A Failure; of kind Conflict where the UID or the version is another.
    pub async fn delete(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
        options: &Delete,
    ) -> Result<Deleted> {
        let call = Call::new(Method::DELETE, paths::object(t, namespace, name)?).about(t, name);
        let answer = match self.call(&call.body(JSON, &delete_options(options))).await {
            Ok(answer) => answer.json()?,
            Err(error) if failure::is(&error, Kind::NotFound) => return Ok(Deleted::Absent),
            Err(error) => return Err(error),
        };
        let marked = !text(&answer, "/metadata/deletionTimestamp").is_empty();
        Ok(if marked {
            Deleted::Going(answer)
        } else {
            Deleted::Gone
        })
    }
}

fn delete_options(options: &Delete) -> Value {
    let mut body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": options.propagation.word()});
    for (key, value) in [
        ("uid", &options.uid),
        ("resourceVersion", &options.resource_version),
    ] {
        if !value.is_empty() {
            body["preconditions"][key] = value.clone().into();
        }
    }
    if let Some(seconds) = options.grace_seconds {
        body["gracePeriodSeconds"] = seconds.into();
    }
    if options.dry_run {
        body["dryRun"] = json!(["All"]);
    }
    body
}

/// True where the server refuses a patch because of the UID in it: for a server that is a field nobody may change.
fn blames_uid(error: &anyhow::Error) -> bool {
    failure::of(error).is_some_and(|failure| {
        failure.kind == Kind::Invalid
            && failure
                .causes
                .iter()
                .any(|cause| cause.field == "metadata.uid")
    })
}

fn successor(t: &ResourceType, name: &str) -> anyhow::Error {
    let resource = t.qualified();
    let message = format!(
        "Operation cannot be fulfilled on {resource} {name:?}: it was deleted and created anew in the meantime"
    );
    let conflict = Failure {
        reason: "Conflict".to_owned(),
        code: 409,
        ..Failure::local(Kind::Conflict, message)
    };
    conflict.into()
}

/// Puts what every write says into a request.
pub(super) fn writing(call: Call, write: &Write) -> Call {
    let call = call
        .with("fieldManager", write.field_manager.clone())
        .with("fieldValidation", "Strict");
    call.with("dryRun", if write.dry_run { "All" } else { "" })
}
