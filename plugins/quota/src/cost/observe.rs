//! Reads sessions and what they pay for, each kind in one list, all at once.

use anyhow::Result;
use serde_json::Value;
use session_shared::capacity::cost::CostObjects;
use session_shared::client::{ListOptions, ObjectList, Scope};
use session_shared::failure::{self, FailureKind};
use session_shared::labels;
use session_shared::objects::resource::{
    PERSISTENT_VOLUME_CLAIM, POD, SERVICE, SESSION, VOLUME_SNAPSHOT,
};
use session_shared::ops::Cluster;
use session_shared::ops::session_objects::with_setup_hint;

/// Objects per page.
const PAGE: u32 = 500;

/// Objects as read, and the kinds that the caller may not list.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) objects: CostObjects,
    /// Plurals of the kinds that could not be read.
    pub(crate) unread: Vec<&'static str>,
}

impl Observed {
    /// Takes a list, or notes that it may not be read.
    fn take(&mut self, kind: &'static str, list: Result<ObjectList>) -> Result<Vec<Value>> {
        match list {
            Ok(list) => Ok(list.items),
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                self.unread.push(kind);
                Ok(Vec::new())
            }
            // A cluster without snapshots has none that cost anything.
            Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }
}

/// Reads all objects.
///
/// # Errors
/// Any failure, except a missing permission to list what is not a Session.
pub(crate) async fn read_objects(cluster: &Cluster, scope: Scope<'_>) -> Result<Observed> {
    let all = ListOptions {
        limit: PAGE,
        ..ListOptions::default()
    };
    let labelled = ListOptions {
        label_selector: labels::SESSION.to_owned(),
        ..all.clone()
    };
    let (sessions, pods, claims, services, snapshots) = futures::join!(
        cluster.list(&SESSION, scope, &all),
        cluster.list(&POD, scope, &labelled),
        cluster.list(&PERSISTENT_VOLUME_CLAIM, scope, &labelled),
        cluster.list(&SERVICE, scope, &labelled),
        cluster.list(&VOLUME_SNAPSHOT, scope, &labelled),
    );
    let mut observed = Observed::default();
    observed.objects = CostObjects {
        sessions: with_setup_hint(sessions)?.items,
        pods: observed.take("pods", pods)?,
        claims: observed.take("persistentvolumeclaims", claims)?,
        services: observed.take("services", services)?,
        snapshots: observed.take("volumesnapshots", snapshots)?,
    };
    Ok(observed)
}
