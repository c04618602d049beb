//! Data that outlives its session on a real CSI driver: kept, saved in a snapshot, taken up again, never lost by the way.

use anyhow::{Result, ensure};
use session_cluster::{Class, Disturbance, FIXED_CLASS, SNAPSHOT_CLASS, StorageOperation};

use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "keeping_is_found_and_taken_up_by_its_owner_alone",
            is_found_and_taken_up_by_its_owner_alone,
        ),
        kubelet(
            "keeping_survives_a_plain_deletion",
            survives_a_plain_deletion,
        ),
        kubelet(
            "keeping_a_snapshot_brings_files_and_password_back",
            a_snapshot_brings_files_and_password_back,
        ),
        kubelet(
            "keeping_a_failing_snapshot_deletes_nothing",
            a_failing_snapshot_deletes_nothing,
        ),
        kubelet("keeping_claims_of_a_statefulset", claims_of_a_statefulset),
    ]
}

/// A claim, a password that is generated, and a Pod that is ready as long as it runs.
const TEMPLATE: &str = r#"
apiVersion: streaming.platform/v1
kind: SessionTemplate
metadata: {name: NAME}
spec:
  parameters:
  - {name: CLASS, type: string, default: session-fast}
  - {name: PASSWORD, type: secret, generate: {length: 16}}
  manifest: |
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: "home-${SESSION_ID}"}
    spec: {accessModes: [ReadWriteOnce], storageClassName: "${CLASS}", resources: {requests: {storage: 64Mi}}}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: "home-${SESSION_ID}"}
    stringData: {password: "${PASSWORD}"}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: "home-${SESSION_ID}"}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: main
        image: localhost/busybox:1
        imagePullPolicy: Never
        command: [sleep, "3600"]
        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: "home-${SESSION_ID}", key: password}}}]
        volumeMounts: [{name: home, mountPath: /home}]
      volumes: [{name: home, persistentVolumeClaim: {claimName: "home-${SESSION_ID}"}}]
"#;

/// A StatefulSet, whose claim is made, or found, by its controller.
const NOTES: &str = r#"
apiVersion: streaming.platform/v1
kind: SessionTemplate
metadata: {name: NAME}
spec:
  manifest: |
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
            volumeMounts: [{name: data, mountPath: /home}]
      volumeClaimTemplates:
      - metadata: {name: data}
        spec: {accessModes: [ReadWriteOnce], storageClassName: CLASS, resources: {requests: {storage: 64Mi}}}
"#;

/// What a session of this test holds.
const READ: &str = "cat /home/file; echo $PASSWORD";

/// A world with a template of its name, and a session `h` of it that holds a file; what it holds.
fn with_session(prefix: &str) -> Result<(World, String)> {
    let world = World::installed(prefix)?;
    world.cluster.wait_for_storage()?;
    world.template(world.namespace.name(), TEMPLATE)?;
    create(&world)?;
    world.inside("home-h", "echo work > /home/file")?;
    let held = world.inside("home-h", READ)?;
    ensure!(held.starts_with("work\n") && held.len() == 22, "{held}");
    Ok((world, held))
}

fn create(world: &World) -> Result<()> {
    let words = ["create", "h", "--template", world.namespace.name()];
    world.session(&words)?.exits(0)?;
    Ok(())
}

/// Names of what there is of some kinds.
fn names(world: &World, kinds: &str) -> Result<String> {
    let words = [
        "get",
        kinds,
        "-o",
        "name",
        "-l",
        "streaming.platform/session=h",
    ];
    world.namespace.kubectl(&words, None)
}

/// What `list --kept` says.
fn kept(world: &World) -> Result<String> {
    Ok(world.session(&["list", "--kept"])?.exits(0)?.stdout)
}

fn end(world: &World) -> Result<()> {
    let delete = ["delete", "h", "--delete-data", "-y", "--ignore-not-found"];
    world.session(&delete)?.exits(0)?;
    world
        .session(&["template", "delete", world.namespace.name()])?
        .exits(0)?;
    Ok(())
}

fn is_found_and_taken_up_by_its_owner_alone() -> Result<()> {
    let (world, held) = with_session("keeping")?;
    ensure!(kept(&world)?.is_empty(), "it exists: {}", kept(&world)?);
    world.session(&["delete", "h"])?.exits(0)?;
    let data = "persistentvolumeclaim/home-h\nsecret/session-h-parameters\n";
    let left = names(&world, "pvc,secrets,pods,sessions")?;
    ensure!(left == data, "{left}");
    let found = kept(&world)?;
    ensure!(
        found.contains("persistentvolumeclaim/home-h")
            && found.contains("secret/session-h-parameters"),
        "{found}"
    );
    ensure!(!found.contains("<unknown>"), "{found}");
    // Another user, and another template of the same claim.
    let template = world.namespace.name().to_owned();
    let other = format!("{template}-other");
    world.template(&other, TEMPLATE)?;
    for (words, said) in [
        (
            [
                "create",
                "h",
                "--template",
                &template,
                "--user-id",
                "mallory@example.com",
            ]
            .as_slice(),
            "is not part of session \"h\"",
        ),
        (
            ["create", "h", "--template", &other].as_slice(),
            "kept by a session of template",
        ),
    ] {
        let refused = world.session(words)?.exits(1)?;
        ensure!(refused.stderr.contains(said), "{refused:?}");
        let left = names(&world, "pvc,secrets,pods,sessions")?;
        ensure!(left == data, "{left}");
    }
    world.session(&["template", "delete", &other])?.exits(0)?;
    create(&world)?;
    let read = world.inside("home-h", READ)?;
    ensure!(read == held, "{read} instead of {held}");
    ensure!(kept(&world)?.is_empty(), "it is in use: {}", kept(&world)?);
    let refused = world.session(&["delete", "h", "--delete-data"])?.exits(1)?;
    ensure!(refused.stderr.contains("-y"), "{refused:?}");
    ensure!(world.inside("home-h", READ)? == held, "nothing was written");
    end(&world)?;
    let left = names(&world, "pvc,secrets,pods,sessions")?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

fn survives_a_plain_deletion() -> Result<()> {
    let (world, held) = with_session("keeping-plain")?;
    let plain = ["delete", "session", "h", "--cascade=foreground"];
    world.namespace.kubectl(&plain, None)?;
    let gone = ["wait", "--for=delete", "pod/home-h", "--timeout=60s"];
    world.namespace.kubectl(&gone, None)?;
    let data = "persistentvolumeclaim/home-h\nsecret/session-h-parameters\n";
    let left = names(&world, "pvc,secrets,pods,sessions")?;
    ensure!(left == data, "{left}");
    let found = kept(&world)?;
    ensure!(found.matches("<unknown>").count() == 2, "{found}");
    // Its age counts from the first cleanup that sees it, however old it is.
    let sweep = ["cleanup", "--kept-older-than", "1h", "-y"];
    let dated = world.session(&sweep)?.exits(0)?;
    ensure!(dated.stdout.ends_with("2 dated\n"), "{dated:?}");
    let again = world.session(&sweep)?.exits(0)?;
    ensure!(again.stdout.is_empty(), "{again:?}");
    let all = world.session(&["cleanup", "--all", "-y"])?.exits(0)?;
    ensure!(all.stdout.is_empty(), "{all:?}");
    ensure!(names(&world, "pvc,secrets")? == data, "it stays");
    ensure!(!kept(&world)?.contains("<unknown>"), "{}", kept(&world)?);
    create(&world)?;
    let read = world.inside("home-h", READ)?;
    ensure!(read == held, "{read} instead of {held}");
    end(&world)
}

fn a_snapshot_brings_files_and_password_back() -> Result<()> {
    let (world, held) = with_session("keeping-snapshot")?;
    let delete = ["delete", "h", "--snapshot-data", "--class", SNAPSHOT_CLASS];
    let deleted = world.session(&delete)?.exits(0)?;
    let snapshot = deleted
        .stderr
        .split_once("saved: snapshot/")
        .and_then(|(_, rest)| rest.split(',').next())
        .unwrap_or_default();
    ensure!(snapshot.starts_with("h-20"), "{deleted:?}");
    let left = names(&world, "pvc,secrets,pods,sessions,volumesnapshots")?;
    let stays =
        format!("secret/session-h-parameters\nvolumesnapshot.snapshot.storage.k8s.io/{snapshot}\n");
    ensure!(left == stays, "{left}");
    let ready = [
        "get",
        "volumesnapshot",
        snapshot,
        "-o",
        "jsonpath={.status.readyToUse}",
    ];
    ensure!(
        world.namespace.kubectl(&ready, None)? == "true",
        "{snapshot}"
    );
    ensure!(kept(&world)?.contains(snapshot), "{}", kept(&world)?);
    // The password is not older than what it opens.
    let sweep = ["cleanup", "--kept-older-than", "1s", "-y"];
    let swept = world.session(&sweep)?.exits(0)?;
    ensure!(swept.stdout.is_empty(), "{swept:?}");
    let restore = ["snapshot", "restore", snapshot, "--into", "h"];
    world.session(&restore)?.exits(0)?;
    world.session(&["start", "h"])?.exits(0)?;
    let read = world.inside("home-h", READ)?;
    ensure!(read == held, "{read} instead of {held}");
    world
        .session(&["snapshot", "delete", snapshot, "-y"])?
        .exits(0)?;
    end(&world)?;
    let left = names(&world, "pvc,secrets,pods,sessions,volumesnapshots")?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

fn a_failing_snapshot_deletes_nothing() -> Result<()> {
    let (world, held) = with_session("keeping-faults")?;
    let pod = ["get", "pod", "home-h", "-o", "jsonpath={.metadata.uid}"];
    let uid = world.namespace.kubectl(&pod, None)?;
    let on = |how| Class::default().on(StorageOperation::Snapshot, how);
    let fails = on(Disturbance::Fail("INTERNAL", "the array is on fire"));
    let fails = world.cluster.snapshot_class("keeping-fails", &fails)?;
    let hangs = on(Disturbance::Hang);
    let hangs = world.cluster.snapshot_class("keeping-hangs", &hangs)?;
    for (class, said) in [
        (fails.name(), "the array is on fire"),
        (hangs.name(), "cut, but not ready to use yet"),
        (
            "no-such-class",
            "VolumeSnapshotClass \"no-such-class\" does not exist",
        ),
    ] {
        let delete = [
            "delete",
            "h",
            "--snapshot-data",
            "--class",
            class,
            "--timeout",
            "10s",
        ];
        let failed = world.session(&delete)?.exits(1)?;
        ensure!(
            failed.stdout.is_empty() && failed.stderr.contains(said),
            "{failed:?}"
        );
        ensure!(failed.stderr.contains("--keep-data"), "{failed:?}");
        ensure!(world.inside("home-h", READ)? == held, "{class}");
        ensure!(
            world.namespace.kubectl(&pod, None)? == uid,
            "{class}: it still runs"
        );
    }
    // The one that hangs is found by name, and can be taken away.
    let list = ["snapshot", "list", "h", "-o", "name"];
    let left = world.session(&list)?.exits(0)?.stdout;
    ensure!(left.lines().count() == 1, "{left}");
    let drop = ["snapshot", "delete", left.trim(), "-y", "--wait=false"];
    world.session(&drop)?.exits(0)?;
    end(&world)
}

fn claims_of_a_statefulset() -> Result<()> {
    let world = World::installed("keeping-set")?;
    world.cluster.wait_for_storage()?;
    let template = world.namespace.name().to_owned();
    world.template(&template, &NOTES.replace("CLASS", FIXED_CLASS))?;
    create(&world)?;
    world.inside("notes-h-0", "echo work > /home/file")?;
    world.session(&["delete", "h"])?.exits(0)?;
    let claim = "persistentvolumeclaim/data-notes-h-0";
    ensure!(kept(&world)?.contains(claim), "{}", kept(&world)?);
    let other = [
        "create",
        "h",
        "--template",
        &template,
        "--user-id",
        "mallory@example.com",
    ];
    let refused = world.session(&other)?.exits(1)?;
    ensure!(
        refused.stderr.contains("is not part of session \"h\""),
        "{refused:?}"
    );
    create(&world)?;
    let read = world.inside("notes-h-0", "cat /home/file")?;
    ensure!(read == "work\n", "{read}");
    let since = ["get", claim, "-o", "jsonpath={.metadata.annotations}"];
    let annotations = world.namespace.kubectl(&since, None)?;
    ensure!(!annotations.contains("kept-since"), "{annotations}");
    end(&world)
}
