//! The embedded cluster's storage: volumes that are claimed, grown, copied and snapshotted, and classes that disturb it.
//! What is tested is the cluster, so kubectl acts here, not our verbs.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use session_cluster::{
    Class, Disturbance, EXPANDABLE_CLASS, FIXED_CLASS, Part, SNAPSHOT_CLASS, StorageOperation,
    check_csi_driver,
};

use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet("csi_sanity_finds_no_fault", sanity_finds_no_fault),
        kubelet(
            "csi_files_pass_through_snapshot_restore_and_clone",
            files_pass_through_snapshot_restore_and_clone,
        ),
        kubelet(
            "csi_a_claim_grows_under_its_pod",
            a_claim_grows_under_its_pod,
        ),
        kubelet(
            "csi_a_class_can_wait_for_the_first_consumer",
            a_class_can_wait_for_the_first_consumer,
        ),
        kubelet(
            "csi_classes_make_volumes_slow_or_failing",
            classes_make_volumes_slow_or_failing,
        ),
        kubelet(
            "csi_classes_make_snapshots_slow_or_failing",
            classes_make_snapshots_slow_or_failing,
        ),
        kubelet(
            "csi_a_killed_driver_loses_nothing",
            a_killed_driver_loses_nothing,
        ),
    ]
}

/// How slow a slow class is. Nothing waits for it but what is slow.
const DELAY: Duration = Duration::from_secs(2);

/// csi-sanity skips what a driver does not claim: fewer would mean that the driver claims less than the tests need.
const FEWEST_SPECS: u32 = 59;

fn sanity_finds_no_fault() -> Result<()> {
    let result = check_csi_driver()?;
    eprintln!("csi-sanity: {}", result.replace('\n', "\ncsi-sanity: "));
    let passed = result
        .split_once("SUCCESS! -- ")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<u32>().ok())
        .with_context(|| format!("no result in {result:?}"))?;
    ensure!(
        passed >= FEWEST_SPECS && result.contains("| 0 Failed |"),
        "{result}"
    );
    Ok(())
}

fn files_pass_through_snapshot_restore_and_clone() -> Result<()> {
    let world = with_storage("csi-copies")?;
    claim(&world, "data", EXPANDABLE_CLASS, "1Gi", &Value::Null)?;
    pod(
        &world,
        "writer",
        "data",
        "umask 077; mkdir /data/deep; echo first > /data/deep/file; ln -s deep/file /data/link",
    )?;
    let original = world.cluster.claim_folder(world.namespace.name(), "data")?;
    ensure!(std::fs::read_to_string(original.join("deep/file"))? == "first\n");

    snapshot(&world, "cut", "data", SNAPSHOT_CLASS)?;
    ready(&world, "cut")?;
    exec(&world, "writer", "echo second > /data/deep/file")?;
    let from_snapshot =
        json!({ "apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "cut" });
    let from_claim = json!({ "kind": "PersistentVolumeClaim", "name": "data" });
    claim(&world, "restored", EXPANDABLE_CLASS, "1Gi", &from_snapshot)?;
    claim(&world, "cloned", EXPANDABLE_CLASS, "2Gi", &from_claim)?;
    claim(&world, "smaller", EXPANDABLE_CLASS, "512Mi", &from_snapshot)?;
    for (name, size, content) in [
        ("restored", "1Gi", "first\n"),
        ("cloned", "2Gi", "second\n"),
    ] {
        bound(&world, name)?;
        ensure!(status(&world, "pvc", name)?["capacity"]["storage"] == size);
        let folder = world.cluster.claim_folder(world.namespace.name(), name)?;
        ensure!(
            std::fs::read_to_string(folder.join("link"))? == content,
            "{name}"
        );
        let (old, new) = (
            original.join("deep").metadata()?,
            folder.join("deep").metadata()?,
        );
        ensure!(
            old.permissions() == new.permissions() && old.modified()? == new.modified()?,
            "{name}"
        );
    }
    let refused = event(&world, "smaller", "ProvisioningFailed")?;
    ensure!(refused.contains("is less than the size"), "{refused}");
    let cut = status(&world, "volumesnapshot", "cut")?;
    ensure!(cut["restoreSize"] == "1Gi", "{cut}");

    // A snapshot outlives its volume, of which nothing is left.
    let volume = world.namespace.kubectl(
        &["get", "pvc", "data", "-o", "jsonpath=pv/{.spec.volumeName}"],
        None,
    )?;
    delete(&world, &["pod/writer", "pvc/data"])?;
    world
        .cluster
        .kubectl_ok(&["wait", "--for=delete", &volume, "--timeout=60s"], None)?;
    ensure!(!original.exists());
    ensure!(status(&world, "volumesnapshot", "cut")?["readyToUse"] == true);
    Ok(())
}

fn a_claim_grows_under_its_pod() -> Result<()> {
    let world = with_storage("csi-grows")?;
    claim(&world, "data", EXPANDABLE_CLASS, "1Gi", &Value::Null)?;
    pod(
        &world,
        "user",
        "data",
        "dd if=/dev/zero of=/data/full bs=1M count=3",
    )?;
    let started = status(&world, "pod", "user")?["containerStatuses"][0]["containerID"].clone();
    let grow = r#"{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#;
    world
        .namespace
        .kubectl(&["patch", "pvc", "data", "-p", grow], None)?;
    world.namespace.kubectl(
        &[
            "wait",
            "pvc/data",
            "--for=jsonpath={.status.capacity.storage}=2Gi",
            "--timeout=60s",
        ],
        None,
    )?;
    let (size, used) = world
        .cluster
        .claim_use(world.namespace.name(), "data", |size, used| {
            size == 2 << 30 && used >= 3 << 20
        })?;
    ensure!(
        used < 4 << 20,
        "{used} of {size} bytes are used by a file of 3 MiB"
    );
    let after = status(&world, "pod", "user")?;
    ensure!(
        after["containerStatuses"][0]["containerID"] == started
            && after["containerStatuses"][0]["restartCount"] == 0
    );

    claim(&world, "fixed", FIXED_CLASS, "1Gi", &Value::Null)?;
    pod(&world, "fixed", "fixed", "true")?;
    let error = world
        .namespace
        .kubectl(&["patch", "pvc", "fixed", "-p", grow], None)
        .expect_err("the class cannot expand");
    ensure!(format!("{error:#}").contains("forbidden"), "{error:#}");
    Ok(())
}

fn a_class_can_wait_for_the_first_consumer() -> Result<()> {
    let world = with_storage("csi-waits")?;
    claim(&world, "data", FIXED_CLASS, "1Gi", &Value::Null)?;
    event(&world, "data", "WaitForFirstConsumer")?;
    ensure!(status(&world, "pvc", "data")?["phase"] == "Pending");
    pod(&world, "user", "data", "echo here > /data/file")?;
    bound(&world, "data")?;
    let folder = world.cluster.claim_folder(world.namespace.name(), "data")?;
    ensure!(std::fs::read_to_string(folder.join("file"))? == "here\n");
    Ok(())
}

fn classes_make_volumes_slow_or_failing() -> Result<()> {
    let world = with_storage("csi-faults")?;
    let full = Class::default()
        .expandable()
        .on(
            StorageOperation::Create,
            Disturbance::FailTimes(2, "RESOURCE_EXHAUSTED", "the pool is full"),
        )
        .on(
            StorageOperation::Expand,
            Disturbance::Fail("OUT_OF_RANGE", "larger than any disk here"),
        );
    let full = world.cluster.storage_class("csi-full", &full)?;
    let slow = Class::default().on(StorageOperation::Create, Disturbance::Delay(DELAY));
    let slow = world.cluster.storage_class("csi-slow", &slow)?;
    let hang = world.cluster.storage_class(
        "csi-hang",
        &Class::default().on(StorageOperation::Create, Disturbance::Hang),
    )?;
    let begin = SystemTime::now();
    claim(&world, "slow", slow.name(), "1Gi", &Value::Null)?;
    claim(&world, "data", full.name(), "1Gi", &Value::Null)?;
    claim(&world, "never", hang.name(), "1Gi", &Value::Null)?;
    let failed = event(&world, "data", "ProvisioningFailed")?;
    ensure!(
        failed.contains("ResourceExhausted") && failed.contains("the pool is full"),
        "{failed}"
    );
    bound(&world, "data")?;
    let grow = r#"{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#;
    world
        .namespace
        .kubectl(&["patch", "pvc", "data", "-p", grow], None)?;
    let failed = event(&world, "data", "VolumeResizeFailed")?;
    ensure!(failed.contains("larger than any disk here"), "{failed}");
    ensure!(status(&world, "pvc", "data")?["capacity"]["storage"] == "1Gi");

    bound(&world, "slow")?;
    let folder = world.cluster.claim_folder(world.namespace.name(), "slow")?;
    ensure!(folder.metadata()?.modified()?.duration_since(begin)? >= DELAY);
    ensure!(status(&world, "pvc", "never")?["phase"] == "Pending");
    Ok(())
}

fn classes_make_snapshots_slow_or_failing() -> Result<()> {
    let world = with_storage("csi-cuts")?;
    let on = |how| Class::default().on(StorageOperation::Snapshot, how);
    let failing = world.cluster.snapshot_class(
        "csi-fails",
        &on(Disturbance::Fail("INTERNAL", "the array is on fire")),
    )?;
    let hanging = world
        .cluster
        .snapshot_class("csi-hangs", &on(Disturbance::Hang))?;
    let slow = world
        .cluster
        .snapshot_class("csi-slow", &on(Disturbance::Delay(DELAY)))?;
    claim(&world, "data", EXPANDABLE_CLASS, "1Gi", &Value::Null)?;
    bound(&world, "data")?;
    let begin = Instant::now();
    snapshot(&world, "fails", "data", failing.name())?;
    snapshot(&world, "hangs", "data", hanging.name())?;
    snapshot(&world, "slow", "data", slow.name())?;
    for (name, path) in [
        ("hangs", "{.status.readyToUse}=false"),
        ("fails", "{.status.error.message}"),
    ] {
        let condition = format!("--for=jsonpath={path}");
        world.namespace.kubectl(
            &[
                "wait",
                &format!("volumesnapshot/{name}"),
                &condition,
                "--timeout=60s",
            ],
            None,
        )?;
    }
    ready(&world, "slow")?;
    ensure!(begin.elapsed() >= DELAY);
    let failed = status(&world, "volumesnapshot", "fails")?;
    ensure!(
        failed["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("the array is on fire")),
        "{failed}"
    );
    ensure!(status(&world, "volumesnapshot", "hangs")?["readyToUse"] == false);
    delete(&world, &["volumesnapshot", "--all"])
}

fn a_killed_driver_loses_nothing() -> Result<()> {
    let world = World::alone("csi-killed")?;
    world.cluster.wait_for_storage()?;
    claim(&world, "data", EXPANDABLE_CLASS, "1Gi", &Value::Null)?;
    pod(&world, "user", "data", "echo here > /data/file")?;
    for part in Part::STORAGE {
        world.cluster.part(part).kill()?;
    }
    ensure!(exec(&world, "user", "cat /data/file")? == "here\n");
    world.cluster.mend()?;
    world.cluster.wait_for_storage()?;
    snapshot(&world, "cut", "data", SNAPSHOT_CLASS)?;
    ready(&world, "cut")?;
    delete(&world, &["pod/user", "pvc/data", "volumesnapshot/cut"])
}

fn with_storage(prefix: &str) -> Result<World> {
    let world = World::new(prefix)?;
    world.cluster.wait_for_storage()?;
    Ok(world)
}

fn claim(world: &World, name: &str, class: &str, size: &str, source: &Value) -> Result<()> {
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

fn snapshot(world: &World, name: &str, claim: &str, class: &str) -> Result<()> {
    let object = json!({
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshot",
        "metadata": { "name": name },
        "spec": { "volumeSnapshotClassName": class, "source": { "persistentVolumeClaimName": claim } },
    });
    apply(world, &object)
}

/// A Pod of an ordinary user that has a claim at /data, ready once it has run `script`.
fn pod(world: &World, name: &str, claim: &str, script: &str) -> Result<()> {
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

fn exec(world: &World, pod: &str, script: &str) -> Result<String> {
    world
        .namespace
        .kubectl(&["exec", pod, "--", "sh", "-c", script], None)
}

fn bound(world: &World, claim: &str) -> Result<()> {
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

fn ready(world: &World, snapshot: &str) -> Result<()> {
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

fn delete(world: &World, what: &[&str]) -> Result<()> {
    world
        .namespace
        .kubectl(&[&["delete", "--timeout=60s"], what].concat(), None)
        .map(drop)
}

fn status(world: &World, kind: &str, name: &str) -> Result<Value> {
    let text = world
        .namespace
        .kubectl(&["get", kind, name, "-o", "json"], None)?;
    let mut object: Value = serde_json::from_str(&text)?;
    Ok(object["status"].take())
}

/// The message of an object's first event with that reason; waits for it.
fn event(world: &World, object: &str, reason: &str) -> Result<String> {
    let selector = format!("involvedObject.name={object},reason={reason}");
    let args = [
        "--namespace",
        world.namespace.name(),
        "--request-timeout=60s",
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
    let mut line = String::new();
    if let Some(stdout) = watch.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let _ = watch.kill();
    watch.wait()?;
    ensure!(!line.trim().is_empty(), "no event {reason} of {object}");
    Ok(line)
}
