//! Writes: create, apply, patch, delete. Every write names its field manager and requests strict field validation.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use super::api_request::{ApiRequest, JSON};
use super::{Cluster, api_paths};
use session_model::failure::{self, Failure, FailureKind};
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::propagation::PropagationPolicy;

/// Media type of a JSON merge patch (RFC 7386).
const MERGE_PATCH: &str = "application/merge-patch+json";
/// Media type of Kubernetes' strategic merge patch.
const STRATEGIC_MERGE_PATCH: &str = "application/strategic-merge-patch+json";

/// Dry-run mode of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRun {
    /// No dry run.
    #[default]
    None,
    /// No writing request is sent.
    Client,
    /// Writing requests are sent with `dryRun=All`: the server validates them and stores nothing.
    Server,
}

/// Options of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// If true, the server checks the request and stores nothing.
    pub dry_run: bool,
    /// Owner of the written fields.
    pub field_manager: String,
}

impl WriteOptions {
    /// A write for real, whose fields `field_manager` owns.
    pub fn by(field_manager: &str) -> Self {
        Self {
            dry_run: false,
            field_manager: field_manager.to_owned(),
        }
    }

    /// Returns the same write as a dry run: the server checks it and stores nothing.
    #[must_use]
    pub fn as_dry_run(&self) -> Self {
        Self {
            dry_run: true,
            ..self.clone()
        }
    }
}

/// Options of a delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Precondition on the UID; `None` is justified only for names typed by a user.
    pub uid: Option<String>,
    /// Precondition on the resourceVersion.
    pub resource_version: Option<String>,
    /// Treatment of dependent objects.
    pub propagation: PropagationPolicy,
    /// Grace period of a Pod in seconds; `None` for the Pod's own.
    pub grace_seconds: Option<u32>,
    /// If true, the server checks the request and deletes nothing.
    pub dry_run: bool,
}

/// The result of a DELETE.
#[derive(Clone, Debug, PartialEq)]
pub enum DeleteOutcome {
    /// The object is gone.
    Gone,
    /// The object has a deletionTimestamp and is removed later, because of finalizers, foreground deletion or a grace
    /// period; its version at that time.
    Terminating(Value),
    /// The object did not exist.
    NotFound,
}

impl Cluster {
    /// Creates an object and returns it as stored. Never retried: after a lost response the caller checks whether the
    /// object exists.
    ///
    /// # Errors
    /// A Failure; of kind AlreadyExists if the name is taken.
    pub async fn create(
        &self,
        t: &ResourceType,
        namespace: &str,
        object: &Value,
        write: &WriteOptions,
    ) -> Result<Value> {
        let path = api_paths::collection_path(t, super::Scope::Namespace(namespace))?;
        let call = ApiRequest::new(Method::POST, path).for_object(t, Untyped(object).name());
        self.send(&add_write_params(call, write).body(JSON, object))
            .await?
            .json()
    }

    /// Applies a complete object (server-side apply, forced): fields of this field manager that the object no longer has
    /// are removed, and fields of others that it has are taken over. Call [`Cluster::upgrade_managed_fields`] first.
    ///
    /// # Errors
    /// A Failure.
    pub async fn apply(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
        object: &Value,
        write: &WriteOptions,
    ) -> Result<Value> {
        let call = ApiRequest::new(Method::PATCH, api_paths::object_path(t, namespace, name)?)
            .for_object(t, name);
        let call = add_write_params(call, write)
            .query("force", "true")
            .body("application/apply-patch+yaml", object);
        self.send(&call).await?.json()
    }

    /// Sends a merge patch; null removes a field. A `metadata.uid` in the patch is a precondition. The server ignores it
    /// for a subresource; a wrong object is then noticed only in the response.
    ///
    /// # Errors
    /// A Failure; of kind Conflict if the UID or resourceVersion differs.
    pub async fn merge_patch(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
        subresource: Option<&str>,
        patch: &Value,
        write: &WriteOptions,
    ) -> Result<Value> {
        let place = (t, namespace, name, subresource);
        self.patch(MERGE_PATCH, place, patch, write).await
    }

    /// Sends a strategic merge patch: lists whose items have a key, such as containers, are merged item by item. Built-in
    /// types only.
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
        write: &WriteOptions,
    ) -> Result<Value> {
        let place = (t, namespace, name, subresource);
        self.patch(STRATEGIC_MERGE_PATCH, place, patch, write).await
    }

    async fn patch(
        &self,
        content_type: &'static str,
        (t, namespace, name, subresource): (&ResourceType, &str, &str, Option<&str>),
        patch: &Value,
        write: &WriteOptions,
    ) -> Result<Value> {
        let mut path = api_paths::object_path(t, namespace, name)?;
        path.extend(subresource.iter().flat_map(|part| ["/", part]));
        let call = ApiRequest::new(Method::PATCH, path).for_object(t, name);
        let call = add_write_params(call, write).body(content_type, patch);
        let meant = Untyped(patch).uid();
        match self.send(&call).await {
            Ok(answer) => {
                let object = answer.json()?;
                let same = meant.is_none_or(|uid| Untyped(&object).has_uid(uid));
                if same {
                    Ok(object)
                } else {
                    Err(replaced_error(t, name))
                }
            }
            Err(error) if meant.is_some() && is_uid_rejected(&error) => {
                Err(replaced_error(t, name))
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// A Failure; of kind Conflict if the UID or resourceVersion differs.
    pub async fn delete(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<DeleteOutcome> {
        let call = ApiRequest::new(Method::DELETE, api_paths::object_path(t, namespace, name)?)
            .for_object(t, name);
        let answer = match self
            .send(&call.body(JSON, &delete_options_body(options)))
            .await
        {
            Ok(answer) => answer.json()?,
            Err(error) if failure::has_kind(&error, FailureKind::NotFound) => {
                return Ok(DeleteOutcome::NotFound);
            }
            Err(error) => return Err(error),
        };
        let marked = Untyped(&answer).is_terminating();
        Ok(if marked {
            DeleteOutcome::Terminating(answer)
        } else {
            DeleteOutcome::Gone
        })
    }
}

fn delete_options_body(options: &DeleteOptions) -> Value {
    let mut body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": options.propagation.word()});
    for (key, value) in [
        ("uid", &options.uid),
        ("resourceVersion", &options.resource_version),
    ] {
        if let Some(value) = value {
            body["preconditions"][key] = value.as_str().into();
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

/// True if the server refused a patch because of its UID: the server reports it as a change of an immutable field.
fn is_uid_rejected(error: &anyhow::Error) -> bool {
    failure::find_failure(error).is_some_and(|failure| {
        failure.kind == FailureKind::Invalid
            && failure
                .causes
                .iter()
                .any(|cause| cause.field == "metadata.uid")
    })
}

fn replaced_error(t: &ResourceType, name: &str) -> anyhow::Error {
    let resource = t.qualified();
    let message = format!(
        "Operation cannot be fulfilled on {resource} {name:?}: the object was deleted and created again in the meantime"
    );
    let conflict = Failure {
        reason: "Conflict".to_owned(),
        code: 409,
        ..Failure::client_side(FailureKind::Conflict, message)
    };
    conflict.into()
}

/// Adds the query parameters of every write.
pub(super) fn add_write_params(call: ApiRequest, write: &WriteOptions) -> ApiRequest {
    let call = call
        .query("fieldManager", write.field_manager.clone())
        .query("fieldValidation", "Strict");
    call.query("dryRun", if write.dry_run { "All" } else { "" })
}
