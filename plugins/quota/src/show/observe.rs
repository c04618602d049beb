//! Reads sessions and the objects that take something, one list for each kind, all at the same time.

use anyhow::Result;
use serde_json::Value;
use session_shared::capacity::grouping::Grouping;
use session_shared::capacity::session_totals::UsageObjects;
use session_shared::client::ListOptions;
use session_shared::failure::{self, FailureKind};
use session_shared::labels;
use session_shared::objects::resource::{
    PERSISTENT_VOLUME_CLAIM, POD, RESOURCE_QUOTA, SESSION, VOLUME_SNAPSHOT,
};
use session_shared::objects::{ResourceType, Untyped};
use session_shared::ops::Cluster;
use session_shared::ops::session_objects::with_setup_hint;

use crate::intent::ListIntent;

/// What was read, and which kinds the caller may not list.
#[derive(Debug, Default)]
pub(super) struct Observed {
    pub(super) objects: UsageObjects,
    /// Kinds that could not be listed.
    pub(super) unlistable: Vec<&'static ResourceType>,
}

/// Reads the sessions that the intent selects and their objects. Unless sessions are selected, or each has its own row, objects of no
/// session are read, too, and quotas tell where they count.
///
/// # Errors
/// The refusal to list sessions; any other failure than a missing permission to list the other kinds.
pub(super) async fn observe(
    cluster: &Cluster,
    intent: &ListIntent,
    grouping: Grouping,
) -> Result<Observed> {
    let is_selection = intent.is_narrowed();
    let has_others = !is_selection && grouping != Grouping::Session;
    let scope = intent.scope(cluster);
    let of_sessions = ListOptions {
        label_selector: match has_others {
            true => String::new(),
            false => labels::SESSION.to_owned(),
        },
        limit: intent.select.limit,
        ..ListOptions::default()
    };
    let quotas = async {
        match has_others {
            true => cluster
                .list_metadata(&RESOURCE_QUOTA, scope, &of_sessions)
                .await
                .map(Some),
            false => Ok(None),
        }
    };
    let (sessions, pods, claims, snapshots, quotas) = futures::join!(
        cluster.list(&SESSION, scope, &intent.select),
        cluster.list(&POD, scope, &of_sessions),
        cluster.list(&PERSISTENT_VOLUME_CLAIM, scope, &of_sessions),
        cluster.list(&VOLUME_SNAPSHOT, scope, &of_sessions),
        quotas,
    );
    let mut observed = Observed::default();
    let sessions = with_setup_hint(sessions)?.items;
    let mut listed = |kind, list: Result<Vec<Value>>| observed.take_list(kind, list);
    let items = |list: Result<session_shared::client::ObjectList>| list.map(|list| list.items);
    let pods = listed(&POD, items(pods))?;
    let claims = listed(&PERSISTENT_VOLUME_CLAIM, items(claims))?;
    let snapshots = listed(&VOLUME_SNAPSHOT, items(snapshots))?;
    let quotas = quotas.map(|list| list.map(|list| list.items).unwrap_or_default());
    let quotas = listed(&RESOURCE_QUOTA, quotas)?.unwrap_or_default();
    let namespaces = quotas
        .iter()
        .map(|quota| Untyped(quota).home_namespace().to_owned());
    observed.objects = UsageObjects {
        sessions,
        pods,
        claims,
        snapshots,
        quota_namespaces: namespaces.collect(),
        is_selection,
    };
    Ok(observed)
}

impl Observed {
    /// Returns the objects of a list. A kind that is not served has none; for one that may not be listed, returns `None`.
    fn take_list(
        &mut self,
        kind: &'static ResourceType,
        list: Result<Vec<Value>>,
    ) -> Result<Option<Vec<Value>>> {
        match list {
            Ok(items) => Ok(Some(items)),
            Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
                Ok(Some(Vec::new()))
            }
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                self.unlistable.push(kind);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
