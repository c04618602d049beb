//! Reads the active sessions and the GPUs of the nodes.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use session_shared::capacity::demand::pod_resources;
use session_shared::capacity::session_pods::{group_by_session, is_live_pod};
use session_shared::client::{ListOptions, Scope};
use session_shared::failure::{self, FailureKind};
use session_shared::objects::Untyped;
use session_shared::objects::overrides::is_gpu_resource;
use session_shared::objects::pods::pod_spec;
use session_shared::objects::resource::{NODE, POD, SESSION};
use session_shared::ops::Cluster;
use session_shared::ops::session_objects::with_setup_hint;

use crate::session_objects::{labelled, with_custom_pods};

/// Time limit of the comparison with real nodes, without which the numbers are complete.
const COMPARISON_TIMEOUT: Duration = Duration::from_secs(2);
/// Label of NVIDIA's device plugin: the GPUs of a node, however often each is shared.
const GPU_COUNT_LABEL: &str = "nvidia.com/gpu.count";

/// Active sessions and the GPUs of real nodes.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) active: u32,
    pub(crate) gpu_active: u32,
    /// True if the sessions were counted in the cluster, not given.
    pub(crate) is_counted: bool,
    /// Names of nodes that have GPUs, with their number.
    pub(crate) node_gpus: Vec<(String, u64)>,
    /// What could not be read.
    pub(crate) unread: Vec<String>,
}

/// Reads the nodes for sessions whose number is given. Without a cluster the result says so.
pub(crate) async fn read_nodes(cluster: Result<Cluster>, active: u32, gpu_active: u32) -> Observed {
    let mut observed = Observed {
        active,
        gpu_active,
        ..Observed::default()
    };
    let listed = async {
        let cluster = cluster?;
        let all = ListOptions::default();
        let list = cluster.list(&NODE, Scope::All, &all).await?;
        anyhow::Ok(list.items)
    };
    match tokio::time::timeout(COMPARISON_TIMEOUT, listed).await {
        Ok(Ok(nodes)) => observed.node_gpus = node_gpus(&nodes),
        Ok(Err(error)) => observed.unread.push(unread_nodes(&error.to_string())),
        Err(_) => observed
            .unread
            .push(unread_nodes("the cluster does not respond")),
    }
    observed
}

fn unread_nodes(reason: &str) -> String {
    format!("--gpus-per-node is not compared with the nodes of a cluster: {reason}")
}

/// Counts the active sessions of all namespaces, those that have a Pod which has not ended, and reads the nodes.
///
/// # Errors
/// Sessions or Pods cannot be listed.
pub(crate) async fn count_active(cluster: &Cluster) -> Result<Observed> {
    let pages = ListOptions {
        limit: 500,
        ..ListOptions::default()
    };
    let labelled = labelled(pages.limit);
    let (sessions, pods, nodes) = futures::join!(
        cluster.list(&SESSION, Scope::All, &pages),
        cluster.list(&POD, Scope::All, &labelled),
        cluster.list(&NODE, Scope::All, &pages),
    );
    let sessions = with_setup_hint(sessions).map_err(hint_at_active)?.items;
    let pods = with_custom_pods(cluster, Scope::All, &sessions, pods).await;
    let pods = pods.map_err(hint_at_active)?.items;
    let mut observed = Observed {
        is_counted: true,
        ..Observed::default()
    };
    for pods in group_by_session(&sessions, &pods).values() {
        let mut live = pods.iter().filter(|pod| is_live_pod(pod)).peekable();
        if live.peek().is_some() {
            observed.active += 1;
            observed.gpu_active += u32::from(live.any(|pod| requests_gpu(pod)));
        }
    }
    match nodes {
        Ok(nodes) => observed.node_gpus = node_gpus(&nodes.items),
        Err(error) => observed.unread.push(unread_nodes(&error.to_string())),
    }
    Ok(observed)
}

fn hint_at_active(error: anyhow::Error) -> anyhow::Error {
    match failure::has_kind(&error, FailureKind::Forbidden) {
        true => failure::with_hint(error, "give the numbers with --active and --gpu-active"),
        false => error,
    }
}

fn requests_gpu(pod: &Value) -> bool {
    let resources = pod_spec(pod).map(pod_resources).unwrap_or_default();
    resources.iter().any(|(name, amount)| {
        let name = name.strip_prefix("requests.");
        name.is_some_and(is_gpu_resource) && !amount.is_zero()
    })
}

fn node_gpus(nodes: &[Value]) -> Vec<(String, u64)> {
    let with_gpus = nodes.iter().filter_map(|node| {
        let count = node_gpu_count(node).filter(|count| *count > 0)?;
        Some((Untyped(node).name().to_owned(), count))
    });
    with_gpus.collect()
}

fn node_gpu_count(node: &Value) -> Option<u64> {
    if let Some(count) = Untyped(node).label(GPU_COUNT_LABEL) {
        return count.parse().ok();
    }
    let capacity = node.pointer("/status/capacity")?.as_object()?;
    let counts = capacity.iter().filter(|(name, _)| is_gpu_resource(name));
    Some(
        counts
            .filter_map(|(_, count)| count.as_str()?.parse::<u64>().ok())
            .sum(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn gpus_of_a_node_count_once_however_often_they_are_shared() {
        let node = |labels: Value, capacity: Value| {
            node_gpu_count(
                &json!({"metadata": {"labels": labels}, "status": {"capacity": capacity}}),
            )
        };
        assert_eq!(
            node(json!({}), json!({"cpu": "4", "nvidia.com/gpu": "2"})),
            Some(2)
        );
        assert_eq!(
            node(
                json!({GPU_COUNT_LABEL: "1"}),
                json!({"nvidia.com/gpu": "4"})
            ),
            Some(1)
        );
        assert_eq!(node(json!({}), json!({"cpu": "4"})), Some(0));
    }
}
