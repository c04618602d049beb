//! What the scheduler knows of a session's Pods and the nodes before it places the first one: everything that stays the same while
//! sessions are placed.

use k8s_openapi::api::core::v1::Taint;

use super::pod_rules::Spread;

/// Why a node never takes a Pod, however empty it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// The Pod names another node.
    OtherNode,
    /// The node is cordoned.
    Cordoned,
    /// A taint that the Pod does not tolerate: `key=value:effect`.
    Taint(String),
    /// nodeSelector or required node affinity.
    Selector,
    /// A volume or StorageClass that the node cannot reach.
    Volume(String),
    /// A Pod on the node takes a host port.
    HostPort,
    /// Anti-affinity of a Pod that is already placed.
    AntiAffinity,
}

/// A Pod of a session as the scheduler sees it.
#[derive(Clone, Debug)]
pub(super) struct ScheduledPod {
    /// Workload: `Deployment/web`.
    pub(super) workload: String,
    /// Requests, in the order of [`Scheduling::resources`].
    pub(super) requests: Vec<i64>,
    /// CPU and memory that the scheduler assumes for its preferences.
    pub(super) assumed: [i64; 2],
    /// By node.
    pub(super) nodes: Vec<NodeFacts>,
    /// Required anti-affinity.
    pub(super) anti_affinity: Vec<PodCounter>,
    /// Required affinity: a Pod counts for each term only if all terms select it.
    pub(super) affinity: Vec<PodCounter>,
    /// True if the Pod satisfies its own affinity: then it may be the first.
    pub(super) is_near_itself: bool,
    /// Anti-affinity of other Pods that selects this one: topology and group.
    pub(super) avoided_by: Vec<(usize, usize)>,
    /// Spread constraints that must hold.
    pub(super) spread: Vec<SpreadCounter>,
    /// Spread constraints that are preferred.
    pub(super) preferred_spread: Vec<SpreadCounter>,
    /// Preferences about other Pods: topology, and the weight of each group.
    pub(super) preferred: Vec<(usize, Vec<i64>)>,
    /// Groups whose host ports conflict.
    pub(super) port_conflicts: Vec<bool>,
}

/// What a node is for a Pod, whatever is placed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeFacts {
    /// Set if the node never takes the Pod.
    pub(super) excluded: Option<Exclusion>,
    /// True if node selector and affinity of the Pod match.
    pub(super) matches_affinity: bool,
    /// True if the Pod tolerates all taints.
    pub(super) tolerates: bool,
    /// Taints that the scheduler prefers to avoid.
    pub(super) avoided_taints: i64,
    /// Weight of preferred node affinity.
    pub(super) preference: i64,
    /// Score of images that the node has.
    pub(super) image_score: i64,
    /// Preferences about Pods that are already placed, summed over the node's domains.
    pub(super) pod_preference: i64,
}

/// Pods that a term selects.
#[derive(Clone, Debug)]
pub(super) struct PodCounter {
    /// Topology: index into [`Scheduling::topologies`].
    pub(super) topology: usize,
    /// Whether the term selects Pods of each group.
    pub(super) groups: Vec<bool>,
    /// Selected Pods that exist, by node.
    pub(super) existing: Vec<i64>,
}

/// A spread constraint with the Pods that it counts.
#[derive(Clone, Debug)]
pub(super) struct SpreadCounter {
    /// Pods that it counts.
    pub(super) counter: PodCounter,
    /// The constraint.
    pub(super) constraint: Spread,
    /// True if it counts its own Pod.
    pub(super) counts_itself: bool,
}

/// Domains of a topology key.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    /// Key.
    pub(super) key: String,
    /// Domain of each node; `None` for a node without the label.
    pub(super) domains: Vec<Option<usize>>,
    /// Number of domains.
    pub(super) count: usize,
}

/// Everything that stays the same while sessions are placed. Pods are known by groups: group `g` below the number of Pods of a session is
/// Pod `g` of the session that is being placed, the groups after these are the Pods of earlier sessions.
#[derive(Clone, Debug)]
pub(super) struct Scheduling {
    /// Resources that are compared, CPU and memory first.
    pub(super) resources: Vec<String>,
    /// Allocatable amounts by node, in the order of `resources`.
    pub(super) allocatable: Vec<Vec<i64>>,
    /// Largest number of Pods by node.
    pub(super) pod_capacity: Vec<i64>,
    /// Requests of the Pods on each node, in the order of `resources`.
    pub(super) used: Vec<Vec<i64>>,
    /// CPU and memory that the scheduler assumes for the Pods on each node.
    pub(super) assumed: Vec<[i64; 2]>,
    /// Number of Pods on each node.
    pub(super) pod_count: Vec<i64>,
    /// Pods of one session, in the order of their creation.
    pub(super) pods: Vec<ScheduledPod>,
    /// Topologies that rules name.
    pub(super) topologies: Vec<Topology>,
}

impl Exclusion {
    /// Returns the exclusion by a taint.
    pub(super) fn from_taint(taint: &Taint) -> Self {
        if taint.key == "node.kubernetes.io/unschedulable" {
            return Self::Cordoned;
        }
        let value = taint.value.as_deref().filter(|value| !value.is_empty());
        let value = value.map(|value| format!("={value}")).unwrap_or_default();
        Self::Taint(format!("{}{value}:{}", taint.key, taint.effect))
    }
}

impl SpreadCounter {
    /// Returns true if the constraint counts Pods on the node for the Pod.
    pub(super) fn counts_node(&self, pod: &ScheduledPod, node: usize) -> bool {
        let facts = &pod.nodes[node];
        (facts.matches_affinity || !self.constraint.honors_affinity)
            && (facts.tolerates || !self.constraint.honors_taints)
    }
}

impl Scheduling {
    /// Returns true if the number of sessions that fit is the same whatever nodes are chosen: all Pods request the same, may go to the same
    /// nodes, and have no rules about each other.
    pub(super) fn is_order_free(&self) -> bool {
        let excluded = |pod: &ScheduledPod| -> Vec<bool> {
            pod.nodes
                .iter()
                .map(|facts| facts.excluded.is_some())
                .collect()
        };
        let Some(first) = self.pods.first() else {
            return true;
        };
        self.pods.iter().all(|pod| {
            pod.requests == first.requests
                && excluded(pod) == excluded(first)
                && pod.anti_affinity.is_empty()
                && pod.affinity.is_empty()
                && pod.spread.is_empty()
                && pod.avoided_by.is_empty()
                && !pod.port_conflicts.contains(&true)
        })
    }
}
