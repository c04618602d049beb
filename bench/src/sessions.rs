//! Thousands of sessions, made as fast as the server takes them.

use anyhow::{Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use session_shared::client::WriteOptions;
use session_shared::labels;
use session_shared::labels::MANAGER;
use session_shared::objects::resource::{POD, SESSION};
use session_shared::ops::Cluster;

use crate::scene::Scene;

/// Requests that are on their way at the same time.
const AT_ONCE: usize = 24;

/// Makes sessions `s-00000` on in the client's namespace; the first `pods` of them with a Pod that nobody schedules.
pub(crate) async fn fill(cluster: &Cluster, sessions: usize, pods: usize) -> Result<()> {
    let write = WriteOptions::by(MANAGER);
    let make = async |number: usize| {
        let (session, namespace) = (session(number), cluster.namespace());
        cluster
            .create(&SESSION, namespace, &session, &write)
            .await?;
        if number < pods {
            cluster
                .create(&POD, namespace, &pod(number), &write)
                .await?;
        }
        anyhow::Ok(())
    };
    stream::iter(0..sessions)
        .map(make)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Checks that the plan of a cleanup has a line for each session without a Pod: what is fast must also be whole.
pub(crate) fn are_planned(scene: &Scene<'_>) -> Result<()> {
    let wanted = scene.settings.number("sessions")? - scene.settings.number("pods")?;
    let plan = scene.run("session cleanup --all --dry-run=client")?;
    let lines = plan.lines().count();
    ensure!(lines > wanted, "the plan has {lines} lines");
    Ok(())
}

fn name(number: usize) -> String {
    format!("s-{number:05}")
}

fn session(number: usize) -> Value {
    let owner = format!("user-{}@example.com", number % 100);
    json!({
        "apiVersion": "streaming.platform/v1",
        "kind": "Session",
        "metadata": {
            "name": name(number),
            "annotations": { labels::USER_ID: owner, labels::RUN: "bench" },
            "labels": { labels::MANAGED_BY: labels::MANAGER, labels::USER: format!("user-{}", number % 100) },
        },
        "spec": { "state": "running", "template": "shell", "userId": owner, "startRequest": "2026-01-01T00:00:00Z" },
    })
}

/// It stays pending: containers would cost this machine more than what is measured.
fn pod(number: usize) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("shell-{}", name(number)),
            "labels": {
                labels::MANAGED_BY: labels::MANAGER,
                labels::SESSION: name(number),
                labels::PRIMARY: "true",
            },
        },
        "spec": {
            "schedulerName": "nobody",
            "containers": [{ "name": "shell", "image": "localhost/busybox:1" }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_belongs_to_its_session() {
        assert_eq!(session(7)["metadata"]["name"], "s-00007");
        assert_eq!(pod(7)["metadata"]["labels"][labels::SESSION], "s-00007");
    }
}
