//! The embedded cluster's storage: volumes that are claimed, grown, copied and snapshotted, and classes that disturb it.
//! What is tested is the cluster, so kubectl acts here, not our verbs.

mod disturbed;
mod objects;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use session_cluster::{EXPANDABLE_CLASS, FIXED_CLASS, SNAPSHOT_CLASS, check_csi_driver};

use self::objects::{
    await_event, bound, claim, delete, exec, pod, ready, snapshot, status, with_storage,
};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    let mut all = vec![
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
    ];
    all.extend(disturbed::tests());
    all
}

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
    let words = ["is less than the size"];
    await_event(&world, "smaller", "ProvisioningFailed", &words)?;
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
    await_event(&world, "data", "WaitForFirstConsumer", &[])?;
    ensure!(status(&world, "pvc", "data")?["phase"] == "Pending");
    pod(&world, "user", "data", "echo here > /data/file")?;
    bound(&world, "data")?;
    let folder = world.cluster.claim_folder(world.namespace.name(), "data")?;
    ensure!(std::fs::read_to_string(folder.join("file"))? == "here\n");
    Ok(())
}
