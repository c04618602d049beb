//! `resize` of real sessions: the kubelet has acted when it returns, nothing restarts that need not, and later starts have the size.

use anyhow::{Result, ensure};

use session_cluster::{Class, Disturbance, EXPANDABLE_CLASS, StorageOperation};

use crate::home::Home;
use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet("resize_a_pod_grows_in_place", a_pod_grows_in_place),
        kubelet(
            "resize_a_statefulset_keeps_its_size",
            a_statefulset_keeps_its_size,
        ),
        kubelet(
            "resize_a_claim_grows_under_its_pod",
            a_claim_grows_under_its_pod,
        ),
        kubelet(
            "resize_a_driver_that_refuses_is_told",
            a_driver_that_refuses_is_told,
        ),
    ]
}

const POD: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "home-${SESSION_ID}"}
spec: {accessModes: [ReadWriteOnce], storageClassName: "${CLASS}", resources: {requests: {storage: 64Mi}}}
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
    resources: {limits: {cpu: 200m, memory: 64Mi}, requests: {cpu: 20m, memory: 32Mi}}
    volumeMounts: [{name: home, mountPath: /home}]
  volumes: [{name: home, persistentVolumeClaim: {claimName: "home-${SESSION_ID}"}}]
"#;

/// Microseconds of every 100 ms and bytes, as the container's own cgroup has them, whichever version it is.
const CGROUP: &str = "cd /sys/fs/cgroup; if [ -e memory.max ]; then cut -d' ' -f1 cpu.max; cat memory.max; \
    else cat cpu/cpu.cfs_quota_us memory/memory.limit_in_bytes; fi";

const RESTARTS: &str = "{.status.containerStatuses[0].restartCount}";

fn a_pod_grows_in_place() -> Result<()> {
    let world = World::installed("resize")?;
    let home = Home::made(&world, "h", POD)?;
    let found = home.inside("home-h", CGROUP)?;
    ensure!(found == "20000\n67108864\n", "{found}");
    let uid = home.field("pod/home-h", "{.metadata.uid}")?;
    let grown = world
        .session(&["resize", "h", "--cpu", "300m", "--memory", "96Mi"])?
        .exits(0)?;
    let line = "session.streaming.platform/h resized\n";
    ensure!(grown.stdout == line, "{grown:?}");
    let note = "note: cpu limit 200m, now 300m; memory limit 64Mi, now 96Mi\n";
    ensure!(grown.stderr == note, "{grown:?}");
    let found = home.inside("home-h", CGROUP)?;
    ensure!(found == "30000\n100663296\n", "{found}");
    let same = home.field("pod/home-h", "{.metadata.uid}")? == uid;
    ensure!(same && home.field("pod/home-h", RESTARTS)? == "0");
    let requests = "{.spec.containers[0].resources.requests.memory}";
    ensure!(home.field("pod/home-h", requests)? == "48Mi");

    let small = world.session(&["resize", "h", "--cpu", "1000"])?.exits(1)?;
    let text = "error: cannot resize session \"h\" in place: node ";
    ensure!(small.stderr.starts_with(text), "{small:?}");
    ensure!(small.stderr.contains(" cpu allocatable, "), "{small:?}");
    let wanted = home.field("session/h", "{.spec.resources}")?;
    ensure!(wanted == r#"{"cpu":"300m","memory":"96Mi"}"#, "{wanted}");

    // This server lowers memory in place, too.
    let other = ["resize", "h", "--cpu", "200m", "--memory", "64Mi"];
    world.session(&other)?.exits(0)?;
    let found = home.inside("home-h", CGROUP)?;
    ensure!(found == "20000\n67108864\n", "{found}");
    ensure!(home.field("pod/home-h", RESTARTS)? == "0");
    Ok(())
}

const SET: &str = r#"
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
      - name: page
        image: localhost/busybox:1
        imagePullPolicy: Never
        command: [sleep, "3600"]
        resources: {limits: {memory: "${MEMORY:-64Mi}"}, requests: {memory: 32Mi}}
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: "${CLASS}", resources: {requests: {storage: 64Mi}}}
"#;

fn a_statefulset_keeps_its_size() -> Result<()> {
    let world = World::installed("resize-set")?;
    let home = Home::made(&world, "t", SET)?;
    let uid = || home.field("pod/notes-t-0", "{.metadata.uid}");
    let memory = || home.inside("notes-t-0", &format!("({CGROUP}) | tail -n 1"));
    let before = uid()?;
    world
        .session(&["resize", "t", "--memory", "96Mi"])?
        .exits(0)?;
    ensure!(
        memory()? == "100663296\n" && uid()? == before,
        "{}",
        memory()?
    );
    let template = "{.spec.template.spec.containers[0].resources.limits.memory}";
    ensure!(home.field("statefulset/notes-t", template)? == "96Mi");
    world.session(&["stop", "t"])?.exits(0)?;
    let refused = world
        .session(&["resize", "t", "--memory", "80Mi"])?
        .exits(1)?;
    let text = "error: cannot resize session \"t\": session has no running Pod\n";
    ensure!(refused.stderr.starts_with(text), "{refused:?}");
    world.session(&["start", "t"])?.exits(0)?;
    ensure!(
        memory()? == "100663296\n" && uid()? != before,
        "{}",
        memory()?
    );
    Ok(())
}

/// The same with a class of our CSI driver; the volume of the node is left alone.
fn stored(class: &str) -> String {
    let own = format!("storageClassName: {class:?}");
    let pod = POD.replace("storageClassName: \"${CLASS}\"", &own);
    pod.replace(
        "kind: Pod\nmetadata: {",
        "kind: Pod\nmetadata: {annotations: {other: \"${CLASS}\"}, ",
    )
}

fn a_claim_grows_under_its_pod() -> Result<()> {
    let world = World::installed("resize-claim")?;
    world.cluster.wait_for_storage()?;
    let home = Home::made(&world, "g", &stored(EXPANDABLE_CLASS))?;
    let grown = world
        .session(&["resize", "g", "--storage", "1Gi"])?
        .exits(0)?;
    let line = "session.streaming.platform/g resized\n";
    ensure!(grown.stdout == line, "{grown:?}");
    let capacity = home.field("pvc/home-g", "{.status.capacity.storage}")?;
    ensure!(capacity == "1Gi", "{capacity}");
    ensure!(home.field("session/g", "{.spec.storage.size}")? == "1Gi");
    ensure!(home.field("pod/home-g", RESTARTS)? == "0");
    let less = world
        .session(&["resize", "g", "--storage", "64Mi"])?
        .exits(1)?;
    let text =
        "error: cannot shrink claim \"home-g\" from 1Gi to 64Mi: claims can only be expanded\n";
    ensure!(less.stderr == text, "{less:?}");
    Ok(())
}

fn a_driver_that_refuses_is_told() -> Result<()> {
    let world = World::installed("resize-refused")?;
    let full = Class::default().expandable().on(
        StorageOperation::Expand,
        Disturbance::Fail("OUT_OF_RANGE", "no such disk"),
    );
    let class = world.cluster.storage_class("full", &full)?;
    let home = Home::made(&world, "f", &stored(class.name()))?;
    let refused = world
        .session(&["resize", "f", "--storage", "1Gi", "--timeout", "60s"])?
        .exits(1)?;
    let text = "error: cannot expand claim \"home-f\": its driver refuses the size\n";
    ensure!(refused.stderr.starts_with(text), "{refused:?}");
    ensure!(refused.stderr.contains("no such disk"), "{refused:?}");
    let asked = home.field("pvc/home-f", "{.spec.resources.requests.storage}")?;
    ensure!(asked == "67108865", "{asked}");
    ensure!(home.field("session/f", "{.spec.storage}")?.is_empty());
    Ok(())
}
