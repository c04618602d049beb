//! How many sessions fit on the nodes, with the figures of each node.

use std::collections::BTreeMap;

use session_model::quantity::Quantity;

use super::cluster_nodes::ClusterNode;
use super::filter::Shortage;
use super::placement::{Placement, node_limits};
use super::scheduling::{Exclusion, Scheduling};

/// How many sessions fit on the nodes, as the scheduler places them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRoom {
    /// Sessions that fit whatever the scheduler chooses among equal nodes.
    pub least: u64,
    /// Sessions that fit at best.
    pub most: u64,
    /// False if there were too many choices to follow all: other counts are possible.
    pub proven: bool,
    /// True if more than `most` may fit: counting ended there, because something else allows no more.
    pub limited: bool,
    /// Nodes, by name.
    pub nodes: Vec<NodeLimit>,
    /// Resources that are short, each with the number of open nodes: `cpu`, `pods`, `affinity`. A node may have too little of several.
    pub shortages: BTreeMap<String, usize>,
    /// Workload whose Pod does not fit in the end; `None` if all Pods of a session are alike.
    pub refused: Option<String>,
    /// Pods of the cluster that wait for a node: not counted.
    pub waiting: usize,
}

/// What a node has for sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLimit {
    /// Name of the node.
    pub name: String,
    /// Why it takes no Pod of the session; `None` if it takes one at least when it is empty.
    pub excluded: Option<Exclusion>,
    /// Figures of each resource that the session requests, and of `pods`.
    pub amounts: Vec<NodeAmount>,
    /// Pods of sessions that fit: all of them together make the sessions.
    pub pods: u64,
}

/// Figures of one resource of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAmount {
    /// Resource: `cpu`, `nvidia.com/gpu`, `pods`.
    pub resource: String,
    /// What Pods may request together.
    pub allocatable: Quantity,
    /// What the Pods on the node request.
    pub used: Quantity,
    /// What one Pod of the session requests; `None` if its Pods request different amounts.
    pub need: Option<Quantity>,
    /// Number of Pods, `(allocatable - used) / need`.
    pub fits: Option<u64>,
}

/// Joins the figures of the nodes with what was placed on them.
pub(super) fn describe_nodes(
    scheduling: &Scheduling,
    nodes: &[ClusterNode],
    placement: &Placement,
    waiting: usize,
) -> NodeRoom {
    let limits = nodes.iter().enumerate().map(|(index, node)| NodeLimit {
        name: node.name().to_owned(),
        excluded: find_exclusion(scheduling, index),
        amounts: node_amounts(scheduling, node, index),
        pods: u64::try_from(placement.placed.get(index).copied().unwrap_or_default()).unwrap_or(0),
    });
    let refused = placement.refused.as_ref();
    NodeRoom {
        least: placement.least,
        most: placement.most,
        proven: placement.proven,
        limited: placement.limited,
        nodes: limits.collect(),
        shortages: count_shortages(scheduling, placement),
        refused: refused.map(|(pod, _)| scheduling.pods[*pod].workload.clone()),
        waiting,
    }
}

/// Returns why the node takes no Pod of the session; `None` if it takes one of them.
fn find_exclusion(scheduling: &Scheduling, node: usize) -> Option<Exclusion> {
    let mut all = scheduling
        .pods
        .iter()
        .map(|pod| pod.nodes[node].excluded.clone());
    let first = all.next()??;
    all.all(|excluded| excluded.is_some()).then_some(first)
}

fn node_amounts(scheduling: &Scheduling, node: &ClusterNode, index: usize) -> Vec<NodeAmount> {
    let first = scheduling.pods.first();
    let alike = |resource: usize| {
        let need = first.map(|pod| pod.requests[resource])?;
        let mut pods = scheduling.pods.iter();
        pods.all(|pod| pod.requests[resource] == need)
            .then_some(need)
    };
    let requested = |resource: &usize| {
        let mut pods = scheduling.pods.iter();
        pods.any(|pod| pod.requests[*resource] > 0)
    };
    let (limits, pods) = node_limits(scheduling, index);
    let resources = (0..scheduling.resources.len()).filter(requested);
    let mut amounts: Vec<NodeAmount> = resources
        .map(|resource| {
            let name = &scheduling.resources[resource];
            let need = alike(resource);
            let fits = need.and_then(|_| limits[resource]);
            NodeAmount {
                resource: name.clone(),
                allocatable: quantity_of(name, node.allocatable_units(name)),
                used: quantity_of(name, node.used_units(name)),
                need: need.map(|need| quantity_of(name, need)),
                fits: fits.map(|fits| u64::try_from(fits).unwrap_or(0)),
            }
        })
        .collect();
    amounts.push(NodeAmount {
        resource: "pods".into(),
        allocatable: Quantity::from_units(scheduling.pod_capacity[index]),
        used: Quantity::from_units(scheduling.pod_count[index]),
        need: Some(Quantity::from_units(1)),
        fits: Some(u64::try_from(pods).unwrap_or(0)),
    });
    amounts
}

/// Returns an amount in the scheduler's units as a quantity that people read.
fn quantity_of(name: &str, units: i64) -> Quantity {
    let text = match name {
        "cpu" => format!("{units}m"),
        _ if units != 0 && units % 1024 == 0 => format!("{}Ki", units / 1024),
        _ => units.to_string(),
    };
    text.parse().unwrap_or(Quantity::ZERO)
}

fn count_shortages(scheduling: &Scheduling, placement: &Placement) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut count = |name: &str| *counts.entry(name.to_owned()).or_default() += 1;
    if let Some((_, shortages)) = &placement.refused {
        for shortage in shortages.iter().flat_map(|(_, shortages)| shortages) {
            count(shortage_name(scheduling, shortage));
        }
        return counts;
    }
    for node in 0..scheduling.allocatable.len() {
        if find_exclusion(scheduling, node).is_some() {
            continue;
        }
        let (limits, pods) = node_limits(scheduling, node);
        let least = limits.iter().flatten().copied().fold(pods, i64::min);
        let resources = limits.iter().zip(&scheduling.resources);
        let short = resources.filter(|(fits, _)| **fits == Some(least));
        short.for_each(|(_, resource)| count(resource));
        if pods == least {
            count("pods");
        }
    }
    counts
}

fn shortage_name<'a>(scheduling: &'a Scheduling, shortage: &Shortage) -> &'a str {
    match shortage {
        Shortage::Resource(resource) => &scheduling.resources[*resource],
        Shortage::Pods => "pods",
        Shortage::HostPort => "host ports",
        Shortage::Affinity => "affinity",
        Shortage::Spread => "topology spread",
    }
}
