//! A class: sessions of a roster, created in the cluster by the clock, and resized and snapshotted together.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use session_cluster::{EXPANDABLE_CLASS, SNAPSHOT_CLASS};

use crate::schedule::{account_may, import_once, run_job};
use crate::world::{World, run};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "class_is_created_by_the_clock_once",
            is_created_by_the_clock_once,
        ),
        kubelet(
            "class_is_resized_and_snapshotted",
            is_resized_and_snapshotted,
        ),
    ]
}

/// What the schedule of `class.csv` is made of is called so.
const NAME: &str = "sessions-class-create";
const SESSIONS: [&str; 3] = ["lab-1", "lab-2", "lab-3"];
const ROSTER: &str =
    "user,name\nalice@example.com,lab-1\nbob@example.com,lab-2\ncarol@example.com,lab-3\n";

/// A Pod, a ConfigMap and a password that is generated.
const TOOL: &str = r#"
apiVersion: streaming.platform/v1
kind: SessionTemplate
metadata: {name: NAME}
spec:
  parameters: [{name: PASSWORD, type: secret, generate: {length: 16}}]
  manifest: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "tool-${SESSION_ID}"}
    data: {owner: "${USER_ID}"}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: "tool-${SESSION_ID}"}
    stringData: {password: "${PASSWORD}"}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: "tool-${SESSION_ID}"}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: main
        image: localhost/busybox:1
        imagePullPolicy: Never
        command: [sleep, "3600"]
"#;

/// A Pod that can be resized in place, and a claim.
const HOME: &str = r#"
apiVersion: streaming.platform/v1
kind: SessionTemplate
metadata: {name: NAME}
spec:
  parameters: [{name: CLASS, type: string}]
  manifest: |
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
        resources: {limits: {cpu: 100m, memory: 64Mi}, requests: {cpu: 10m, memory: 32Mi}}
        volumeMounts: [{name: home, mountPath: /home}]
      volumes: [{name: home, persistentVolumeClaim: {claimName: "home-${SESSION_ID}"}}]
"#;

/// A folder with the roster, and the file's path.
fn class_file() -> Result<(tempfile::TempDir, String)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("class.csv");
    std::fs::File::create(&path)?.write_all(ROSTER.as_bytes())?;
    let path = path.to_string_lossy().into_owned();
    Ok((folder, path))
}

/// A full hour that is at least five hours away.
fn far_hour() -> Result<String> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(format!("{:02}:00", (seconds / 3600 + 6) % 24))
}

/// Number of the rows of a run's log that ended so; the log has a summary, too.
fn count_rows(log: &str, result: &str) -> usize {
    let rows = log.lines().filter(|line| line.starts_with("session."));
    rows.filter(|line| line.ends_with(&format!(" {result}")))
        .count()
}

fn is_created_by_the_clock_once() -> Result<()> {
    let world = World::installed("class-clock")?;
    import_once(&world)?;
    let template = world.namespace.name();
    world.template(template, TOOL)?;
    let (_folder, file) = class_file()?;
    let kubectl = |words: &[&str]| world.namespace.kubectl(words, None);
    let hour = far_hour()?;
    let words = [
        "create",
        "--roster",
        &file,
        "--template",
        template,
        "--at",
        &hour,
    ];
    // A user who may not give `assign` gets the Role printed; an admin's call creates what is missing.
    let user = format!("{template}@example.com");
    let kubeconfig = world.cluster.user_kubeconfig(&user, &[])?;
    world.cluster.bind_role(template, &user, "edit")?;
    let printed = run(&mut world.command_as(&kubeconfig, &words))?.exits(0)?;
    let refused = "Role and RoleBinding not created: no permission to create them";
    ensure!(printed.stderr.contains(refused), "{printed:?}");
    ensure!(printed.stdout.contains("- assign\n"), "{printed:?}");
    ensure!(
        !account_may(&world, NAME, &["create", "pods"])?,
        "nobody gave it"
    );
    let made = world.session(&words)?.exits(0)?;
    ensure!(made.stdout.matches(" unchanged\n").count() == 3, "{made:?}");
    ensure!(made.stdout.matches(" created\n").count() == 2, "{made:?}");
    let again = world.session(&words)?.exits(0)?.stdout;
    ensure!(again.matches(" unchanged\n").count() == 5, "{again}");
    world.cluster.await_rights()?;
    let own = format!("cronjobs.batch/{NAME}");
    for (words, is_allowed) in [
        (&["assign", "sessions.streaming.platform"][..], true),
        (&["create", "configmaps"], true),
        (&["patch", &own], true),
        (&["patch", "cronjobs.batch/another"], false),
        (&["create", "cronjobs"], false),
        (&["list", "secrets"], false),
        (&["create", "deployments"], false),
    ] {
        let may = account_may(&world, NAME, words)?;
        ensure!(may == is_allowed, "{words:?}");
    }

    // The next minute is the time, and so would be every one after it.
    let now = r#"{"spec":{"schedule":"* * * * *"}}"#;
    kubectl(&["patch", "cronjob", NAME, "--type=merge", "-p", now])?;
    let cron_job = format!("cronjob/{NAME}");
    let suspended = [
        "wait",
        "--for=jsonpath={.spec.suspend}=true",
        &cron_job,
        "--timeout=180s",
    ];
    let label = format!("streaming.platform/schedule={NAME}");
    let logs = || kubectl(&["logs", "-l", &label, "--tail=-1"]);
    kubectl(&suspended).with_context(|| logs().unwrap_or_default())?;
    let done = [
        "wait",
        "--for=condition=Complete",
        "job",
        "-l",
        &label,
        "--timeout=120s",
    ];
    kubectl(&done).with_context(|| logs().unwrap_or_default())?;
    let log = logs()?;
    ensure!(count_rows(&log, "created") == 3, "{log}");
    for (name, user) in SESSIONS.iter().zip(["alice", "bob", "carol"]) {
        let owner = "jsonpath={.spec.userId}";
        let owner = kubectl(&["get", "sessions.streaming.platform", name, "-o", owner])?;
        ensure!(owner == format!("{user}@example.com"), "{owner}");
        let pod = format!("pod/tool-{name}");
        kubectl(&["wait", "--for=condition=Ready", &pod, "--timeout=60s"])?;
    }
    // Another CronJob of every minute runs, this one does not.
    let canary = [
        "create",
        "cronjob",
        "canary",
        "--image=localhost/busybox:1",
        "--schedule=* * * * *",
        "--",
        "true",
    ];
    kubectl(&canary)?;
    let success = "--for=jsonpath={.status.lastSuccessfulTime}";
    kubectl(&["wait", success, &cron_job, "--timeout=60s"])?;
    let ran = "--for=jsonpath={.status.lastScheduleTime}";
    kubectl(&["wait", ran, "cronjob/canary", "--timeout=120s"])?;
    let jobs = kubectl(&["get", "jobs", "-l", &label, "-o", "name"])?;
    ensure!(jobs.lines().count() == 1, "{jobs}");
    let listed = world.session(&["schedule", "list"])?.exits(0)?.stdout;
    let line = listed.lines().find(|line| line.starts_with(NAME));
    let is_done =
        line.is_some_and(|line| line.contains("--roster class.csv") && line.contains(" done"));
    ensure!(is_done, "{listed}");

    // A repetition creates nothing twice.
    run_job(&world, NAME, "again")?;
    let log = kubectl(&["logs", "job/again"])?;
    ensure!(count_rows(&log, "unchanged") == 3, "{log}");
    let deleted = world
        .session(&["schedule", "delete", NAME])?
        .exits(0)?
        .stdout;
    ensure!(deleted.lines().count() == 5, "{deleted}");
    world
        .session(&["delete", "--roster", &file, "-y", "--delete-data"])?
        .exits(0)?;
    world.session(&["template", "delete", template])?.exits(0)?;
    Ok(())
}

fn is_resized_and_snapshotted() -> Result<()> {
    let world = World::installed("class-data")?;
    world.cluster.wait_for_storage()?;
    let template = world.namespace.name();
    world.template(template, HOME)?;
    let (_folder, file) = class_file()?;
    let class = format!("CLASS={EXPANDABLE_CLASS}");
    let create = [
        "create",
        "--roster",
        &file,
        "--template",
        template,
        "--set",
        &class,
        "--wait",
    ];
    world.session(&create)?.exits(0)?;
    let kubectl = |words: &[&str]| world.namespace.kubectl(words, None);
    kubectl(&["label", "sessions.streaming.platform", "--all", "course=42"])?;
    for name in SESSIONS {
        world.inside(
            &format!("home-{name}"),
            &format!("echo {name} > /home/file"),
        )?;
    }

    let resize = ["resize", "--roster", &file, "--memory", "96Mi", "-y"];
    let resized = world.session(&resize)?.exits(0)?;
    ensure!(
        resized.stdout.matches(" resized\n").count() == 3,
        "{resized:?}"
    );
    ensure!(
        resized
            .stderr
            .contains("3 sessions: 3 to resize in place\n"),
        "{resized:?}"
    );
    for name in SESSIONS {
        let pod = format!("pod/home-{name}");
        let field = "jsonpath={.status.containerStatuses[0].resources.limits.memory} {.status.containerStatuses[0].restartCount}";
        let found = kubectl(&["get", &pod, "-o", field])?;
        ensure!(found == "96Mi 0", "{name}: {found}");
    }

    let snapshot = [
        "snapshot",
        "create",
        "-l",
        "course=42",
        "--class",
        SNAPSHOT_CLASS,
        "-y",
    ];
    let taken = world.session(&snapshot)?.exits(0)?;
    ensure!(taken.stdout.matches(" created\n").count() == 3, "{taken:?}");
    ensure!(taken.stderr.contains("3 taken\n"), "{taken:?}");
    let ready = "jsonpath={.items[*].status.readyToUse}";
    let ready = kubectl(&["get", "volumesnapshots", "-o", ready])?;
    ensure!(ready == "true true true", "{ready}");
    // Each holds its own session's file.
    let of_last = taken.stdout.lines().find_map(|line| {
        let name = line.split(['/', ' ']).nth(1)?;
        name.starts_with("lab-3-").then_some(name)
    });
    let of_last = of_last.unwrap_or_default();
    world
        .session(&["snapshot", "restore", of_last, "--into", "back"])?
        .exits(0)?;
    world.session(&["start", "back"])?.exits(0)?;
    let read = world.inside("home-back", "cat /home/file")?;
    ensure!(read == "lab-3\n", "{read}");
    world
        .session(&["delete", "--template", template, "--delete-data", "-y"])?
        .exits(0)?;
    let prune = kubectl(&["delete", "volumesnapshots", "--all", "--timeout=60s"])?;
    ensure!(prune.lines().count() == 3, "{prune}");
    world.session(&["template", "delete", template])?.exits(0)?;
    Ok(())
}
