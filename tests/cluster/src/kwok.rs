//! Nodes without a machine and Pods without containers.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::parts::Part;
use crate::settings::Settings;
use crate::{kubectl, running};

/// The first of them; the only node where containers do not run.
pub(crate) const NODE: &str = "kwok-0";

/// Keeps Pods that want containers away.
const TAINT: &str = "kwok.x-k8s.io/node";

/// Whether kwok belongs to the cluster's parts: as its only node, or since a test asked for nodes.
pub(crate) fn is_wanted(folder: &Folder, settings: &Settings) -> bool {
    !settings.has_kubelet() || folder.path("kwok-wanted").exists()
}

/// Starts kwok in the place of a kubelet, with one node that takes every Pod.
///
/// # Errors
/// When kwok does not come up or the node is refused.
pub(crate) fn start_as_node(folder: &Folder, settings: &Settings) -> Result<()> {
    running::start(folder, settings, Part::Kwok)?;
    running::wait(folder, settings, Part::Kwok)?;
    kubectl::must(
        folder,
        settings,
        &["apply", "-f", "-"],
        Some(&list(0..1, false)),
    )
    .map(drop)
}

/// Makes sure of `count` nodes `kwok-0`, `kwok-1`, … and waits until they are Ready.
/// Where a kubelet runs they are tainted, so that only Pods that tolerate `kwok.x-k8s.io/node` go there.
///
/// # Errors
/// When kwok does not come up or a node is not Ready within a minute and 20 ms each.
pub(crate) fn nodes(folder: &Folder, settings: &Settings, count: usize) -> Result<()> {
    folder.write("kwok-wanted", "")?;
    running::start(folder, settings, Part::Kwok)?;
    running::wait(folder, settings, Part::Kwok)?;
    kubectl::must(
        folder,
        settings,
        &["apply", "--server-side", "-f", "-"],
        Some(&list(0..count, settings.has_kubelet())),
    )?;
    let until = Instant::now()
        + Duration::from_secs(60)
        + Duration::from_millis(20) * u32::try_from(count).unwrap_or(u32::MAX);
    let path =
        "jsonpath={range .items[*]}{.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";
    loop {
        let output = kubectl::must(
            folder,
            settings,
            &["get", "nodes", "-l", "type=kwok", "-o", path],
            None,
        )?;
        let ready = output.lines().filter(|line| *line == "True").count();
        if ready >= count {
            return Ok(());
        }
        if Instant::now() > until {
            bail!("{ready} of {count} kwok nodes are ready");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn list(numbers: std::ops::Range<usize>, tainted: bool) -> String {
    let items: Vec<Value> = numbers.map(|number| node(number, tainted)).collect();
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

fn node(number: usize, tainted: bool) -> Value {
    let name = format!("kwok-{number}");
    let amounts =
        json!({ "cpu": "32", "memory": "256Gi", "pods": "250", "ephemeral-storage": "1Ti" });
    let taints = if tainted {
        json!([{ "key": TAINT, "value": "fake", "effect": "NoSchedule" }])
    } else {
        json!([])
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": { "kwok.x-k8s.io/node": "fake" },
            "labels": {
                "type": "kwok",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "spec": { "taints": taints },
        "status": { "allocatable": amounts, "capacity": amounts },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_beside_a_kubelet_are_tainted() {
        let value: Value = serde_json::from_str(&list(0..3, true)).unwrap();
        assert_eq!(value["items"].as_array().unwrap().len(), 3);
        assert_eq!(value["items"][2]["metadata"]["name"], "kwok-2");
        assert_eq!(value["items"][2]["spec"]["taints"][0]["key"], TAINT);
        assert_eq!(node(0, false)["spec"]["taints"], json!([]));
    }
}
