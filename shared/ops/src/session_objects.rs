//! Reads of a Session and its snapshots, and what selects a session's objects.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use session_client::{ListOptions, Scope, WatchPart, not_found_error, parse_object};
use session_model::api::Session;
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::pods::pod_metadata_paths;
use session_model::objects::resource::{
    DAEMON_SET, DEPLOYMENT, JOB, REPLICA_SET, SESSION, STATEFUL_SET, VOLUME_SNAPSHOT,
};

impl Cluster {
    /// Reads one Session.
    ///
    /// # Errors
    /// NotFound, in the server's words, if there is none.
    pub async fn get_session(&self, namespace: &str, name: &str) -> Result<Session> {
        let found = self.get(&SESSION, namespace, name).await?;
        let Some(found) = found else {
            return Err(not_found_error(&SESSION, name));
        };
        parse_object(found)
    }
}

/// Lists VolumeSnapshots; none if the cluster does not serve them.
///
/// # Errors
/// Refusals of the server.
pub async fn list_snapshots(
    cluster: &Cluster,
    namespace: &str,
    select: &ListOptions,
) -> Result<Vec<Value>> {
    let scope = Scope::Namespace(namespace);
    match cluster.list(&VOLUME_SNAPSHOT, scope, select).await {
        Ok(list) => Ok(list.items),
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Returns the options that list the objects with a session's label.
pub fn session_selector(name: &str) -> ListOptions {
    ListOptions::with_labels(format!("{}={name}", labels::SESSION))
}

/// Returns what a wait needs of a watch of objects with a session's label.
pub(crate) fn session_part(name: &str) -> WatchPart {
    WatchPart {
        own: session_selector(name),
        all: ListOptions::with_labels(labels::SESSION),
        part_of: |object| Untyped(object).label(labels::SESSION),
        parts: BTreeSet::from([name.to_owned()]),
        is_kept: false,
    }
}

/// Returns the number of objects of the last start that are Pods or make Pods.
pub(crate) fn pod_makers(session: &Session) -> usize {
    let applied = session.applied().into_iter();
    let objects = applied.flat_map(|applied| &applied.objects);
    objects
        .filter(|object| !pod_metadata_paths(&object.kind).is_empty())
        .count()
}

/// Returns the kinds of objects that may stand between a session and its Pods: those that the last start created, or all if that is
/// unknown. None for a session that is a Pod.
pub(crate) fn owner_kinds(session: &Session) -> Vec<&'static ResourceType> {
    let all = [&STATEFUL_SET, &DEPLOYMENT, &REPLICA_SET, &DAEMON_SET, &JOB];
    let applied = session.applied();
    let Some(applied) = applied.filter(|_| !session_engine::reconcile::is_start_requested(session))
    else {
        return all.to_vec();
    };
    let made = |kind: &str| applied.objects.iter().any(|object| object.kind == kind);
    all.into_iter()
        .filter(|t| made(&t.kind) || (t.kind == "ReplicaSet" && made("Deployment")))
        .collect()
}

/// Adds the hint to install the API to an error because of the missing Session type, for every verb that meets it.
///
/// # Errors
/// Those of `result`.
pub fn with_setup_hint<T>(result: Result<T>) -> Result<T> {
    match result {
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => Err(
            failure::with_hint(error, "install the API first: kubectl session setup"),
        ),
        other => other,
    }
}
