//! `cleanup` of real sessions: time that is over, objects that a deletion left, and data that stays through all of it.

use anyhow::{Result, ensure};

use crate::home::Home;
use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![kubelet(
        "cleanup_ends_what_is_over_and_keeps_data",
        ends_what_is_over_and_keeps_data,
    )]
}

/// A Pod with a Service and a claim.
const NOTES: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "notes-${SESSION_ID}"}
spec: {accessModes: [ReadWriteOnce], storageClassName: "${CLASS}", resources: {requests: {storage: 64Mi}}}
---
apiVersion: v1
kind: Service
metadata: {name: "notes-${SESSION_ID}"}
spec: {selector: {app: notes}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: "notes-${SESSION_ID}", labels: {app: notes}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    command: [sleep, "3600"]
    volumeMounts: [{name: notes, mountPath: /notes}]
  volumes: [{name: notes, persistentVolumeClaim: {claimName: "notes-${SESSION_ID}"}}]
"#;

fn ends_what_is_over_and_keeps_data() -> Result<()> {
    let world = World::installed("cleanup")?;
    let home = Home::made(&world, "h", NOTES)?;
    home.inside("notes-h", "echo kept > /notes/file")?;
    let nothing = world.session(&["cleanup", "--all", "-y"])?.exits(0)?;
    ensure!(nothing.stdout.is_empty(), "{nothing:?}");
    // Its time is over.
    let over = r#"{"status": {"expiresAt": "2020-01-01T00:00:00Z"}}"#;
    let patch = [
        "patch",
        "session",
        "h",
        "--subresource=status",
        "--type=merge",
        "-p",
        over,
    ];
    world.namespace.kubectl(&patch, None)?;
    let refused = world.session(&["cleanup", "--expired"])?.exits(1)?;
    ensure!(refused.stdout.contains("stop     session/h"), "{refused:?}");
    let ended = world.session(&["cleanup", "--expired", "-y"])?.exits(0)?;
    let lines = "session.streaming.platform/h stopped\n1 stopped\n";
    ensure!(ended.stdout.ends_with(lines), "{ended:?}");
    ensure!(home.phase()? == "stopped", "{}", home.phase()?);
    // Its Session goes, and nothing else does.
    world.session(&["start", "h"])?.exits(0)?;
    let delete = ["delete", "session", "h", "--cascade=orphan"];
    world.namespace.kubectl(&delete, None)?;
    let swept = world.session(&["cleanup", "--all", "-y"])?.exits(0)?;
    ensure!(swept.stdout.ends_with("2 deleted\n"), "{swept:?}");
    let gone = ["wait", "--for=delete", "pod/notes-h", "--timeout=60s"];
    world.namespace.kubectl(&gone, None)?;
    let kinds = "pods,services,persistentvolumeclaims";
    let left = world
        .namespace
        .kubectl(&["get", kinds, "-o", "name"], None)?;
    ensure!(left == "persistentvolumeclaim/notes-h\n", "{left}");
    // The same name takes its data up again, and a plain deletion has put no date on it.
    world.session(&home.create(&[]))?.exits(0)?;
    let file = home.inside("notes-h", "cat /notes/file")?;
    ensure!(file == "kept\n", "{file}");
    world.session(&["delete", "h"])?.exits(0)?;
    let young = world
        .session(&["cleanup", "--kept-older-than", "1h", "-y"])?
        .exits(0)?;
    ensure!(young.stdout.is_empty(), "{young:?}");
    let long_ago = [
        "annotate",
        "persistentvolumeclaim",
        "notes-h",
        "--overwrite",
        "streaming.platform/kept-since=2020-01-01T00:00:00Z",
    ];
    world.namespace.kubectl(&long_ago, None)?;
    let old = world
        .session(&["cleanup", "--kept-older-than", "1h", "-y"])?
        .exits(0)?;
    ensure!(old.stdout.ends_with("1 deleted\n"), "{old:?}");
    Ok(())
}
