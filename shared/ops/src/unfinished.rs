//! Copies of sessions that are not finished: they say so themselves, are gone on with, and are not started.

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use crate::Cluster;
use session_client::Write;
use session_model::encode::shell;
use session_model::failure::{self, Kind, hinted};
use session_model::labels;
use session_model::objects::ResourceType;
use session_model::objects::belonging::Belonging;
use session_model::objects::resource::{SESSION, annotation, text};

/// POSTs an object of a copy. One that has the name already, or whose answer was lost, is it if it is this session's.
///
/// # Errors
/// What the server refuses; a name that something else has.
pub(super) async fn post(
    cluster: &Cluster,
    kind: &ResourceType,
    object: &Value,
    belonging: &Belonging,
    write: &Write,
) -> Result<Value> {
    let namespace = belonging.namespace.as_str();
    let error = match cluster.create(kind, namespace, object, write).await {
        Ok(made) => return Ok(made),
        Err(error) => error,
    };
    if !failure::is(&error, Kind::AlreadyExists) && !failure::is(&error, Kind::Unreachable) {
        return Err(error);
    }
    let found = cluster
        .get(kind, namespace, text(object, "/metadata/name"))
        .await;
    let ours = |found: &Value| {
        annotation(found, labels::SESSION_UID) == Some(belonging.session_uid.as_str())
    };
    found.ok().flatten().filter(ours).ok_or(error)
}

/// Namespace and name.
fn key(object: &Value) -> (&str, &str) {
    let part = |pointer| text(object, pointer);
    (part("/metadata/namespace"), part("/metadata/name"))
}

/// Says that all of a copy is there.
///
/// # Errors
/// What the server refuses.
pub(super) async fn finished(cluster: &Cluster, session: &Value, write: &Write) -> Result<Value> {
    let patch = json!({ "metadata": {
        "uid": text(session, "/metadata/uid"),
        "annotations": { labels::COPYING: null },
    } });
    let (namespace, name) = key(session);
    cluster
        .merge_patch(&SESSION, namespace, name, None, &patch, write)
        .await
}

/// Name of the snapshot that a Session's claims are still to be made of; `None` for all others.
pub(super) fn copied_from(session: &Value) -> Option<&str> {
    annotation(session, labels::COPYING)
}

/// Refuses a session that is an unfinished copy: it has not got all of its data.
///
/// # Errors
/// When it is one, with the way on.
pub(super) fn whole(session: &Value) -> Result<()> {
    let Some(set) = copied_from(session) else {
        return Ok(());
    };
    let (namespace, name) = key(session);
    let error = anyhow!("session {name:?} is an unfinished copy of snapshot {set:?}");
    let delete =
        format!("or delete it: kubectl session delete {name} -n {namespace} --delete-data");
    Err(hinted(unfinished(error, session), delete))
}

/// The way on from a copy that was cut off.
pub(super) fn unfinished(error: anyhow::Error, session: &Value) -> anyhow::Error {
    let set = shell::word(copied_from(session).unwrap_or_default());
    let (namespace, name) = key(session);
    hinted(
        error,
        format!("finish it: kubectl session snapshot restore {set} --into {name} -n {namespace}"),
    )
}

/// The way on from a copy that was taken back.
pub(super) fn nothing_left(error: anyhow::Error, session: &Value) -> anyhow::Error {
    let set = copied_from(session).unwrap_or_default();
    let (namespace, name) = key(session);
    hinted(
        error,
        format!(
            "nothing is left of session {name:?}; snapshot {set:?} is there: \
            kubectl session snapshot restore {} --into {name} -n {namespace}",
            shell::word(set)
        ),
    )
}

/// The way on from a copy whose objects are all made: its claims may not be bound.
pub(super) fn all_made(error: anyhow::Error, session: &Value) -> anyhow::Error {
    let (namespace, name) = key(session);
    hinted(
        error,
        format!(
            "session {name:?} is there, its claims are not: kubectl session status {name} -n {namespace}"
        ),
    )
}
