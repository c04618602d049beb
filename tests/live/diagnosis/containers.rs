//! Containers that end or are never ready: exit codes, memory, probes, init containers.

use anyhow::{Result, ensure};

use super::{BUSYBOX, create, says, says_at_the_end};
use crate::world::World;
use crate::{Live, kubelet};

pub(super) fn tests() -> Vec<Live> {
    vec![
        kubelet("diagnosis_of_containers_that_end", containers_that_end),
        kubelet("diagnosis_of_a_crash_loop", a_crash_loop),
        kubelet("diagnosis_of_probes", probes),
        kubelet("diagnosis_of_init_containers", init_containers),
        kubelet("diagnosis_of_sidecars", sidecars),
        kubelet("diagnosis_of_placeholders", placeholders),
        kubelet("diagnosis_of_full_disks", full_disks),
    ]
}

/// A container that is not ready before its probe says so, and never is: what ends it decides.
const UNREADY: &str = "readinessProbe: {exec: {command: [\"false\"]}}";

fn containers_that_end() -> Result<()> {
    let world = World::installed("diag-end")?;
    let sh = |script: &str, more: &str| {
        format!(
            "containers: [{{name: main, {BUSYBOX}, command: [sh, -c, \"{script}\"], {UNREADY}{more}}}]"
        )
    };
    says(
        create(
            &world,
            "once",
            "60s",
            &format!(
                "restartPolicy: Never, {}",
                sh("echo no config found; exit 3", "")
            ),
        ),
        &[
            "session \"once\" did not become ready: container \"main\" of pod \"once\" ended with exit code 3\n",
            "  container \"main\": terminated: Error, exit code 3\n",
            "  log of container \"main\", last lines:\n    no config found\n",
        ],
    )?;
    says(
        create(
            &world,
            "memory",
            "60s",
            &format!(
                "restartPolicy: Never, {}",
                sh(
                    "x=a; while true; do x=$x$x; done",
                    ", resources: {limits: {memory: 20Mi}}"
                )
            ),
        ),
        &[
            "container \"main\" of pod \"memory\" was killed for exceeding its memory limit of 20Mi (OOMKilled)\n",
            "exit code 137",
            "hint: raise the container's memory limit",
        ],
    )?;
    says(
        create(
            &world,
            "command",
            "60s",
            &format!("containers: [{{name: main, {BUSYBOX}, command: [/no/such]}}]"),
        ),
        &[
            "container \"main\" of pod \"command\" could not be started: exec: \"/no/such\": stat /no/such: no such file or directory\n",
            "hint: correct the container's command or image",
        ],
    )
}

fn a_crash_loop() -> Result<()> {
    let world = World::installed("diag-crash")?;
    let spec = format!(
        "containers: [{{name: main, {BUSYBOX}, command: [sh, -c, \"echo boom; exit 3\"], {UNREADY}}}]"
    );
    let told = [
        "  container \"main\" of pod \"soon\" ended with exit code 3 and was restarted",
        "    log of container \"main\", last lines:\n      boom\n",
        "hint: check the last lines of the container's log",
    ];
    let timed_out =
        "error: timed out waiting for the condition on session.streaming.platform/soon\n";
    let all = [&[timed_out], told.as_slice()].concat();
    says_at_the_end(&world, "soon", 4, &spec, &all)?;
    // Whoever tries to enter it is told the same.
    let connect = ["connect", "soon", "--timeout=1s", "--", "true"];
    says(world.session(&connect), &all)?;
    let status = world.session(&["status", "soon"])?.exits(0)?;
    ensure!(
        status.stdout.contains("ended with exit code 3") && status.stdout.contains("boom"),
        "{status:?}"
    );
    Ok(())
}

fn probes() -> Result<()> {
    let world = World::installed("diag-probe")?;
    says_at_the_end(
        &world,
        "ready",
        4,
        &format!(
            "containers: [{{name: main, {BUSYBOX}, command: [sleep, \"600\"], readinessProbe: {{httpGet: {{port: 81}}, periodSeconds: 1}}}}]"
        ),
        &[
            "  container \"main\" of pod \"ready\" runs, but nothing listens on its port 81: its readiness probe fails, connection refused\n",
            ": Unhealthy: Readiness probe failed: Get \"http://",
            "hint: let the program listen on port 81",
        ],
    )?;
    says(
        create(
            &world,
            "alive",
            "60s",
            &format!(
                "restartPolicy: Never, containers: [{{name: main, {BUSYBOX}, command: [sleep, \"600\"], {UNREADY}, livenessProbe: {{exec: {{command: [sh, -c, \"echo too slow; false\"]}}, periodSeconds: 1, failureThreshold: 1}}}}]"
            ),
        ),
        &[
            "container \"main\" of pod \"alive\" was stopped with exit code 137, because its liveness probe failed\n",
            ": Unhealthy: Liveness probe failed: too slow",
            "hint: make the probe's target answer in time",
        ],
    )
}

fn init_containers() -> Result<()> {
    let world = World::installed("diag-init")?;
    let spec = format!(
        "initContainers: [{{name: prepare, {BUSYBOX}, command: [sh, -c, \"echo no root file system; exit 4\"]}}], containers: [{{name: main, {BUSYBOX}}}]"
    );
    says(
        create(
            &world,
            "never",
            "60s",
            &format!("restartPolicy: Never, {spec}"),
        ),
        &[
            "session \"never\" did not become ready: init container \"prepare\" of pod \"never\" ended with exit code 4\n",
            "  log of container \"prepare\", last lines:\n    no root file system\n",
        ],
    )?;
    says_at_the_end(
        &world,
        "again",
        8,
        &spec,
        &[
            "  init container \"prepare\" of pod \"again\" ended with exit code 4 and was restarted",
            "      no root file system\n",
        ],
    )?;
    // The cause is kept in the status, without the log, for those who may not read Pods.
    let kept = [
        "get",
        "session",
        "again",
        "-o",
        "jsonpath={.status.diagnosis}",
    ];
    let kept = world.namespace.kubectl(&kept, None)?;
    ensure!(
        kept.contains("ended with exit code 4") && !kept.contains("no root file system"),
        "{kept}"
    );
    let url = format!(
        "restartPolicy: Never, initContainers: [{{name: fetch, {BUSYBOX}, env: [{{name: ROOT, value: \"http://127.0.0.1:1/root.ext4?sig=x\"}}], command: [sh, -c, \"wget -O /tmp/x $ROOT\"]}}], containers: [{{name: main, {BUSYBOX}}}]"
    );
    says(
        create(&world, "fetch", "60s", &url),
        &[
            "init container \"fetch\" of pod \"fetch\" ended with exit code 1: it could not fetch \"http://127.0.0.1:1/root.ext4\": can't connect to remote host",
            "  log of container \"fetch\", last lines:\n",
            "hint: check that the server of the URL runs",
        ],
    )
}

fn sidecars() -> Result<()> {
    let world = World::installed("diag-sidecar")?;
    let spec = format!(
        "initContainers: [{{name: proxy, {BUSYBOX}, restartPolicy: Always, command: [sleep, \"600\"], startupProbe: {{tcpSocket: {{port: 15021}}, periodSeconds: 1, failureThreshold: 100}}}}], containers: [{{name: main, {BUSYBOX}, env: [{{name: KEY, value: CHANGE_ME}}], command: [sleep, \"600\"]}}]"
    );
    says_at_the_end(
        &world,
        "slow",
        6,
        &spec,
        &[
            "  sidecar container \"proxy\" of pod \"slow\" runs, but nothing listens on its port 15021: its startup probe fails, connection refused\n",
            "hint: let the program listen on port 15021",
        ],
    )
}

fn placeholders() -> Result<()> {
    let world = World::installed("diag-change")?;
    let spec = format!(
        "restartPolicy: Never, containers: [{{name: main, {BUSYBOX}, env: [{{name: JWT_SECRET, value: CHANGE_ME_IN_PRODUCTION}}], command: [sh, -c, \"exit 1\"], {UNREADY}}}]"
    );
    says(
        create(&world, "web", "60s", &spec),
        &[
            "container \"main\" of pod \"web\" ended with exit code 1: the value of its variable JWT_SECRET is still a placeholder such as CHANGE_ME\n",
            "hint: replace the value of variable JWT_SECRET",
        ],
    )
}

/// What the kubelet measures at most every ten seconds: emptyDir volumes count for the Pod, files outside of volumes for a container.
fn full_disks() -> Result<()> {
    let world = World::installed("diag-disk")?;
    let path = "jsonpath={.items[*].status.allocatable.ephemeral-storage}";
    let measured = world
        .namespace
        .kubectl(&["get", "nodes", "-o", path], None)?;
    // See counts_disk in tests/cluster: on btrfs or tmpfs the kubelet has to be told not to measure, and evicts nothing.
    ensure!(
        !measured.is_empty(),
        "this kubelet cannot measure the file system of the cluster's folder: set SESSION_CLUSTER_DIR to one on ext4 or xfs"
    );
    let sh = |file: &str, rest: &str| {
        format!(
            "restartPolicy: Never, containers: [{{name: main, {BUSYBOX}, command: [sh, -c, \"dd if=/dev/zero of={file} bs=1M count=8; sleep 600\"], {UNREADY}, {rest}}}]"
        )
    };
    let limit = "resources: {limits: {ephemeral-storage: 2Mi}}";
    let cache = "volumeMounts: [{name: cache, mountPath: /cache}]";
    let volume = |fields: &str| format!(", volumes: [{{name: cache, emptyDir: {{{fields}}}}}]");
    let evicted = |name: &str| {
        format!(
            "session \"{name}\" did not become ready: pod \"{name}\" was evicted by its node \""
        )
    };
    let lost = |name: &str| format!("lost with pod \"{name}\": ");
    for (name, spec, why, hint) in [
        (
            "pod",
            sh("/cache/x", &format!("{cache}, {limit}")) + &volume(""),
            "its containers exceeded their ephemeral-storage limits of 2Mi in total",
            "hint: raise the ephemeral-storage limit, or keep large files in a claim",
        ),
        (
            "volume",
            sh("/cache/x", cache) + &volume("sizeLimit: 2Mi"),
            "volume \"cache\" exceeded its sizeLimit of 2Mi",
            "hint: raise the sizeLimit of volume \"cache\"",
        ),
    ] {
        let texts = [&evicted(name), why, &lost(name), hint];
        says(create(&world, name, "120s", &spec), &texts)?;
    }
    Ok(())
}
