//! Time of a snapshot of much data, beside the driver alone.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::StreamExt as _;
use serde_json::{Value, json};
use session_cluster::SNAPSHOT_CLASS;
use session_shared::client::{ListOptions, Scope, WatchChange, WriteOptions};
use session_shared::objects::Untyped;
use session_shared::objects::resource::VOLUME_SNAPSHOT;

use crate::process::{milliseconds, timed};
use crate::report::Report;
use crate::scenario::{self, Figure, SetUp, Who};
use crate::scene::{Scene, connect, runtime};

/// A session whose claim holds a file that does not compress and has no holes.
pub(crate) const SET_UP: SetUp = SetUp {
    who: Who::SessionUser,
    storage: true,
    files: &[MANIFEST],
    commands: &[
        "session create one -f FILE",
        "kubectl exec one -- dd if=/dev/urandom of=/data/file bs=1M count={size} conv=fsync",
    ],
    ..scenario::SET_UP
};

/// No snapshot takes longer.
const LIMIT: Duration = Duration::from_secs(120);
const CLAIM: &str = "data-one";
/// A session with a claim.
const MANIFEST: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-one}
spec: {accessModes: [ReadWriteOnce], storageClassName: CLASS, resources: {requests: {storage: 2Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    command: [sleep, "86400"]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data-one}}]
"#;

/// `snapshot create`; by turns a bare VolumeSnapshot of the same claim, timed from its POST on an open connection until a
/// watch tells that it is ready: what the driver and the snapshot-controller take, and nothing else.
pub(crate) fn measure(scene: &Scene<'_>, report: &mut Report) -> Result<()> {
    let rows = [
        ("driver alone, {size} MiB", Figure::Rival),
        ("snapshot create, {size} MiB", Figure::Rounds(1.1)),
        ("beyond the driver", Figure::Difference),
    ];
    let ours = |round| {
        let name = format!("ours-{round}");
        let line = format!("session snapshot create one --class CLASS --name {name}");
        let took = timed(&mut scene.command(&line)?)?;
        delete(scene, &name)?;
        Ok(took)
    };
    let bare = |round| {
        let name = format!("bare-{round}");
        let took = runtime()?.block_on(async {
            let taken = tokio::time::timeout(LIMIT, taken(scene, &name));
            taken.await.context("it is never ready")?
        })?;
        delete(scene, &name)?;
        Ok(took)
    };
    report.race_of(scene, ("n", "ms", &rows), ours, bare)
}

/// The next one finds the disk as this one did.
fn delete(scene: &Scene<'_>, name: &str) -> Result<()> {
    let status = format!("kubectl get volumesnapshot {name} -o jsonpath={{.status.readyToUse}}");
    let ready = scene.run(&status)?;
    ensure!(ready == "true", "{name} is not ready: {ready:?}");
    scene
        .run(&format!("kubectl delete volumesnapshot {name}"))
        .map(drop)
}

async fn taken(scene: &Scene<'_>, name: &str) -> Result<f64> {
    let cluster = connect(&scene.connection()).await?;
    let place = Scope::Namespace(cluster.namespace());
    let all = ListOptions::default();
    // The connection is open before the clock runs.
    let before = cluster.list(&VOLUME_SNAPSHOT, place, &all).await?;
    let snapshot = json!({
        "apiVersion": VOLUME_SNAPSHOT.api_version(), "kind": "VolumeSnapshot", "metadata": { "name": name },
        "spec": { "volumeSnapshotClassName": SNAPSHOT_CLASS, "source": { "persistentVolumeClaimName": CLAIM } },
    });
    let since = Instant::now();
    let write = WriteOptions::by(session_shared::labels::MANAGER);
    cluster
        .create(&VOLUME_SNAPSHOT, cluster.namespace(), &snapshot, &write)
        .await?;
    let is_ready =
        |object: &Value| Untyped(object).name() == name && object["status"]["readyToUse"] == true;
    let from = Some(before.resource_version.as_str());
    let mut changes = cluster.watch(&VOLUME_SNAPSHOT, place, &all, from, false);
    while let Some(change) = changes.next().await {
        if let WatchChange::Added(object) | WatchChange::Modified(object) = change?
            && is_ready(&object)
        {
            return Ok(milliseconds(since));
        }
    }
    bail!("the watch ended")
}
