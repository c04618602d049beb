//! Storage that is slow, fails or is killed.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, ensure};
use serde_json::Value;
use session_cluster::{
    Class, Disturbance, EXPANDABLE_CLASS, Part, SNAPSHOT_CLASS, StorageOperation,
};

use super::objects::{
    await_event, bound, claim, delete, exec, pod, ready, snapshot, status, with_storage,
};
use crate::world::World;
use crate::{Live, kubelet};

pub(super) fn tests() -> Vec<Live> {
    vec![
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
        )
        .alone(),
    ]
}

/// How slow a slow class is. Nothing waits for it but what is slow.
const DELAY: Duration = Duration::from_secs(2);

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
    let words = ["ResourceExhausted", "the pool is full"];
    await_event(&world, "data", "ProvisioningFailed", &words)?;
    bound(&world, "data")?;
    let grow = r#"{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#;
    world
        .namespace
        .kubectl(&["patch", "pvc", "data", "-p", grow], None)?;
    let words = ["larger than any disk here"];
    await_event(&world, "data", "VolumeResizeFailed", &words)?;
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
