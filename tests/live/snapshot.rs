//! Snapshots of real sessions on a CSI driver: what they hold, and how one comes back to them.

use std::io::Write;

use anyhow::{Result, ensure};
use session_cluster::{
    Class, Disturbance, EXPANDABLE_CLASS, FIXED_CLASS, SNAPSHOT_CLASS, StorageOperation,
};

use crate::world::{Output, World};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet("snapshot_files_go_there_and_back", files_go_there_and_back),
        kubelet(
            "snapshot_restored_claims_wait_for_their_pod",
            restored_claims_wait_for_their_pod,
        ),
        kubelet(
            "snapshot_drivers_that_fail_or_hang_are_told_apart",
            drivers_that_fail_or_hang_are_told_apart,
        ),
        kubelet(
            "snapshot_that_was_killed_while_it_paused_is_resumed_by_the_next",
            killed_while_it_paused_is_resumed_by_the_next,
        ),
    ]
}

/// Its hooks leave a trace on the volume: what is cut while it pauses holds it.
const TEMPLATE: &str = include_str!("hooked.yaml");

/// A world with a session `h` of a file, on volumes of a class.
fn with_session(prefix: &str, text: &str, class: &str) -> Result<World> {
    let world = World::installed(prefix)?;
    world.cluster.wait_for_storage()?;
    let class = format!("CLASS={class}");
    let create = |from: &str, what: &str| {
        let words = ["create", "h", from, what, "--set", &class];
        world.session(&words)?.exits(0)
    };
    if text.contains("SessionTemplate") {
        let name = world.namespace.name();
        world.template(name, text)?;
        create("--template", name)?;
    } else {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(text.as_bytes())?;
        create("-f", &file.path().to_string_lossy())?;
    }
    Ok(world)
}

/// Takes a snapshot of `h`; its name.
fn taken(world: &World) -> Result<String> {
    let create = [
        "snapshot",
        "create",
        "h",
        "--class",
        SNAPSHOT_CLASS,
        "-o",
        "name",
    ];
    let made = world.session(&create)?.exits(0)?.stdout;
    let name = made.trim().rsplit('/').next().unwrap_or_default();
    ensure!(name.starts_with("h-20"), "{made}");
    Ok(name.to_owned())
}

fn restored(world: &World, snapshot: &str) -> Result<Output> {
    let words = [
        "snapshot",
        "restore",
        snapshot,
        "--in-place",
        "--class",
        SNAPSHOT_CLASS,
    ];
    world.session(&words)?.exits(0)
}

fn files_go_there_and_back() -> Result<()> {
    let world = with_session("snapshot", TEMPLATE, EXPANDABLE_CLASS)?;
    let read = || world.inside("home-h", "cat /home/file; ls /home");
    world.inside("home-h", "echo first > /home/file")?;
    let first = taken(&world)?;
    ensure!(read()? == "first\nfile\n", "it goes on: {}", read()?);
    world.inside("home-h", "echo second > /home/file")?;
    let listed = world.session(&["snapshot", "list", "h"])?.exits(0)?.stdout;
    ensure!(
        listed.contains(&first)
            && listed.contains("home-h   true    64Mi")
            && listed.contains(SNAPSHOT_CLASS),
        "{listed}"
    );
    let words = ["snapshot", "restore", &first, "--in-place"];
    let runs = world.session(&words)?.exits(1)?;
    ensure!(
        runs.stderr
            .contains("error: cannot restore session \"h\" in place: session is not stopped"),
        "{runs:?}"
    );

    world.session(&["stop", "h"])?.exits(0)?;
    let back = restored(&world, &first)?;
    ensure!(
        back.stdout == "session.streaming.platform/h restored\n",
        "{back:?}"
    );
    let second = back.stderr.split('"').nth(1).unwrap_or_default();
    world.session(&["start", "h"])?.exits(0)?;
    ensure!(
        read()? == "first\nfile\nfrozen\n",
        "it was cut while it paused: {}",
        read()?
    );

    world.session(&["stop", "h"])?.exits(0)?;
    restored(&world, second)?;
    world.session(&["start", "h"])?.exits(0)?;
    ensure!(read()? == "second\nfile\n", "{}", read()?);

    let status = world.session(&["status", "h"])?.exits(0)?.stdout;
    ensure!(
        status.contains(&format!("VolumeSnapshot/{first}: ready, 64Mi")),
        "{status}"
    );
    let pruned = world
        .session(&["snapshot", "prune", "h", "--keep", "1", "-y"])?
        .exits(0)?;
    ensure!(
        pruned.stdout.lines().count() == 2 && pruned.stdout.contains(&first),
        "{pruned:?}"
    );
    copied(&world)?;
    world.session(&["delete", "h", "-y"])?.exits(0)?;
    let left = world
        .session(&["snapshot", "list", "h", "-o", "name"])?
        .exits(0)?
        .stdout;
    ensure!(left.lines().count() == 1, "it outlives its session: {left}");
    world
        .session(&["snapshot", "delete", left.trim(), "-y"])?
        .exits(0)?;
    let name = world.namespace.name();
    world.session(&["template", "delete", name])?.exits(0)?;
    Ok(())
}

/// A session `copy` of a snapshot of `h`, and a clone of what `h` holds now.
fn copied(world: &World) -> Result<()> {
    let snapshot = taken(world)?;
    world.inside("home-h", "echo third > /home/file")?;
    let into = ["snapshot", "restore", &snapshot, "--into", "copy"];
    world.session(&into)?.exits(0)?;
    let clone = [
        "snapshot",
        "clone",
        "h",
        "twin",
        "--class",
        SNAPSHOT_CLASS,
        "--storage",
        "128Mi",
    ];
    world.session(&clone)?.exits(0)?;
    world.session(&["start", "copy", "twin"])?.exits(0)?;
    for (pod, content) in [
        ("home-copy", "second\n"),
        ("home-twin", "third\n"),
        ("home-h", "third\n"),
    ] {
        let read = world.inside(pod, "cat /home/file")?;
        ensure!(read == content, "{pod}: {read}");
    }
    let path = [
        "get",
        "pvc",
        "home-twin",
        "-o",
        "jsonpath={.status.capacity.storage}",
    ];
    let size = world.namespace.kubectl(&path, None)?;
    ensure!(size == "128Mi", "{size}");
    world
        .session(&["delete", "copy", "twin", "--delete-data", "-y"])?
        .exits(0)?;
    world
        .session(&["snapshot", "prune", "h", "--keep", "1", "-y"])?
        .exits(0)?;
    Ok(())
}

/// A StatefulSet, whose claim is made by its controller.
const NOTES: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: "notes-${SESSION_ID}"}
spec:
  serviceName: notes
  selector: {matchLabels: {app: notes}}
  template:
    metadata: {labels: {app: notes}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: main
        image: localhost/busybox:1
        imagePullPolicy: Never
        command: [sleep, "3600"]
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: "${CLASS}", resources: {requests: {storage: 64Mi}}}
"#;

fn restored_claims_wait_for_their_pod() -> Result<()> {
    let world = with_session("snapshot-waits", NOTES, FIXED_CLASS)?;
    world.inside(
        "notes-h-0",
        "umask 077; mkdir /data/deep; echo first > /data/deep/file",
    )?;
    let first = taken(&world)?;
    world.inside("notes-h-0", "rm -r /data/deep")?;
    world.session(&["stop", "h"])?.exits(0)?;
    let back = restored(&world, &first)?;
    ensure!(
        back.stderr
            .contains("claim data-notes-h-0 stays Pending until the next start"),
        "{back:?}"
    );
    world.session(&["start", "h"])?.exits(0)?;
    let read = world.inside("notes-h-0", "cat /data/deep/file; stat -c %a /data/deep")?;
    ensure!(read == "first\n700\n", "{read}");
    world
        .namespace
        .kubectl(&["delete", "volumesnapshots", "--all"], None)?;
    Ok(())
}

fn drivers_that_fail_or_hang_are_told_apart() -> Result<()> {
    let world = with_session("snapshot-faults", TEMPLATE, EXPANDABLE_CLASS)?;
    let on = |how| Class::default().on(StorageOperation::Snapshot, how);
    let fails = on(Disturbance::Fail("INTERNAL", "the array is on fire"));
    let fails = world.cluster.snapshot_class("snapshot-fails", &fails)?;
    let hangs = world
        .cluster
        .snapshot_class("snapshot-hangs", &on(Disturbance::Hang))?;
    for (class, said) in [
        (fails.name(), "the array is on fire"),
        (hangs.name(), "cut, but not ready to use yet"),
        (
            "no-such-class",
            "error: VolumeSnapshotClass \"no-such-class\" does not exist\n",
        ),
    ] {
        let create = [
            "snapshot",
            "create",
            "h",
            "--class",
            class,
            "--timeout",
            "10s",
        ];
        let failed = world.session(&create)?.exits(1)?;
        ensure!(failed.stderr.contains(said), "{class}: {failed:?}");
        let left = world.inside("home-h", "ls /home")?;
        ensure!(left.is_empty(), "{class}: it goes on: {left}");
    }
    let left = world
        .session(&["snapshot", "list", "h", "-o", "wide"])?
        .exits(0)?
        .stdout;
    ensure!(
        left.lines().count() == 2 && left.contains(hangs.name()),
        "{left}"
    );
    world
        .namespace
        .kubectl(&["delete", "volumesnapshots", "--all"], None)?;
    let name = world.namespace.name();
    world.session(&["delete", "h", "--delete-data", "-y"])?;
    world.session(&["template", "delete", name])?.exits(0)?;
    Ok(())
}

fn killed_while_it_paused_is_resumed_by_the_next() -> Result<()> {
    let world = with_session("snapshot-killed", TEMPLATE, EXPANDABLE_CLASS)?;
    let fails = Disturbance::Fail("INTERNAL", "the array is on fire");
    let fails = Class::default().on(StorageOperation::Snapshot, fails);
    let fails = world.cluster.snapshot_class("snapshot-killed", &fails)?;
    let create = ["snapshot", "create", "h", "--class", fails.name()];
    let mut running = world.command(&create).spawn()?;
    // It pauses for as long as the driver may go on failing.
    let frozen = "until test -e /home/frozen; do sleep 0.1; done";
    let seen = world.inside("home-h", frozen);
    running.kill()?;
    let how = running.wait()?;
    seen?;
    ensure!(how.code().is_none(), "it had ended: {how}");
    let left = world.inside("home-h", "ls /home")?;
    ensure!(left == "frozen\n", "nobody has resumed it: {left}");
    taken(&world)?;
    let left = world.inside("home-h", "ls /home")?;
    ensure!(left.is_empty(), "the next one has: {left}");
    // The one that failed would hold its claim.
    world
        .namespace
        .kubectl(&["delete", "volumesnapshots", "--all"], None)?;
    world
        .session(&["delete", "h", "--delete-data", "-y"])?
        .exits(0)?;
    let name = world.namespace.name();
    world.session(&["template", "delete", name])?.exits(0)?;
    Ok(())
}
