//! Resource usage of Pods and volumes, from a node's kubelet.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::Cluster;
use super::api_paths::percent_encode;
use session_model::failure::{Failure, FailureKind};
use session_model::objects::Untyped;

/// Time limit of the request: a node that does not respond must not delay other output.
const NODE_TIMEOUT: Duration = Duration::from_secs(2);

/// Usage of one claim's volume, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeUsage {
    /// Name of the claim, in the Pod's namespace.
    pub claim: String,
    /// Used bytes.
    pub used: u64,
    /// Total bytes; those of the node's file system if the volume is a folder of it.
    pub capacity: u64,
}

/// Resource usage of one Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodUsage {
    /// UID of the Pod.
    pub uid: String,
    /// CPU in millicores, averaged over the last seconds.
    pub cpu_milli: Option<u64>,
    /// Working set in bytes, which the memory limit applies to.
    pub memory: Option<u64>,
    /// Usage of its claims, as far as the kubelet measures volumes of their kind.
    pub volumes: Vec<VolumeUsage>,
}

/// Resource usage of the Pods on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeUsage {
    /// The Pods.
    pub pods: Vec<PodUsage>,
}

impl Cluster {
    /// Reads the kubelet's summary of a node. Requires the right to `get` `nodes/proxy`, which few users have.
    ///
    /// # Errors
    /// A Failure: Forbidden without the right, Unreachable if the node does not respond within two seconds.
    pub async fn get_node_usage(&self, node: &str) -> Result<NodeUsage> {
        let path = format!("/api/v1/nodes/{}/proxy/stats/summary", percent_encode(node));
        match tokio::time::timeout(NODE_TIMEOUT, self.get_raw(&path)).await {
            Ok(answer) => Ok(parse_summary(&answer?.0)),
            Err(_) => {
                let message = format!("node {node:?} does not respond");
                Err(Failure::client_side(FailureKind::Unreachable, message).into())
            }
        }
    }
}

fn parse_summary(summary: &Value) -> NodeUsage {
    let pods = summary["pods"].as_array().into_iter().flatten();
    NodeUsage {
        pods: pods.filter_map(parse_pod).collect(),
    }
}

fn parse_pod(pod: &Value) -> Option<PodUsage> {
    let number = |pointer: &str| pod.pointer(pointer).and_then(Value::as_u64);
    let volumes = pod["volume"].as_array().into_iter().flatten();
    Some(PodUsage {
        uid: Untyped(pod).str_at("/podRef/uid")?.to_owned(),
        cpu_milli: number("/cpu/usageNanoCores").map(|nano| nano / 1_000_000),
        memory: number("/memory/workingSetBytes"),
        volumes: volumes.filter_map(parse_volume).collect(),
    })
}

fn parse_volume(volume: &Value) -> Option<VolumeUsage> {
    Some(VolumeUsage {
        claim: volume.pointer("/pvcRef/name")?.as_str()?.to_owned(),
        used: volume["usedBytes"].as_u64()?,
        capacity: volume["capacityBytes"].as_u64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_summary_tells_of_pods_and_of_claims_alone() {
        let summary = json!({ "node": {}, "pods": [{
            "podRef": { "name": "p", "namespace": "ns", "uid": "u-1" },
            "cpu": { "usageNanoCores": 12_345_678_u64 }, "memory": { "workingSetBytes": 1024 },
            "volume": [
                { "name": "token", "usedBytes": 1, "capacityBytes": 2 },
                { "name": "data", "pvcRef": { "name": "home", "namespace": "ns" }, "usedBytes": 3, "capacityBytes": 4 },
                { "name": "odd", "pvcRef": { "name": "block" } }],
        }, { "podRef": { "uid": "u-2" } }] });
        let found = parse_summary(&summary);
        let volumes = vec![VolumeUsage {
            claim: "home".into(),
            used: 3,
            capacity: 4,
        }];
        let first = PodUsage {
            uid: "u-1".into(),
            cpu_milli: Some(12),
            memory: Some(1024),
            volumes,
        };
        let second = PodUsage {
            uid: "u-2".into(),
            ..PodUsage::default()
        };
        assert_eq!(found.pods, [first, second]);
        assert_eq!(parse_summary(&json!({})), NodeUsage::default());
    }
}
