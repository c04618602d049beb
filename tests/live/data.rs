//! What happens to a session's data: kept, taken up again, synchronised first, destroyed only on request.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "data_an_editor_keeps_its_workspace",
            an_editor_keeps_its_workspace,
        ),
        kubelet(
            "data_a_failing_sync_keeps_everything",
            a_failing_sync_keeps_everything,
        ),
    ]
}

/// Parameters that let nvim run from the cluster's local images.
const NVIM: &[&str] = &[
    "--template",
    "nvim",
    "--set",
    "IMAGE=localhost/http-page:1",
    "--set",
    "WS_PORT=8080",
    "--set",
    "HTTP_PORT=8081",
];

fn an_editor_keeps_its_workspace() -> Result<()> {
    let world = World::installed("nvim")?;
    let class = format!("local-{}", world.namespace.name());
    world
        .cluster
        .host_path_volume(&format!("volume-{}", world.namespace.name()), "1Gi", &class)?;
    let create = [
        &[
            "create",
            "bob",
            "--storage",
            "1Gi",
            "--storage-class",
            &class,
        ],
        NVIM,
    ]
    .concat();
    world.session(&create)?.exits(0)?;
    world.namespace.kubectl(
        &[
            "exec",
            "nvim-web-session-bob",
            "--",
            "sh",
            "-c",
            "echo kept > /workspace/file",
        ],
        None,
    )?;
    let deleted = world.session(&["delete", "bob"])?.exits(0)?;
    ensure!(
        deleted
            .stderr
            .contains("kept: persistentvolumeclaim/session-bob-pvc"),
        "{deleted:?}"
    );
    let kept = world
        .namespace
        .kubectl(&["get", "pvc", "session-bob-pvc", "-o", "json"], None)?;
    let kept: Value = serde_json::from_str(&kept)?;
    let annotations = &kept["metadata"]["annotations"];
    ensure!(
        annotations["streaming.platform/kept-since"].is_string(),
        "{annotations}"
    );
    world.session(&create)?.exits(0)?;
    let file = world.namespace.kubectl(
        &[
            "exec",
            "nvim-web-session-bob",
            "--",
            "cat",
            "/workspace/file",
        ],
        None,
    )?;
    ensure!(file == "kept\n", "{file}");
    let refused = world
        .session(&["delete", "bob", "--delete-data"])?
        .exits(1)?;
    ensure!(refused.stderr.contains("-y"), "{refused:?}");
    world
        .session(&["delete", "bob", "--delete-data", "-y"])?
        .exits(0)?;
    let left = world
        .namespace
        .kubectl(&["get", "pvc", "-o", "name"], None)?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

const SYNCED: &str = r#"
apiVersion: v1
kind: Pod
metadata:
  name: synced
  annotations:
    streaming.platform/sync: '{"command": ["sh", "-c", "test -e /tmp/done || { echo not yet >&2; exit 3; }"]}'
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: "localhost/busybox:1", imagePullPolicy: Never, command: [sleep, "3600"]}
"#;

fn a_failing_sync_keeps_everything() -> Result<()> {
    use std::io::Write;
    let world = World::installed("sync")?;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(SYNCED.as_bytes())?;
    world
        .session(&["create", "s", "-f", &file.path().to_string_lossy()])?
        .exits(0)?;
    let refused = world.session(&["delete", "s", "-y"])?.exits(1)?;
    ensure!(refused.stdout.is_empty(), "{refused:?}");
    ensure!(
        refused.stderr.contains("exit code 3: not yet") && refused.stderr.contains("--skip-sync"),
        "{refused:?}"
    );
    world
        .namespace
        .kubectl(&["exec", "synced", "--", "touch", "/tmp/done"], None)?;
    world.session(&["delete", "s", "-y"])?.exits(0)?;
    Ok(())
}
