//! Reads of a Session, its snapshots and objects by name, and what selects a session's objects.

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use crate::Cluster;
use crate::observed_session::ObservedSession;
use session_client::{ListOptions, Scope, not_found_error, parse_object};
use session_engine::reconcile::{NamedObject, RenderedStart};
use session_model::api::Session;
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::objects::resource::{
    DAEMON_SET, DEPLOYMENT, JOB, REPLICA_SET, SESSION, STATEFUL_SET, VOLUME_SNAPSHOT,
};
use session_model::objects::{ResourceType, Untyped};

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

/// Reads existing objects by name: those that this start makes and those that the last start made, except what has been read
/// already.
pub(crate) async fn read_objects_by_name(
    cluster: &Cluster,
    observed: &ObservedSession,
    start: &RenderedStart,
) -> Result<Vec<NamedObject>> {
    let applied = observed.session.applied();
    let objects = &start.rendering.objects;
    let mut names: Vec<(String, String, String)> = objects
        .iter()
        .map(|object| {
            let object = Untyped(object);
            let (api_version, kind) = (object.api_version(), object.kind());
            let name = object.name().to_owned();
            (api_version.to_owned(), kind.to_owned(), name)
        })
        .collect();
    for object in applied.iter().flat_map(|applied| &applied.objects) {
        let name = (
            object.api_version.clone(),
            object.kind.clone(),
            object.name.clone(),
        );
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let live = &observed.live;
    names.retain(|(_, kind, name)| kind != "Pod" && live.find_object(kind, name).is_none());
    let namespace = observed.namespace();
    let reads = names.iter().map(|(api_version, kind, name)| async move {
        let Some(resource) = cluster.discover_resource(api_version, kind).await? else {
            return anyhow::Ok(None);
        };
        let found = cluster.get(&resource, namespace, name).await?;
        let typed = |object| found_object(object, &resource);
        Ok(found.map(typed))
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

fn found_object(object: Value, resource: &ResourceType) -> NamedObject {
    NamedObject {
        resource: resource.clone(),
        object,
    }
}

/// Returns the options that list the objects with a session's label.
pub fn session_selector(name: &str) -> ListOptions {
    ListOptions::with_labels(format!("{}={name}", labels::SESSION))
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
