//! Nodes, and as many Pods on them as decide whether they take the Pods of a session.

use std::sync::Arc;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use crate::Cluster;
use crate::checked_list::list_selected;
use session_client::{ListOptions, ObjectList, Scope};
use session_engine::capacity::node_shortage::{NodeDemand, NodeShortage};
use session_model::failure::{self, FailureKind};
use session_model::objects::resource::{CONFIG_MAP, POD};

/// Selects Pods that take something of a node.
pub(crate) const ACTIVE_PODS: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Nodes whose Pods are read first: as a rule one of them has room, and the Pods of the whole cluster are not read.
const PROBED_NODES: usize = 3;

/// Nodes, and Pods on them.
#[derive(Clone, Debug)]
pub struct NodeFacts {
    /// Nodes; never empty.
    pub nodes: Arc<ObjectList>,
    /// Pods that have not ended: those of all nodes if there is a shortage; `None` if the caller may not list them.
    pub pods: Option<Arc<ObjectList>>,
    /// True if something may add nodes: then Pods that find no node are what it waits for.
    pub has_autoscaler: bool,
}

impl NodeFacts {
    /// Reads the Pods that the demand depends on.
    ///
    /// # Errors
    /// Refusals of the server other than of a right.
    pub(crate) async fn read(
        cluster: &Cluster,
        demand: NodeDemand<'_>,
        nodes: Arc<ObjectList>,
    ) -> Result<Self> {
        let demand = NodeDemand {
            nodes: &nodes.items,
            ..demand
        };
        let pods = read_pods(cluster, &demand).await?;
        let is_short = demand.find_shortage(items_of(&pods)).is_some();
        let has_autoscaler = is_short && may_add_nodes(cluster).await?;
        Ok(Self {
            nodes,
            pods,
            has_autoscaler,
        })
    }

    /// Returns why no node takes the Pods of the demand, whose nodes are these.
    pub(crate) fn find_shortage(&self, demand: NodeDemand<'_>) -> Option<NodeShortage> {
        let demand = NodeDemand {
            nodes: &self.nodes.items,
            ..demand
        };
        demand.find_shortage(items_of(&self.pods))
    }
}

fn items_of(list: &Option<Arc<ObjectList>>) -> Option<&[Value]> {
    list.as_ref().map(|list| list.items.as_slice())
}

/// Reads the Pods of some nodes, and those of all nodes if there is no room on these.
async fn read_pods(cluster: &Cluster, demand: &NodeDemand<'_>) -> Result<Option<Arc<ObjectList>>> {
    let Some(suitable) = demand.suitable_nodes() else {
        return Ok(None);
    };
    let probed: Vec<&String> = suitable.iter().take(PROBED_NODES).collect();
    if !probed.is_empty() {
        let Some(found) = list_pods_of_nodes(cluster, &probed).await? else {
            return Ok(None);
        };
        let is_probed = |node: &&Value| {
            let name = node.pointer("/metadata/name").and_then(Value::as_str);
            probed.iter().any(|probed| Some(probed.as_str()) == name)
        };
        let nodes: Vec<Value> = demand.nodes.iter().filter(is_probed).cloned().collect();
        let here = NodeDemand {
            nodes: &nodes,
            ..*demand
        };
        if suitable.len() == probed.len() || here.find_shortage(Some(&found.items)).is_none() {
            return Ok(Some(found));
        }
    }
    let all = list_selected(cluster, &POD, Scope::All, ACTIVE_PODS).await?;
    Ok(all.into_list())
}

/// Lists the Pods of nodes; `None` if the caller may not list them. The sessions of a class ask for the same nodes, and share the list.
async fn list_pods_of_nodes(
    cluster: &Cluster,
    nodes: &[&String],
) -> Result<Option<Arc<ObjectList>>> {
    let read = async {
        let reads = nodes.iter().map(|node| async move {
            let select = ListOptions {
                from_cache: true,
                ..ListOptions::with_fields(format!("spec.nodeName={node},{ACTIVE_PODS}"))
            };
            cluster.list(&POD, Scope::All, &select).await
        });
        Ok(join_lists(try_join_all(reads).await?))
    };
    let key = format!("Pods of nodes {nodes:?}");
    match cluster.read_shared(key, Box::pin(read)).await {
        Ok(pods) => Ok(Some(pods)),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Joins lists. A watch continues from the oldest.
fn join_lists(lists: Vec<ObjectList>) -> ObjectList {
    let versions = lists.iter().map(|list| list.resource_version.clone());
    let oldest = versions.min_by_key(|version| version.parse::<u64>().unwrap_or(0));
    ObjectList {
        resource_version: oldest.unwrap_or_default(),
        items: lists.into_iter().flat_map(|list| list.items).collect(),
    }
}

/// Returns true if the cluster has an autoscaler, or if that may not be read: the status that the Cluster Autoscaler writes, or Karpenter's
/// kind.
///
/// # Errors
/// Refusals of the server other than of a right.
pub async fn may_add_nodes(cluster: &Cluster) -> Result<bool> {
    let status = cluster.get_shared(&CONFIG_MAP, "kube-system", "cluster-autoscaler-status");
    match status.await {
        Ok(found) if found.is_some() => return Ok(true),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => return Ok(true),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let karpenter = cluster.discover_resource("karpenter.sh/v1", "NodePool");
    Ok(karpenter.await?.is_some())
}
