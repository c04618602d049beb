//! What is on the nodes while sessions are placed one after the other.

use super::scheduling::{PodCounter, Scheduling};

/// What Pods on one node take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeLoad {
    /// Requests, in the order of [`Scheduling::resources`].
    pub(super) used: Vec<i64>,
    /// CPU and memory that the scheduler assumes for its preferences.
    pub(super) assumed: [i64; 2],
    /// Number of Pods.
    pub(super) pods: i64,
    /// Number of placed Pods of each group.
    pub(super) groups: Vec<i64>,
}

/// Loads of all nodes, in the order of the nodes.
pub(super) type Loads = Vec<NodeLoad>;

/// Returns the loads before the first session.
pub(super) fn initial_loads(scheduling: &Scheduling) -> Loads {
    let groups = 2 * scheduling.pods.len();
    let load = |node: usize| NodeLoad {
        used: scheduling.used[node].clone(),
        assumed: scheduling.assumed[node],
        pods: scheduling.pod_count[node],
        groups: vec![0; groups],
    };
    (0..scheduling.allocatable.len()).map(load).collect()
}

/// Puts a Pod of the session on a node.
pub(super) fn add_pod(scheduling: &Scheduling, pod: usize, load: &mut NodeLoad) {
    let placed = &scheduling.pods[pod];
    for (used, request) in load.used.iter_mut().zip(&placed.requests) {
        *used += request;
    }
    load.assumed = [
        load.assumed[0] + placed.assumed[0],
        load.assumed[1] + placed.assumed[1],
    ];
    load.pods += 1;
    load.groups[pod] += 1;
}

/// Makes the Pods of the session that has been placed Pods of an earlier session.
pub(super) fn end_session(scheduling: &Scheduling, loads: &mut Loads) {
    let count = scheduling.pods.len();
    for load in loads {
        for group in 0..count {
            load.groups[count + group] += load.groups[group];
            load.groups[group] = 0;
        }
    }
}

/// Returns the Pods that a counter selects on a node.
pub(super) fn count_on(counter: &PodCounter, node: usize, load: &NodeLoad) -> i64 {
    let selected = counter.groups.iter().zip(&load.groups);
    let placed: i64 = selected
        .filter(|(selected, _)| **selected)
        .map(|(_, count)| count)
        .sum();
    counter.existing[node] + placed
}

/// Returns the Pods that a counter selects in each domain, on nodes that are `counted`.
pub(super) fn count_by_domain(
    scheduling: &Scheduling,
    counter: &PodCounter,
    loads: &[NodeLoad],
    counted: &dyn Fn(usize) -> bool,
) -> Vec<i64> {
    let topology = &scheduling.topologies[counter.topology];
    let mut sums = vec![0; topology.count];
    for (node, load) in loads.iter().enumerate() {
        if let Some(domain) = topology.domains[node].filter(|_| counted(node)) {
            sums[domain] += count_on(counter, node, load);
        }
    }
    sums
}
