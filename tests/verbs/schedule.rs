//! `kubectl session schedule`: objects, permissions, change, removal and list.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "play.rs"]
mod play;

use kubectl_session_schedule::Schedule;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, SessionFixture, golden};

use crate::play::{Play, Played};

const JOBS: &str = "cronjobs.batch";
const ROLES: &str = "roles.rbac.authorization.k8s.io";
const BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";
const ACCOUNTS: &str = "serviceaccounts";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";

fn server() -> FakeApi {
    let session = SessionFixture::running("alice").home().service().sync();
    let labelled = json!({"metadata": {"labels": {"course": "42"}}});
    let api = session.session_fields(labelled).server();
    api.forget_requests();
    api
}

fn schedule(api: &FakeApi, words: &[&str]) -> Played {
    Play::on(api).run_args::<Schedule>(words)
}

/// `schedule set alice` with a stop and a start.
fn set_both(api: &FakeApi) -> Played {
    schedule(
        api,
        &[
            "set",
            "alice",
            "--stop",
            "20:00",
            "--start",
            "07:30 Mon-Fri",
            "--time-zone",
            "europe/berlin",
        ],
    )
}

fn job(api: &FakeApi, name: &str) -> Value {
    let found = api.object(JOBS, "default", name);
    found.unwrap_or_else(|| panic!("no CronJob {name}"))
}

/// The words that a CronJob runs.
fn words(job: &Value) -> Vec<String> {
    let container = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    serde_json::from_value(container["args"].clone()).unwrap()
}

fn count(api: &FakeApi) -> usize {
    let kinds = [JOBS, ROLES, BINDINGS, ACCOUNTS];
    kinds.iter().map(|kind| api.objects(kind).len()).sum()
}

#[test]
fn a_schedule_is_two_cron_jobs_with_an_account_of_their_own() {
    let api = server();
    let played = set_both(&api);
    played.done();
    let mut text = format!(
        "{}--- requests\n{}\n",
        played.text(),
        api.lines().join("\n")
    );
    let role = api.object(ROLES, "default", "session-alice-clock").unwrap();
    for rule in role["rules"].as_array().unwrap() {
        text.push_str(&format!("{rule}\n"));
    }
    for name in ["session-alice-stop", "session-alice-start"] {
        let job = job(&api, name);
        let (cron, zone) = (&job["spec"]["schedule"], &job["spec"]["timeZone"]);
        text.push_str(&format!("--- {cron} {zone}\n{}\n", words(&job).join(" ")));
    }
    golden("schedule-set.txt", &text);
    let session = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap();
    for kind in [JOBS, ROLES, BINDINGS, ACCOUNTS] {
        for object in api.objects(kind) {
            let owner = &object["metadata"]["ownerReferences"][0]["uid"];
            assert_eq!(*owner, session["metadata"]["uid"], "{object}");
        }
    }
    api.forget_requests();
    let again = set_both(&api);
    assert_eq!(again.done().matches(" unchanged\n").count(), 5, "{again:?}");
    assert!(api.writes().is_empty());
}

#[test]
fn the_times_are_those_of_the_last_call_and_the_rest_stays() {
    let api = server();
    set_both(&api).done();
    let late = schedule(&api, &["set", "alice", "--stop", "0 22 * * *"]);
    let lines: Vec<&str> = late.done().lines().collect();
    assert_eq!(
        lines[3], "cronjob.batch/session-alice-stop configured",
        "{late:?}"
    );
    assert_eq!(
        lines[4],
        "cronjob.batch \"session-alice-start\" deleted from default namespace"
    );
    assert_eq!(api.objects(JOBS).len(), 1);
    let stop = job(&api, "session-alice-stop");
    assert_eq!(stop["spec"]["schedule"], "0 22 * * *");
    assert_eq!(stop["spec"]["timeZone"], "Europe/Berlin");
    let role = api.object(ROLES, "default", "session-alice-clock").unwrap();
    assert!(!role["rules"].to_string().contains("\"secrets\""), "{role}");
}

#[test]
fn stops_that_destroy_data_have_to_be_confirmed() {
    let api = SessionFixture::running("alice").server();
    let set = ["set", "alice", "--stop", "20:00"];
    let mut text = schedule(&api, &set).text();
    let asked = Play::on(&api).at_terminal("n\n");
    text.push_str(&asked.run_args::<Schedule>(&set).text());
    golden("schedule-data-refused.txt", &text);
    assert_eq!((count(&api), api.writes().len()), (0, 0));
    schedule(&api, &[&set[..], &["-y"]].concat()).done();
}

#[test]
fn a_selection_is_made_at_each_run() {
    let api = server();
    let set = [
        "set",
        "-l",
        "course=42",
        "--template",
        "tool",
        "--stop",
        "12:00 fri",
        "--start",
        "@daily",
    ];
    let played = schedule(&api, &set);
    played.done();
    let jobs = api.objects(JOBS);
    let mut text = played.text();
    for job in &jobs {
        let words = words(job);
        text.push_str(&format!(
            "{} {}\n",
            job["spec"]["schedule"],
            words.join(" ")
        ));
        let metadata = &job["metadata"];
        assert_eq!(
            metadata["annotations"]["streaming.platform/selection"],
            "-l course=42 --template tool"
        );
        assert_eq!(metadata.get("ownerReferences"), None);
        assert_eq!(metadata["labels"].get("streaming.platform/session"), None);
    }
    let role = api.objects(ROLES).remove(0);
    assert_eq!(role["rules"][0].get("resourceNames"), None);
    let listed = schedule(&api, &["list"]);
    text.push_str(&listed.text());
    golden("schedule-selection.txt", &text);
    let none = schedule(&api, &["set", "-l", "course=1", "--stop", "12:00"]);
    assert!(none.err.contains("no session is selected now"), "{none:?}");
    let other = schedule(&api, &["delete", "-l", "course=43"]);
    assert_eq!(other.err, "No resources found in default namespace.\n");
    let gone = schedule(&api, &["delete", "-l", "course=42", "--template", "tool"]);
    assert_eq!(gone.done().lines().count(), 5, "{gone:?}");
    assert_eq!(count(&api), 4, "the other selection's");
}

#[test]
fn starts_of_a_selection_need_the_admission_policy() {
    let api = server();
    api.unguarded();
    let refused = schedule(&api, &["set", "--all", "--start", "07:30"]);
    golden("schedule-no-policy.txt", refused.failed());
    assert!(api.writes().is_empty());
    schedule(&api, &["set", "--all", "--stop", "20:00"]).done();
    // One session's start is known by its digest.
    let mine = Play::on(&api).run_args::<Schedule>(&[
        "set",
        "alice",
        "--start",
        "07:30",
        "--trust-manifest",
    ]);
    mine.done();
    let words = words(&job(&api, "session-alice-start"));
    assert!(words[2].starts_with("--known-values="), "{words:?}");
}

#[test]
fn who_may_not_give_rights_gets_them_printed_for_an_admin() {
    for (method, path) in [
        ("GET", format!("{RBAC}/roles/session-alice-clock")),
        ("POST", format!("{RBAC}/roles")),
        ("POST", format!("{RBAC}/rolebindings")),
    ] {
        let api = server();
        api.on(
            method,
            &path,
            Answer::forbidden("alice", "create", "roles", "default"),
        );
        let played = set_both(&api);
        assert_eq!(played.code, 0, "{played:?}");
        assert!(
            played
                .out
                .starts_with("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n")
        );
        assert_eq!(played.out.matches("\nkind: RoleBinding\n").count(), 1);
        assert!(api.objects(BINDINGS).is_empty());
        assert_eq!(api.objects(JOBS).len(), 2);
        assert!(
            played
                .err
                .contains("Warning: Role and RoleBinding not created"),
            "{played:?}"
        );
    }
}

#[test]
fn what_the_server_refuses_leaves_nothing_behind() {
    let api = server();
    let refusal = Answer::invalid("batch", "CronJob", "x", &[("spec.schedule", "not this")]);
    api.on(
        "POST",
        "/apis/batch/v1/namespaces/default/cronjobs",
        refusal,
    );
    assert!(set_both(&api).failed().contains("not this"));
    assert_eq!(count(&api), 0, "{:?}", api.lines());
}

#[test]
fn somebody_elses_objects_are_left_alone() {
    let api = server();
    let metadata = json!({"name": "session-alice-start", "namespace": "default", "uid": "u-9"});
    api.put(json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": {"schedule": "@daily"}}));
    api.forget_requests();
    for words in [
        &["set", "alice", "--stop", "20:00"][..],
        &["delete", "alice"],
    ] {
        let error = "error: CronJob \"session-alice-start\" already exists and is not part of session \"alice\"\n";
        assert!(schedule(&api, words).failed().starts_with(error));
    }
    assert!(api.writes().is_empty());
}

#[test]
fn removed_it_is_gone() {
    let api = server();
    set_both(&api).done();
    let rehearsed = schedule(&api, &["delete", "alice", "--dry-run=client"]);
    assert_eq!(rehearsed.done().lines().count(), 5);
    assert_eq!(count(&api), 5);
    let removed = schedule(&api, &["delete", "alice"]);
    let first = "cronjob.batch \"session-alice-start\" deleted from default namespace";
    assert_eq!(removed.done().lines().next(), Some(first));
    assert_eq!(count(&api), 0);
    let again = schedule(&api, &["delete", "alice"]);
    assert_eq!(again.err, "No resources found in default namespace.\n");
}

#[test]
fn what_cannot_be_is_told_before_any_request() {
    let mut text = String::new();
    let api = server();
    for words in [
        &["alice"][..],
        &["alice", "--stop", "25:00"],
        &["alice", "--stop", "20:00 Mo"],
        &["alice", "--start", "0 25 * * *"],
        &["alice", "--start", "at eight"],
        &["alice", "--stop", "20:00", "--start", "0 20 * * *"],
        &["alice", "--stop", "20:00", "--time-zone", "Mars/Olympus"],
        &["alice", "--stop", "20:00", "--time-zone", "Berlin"],
        &["alice", "--stop", "20:00", "--image", "a b"],
        &["alice", "bob", "--stop", "20:00"],
        &["--stop", "20:00"],
        &["--roster", "class.csv", "--stop", "20:00"],
        &["alice", "--start", "20:00", "--skip-sync"],
    ] {
        let played = schedule(&api, &[&["set"], words].concat());
        text.push_str(&format!("$ {words:?}\n{}", played.failed()));
        assert!(api.lines().is_empty(), "{words:?}");
    }
    golden("schedule-refused.txt", &text);
}

#[test]
fn a_list_tells_which_fail() {
    let api = server();
    let none = schedule(&api, &["list"]);
    assert_eq!(
        (none.out.as_str(), none.err.as_str()),
        ("", "No resources found in default namespace.\n")
    );
    set_both(&api).done();
    let mut stop = job(&api, "session-alice-stop");
    stop["status"] = json!({"lastSuccessfulTime": "2026-02-28T20:00:09Z"});
    let uid = stop["metadata"]["uid"].clone();
    api.put(stop);
    let owners = json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": "x", "uid": uid, "controller": true}]);
    api.put(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "run-1", "namespace": "default",
        "labels": {"streaming.platform/schedule": "alice"}, "ownerReferences": owners},
        "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}}));
    // A CronJob that is not of the suite's schedules.
    let metadata = json!({"name": "backup", "namespace": "default", "labels": {"app.kubernetes.io/managed-by": "kubectl-session"}});
    api.put(json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": {"schedule": "@daily",
        "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "x", "args": ["snapshot", "run-schedule", "alice"]}]}}}}}}));
    let text = schedule(&api, &["list"]).done().to_owned();
    let sorted = schedule(
        &api,
        &["list", "--sort-by", "{.spec.schedule}", "-o", "name"],
    );
    golden("schedule-list.txt", &format!("{text}{}", sorted.done()));
}

/// The objects that `create --roster class.csv --at` makes, the CronJob last.
fn put_class(api: &FakeApi) -> Value {
    let name = "sessions-class-create";
    let metadata = |kind: &str| {
        json!({"name": name, "namespace": "default", "uid": format!("u-{kind}"),
            "labels": {"app.kubernetes.io/managed-by": "kubectl-session", "streaming.platform/schedule": name},
            "annotations": {"streaming.platform/selection": "--roster class.csv"}})
    };
    let rbac = "rbac.authorization.k8s.io/v1";
    for (version, kind) in [
        ("v1", "ConfigMap"),
        ("v1", "ServiceAccount"),
        (rbac, "Role"),
        (rbac, "RoleBinding"),
    ] {
        api.put(json!({"apiVersion": version, "kind": kind, "metadata": metadata(kind)}));
    }
    let container = json!({"name": "create", "args": ["create", "--roster=/roster/roster.csv"]});
    let job = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata("CronJob"),
        "spec": {"schedule": "45 7 2 3 *", "timeZone": "Europe/Berlin",
            "jobTemplate": {"spec": {"template": {"spec": {"containers": [container]}}}}}});
    api.put(job.clone());
    job
}

#[test]
fn a_class_that_is_created_later_is_listed_and_deleted_by_its_name() {
    let api = server();
    let mut job = put_class(&api);
    let list = || schedule(&api, &["list"]).done().to_owned();
    let mut text = list();
    job["spec"]["suspend"] = true.into();
    api.put(job.clone());
    text.push_str(&list());
    job["status"] = json!({"lastSuccessfulTime": "2026-03-01T11:45:09Z"});
    api.put(job);
    text.push_str(&list());
    golden("schedule-list-class.txt", &text);
    let deleted = schedule(&api, &["delete", "sessions-class-create"]);
    assert_eq!(deleted.done().lines().count(), 5, "{deleted:?}");
    assert_eq!(count(&api) + api.objects("configmaps").len(), 0);
    let none = schedule(&api, &["delete", "sessions-class-create"]);
    assert!(
        none.failed()
            .contains("\"sessions-class-create\" not found"),
        "{none:?}"
    );
}
