//! Incomplete copies of sessions. An annotation on the Session marks them until all of their data exists; they can be finished or
//! deleted, but not started.

use anyhow::{Result, anyhow, bail};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::Cluster;
use session_client::WriteOptions;
use session_engine::plan::PropagationPolicy;
use session_model::api::ObjectRef;
use session_model::encode::shell;
use session_model::failure::{self, FailureKind, with_hint};
use session_model::labels;
use session_model::names::SessionName;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::ownership::Ownership;
use session_model::objects::resource::SESSION;

/// Creates an object of a copy. If the name is taken or the answer was lost, an existing object of the same session counts as
/// created.
///
/// # Errors
/// Refusals of the server; a name that is taken by an object of others.
pub(super) async fn create_or_get(
    cluster: &Cluster,
    kind: &ResourceType,
    object: &Value,
    ownership: &Ownership,
    write: &WriteOptions,
) -> Result<Value> {
    let namespace = ownership.namespace.as_str();
    let error = match cluster.create(kind, namespace, object, write).await {
        Ok(made) => return Ok(made),
        Err(error) => error,
    };
    if !failure::has_kind(&error, FailureKind::AlreadyExists)
        && !failure::has_kind(&error, FailureKind::Unreachable)
    {
        return Err(error);
    }
    let found = cluster.get(kind, namespace, Untyped(object).name()).await;
    let ours = |found: &Value| {
        let written = Untyped(found).annotation(labels::SESSION_UID);
        ownership.session_uid.is_some() && written == ownership.session_uid.as_deref()
    };
    found.ok().flatten().filter(ours).ok_or(error)
}

/// Deletes what a refused copy has created, by UID. Objects that cannot be deleted are found later by their label.
pub(super) async fn delete_created(
    cluster: &Cluster,
    namespace: &str,
    created: &[(&ResourceType, Value)],
    write: &WriteOptions,
) {
    let deletes = created.iter().map(|(kind, object)| async move {
        let target = ObjectRef::from_object(object);
        cluster
            .delete_if_present(
                kind,
                namespace,
                &target,
                PropagationPolicy::Background,
                write,
            )
            .await
    });
    drop(join_all(deletes).await);
}

/// Returns the Session that an interrupted copy of snapshot `set` has created; `None` if the name is free.
///
/// # Errors
/// Another session of that name; refusals of the server.
pub(super) async fn find_incomplete(
    cluster: &Cluster,
    namespace: &str,
    name: &SessionName,
    set: &str,
) -> Result<Option<Value>> {
    let found = cluster.get(&SESSION, namespace, name.as_str()).await?;
    if let Some(other) = found
        .as_ref()
        .filter(|session| incomplete_source(session) != Some(set))
    {
        check_complete(other)?;
        bail!("session {:?} already exists", name.as_str());
    }
    Ok(found)
}

/// Returns Namespace and name of an object.
fn namespace_and_name(object: &Value) -> (&str, &str) {
    let object = Untyped(object);
    (object.home_namespace(), object.name())
}

/// Marks a copy as complete, by removing its annotation.
///
/// # Errors
/// Refusals of the server.
pub(super) async fn mark_complete(
    cluster: &Cluster,
    ownership: &Ownership,
    write: &WriteOptions,
) -> Result<Value> {
    cluster
        .patch_session(ownership, completion_patch(), write)
        .await
}

/// Lets the server judge the patch of [`mark_complete`] before the objects of an interrupted copy are created.
///
/// # Errors
/// Refusals of the server.
pub(super) async fn check_completion(
    cluster: &Cluster,
    ownership: &Ownership,
    write: &WriteOptions,
) -> Result<()> {
    cluster
        .check_session_patch(ownership, completion_patch(), write)
        .await
}

fn completion_patch() -> Value {
    json!({ "metadata": { "annotations": { labels::COPYING: null } } })
}

/// Returns the name of the snapshot that an incomplete copy is made from; `None` for all other Sessions.
pub(super) fn incomplete_source(session: &Value) -> Option<&str> {
    Untyped(session).annotation(labels::COPYING)
}

/// Checks that a session is not an incomplete copy, which lacks part of its data.
///
/// # Errors
/// An incomplete copy, with hints how to finish or delete it.
pub(super) fn check_complete(session: &Value) -> Result<()> {
    let Some(set) = incomplete_source(session) else {
        return Ok(());
    };
    let (namespace, name) = namespace_and_name(session);
    let error = anyhow!("session {name:?} is an incomplete copy of snapshot {set:?}");
    let delete = format!(
        "or delete the session: kubectl session delete {name} -n {namespace} --delete-data"
    );
    Err(with_hint(with_finish_hint(error, session), delete))
}

/// Adds the hint how to finish an interrupted copy.
pub(super) fn with_finish_hint(error: anyhow::Error, session: &Value) -> anyhow::Error {
    let Some(set) = incomplete_source(session).map(shell::quote_word) else {
        return error;
    };
    let (namespace, name) = namespace_and_name(session);
    with_hint(
        error,
        format!(
            "finish the copy: kubectl session snapshot restore {set} --into {name} -n {namespace}"
        ),
    )
}

/// Adds the hint how to retry a copy that failed and was rolled back.
pub(super) fn with_retry_hint(error: anyhow::Error, session: &Value) -> anyhow::Error {
    let Some(set) = incomplete_source(session) else {
        return error;
    };
    let (namespace, name) = namespace_and_name(session);
    with_hint(
        error,
        format!(
            "retry, as session {name:?} has been rolled back and snapshot {set:?} is kept: \
            kubectl session snapshot restore {} --into {name} -n {namespace}",
            shell::quote_word(set)
        ),
    )
}

/// Adds the hint for a copy whose objects all exist, but whose claims may not be bound.
pub(super) fn with_claims_hint(error: anyhow::Error, session: &Value) -> anyhow::Error {
    let (namespace, name) = namespace_and_name(session);
    with_hint(
        error,
        format!(
            "check its claims, which are not bound yet: kubectl session status {name} -n {namespace}"
        ),
    )
}
