//! Reads sessions and the objects that take something, one list for each kind, all at the same time.

use anyhow::Result;
use serde_json::Value;
use session_shared::capacity::session_pods::{SessionObjects, has_custom_primary};
use session_shared::client::{ListOptions, ObjectList, Scope};
use session_shared::failure::{self, FailureKind};
use session_shared::labels;
use session_shared::objects::resource::{
    PERSISTENT_VOLUME_CLAIM, POD, RESOURCE_QUOTA, SERVICE, SESSION, VOLUME_SNAPSHOT,
};
use session_shared::objects::{ResourceType, Untyped};
use session_shared::ops::Cluster;
use session_shared::ops::session_objects::with_setup_hint;

/// Objects that are read beside Sessions, Pods, claims and snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Only objects of sessions.
    Sessions,
    /// Only objects of sessions, and their Services.
    Services,
    /// Objects of no session, too, and the quotas that tell where they count.
    Everything,
}

/// Objects that were read, and kinds that the caller may not list.
#[derive(Debug, Default)]
pub(crate) struct ObservedObjects {
    pub(crate) objects: SessionObjects,
    /// Plurals of the kinds that could not be listed.
    pub(crate) unlistable: Vec<&'static str>,
}

/// Reads the sessions that `select` selects and their objects.
///
/// # Errors
/// The refusal to list sessions; any other failure than a missing permission to list the other kinds.
pub(crate) async fn read_session_objects(
    cluster: &Cluster,
    scope: Scope<'_>,
    select: &ListOptions,
    extent: Extent,
) -> Result<ObservedObjects> {
    let mut options = labelled(select.limit);
    if extent == Extent::Everything {
        options.label_selector.clear();
    }
    let services = async {
        match extent {
            Extent::Services => cluster.list(&SERVICE, scope, &options).await,
            _ => Ok(ObjectList::default()),
        }
    };
    let quotas = async {
        match extent {
            Extent::Everything => {
                cluster
                    .list_metadata(&RESOURCE_QUOTA, scope, &options)
                    .await
            }
            _ => Ok(ObjectList::default()),
        }
    };
    let (sessions, pods, claims, snapshots, services, quotas) = futures::join!(
        cluster.list(&SESSION, scope, select),
        cluster.list(&POD, scope, &options),
        cluster.list(&PERSISTENT_VOLUME_CLAIM, scope, &options),
        cluster.list(&VOLUME_SNAPSHOT, scope, &options),
        services,
        quotas,
    );
    let sessions = with_setup_hint(sessions)?.items;
    let pods = match extent {
        Extent::Everything => pods,
        _ => with_custom_pods(cluster, scope, &sessions, pods).await,
    };
    let mut unlistable = Vec::new();
    let mut take = |kind: &'static ResourceType, list| take_list(kind, list, &mut unlistable);
    let mut objects = SessionObjects {
        pods: take(&POD, pods)?,
        claims: take(&PERSISTENT_VOLUME_CLAIM, claims)?,
        snapshots: take(&VOLUME_SNAPSHOT, snapshots)?,
        services: take(&SERVICE, services)?,
        sessions,
        ..SessionObjects::default()
    };
    let quotas = take(&RESOURCE_QUOTA, quotas)?.unwrap_or_default();
    let namespaces = quotas.iter().map(|quota| Untyped(quota).home_namespace());
    objects.quota_namespaces = namespaces.map(str::to_owned).collect();
    Ok(ObservedObjects {
        objects,
        unlistable,
    })
}

/// Returns the options of a list of sessions' objects.
pub(crate) fn labelled(limit: u32) -> ListOptions {
    ListOptions {
        limit,
        ..ListOptions::with_labels(labels::SESSION)
    }
}

/// Returns a list of labelled Pods, or all Pods if those of a session need not have its label.
pub(crate) async fn with_custom_pods(
    cluster: &Cluster,
    scope: Scope<'_>,
    sessions: &[Value],
    labelled: Result<ObjectList>,
) -> Result<ObjectList> {
    if labelled.is_err() || !sessions.iter().any(has_custom_primary) {
        return labelled;
    }
    let all = ListOptions {
        limit: 500,
        ..ListOptions::default()
    };
    cluster.list(&POD, scope, &all).await
}

/// Returns the objects of a list. A kind that is not served has none; for one that may not be listed, returns `None`.
fn take_list(
    kind: &'static ResourceType,
    list: Result<ObjectList>,
    unlistable: &mut Vec<&'static str>,
) -> Result<Option<Vec<Value>>> {
    match list {
        Ok(list) => Ok(Some(list.items)),
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
            Ok(Some(Vec::new()))
        }
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            unlistable.push(&kind.plural);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
