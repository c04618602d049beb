//! Nodes with what the Pods on them take, in the scheduler's units.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use serde_json::Value;
use session_model::objects::Untyped;
use session_model::objects::metadata::name_of;
use session_model::quantity::Quantity;

use super::admitted_pods::{
    assumed_units, granted_spec, read_active_pod, request_units, resource_units,
};
use super::pod_rules::{HostPort, PodIdentity, PodRules};
use super::selector::Labels;
use crate::capacity::demand::parse_amount;

/// A node with the Pods that are on it.
#[derive(Clone, Debug)]
pub(super) struct ClusterNode {
    /// Node.
    pub(super) node: Node,
    /// Allocatable amounts of all resources.
    pub(super) allocatable: BTreeMap<String, i64>,
    /// Requests of the Pods on it.
    pub(super) used: BTreeMap<String, i64>,
    /// CPU and memory that the scheduler assumes for its preferences.
    pub(super) assumed: [i64; 2],
    /// Pods that have not ended.
    pub(super) pods: Vec<ExistingPod>,
}

/// A Pod that is on a node.
#[derive(Clone, Debug)]
pub(super) struct ExistingPod {
    /// Namespace.
    pub(super) namespace: String,
    /// Labels.
    pub(super) labels: Labels,
    /// Rules about other Pods.
    pub(super) rules: PodRules,
    /// True if it is being deleted: spread constraints do not count it.
    pub(super) terminating: bool,
}

impl ExistingPod {
    /// Returns what rules of other Pods select.
    pub(super) fn identity(&self) -> PodIdentity<'_> {
        PodIdentity {
            namespace: &self.namespace,
            labels: &self.labels,
        }
    }
}

impl ClusterNode {
    /// Returns the name.
    pub(super) fn name(&self) -> &str {
        name_of(&self.node.metadata)
    }

    /// Returns the labels.
    pub(super) fn label(&self, key: &str) -> Option<&String> {
        self.node.metadata.labels.as_ref()?.get(key)
    }

    /// Returns the allocatable amount of a resource; 0 for one that the node does not have.
    pub(super) fn allocatable_units(&self, name: &str) -> i64 {
        self.allocatable.get(name).copied().unwrap_or_default()
    }

    /// Returns what the Pods on the node request of a resource.
    pub(super) fn used_units(&self, name: &str) -> i64 {
        self.used.get(name).copied().unwrap_or_default()
    }

    /// Returns true if a Pod on the node takes one of the ports.
    pub(super) fn has_port_of(&self, ports: &[HostPort]) -> bool {
        let mut taken = self.pods.iter().flat_map(|pod| &pod.rules.host_ports);
        taken.any(|taken| ports.iter().any(|port| port.conflicts_with(taken)))
    }
}

/// Nodes by name, and the number of Pods that wait for one.
#[derive(Clone, Debug, Default)]
pub(super) struct ClusterNodes {
    /// Nodes in the order of their names.
    pub(super) nodes: Vec<ClusterNode>,
    /// Pods that no node has been chosen for.
    pub(super) waiting: usize,
}

impl ClusterNodes {
    /// Reads nodes, and counts Pods on them. Pods that have ended take nothing; those being deleted still do.
    pub(super) fn new(nodes: &[Value], pods: &[Value]) -> Self {
        let typed = nodes.iter().filter_map(|node| Untyped(node).read::<Node>());
        let mut nodes: Vec<ClusterNode> = typed.map(empty_node).collect();
        nodes.sort_by(|a, b| a.name().cmp(b.name()));
        let index: BTreeMap<String, usize> = nodes
            .iter()
            .enumerate()
            .map(|(index, node)| (node.name().to_owned(), index))
            .collect();
        let mut waiting = 0;
        for pod in pods {
            let Some(name) = Untyped(pod).str_at("/spec/nodeName") else {
                waiting += usize::from(read_active_pod(pod).is_some());
                continue;
            };
            let node = index.get(name).and_then(|index| nodes.get_mut(*index));
            if let Some(node) = node {
                add_pod(node, pod);
            }
        }
        Self { nodes, waiting }
    }
}

fn empty_node(node: Node) -> ClusterNode {
    let status = node.status.as_ref();
    let amounts = status.and_then(|status| status.allocatable.as_ref());
    let units = amounts.into_iter().flatten().map(|(name, amount)| {
        let amount = parse_amount(amount).unwrap_or(Quantity::ZERO);
        (name.clone(), resource_units(name, &amount))
    });
    ClusterNode {
        allocatable: units.collect(),
        node,
        used: BTreeMap::new(),
        assumed: [0, 0],
        pods: Vec::new(),
    }
}

fn add_pod(node: &mut ClusterNode, pod: &Value) {
    let (Some(typed), Some(spec)) = (read_active_pod(pod), granted_spec(pod)) else {
        return;
    };
    for (name, units) in request_units(&spec) {
        *node.used.entry(name).or_default() += units;
    }
    let [cpu, memory] = assumed_units(&spec);
    node.assumed = [node.assumed[0] + cpu, node.assumed[1] + memory];
    let labels = typed.metadata.labels.unwrap_or_default();
    let namespace = typed.metadata.namespace.unwrap_or_default();
    let identity = PodIdentity {
        namespace: &namespace,
        labels: &labels,
    };
    let rules = typed.spec.as_ref();
    let rules = rules.map(|spec| PodRules::new(spec, identity, &[]));
    node.pods.push(ExistingPod {
        rules: rules.unwrap_or_default(),
        namespace,
        labels,
        terminating: typed.metadata.deletion_timestamp.is_some(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pods_take_until_they_have_ended() {
        let node = json!({ "metadata": { "name": "n" }, "status": { "allocatable": { "cpu": "4", "memory": "1Gi", "pods": "10" } } });
        let pod = |node: Option<&str>, phase: &str| {
            json!({ "metadata": { "name": "p", "namespace": "a" }, "status": { "phase": phase },
                "spec": { "nodeName": node, "containers": [{ "name": "c", "resources": { "requests": { "cpu": "500m" } } }] } })
        };
        let pods = [
            pod(Some("n"), "Running"),
            pod(Some("n"), "Succeeded"),
            pod(None, "Pending"),
            pod(Some("gone"), "Running"),
        ];
        let found = ClusterNodes::new(&[node], &pods);
        let node = &found.nodes[0];
        assert_eq!(
            (node.used_units("cpu"), node.pods.len(), found.waiting),
            (500, 1, 1)
        );
        assert_eq!(
            (
                node.allocatable_units("cpu"),
                node.allocatable_units("memory")
            ),
            (4000, 1 << 30)
        );
        assert_eq!(node.assumed, [500, 200 << 20]);
    }
}
