//! Filters a plan by a label selector.

use std::collections::BTreeSet;

use anyhow::Result;
use futures::future::try_join_all;
use session_shared::client::{ListOptions, Scope};
use session_shared::objects::ResourceType;
use session_shared::objects::Untyped;
use session_shared::ops::Cluster;

use crate::intent::Intent;
use crate::plan_item::PlanItem;

/// Returns the items that the selector matches, as the server evaluates it, with one LIST for each kind. The selector is
/// applied to a plan made from all objects: if the objects were read with it, the sessions it does not match would look
/// deleted, and their objects orphaned.
///
/// # Errors
/// An invalid selector; the server's refusal.
pub(crate) async fn filter_by_selector(
    cluster: &Cluster,
    intent: &Intent,
    mut items: Vec<PlanItem>,
) -> Result<Vec<PlanItem>> {
    if intent.selector.is_empty() {
        return Ok(items);
    }
    let here = cluster.scope(intent.all_namespaces);
    let select = ListOptions::with_labels(intent.selector.as_str());
    let mut kinds: Vec<&ResourceType> = Vec::new();
    for item in &items {
        if !kinds.contains(&item.resource) {
            kinds.push(item.resource);
        }
    }
    let lists = kinds.iter().map(|kind| {
        let place = if kind.namespaced {
            here
        } else {
            Scope::Cluster
        };
        cluster.list_metadata(kind, place, &select)
    });
    let lists = try_join_all(lists).await?;
    let found = lists.iter().flat_map(|list| &list.items);
    let uids: BTreeSet<&str> = found.filter_map(|object| Untyped(object).uid()).collect();
    items.retain(|item| uids.contains(item.uid.as_str()));
    Ok(items)
}
