//! What goes wrong on the way: quotas, rights, a server that dies.

use anyhow::{Result, ensure};

use crate::world::World;
use crate::{Live, kubelet, server};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        server(
            "faults_a_quota_is_told_apart_from_a_right",
            a_quota_is_told_apart_from_a_right,
        ),
        server(
            "faults_a_foreign_object_of_the_same_name_stays",
            a_foreign_object_of_the_same_name_stays,
        ),
        kubelet(
            "faults_an_interrupted_deletion_is_finished_by_the_next",
            an_interrupted_deletion_is_finished_by_the_next,
        ),
        kubelet(
            "faults_a_server_that_dies_while_waiting_is_found_again",
            a_server_that_dies_while_waiting_is_found_again,
        )
        .alone(),
    ]
}

fn a_quota_is_told_apart_from_a_right() -> Result<()> {
    let world = World::installed("quota")?;
    world
        .namespace
        .kubectl(&["create", "quota", "small", "--hard=pods=0"], None)?;
    world.namespace.kubectl(
        &[
            "wait",
            "--for=jsonpath={.status.hard.pods}=0",
            "quota/small",
            "--timeout=30s",
        ],
        None,
    )?;
    let checked = world
        .session(&["create", "x", "--template", "shell"])?
        .exits(1)?;
    ensure!(
        checked
            .stderr
            .contains("quota \"small\" is exceeded: pods: requested 1, used 0, hard 0"),
        "{checked:?}"
    );
    let refused = world
        .session(&["create", "x", "--template", "shell", "--skip-checks"])?
        .exits(1)?;
    let unchecked = "note: quotas, classes and budgets of running hours not checked\n";
    let offer = "hint: add --wait-for-room to wait until there is room\n";
    let same = format!("{unchecked}{}", checked.stderr.replace(offer, ""));
    ensure!(refused.stderr.replace(offer, "") == same, "{refused:?}");
    ensure!(checked.stdout.is_empty() && refused.stdout.is_empty());
    let left = world
        .namespace
        .kubectl(&["get", "sessions,secrets,pods", "-o", "name"], None)?;
    ensure!(left.is_empty(), "taken back: {left}");
    Ok(())
}

fn a_foreign_object_of_the_same_name_stays() -> Result<()> {
    let world = World::installed("foreign")?;
    world.namespace.kubectl(
        &[
            "run",
            "shell-x",
            "--image=localhost/busybox:1",
            "--image-pull-policy=Never",
            "--",
            "sleep",
            "600",
        ],
        None,
    )?;
    let uid = |world: &World| {
        world.namespace.kubectl(
            &["get", "pod", "shell-x", "-o", "jsonpath={.metadata.uid}"],
            None,
        )
    };
    let before = uid(&world)?;
    let refused = world
        .session(&["create", "x", "--template", "shell"])?
        .exits(1)?;
    ensure!(
        refused
            .stderr
            .contains("Pod \"shell-x\" already exists and is not part of session \"x\""),
        "{refused:?}"
    );
    ensure!(uid(&world)? == before);
    world.namespace.kubectl(
        &["wait", "--for=delete", "session/x", "--timeout=30s"],
        None,
    )?;
    Ok(())
}

fn an_interrupted_deletion_is_finished_by_the_next() -> Result<()> {
    let world = World::installed("resume")?;
    world
        .session(&["create", "x", "--template", "shell"])?
        .exits(0)?;
    // As after a kill between workload and Session: the Pod is gone, the Session still there.
    world
        .namespace
        .kubectl(&["delete", "pod", "shell-x", "--grace-period=1"], None)?;
    let lost = world.session(&["list", "x", "--no-headers"])?.exits(0)?;
    ensure!(lost.stdout.contains("PodLost"), "{lost:?}");
    world.session(&["delete", "x", "-y"])?.exits(0)?;
    let left = world
        .namespace
        .kubectl(&["get", "sessions,pods", "-o", "name"], None)?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

fn a_server_that_dies_while_waiting_is_found_again() -> Result<()> {
    use std::io::Read;
    use std::process::Stdio;
    let world = World::alone("restart")?;
    world.session(&["setup"])?.exits(0)?;
    let mut waiting = world
        .command(&[
            "create",
            "x",
            "--template",
            "shell",
            "--set",
            "IMAGE=localhost/later:1",
            "--timeout",
            "90s",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    world.namespace.kubectl(
        &["wait", "--for=create", "pod/shell-x", "--timeout=30s"],
        None,
    )?;
    world
        .cluster
        .part(session_cluster::Part::ApiServer)
        .restart()?;
    let image = session_cluster::Image::busybox("localhost/later:1")?;
    world.cluster.import_image(&image)?;
    let status = waiting.wait()?;
    let mut said = String::new();
    if let Some(mut stderr) = waiting.stderr.take() {
        stderr.read_to_string(&mut said)?;
    }
    ensure!(status.success(), "{said}");
    world.session(&["delete", "x", "-y"])?.exits(0)?;
    Ok(())
}
