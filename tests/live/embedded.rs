//! The embedded cluster itself: what every other live test relies on.

use anyhow::{Result, ensure};

use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![kubelet(
        "embedded_a_pod_runs_answers_and_logs",
        a_pod_runs_answers_and_logs,
    )]
}

fn a_pod_runs_answers_and_logs() -> Result<()> {
    let world = World::new("embedded")?;
    let pod = &world.namespace;
    pod.kubectl(
        &[
            "run",
            "echo",
            "--image=localhost/busybox:1",
            "--restart=Never",
            "--",
            "sh",
            "-c",
            "echo here; sleep 600",
        ],
        None,
    )?;
    pod.kubectl(
        &["wait", "--for=condition=Ready", "--timeout=60s", "pod/echo"],
        None,
    )?;
    ensure!(pod.kubectl(&["logs", "echo"], None)? == "here\n");
    ensure!(pod.kubectl(&["exec", "echo", "--", "sh", "-c", "echo $((6*7))"], None)? == "42\n");
    let error = pod
        .kubectl(&["exec", "echo", "--", "sh", "-c", "exit 7"], None)
        .expect_err("exit 7 is an error");
    ensure!(format!("{error:#}").contains('7'), "{error:#}");
    let audited = world.cluster.audit(pod.name())?;
    ensure!(
        audited
            .iter()
            .any(|event| event.verb == "create" && event.resource == "pods"),
        "no create of a Pod in the audit log"
    );
    Ok(())
}
