//! `create --roster --at` and `--ready-by`: the CronJob, its objects, what is refused, and the run itself.

use std::path::PathBuf;

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_support::{FakeApi, golden};

use crate::play::{Play, Played};
use crate::roster::{CLASS, server, sorted};

pub const NAME: &str = "sessions-class-create";
const KINDS: [&str; 5] = [
    "configmaps",
    "serviceaccounts",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "cronjobs.batch",
];

/// A folder with the roster `class.csv`.
pub struct ClassFile(PathBuf);

impl ClassFile {
    pub fn new(test: &str, text: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("class-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("class.csv"), text).unwrap();
        Self(folder)
    }

    pub fn schedule(&self, api: &FakeApi, words: &[&str]) -> Played {
        let file = self.0.join("class.csv");
        let roster = ["--roster", file.to_str().unwrap()];
        Play::on(api).run_args::<Create>(&[&roster[..], words].concat())
    }
}

impl Drop for ClassFile {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

pub fn piped(api: &FakeApi, text: &str, words: &[&str]) -> Played {
    let words = [&["--roster", "-"][..], words].concat();
    Play::on(api).piped(text).run_args::<Create>(&words)
}

fn object(api: &FakeApi, kind: &str) -> Value {
    let found = api.object(kind, "default", NAME);
    found.unwrap_or_else(|| panic!("no {kind}: {:?}", api.lines()))
}

/// Number of the schedule's objects.
pub fn count(api: &FakeApi) -> usize {
    let there = KINDS.iter();
    there
        .filter(|kind| api.object(kind, "default", NAME).is_some())
        .count()
}

/// The words that the CronJob runs.
fn args(api: &FakeApi) -> Vec<String> {
    let job = object(api, "cronjobs.batch");
    let container = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    serde_json::from_value(container["args"].clone()).unwrap()
}

#[test]
fn a_class_is_created_later_by_a_cron_job_with_an_account_of_its_own() {
    let (api, file) = (server(), ClassFile::new("later", CLASS));
    let played = file.schedule(
        &api,
        &[
            "--template",
            "tool",
            "--set",
            "SIZE=3Gi",
            "--expires-in",
            "3h",
            "--rate",
            "10/60s",
            "--memory",
            "1Gi",
            "--ready-by",
            "07:45",
            "--time-zone",
            "europe/berlin",
        ],
    );
    played.done();
    let job = object(&api, "cronjobs.batch");
    let spec = &job["spec"];
    let mut text = format!(
        "{}--- requests\n{}\n",
        played.text(),
        api.lines().join("\n")
    );
    for rule in object(&api, KINDS[2])["rules"].as_array().unwrap() {
        text.push_str(&format!("{rule}\n"));
    }
    let pod = &spec["jobTemplate"]["spec"]["template"]["spec"];
    let mounts = &pod["containers"][0]["volumeMounts"];
    text.push_str(&format!(
        "--- {} {}\n{}\n",
        spec["schedule"],
        spec["timeZone"],
        args(&api).join(" ")
    ));
    text.push_str(&format!("{}\n{mounts}\n", pod["volumes"]));
    golden("create-roster-at.txt", &text);
    assert_eq!(object(&api, "configmaps")["data"]["roster.csv"], CLASS);
    for kind in KINDS {
        let metadata = &object(&api, kind)["metadata"];
        let selection = &metadata["annotations"]["streaming.platform/selection"];
        assert_eq!(*selection, "--roster class.csv");
        assert_eq!(metadata.get("ownerReferences"), None);
        assert_eq!(metadata["labels"].get("streaming.platform/session"), None);
    }
    assert!(api.objects("sessions.streaming.platform").is_empty());
}

#[test]
fn the_run_suspends_its_cron_job_first_and_creates_the_class() {
    let (api, file) = (server(), ClassFile::new("run", CLASS));
    file.schedule(&api, &["--template", "tool", "--at", "07:45"])
        .done();
    let mut words = args(&api);
    // As the CronJob's container has it mounted.
    let mounted = format!("--roster={}", file.0.join("class.csv").display());
    assert_eq!(words[1], "--roster=/roster/roster.csv");
    words[1] = mounted;
    let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    api.forget_requests();
    let played = Play::on(&api).run_args::<Create>(&words);
    let created = sorted(played.done());
    assert_eq!(created.matches(" created\n").count(), 3, "{created}");
    let first = api.requests().remove(0);
    assert_eq!(
        (first.method.as_str(), first.json()),
        ("PATCH", json!({"spec": {"suspend": true}}))
    );
    assert_eq!(object(&api, "cronjobs.batch")["spec"]["suspend"], true);
    // A repetition creates nothing twice.
    let again = Play::on(&api).run_args::<Create>(&words);
    assert_eq!(again.done().matches(" unchanged\n").count(), 3, "{again:?}");
    // A schedule that has run can be given another roster.
    let other = ClassFile::new("run-other", "user\nzoe\n");
    let again = other.schedule(&api, &["--template", "tool", "--at", "07:45"]);
    assert!(
        again
            .done()
            .contains("configmap/sessions-class-create configured"),
        "{again:?}"
    );
    assert_eq!(object(&api, "cronjobs.batch")["spec"]["suspend"], false);
}

#[test]
fn a_run_that_may_not_suspend_creates_nothing() {
    let api = server();
    let run = |time: &str| {
        piped(
            &api,
            CLASS,
            &[
                "--template",
                "tool",
                "--schedule-run",
                &format!("{NAME}@{time}"),
            ],
        )
    };
    let played = run("2026-03-01T12:00:00Z");
    let error = format!("Error from server (NotFound): cronjobs.batch {NAME:?} not found\n");
    assert!(played.failed().starts_with(&error), "{played:?}");
    // A CronJob names no year: the time of last year was missed.
    let file = ClassFile::new("late", CLASS);
    file.schedule(&api, &["--template", "tool", "--at", "07:45"])
        .done();
    let late = run("2025-03-01T12:00:00Z");
    let error = format!("error: schedule {NAME:?} was for 2025-03-01T12:00:00Z, which is over\n");
    assert!(late.failed().starts_with(&error), "{late:?}");
    assert_eq!(object(&api, "cronjobs.batch")["spec"]["suspend"], true);
    assert!(api.objects("sessions.streaming.platform").is_empty());
}

#[test]
fn the_command_may_be_given_again_but_not_for_another_roster() {
    let (api, file) = (server(), ClassFile::new("again", CLASS));
    let words = ["--template", "tool", "--at", "07:45"];
    file.schedule(&api, &words).done();
    assert_eq!(count(&api), KINDS.len());
    api.forget_requests();
    let again = file.schedule(&api, &words);
    assert_eq!(again.done().matches(" unchanged\n").count(), 5, "{again:?}");
    assert!(api.writes().is_empty());
    let later = file.schedule(&api, &["--template", "tool", "--at", "08:45"]);
    assert!(
        later
            .done()
            .contains("cronjob.batch/sessions-class-create configured"),
        "{later:?}"
    );
    api.forget_requests();
    let other = ClassFile::new("again-other", "user\nzoe\n");
    let refused = other.schedule(&api, &words);
    golden("create-roster-at-another.txt", refused.failed());
    assert!(api.writes().is_empty());
}

#[test]
fn a_dry_run_prints_the_objects_and_writes_nothing() {
    let (api, file) = (server(), ClassFile::new("preview", CLASS));
    let words = [
        "--template",
        "tool",
        "--at",
        "07:45",
        "--dry-run=client",
        "-o",
        "name",
    ];
    let played = file.schedule(&api, &words);
    assert_eq!(played.done().lines().count(), 5, "{played:?}");
    assert!(api.writes().is_empty());
    let played = file.schedule(
        &api,
        &["--template", "tool", "--at", "07:45", "--dry-run=server"],
    );
    played.done();
    assert_eq!(count(&api), 0);
}

#[test]
fn what_passes_to_the_run_is_said_as_flags() {
    let api = server();
    let words = [
        "--template",
        "tool",
        "--at",
        "2026-03-09 07:45",
        "--parallel",
        "2",
        "--wait",
        "--timeout",
        "2m",
        "--skip-checks",
        "--data-policy",
        "delete",
        "--storage",
        "2Gi",
        "--use-existing",
        "Secret/shared",
        "--reconcile",
        "client",
        "--skip-missing-kinds",
    ];
    piped(&api, "user\nalice\n", &words).done();
    let job = api
        .object("cronjobs.batch", "default", "sessions-stdin-create")
        .unwrap();
    assert_eq!(
        (&job["spec"]["schedule"], &job["spec"]["timeZone"]),
        (&"45 7 9 3 *".into(), &"Etc/UTC".into())
    );
    let container = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        container["args"],
        json!([
            "create",
            "--roster=/roster/roster.csv",
            "--schedule-run=sessions-stdin-create@2026-03-09T07:45:00Z",
            "--template=tool",
            "--parallel=2",
            "--storage=2Gi",
            "--data-policy=delete",
            "--reconcile=client",
            "--timeout=120s",
            "--use-existing=secret/shared",
            "--wait",
            "--skip-checks",
            "--skip-missing-kinds",
        ])
    );
}
