//! Snapshots, stops and starts by the clock: a CronJob of the suite's own image, with no more rights than it needs.
//!
//! The image is packed of the program that cargo built for this test, with its libraries; where `SESSION_IMAGE` names an archive
//! that `cargo image` wrote, that is imported in its place.

use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use session_cluster::{EXPANDABLE_CLASS, Image, SNAPSHOT_CLASS};

use crate::world::{World, run};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "schedule_runs_with_its_own_rights",
            runs_with_its_own_rights,
        ),
        kubelet(
            "schedule_without_the_right_to_give_rights",
            without_the_right_to_give_rights,
        ),
        kubelet(
            "schedule_stops_and_starts_by_the_clock",
            stops_and_starts_by_the_clock,
        ),
    ]
}

/// What its schedule is made of is called so.
const NAME: &str = "session-s-snapshots";

/// The account that stops and starts it.
const CLOCK: &str = "session-s-clock";

/// What is snapshotted by the clock.
const TEMPLATE: &str = include_str!("hooked.yaml");

/// A world with a session `s`, and the image on its node.
fn world(prefix: &str) -> Result<World> {
    let world = World::installed(prefix)?;
    world.cluster.wait_for_storage()?;
    import_once(&world)?;
    let name = world.namespace.name();
    world.template(name, TEMPLATE)?;
    let class = format!("CLASS={EXPANDABLE_CLASS}");
    let create = ["create", "s", "--template", name, "--set", &class];
    world.session(&create)?.exits(0)?;
    Ok(world)
}

/// Brings the image to the node. 80 MB: once is enough.
pub(crate) fn import_once(world: &World) -> Result<()> {
    static IMPORTED: OnceLock<Result<(), String>> = OnceLock::new();
    let imported = IMPORTED.get_or_init(|| import(world).map_err(|error| format!("{error:#}")));
    imported.clone().map_err(anyhow::Error::msg)
}

fn import(world: &World) -> Result<()> {
    match std::env::var_os("SESSION_IMAGE") {
        Some(archive) => world.cluster.import_archive(Path::new(&archive)),
        None => world.cluster.import_image(&image()?),
    }
}

fn image() -> Result<Image> {
    let name = concat!("localhost/kubectl-session:", env!("CARGO_PKG_VERSION"));
    let image = Image::new(name).program(World::binary(), "/kubectl-session")?;
    Ok(image.entrypoint(["/kubectl-session"]).user("65534:65534"))
}

fn schedule(world: &World, rest: &[&str]) -> Result<String> {
    let words = ["snapshot", "schedule", "s", "--cron", "0 0 1 1 *"];
    let mut words = words.to_vec();
    words.extend(["--class", SNAPSHOT_CLASS]);
    words.extend(rest);
    Ok(world.session(&words)?.exits(0)?.stdout)
}

/// Has the CronJob run now; the names of the snapshots that are there then.
fn run_now(world: &World, job: &str) -> Result<Vec<String>> {
    run_job(world, NAME, job)?;
    let words = ["get", "volumesnapshots", "-o", "name"];
    let names = world.namespace.kubectl(&words, None)?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// Has a CronJob run now.
pub(crate) fn run_job(world: &World, cron_job: &str, job: &str) -> Result<()> {
    let kubectl = |words: &[&str]| world.namespace.kubectl(words, None);
    let from = format!("--from=cronjob/{cron_job}");
    world.cluster.await_rights()?;
    kubectl(&["create", "job", job, &from])?;
    let job = format!("job/{job}");
    let wait = ["wait", "--for=condition=Complete", "--timeout=120s", &job];
    if let Err(error) = kubectl(&wait) {
        let log = kubectl(&["logs", &job]).unwrap_or_default();
        return Err(error.context(log));
    }
    Ok(())
}

/// Whether the schedule's account may do something.
fn may(world: &World, words: &[&str]) -> Result<bool> {
    account_may(world, NAME, words)
}

pub(crate) fn account_may(world: &World, account: &str, words: &[&str]) -> Result<bool> {
    let who = format!(
        "--as=system:serviceaccount:{}:{account}",
        world.namespace.name()
    );
    let mut all = vec!["auth", "can-i", &who];
    all.extend(words);
    // It answers `no` with exit code 1.
    Ok(world
        .namespace
        .kubectl(&all, None)
        .is_ok_and(|answer| answer.trim() == "yes"))
}

fn runs_with_its_own_rights() -> Result<()> {
    let world = world("schedule")?;
    let inside = |script: &str| world.inside("home-s", script);
    inside("echo first > /home/file")?;
    let by_hand = [
        "snapshot",
        "create",
        "s",
        "--class",
        SNAPSHOT_CLASS,
        "--name",
        "by-hand",
    ];
    world.session(&by_hand)?.exits(0)?;
    let made = schedule(&world, &["--keep", "2"])?;
    ensure!(made.matches(" created\n").count() == 4, "{made}");
    let again = schedule(&world, &["--keep", "2"])?;
    ensure!(again.matches(" unchanged\n").count() == 4, "{again}");
    let fewer = schedule(&world, &["--keep", "1"])?;
    ensure!(fewer.matches(" unchanged\n").count() == 3, "{fewer}");
    ensure!(fewer.ends_with("snapshots configured\n"), "{fewer}");
    let third = schedule(&world, &["--keep", "1"])?;
    ensure!(third.matches(" unchanged\n").count() == 4, "{third}");

    let first = run_now(&world, "one")?;
    ensure!(first.len() == 2, "{first:?}");
    let left = inside("ls /home")?;
    ensure!(left == "file\n", "it was paused, and goes on: {left}");
    inside("echo second > /home/file")?;
    enforce(&world, "=restricted")?;
    let second = run_now(&world, "two")?;
    ensure!(second.len() == 2 && second != first, "{second:?}");
    let hand = |name: &&String| name.ends_with("/by-hand");
    ensure!(second.iter().filter(hand).count() == 1, "{second:?}");
    let newest = second.iter().find(|name| !hand(name));
    let newest = newest.and_then(|name| name.rsplit('/').next());
    let newest = newest.context("the schedule took none")?;

    rights(&world)?;
    let listed = world.session(&["snapshot", "list", "s"])?.exits(0)?;
    let note = "note: snapshots are taken by schedule \"0 0 1 1 *\", keeps 1; ";
    ensure!(listed.stderr.contains(note), "{listed:?}");
    let status = world.session(&["status", "s"])?.exits(0)?.stdout;
    let line = format!("CronJob/{NAME}: snapshots at \"0 0 1 1 *\", keeps 1, last");
    ensure!(status.contains(&line), "{status}");
    // Its Pods are none of the session's.
    let pods = world.session(&["list", "s"])?.exits(0)?.stdout;
    ensure!(pods.contains("running"), "{pods}");

    enforce(&world, "-")?;
    let into = ["snapshot", "restore", newest, "--into", "back"];
    world.session(&into)?.exits(0)?;
    world.session(&["start", "back"])?.exits(0)?;
    let read = world.inside("home-back", "cat /home/file; ls /home")?;
    ensure!(read == "second\nfile\nfrozen\n", "{read}");
    gone(&world, &["s", "back"])
}

fn stops_and_starts_by_the_clock() -> Result<()> {
    let world = world("schedule-clock")?;
    let namespace = world.namespace.name();
    world.inside("home-s", "echo kept > /home/file")?;
    let words = [
        "schedule",
        "set",
        "s",
        "--stop",
        "0 20 1 1 *",
        "--start",
        "0 7 1 1 *",
    ];
    let set = [&words[..], &["--time-zone", "Europe/Berlin", "-y"]].concat();
    let made = world.session(&set)?.exits(0)?.stdout;
    ensure!(made.matches(" created\n").count() == 5, "{made}");
    let again = world.session(&set)?.exits(0)?.stdout;
    ensure!(again.matches(" unchanged\n").count() == 5, "{again}");
    world.cluster.await_rights()?;
    for (words, is_allowed) in [
        (&["patch", "sessions.streaming.platform/s"][..], true),
        (&["manage", "sessions.streaming.platform/s"], true),
        (&["create", "pods"], true),
        (&["patch", "sessions.streaming.platform/another"], false),
        (&["delete", "sessions.streaming.platform/s"], false),
        (&["list", "secrets"], false),
        (&["create", "deployments"], false),
        (&["create", "cronjobs"], false),
    ] {
        let may = account_may(&world, CLOCK, words)?;
        ensure!(may == is_allowed, "{words:?}");
    }
    let phase = || {
        let words = [
            "get",
            "sessions.streaming.platform",
            "s",
            "-o",
            "jsonpath={.status.phase}",
        ];
        world.namespace.kubectl(&words, None)
    };
    enforce(&world, "=restricted")?;
    run_job(&world, "session-s-stop", "stop-1")?;
    ensure!(phase()? == "stopped", "{}", phase()?);
    enforce(&world, "-")?;
    run_job(&world, "session-s-start", "start-1")?;
    ensure!(phase()? == "running", "{}", phase()?);
    let kept = world.inside("home-s", "cat /home/file")?;
    ensure!(kept == "kept\n", "{kept}");
    let status = world.session(&["status", "s"])?.exits(0)?.stdout;
    for line in [
        "stop at \"0 20 1 1 *\" (Europe/Berlin)",
        "start at \"0 7 1 1 *\"",
    ] {
        ensure!(status.contains(line), "{status}");
    }

    let several = [
        "schedule",
        "set",
        "--template",
        namespace,
        "--stop",
        "@yearly",
        "-y",
    ];
    let made = world.session(&several)?.exits(0)?.stdout;
    let name = made
        .lines()
        .last()
        .and_then(|line| line.split(['/', ' ']).nth(1));
    run_job(&world, name.context("no CronJob")?, "stop-2")?;
    ensure!(phase()? == "stopped", "{}", phase()?);
    let delete = ["schedule", "delete", "--template", namespace];
    let deleted = world.session(&delete)?.exits(0)?.stdout;
    ensure!(deleted.lines().count() == 4, "{deleted}");
    world
        .session(&["delete", "s", "--delete-data", "-y"])?
        .exits(0)?;
    for object in [&format!("serviceaccount/{CLOCK}"), "cronjob/session-s-stop"] {
        let wait = ["wait", "--for=delete", object, "--timeout=60s"];
        world.namespace.kubectl(&wait, None)?;
    }
    world
        .session(&["template", "delete", namespace])?
        .exits(0)?;
    Ok(())
}

/// Has the Namespace take only Pods of a Pod Security Standard, or any with `-`.
fn enforce(world: &World, standard: &str) -> Result<()> {
    let label = format!("pod-security.kubernetes.io/enforce{standard}");
    let words = ["label", "namespace", world.namespace.name(), &label];
    world.namespace.kubectl(&words, None).map(drop)
}

/// What the account may do, and what it may not.
fn rights(world: &World) -> Result<()> {
    for allowed in [
        &["get", "sessions.streaming.platform/s"][..],
        &["create", "volumesnapshots.snapshot.storage.k8s.io"],
        &["create", "pods/home-s", "--subresource=exec"],
    ] {
        ensure!(may(world, allowed)?, "{allowed:?}");
    }
    for refused in [
        &["list", "secrets"][..],
        &["get", "secrets"],
        &["get", "sessions.streaming.platform/another"],
        &["list", "sessions.streaming.platform"],
        &["patch", "sessions.streaming.platform/s"],
        &["create", "pods"],
        &["create", "pods/another", "--subresource=exec"],
        &["delete", "persistentvolumeclaims"],
        &["get", "persistentvolumeclaims"],
        &["create", "cronjobs"],
        &[
            "list",
            "volumesnapshots.snapshot.storage.k8s.io",
            "--all-namespaces",
        ],
    ] {
        ensure!(!may(world, refused)?, "{refused:?}");
    }
    Ok(())
}

/// Takes the sessions away, and what goes with them.
fn gone(world: &World, sessions: &[&str]) -> Result<()> {
    let mut delete = vec!["delete", "--delete-data", "-y"];
    delete.extend(sessions);
    world.session(&delete)?.exits(0)?;
    for kind in ["serviceaccount", "role", "rolebinding", "cronjob"] {
        let object = format!("{kind}/{NAME}");
        let wait = ["wait", "--for=delete", &object, "--timeout=60s"];
        world.namespace.kubectl(&wait, None)?;
    }
    let prune = ["snapshot", "prune", "s", "--keep", "0", "-y"];
    world.session(&prune)?.exits(0)?;
    let name = world.namespace.name();
    world.session(&["template", "delete", name])?.exits(0)?;
    Ok(())
}

fn without_the_right_to_give_rights() -> Result<()> {
    let world = world("schedule-edit")?;
    let namespace = world.namespace.name();
    let user = format!("{namespace}@example.com");
    let kubeconfig = world.cluster.user_kubeconfig(&user, &[])?;
    world.cluster.bind_role(namespace, &user, "edit")?;
    let words = [
        "snapshot", "schedule", "s", "--cron", "@yearly", "--keep", "1",
    ];
    let mut words = words.to_vec();
    words.extend(["--class", SNAPSHOT_CLASS]);
    let printed = run(&mut world.command_as(&kubeconfig, &words))?.exits(0)?;
    ensure!(
        printed
            .stderr
            .contains("Role and RoleBinding not created: no permission to create them"),
        "{printed:?}"
    );
    ensure!(
        !may(&world, &["list", "persistentvolumeclaims"])?,
        "nobody gave it"
    );
    world
        .namespace
        .kubectl(&["apply", "-f", "-"], Some(&printed.stdout))?;
    let taken = run_now(&world, "one")?;
    ensure!(taken.len() == 1, "{taken:?}");
    let remove = ["snapshot", "schedule", "s", "--remove"];
    let removed = world.session(&remove)?.exits(0)?.stdout;
    ensure!(removed.lines().count() == 4, "{removed}");
    gone(&world, &["s"])
}
