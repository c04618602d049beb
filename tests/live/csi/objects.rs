//! What the storage tests make, wait for and look at, with kubectl.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::world::World;

pub(super) fn with_storage(prefix: &str) -> Result<World> {
    let world = World::new(prefix)?;
    world.cluster.wait_for_storage()?;
    Ok(world)
}

pub(super) fn claim(
    world: &World,
    name: &str,
    class: &str,
    size: &str,
    source: &Value,
) -> Result<()> {
    let object = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": name },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": class,
            "resources": { "requests": { "storage": size } },
            "dataSource": source,
        },
    });
    apply(world, &object)
}

pub(super) fn snapshot(world: &World, name: &str, claim: &str, class: &str) -> Result<()> {
    let object = json!({
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshot",
        "metadata": { "name": name },
        "spec": { "volumeSnapshotClassName": class, "source": { "persistentVolumeClaimName": claim } },
    });
    apply(world, &object)
}

/// A Pod of an ordinary user that has a claim at /data, ready once it has run `script`.
pub(super) fn pod(world: &World, name: &str, claim: &str, script: &str) -> Result<()> {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name },
        "spec": {
            "securityContext": { "runAsUser": 1000, "fsGroup": 1000 },
            "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": "main",
                "image": "localhost/busybox:1",
                "command": ["sh", "-c", format!("set -e; {script}; touch /tmp/ready; sleep 3600")],
                "readinessProbe": { "exec": { "command": ["cat", "/tmp/ready"] }, "periodSeconds": 1 },
                "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
            }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": claim } }],
        },
    });
    apply(world, &object)?;
    let pod = format!("pod/{name}");
    world
        .namespace
        .kubectl(
            &["wait", "--for=condition=Ready", &pod, "--timeout=60s"],
            None,
        )
        .map(drop)
}

fn apply(world: &World, object: &Value) -> Result<()> {
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(&object.to_string()))
        .map(drop)
}

pub(super) fn exec(world: &World, pod: &str, script: &str) -> Result<String> {
    world
        .namespace
        .kubectl(&["exec", pod, "--", "sh", "-c", script], None)
}

pub(super) fn bound(world: &World, claim: &str) -> Result<()> {
    let claim = format!("pvc/{claim}");
    world
        .namespace
        .kubectl(
            &[
                "wait",
                "--for=jsonpath={.status.phase}=Bound",
                &claim,
                "--timeout=60s",
            ],
            None,
        )
        .map(drop)
}

pub(super) fn ready(world: &World, snapshot: &str) -> Result<()> {
    let snapshot = format!("volumesnapshot/{snapshot}");
    world
        .namespace
        .kubectl(
            &[
                "wait",
                "--for=jsonpath={.status.readyToUse}=true",
                &snapshot,
                "--timeout=60s",
            ],
            None,
        )
        .map(drop)
}

pub(super) fn delete(world: &World, what: &[&str]) -> Result<()> {
    world
        .namespace
        .kubectl(&[&["delete", "--timeout=60s"], what].concat(), None)
        .map(drop)
}

pub(super) fn status(world: &World, kind: &str, name: &str) -> Result<Value> {
    let text = world
        .namespace
        .kubectl(&["get", kind, name, "-o", "json"], None)?;
    let mut object: Value = serde_json::from_str(&text)?;
    Ok(object["status"].take())
}

/// Waits for an event of an object with that reason and these words. It need not be the first of its reason: controllers hear of a
/// class that was just made later than of the claim that names it, and say so.
pub(super) fn await_event(world: &World, object: &str, reason: &str, words: &[&str]) -> Result<()> {
    let selector = format!("involvedObject.name={object},reason={reason}");
    let args = [
        "--namespace",
        world.namespace.name(),
        "--request-timeout=180s",
        "get",
        "events",
        "--watch",
        "--field-selector",
        &selector,
        "-o",
        "jsonpath={.message}{\"\\n\"}",
    ];
    let mut watch = world
        .cluster
        .kubectl_command(&args)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut seen = Vec::new();
    let is_wanted = |line: &String| words.iter().all(|word| line.contains(word));
    if let Some(stdout) = watch.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            seen.push(line?);
            if seen.last().is_some_and(is_wanted) {
                break;
            }
        }
    }
    let _ = watch.kill();
    watch.wait()?;
    let is_told = seen.last().is_some_and(is_wanted);
    ensure!(
        is_told,
        "no event {reason} of {object} with {words:?}: {seen:?}"
    );
    Ok(())
}
