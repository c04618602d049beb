//! `cleanup` of real sessions: time that is over, objects that a deletion left, and data that stays through all of it.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Result, ensure};
use session_cluster::{Class, EXPANDABLE_CLASS};

use crate::home::Home;
use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "cleanup_ends_what_is_over_and_keeps_data",
            ends_what_is_over_and_keeps_data,
        ),
        kubelet(
            "cleanup_deletes_what_retained_snapshots_have_left",
            deletes_what_retained_snapshots_have_left,
        ),
        kubelet(
            "cleanup_takes_nothing_of_what_is_being_made",
            takes_nothing_of_what_is_being_made,
        ),
    ]
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

/// Name of the content of a snapshot.
fn content_of(world: &World, snapshot: &str) -> Result<String> {
    let path = "jsonpath={.status.boundVolumeSnapshotContentName}";
    let words = ["get", "volumesnapshot", snapshot, "-o", path];
    world.namespace.kubectl(&words, None)
}

fn content(world: &World, name: &str, path: &str) -> Result<String> {
    let path = format!("jsonpath={path}");
    let words = ["get", "volumesnapshotcontent", name, "-o", &path];
    world.cluster.kubectl_ok(&words, None)
}

fn deletes_what_retained_snapshots_have_left() -> Result<()> {
    let world = World::installed("cleanup-contents")?;
    let retains = world
        .cluster
        .snapshot_class("cleanup-retains", &Class::default().retain())?;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(NOTES.as_bytes())?;
    let path = file.path().to_str().unwrap_or_default();
    let class = format!("CLASS={EXPANDABLE_CLASS}");
    let create = ["create", "h", "-f", path, "--set", &class];
    world.session(&create)?.exits(0)?;
    let take = |name| {
        let class = retains.name();
        let words = ["snapshot", "create", "h", "--class", class, "--name", name];
        world.session(&words)?.exits(0)
    };
    take("first")?;
    take("second")?;
    let foreign = format!(
        "apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {{name: h-20260101-120000}}\n\
         spec: {{volumeSnapshotClassName: {}, source: {{persistentVolumeClaimName: notes-h}}}}\n",
        retains.name()
    );
    world
        .namespace
        .kubectl(&["apply", "-f", "-"], Some(&foreign))?;
    let ready = "--for=jsonpath={.status.readyToUse}=true";
    let wait = ["wait", "volumesnapshots", "--all", ready, "--timeout=60s"];
    world.namespace.kubectl(&wait, None)?;
    let (first, second, foreign) = (
        content_of(&world, "first")?,
        content_of(&world, "second")?,
        content_of(&world, "h-20260101-120000")?,
    );
    let folder = |name: &str| -> Result<std::path::PathBuf> {
        let claim = world
            .cluster
            .claim_folder(world.namespace.name(), "notes-h")?;
        let state = claim.ancestors().nth(3).map(std::path::Path::to_owned);
        let handle = content(&world, name, "{.status.snapshotHandle}")?;
        Ok(state.unwrap_or_default().join("snapshots").join(handle))
    };
    let folders = [folder(&first)?, folder(&second)?, folder(&foreign)?];
    // Whose it is has been written on it, while that could be known; a cleanup does it again where that was not allowed.
    let unlabel = [
        "streaming.platform/session-",
        "app.kubernetes.io/managed-by-",
    ];
    let label = ["label", "volumesnapshotcontent", &second];
    world
        .cluster
        .kubectl_ok(&[&label[..], &unlabel].concat(), None)?;
    let sweep = ["cleanup", "--snapshot-contents", "-y"];
    let labelled = world.session(&sweep)?.exits(0)?;
    let lines = format!("{second} labeled\n1 labeled\n");
    ensure!(labelled.stdout.ends_with(&lines), "{labelled:?}");
    // Their snapshots go, and what they hold stays.
    let gone = "first,second".split(',').chain(["h-20260101-120000"]);
    for name in gone {
        let delete = ["delete", "volumesnapshot", name, "--timeout=60s"];
        world.namespace.kubectl(&delete, None)?;
    }
    let told = world.session(&["cleanup", "--all", "-y"])?.exits(0)?;
    for name in [&first, &second, &foreign] {
        let line = format!("leave    volumesnapshotcontent/{name}");
        ensure!(told.stdout.contains(&line), "{told:?}");
    }
    let agree = world.session(&sweep[..2])?.exits(1)?;
    ensure!(
        agree.stderr.contains("cleanup needs confirmation"),
        "{agree:?}"
    );
    ensure!(folders.iter().all(|folder| folder.is_dir()), "{folders:?}");
    let swept = world.session(&sweep)?.exits(0)?;
    ensure!(swept.stdout.ends_with("2 deleted\n"), "{swept:?}");
    for name in [&first, &second] {
        let object = format!("volumesnapshotcontent/{name}");
        let wait = ["wait", "--for=delete", &object, "--timeout=60s"];
        world.cluster.kubectl_ok(&wait, None)?;
    }
    // The driver's data went with them, and nobody else's.
    ensure!(!folders[0].exists() && !folders[1].exists(), "{folders:?}");
    ensure!(folders[2].is_dir(), "{folders:?}");
    let policy = content(&world, &foreign, "{.spec.deletionPolicy}")?;
    ensure!(policy == "Retain", "{policy}");
    let own = r#"{"spec": {"deletionPolicy": "Delete"}}"#;
    let kind = "volumesnapshotcontent";
    let patch = ["patch", kind, &foreign, "--type=merge", "-p", own];
    world.cluster.kubectl_ok(&patch, None)?;
    world
        .cluster
        .kubectl_ok(&["delete", kind, &foreign], None)?;
    world
        .session(&["delete", "h", "--delete-data", "-y"])?
        .exits(0)?;
    Ok(())
}

/// Creates, with a cleanup of everything beside them that never rests.
fn takes_nothing_of_what_is_being_made() -> Result<()> {
    let world = World::installed("cleanup-race")?;
    world.cluster.wait_for_storage()?;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(NOTES.as_bytes())?;
    let path = file.path().to_str().unwrap_or_default();
    let class = format!("CLASS={EXPANDABLE_CLASS}");
    let create = |name| {
        let words = ["create", name, "-f", path, "--set", &class];
        world.session(&words)?.exits(0)
    };
    // One of them takes its claim up again.
    create("a")?;
    world.session(&["delete", "a"])?.exits(0)?;
    let gone = ["wait", "--for=delete", "service/notes-a", "--timeout=60s"];
    world.namespace.kubectl(&gone, None)?;
    let sweep = ["cleanup", "--all", "--interval", "1ms", "-y"];
    let mut sweeping = world.command(&sweep).stdout(Stdio::piped()).spawn()?;
    let made = ["a", "b", "c"].map(create);
    let running = sweeping.try_wait()?.is_none();
    sweeping.kill()?;
    let swept = sweeping.wait_with_output()?;
    made.into_iter().collect::<Result<Vec<_>>>()?;
    ensure!(running && swept.stdout.is_empty(), "{swept:?}");
    let delete = ["delete", "--all", "--delete-data", "-y"];
    world.session(&delete)?.exits(0)?;
    Ok(())
}
