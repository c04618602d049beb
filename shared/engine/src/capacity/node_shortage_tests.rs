//! Tests of what is said of nodes that take no Pod of a session.

use super::*;
use serde_json::json;

fn node(name: &str, allocatable: Value) -> Value {
    let mut allocatable = allocatable;
    allocatable["pods"] = "2".into();
    json!({"kind": "Node", "metadata": {"name": name}, "spec": {}, "status": {"allocatable": allocatable}})
}

fn pod(requests: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "lab"},
        "spec": {"containers": [{"name": "main", "resources": {"requests": requests.clone(), "limits": requests}}]}})
}

fn on(node: &str, requests: Value) -> Value {
    let mut pod = pod(requests);
    pod["spec"]["nodeName"] = node.into();
    pod
}

fn shortage(requests: Value, nodes: &[Value], pods: Option<&[Value]>) -> Option<NodeShortage> {
    let objects = [pod(requests)];
    let demand = NodeDemand {
        namespace: "lab",
        objects: &objects,
        limit_ranges: &[],
        nodes,
    };
    demand.find_shortage(pods)
}

/// The message of a shortage that may pass, or not.
fn told(requests: Value, nodes: &[Value], pods: Option<&[Value]>) -> (String, bool) {
    let found = shortage(requests, nodes, pods).unwrap();
    (found.message, found.may_pass)
}

fn gpus(count: &str) -> Value {
    json!({"nvidia.com/gpu": count})
}

#[test]
fn gpus_are_counted_in_words() {
    let nodes = [
        node("n1", json!({"nvidia.com/gpu": "4"})),
        node("n2", json!({"nvidia.com/gpu": "2"})),
    ];
    let pods = [on("n1", gpus("2")), on("n2", gpus("2"))];
    assert_eq!(
        told(gpus("8"), &nodes, Some(&pods)),
        (
            "no node has 8 GPUs (nvidia.com/gpu): the largest has 4, 2 of them free".into(),
            false
        )
    );
    assert_eq!(
        told(gpus("8"), &nodes, None).0,
        "no node has 8 GPUs (nvidia.com/gpu): the largest has 4"
    );
    assert_eq!(
        told(gpus("3"), &nodes, Some(&pods)),
        (
            "no node has 3 GPUs (nvidia.com/gpu) free: the most is 2 of 4, on node \"n1\"".into(),
            true
        )
    );
    assert_eq!(shortage(gpus("2"), &nodes, Some(&pods)), None);
    assert_eq!(shortage(gpus("3"), &nodes, None), None);
    let (message, may_pass) = told(gpus("1"), &[node("n1", json!({"cpu": "4"}))], Some(&[]));
    assert_eq!(message, "no node has GPUs (nvidia.com/gpu): 1 requested");
    assert!(!may_pass);
}

#[test]
fn a_node_may_have_too_many_pods() {
    let nodes = [node("n1", json!({"cpu": "4"}))];
    let pods = [on("n1", json!({"cpu": "1"})), on("n1", json!({"cpu": "1"}))];
    assert_eq!(
        told(json!({"cpu": "1"}), &nodes, Some(&pods)),
        (
            "no node takes one more Pod: node \"n1\" has 2 of 2".into(),
            true
        )
    );
}

#[test]
fn nodes_may_each_lack_something_else() {
    let nodes = [
        node("n1", json!({"cpu": "8", "memory": "4Gi"})),
        node("n2", json!({"cpu": "2", "memory": "32Gi"})),
    ];
    let pods = [on("n1", json!({"cpu": "1"}))];
    let (message, may_pass) = told(json!({"cpu": "4", "memory": "8Gi"}), &nodes, Some(&pods));
    assert_eq!(
        message,
        "no node has cpu 4, memory 8Gi together: node \"n1\" has cpu 8, memory 4Gi; node \"n2\" has cpu 2, memory 32Gi"
    );
    assert!(!may_pass);
}

#[test]
fn closed_nodes_are_counted_by_their_reason() {
    let cordoned = |name: &str| {
        let mut node = node(name, json!({"cpu": "8"}));
        node["spec"]["unschedulable"] = true.into();
        node
    };
    let mut tainted = node("n3", json!({"cpu": "8"}));
    tainted["spec"]["taints"] = json!([{"key": "gpu", "effect": "NoSchedule"}]);
    let nodes = [cordoned("n1"), cordoned("n2"), tainted.clone()];
    let (message, may_pass) = told(json!({"cpu": "1"}), &nodes, Some(&[]));
    assert!(
        message.starts_with(
            "no node takes the Pod: 2 of 3 nodes are cordoned; 1 of 3 nodes have taint gpu"
        ),
        "{message}"
    );
    assert!(may_pass, "a node may be uncordoned");
    let (message, may_pass) = told(json!({"cpu": "1"}), &[tainted.clone()], Some(&[]));
    assert!(
        message.contains("does not tolerate") && !may_pass,
        "{message}"
    );
    let small = node("n4", json!({"cpu": "500m"}));
    let (message, _) = told(json!({"cpu": "1"}), &[tainted, small], Some(&[]));
    assert!(
        message.starts_with(
            "no node has 1 cpu: the largest has 500m, 500m of them free; 1 of 2 nodes have taint"
        ),
        "{message}"
    );
}

#[test]
fn a_session_without_pods_needs_no_node() {
    let claim = [json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "c"}})];
    let nodes = [node("n1", json!({"cpu": "1"}))];
    let demand = NodeDemand {
        namespace: "lab",
        objects: &claim,
        limit_ranges: &[],
        nodes: &nodes,
    };
    assert_eq!(demand.suitable_nodes(), None);
    assert_eq!(demand.find_shortage(Some(&[])), None);
}

#[test]
fn suitable_nodes_take_a_pod_when_they_are_empty() {
    let nodes = [
        node("n1", json!({"cpu": "1"})),
        node("n2", json!({"cpu": "4"})),
    ];
    let objects = [pod(json!({"cpu": "2"}))];
    let demand = NodeDemand {
        namespace: "lab",
        objects: &objects,
        limit_ranges: &[],
        nodes: &nodes,
    };
    assert_eq!(demand.suitable_nodes().unwrap(), ["n2"]);
}
