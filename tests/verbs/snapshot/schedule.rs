//! `schedule`: objects, permissions, change and removal.

use kubectl_session_snapshot::Snapshot;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::play::{Play, Played};
use crate::scene::{SESSIONS, Scene, metadata, requests, snapshot};

const NAME: &str = "session-alice-snapshots";
const JOBS: &str = "cronjobs.batch";
const ROLES: &str = "roles.rbac.authorization.k8s.io";
const BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";

/// Arguments of `snapshot schedule alice` with a cron expression, which may contain spaces.
fn set(api: &FakeApi, cron: &str, rest: &str) -> Played {
    let mut words = vec!["schedule", "alice", "--cron", cron];
    words.extend(rest.split_whitespace());
    Play::on(api).run_args::<Snapshot>(&words)
}

fn job(api: &FakeApi) -> Value {
    api.object(JOBS, "default", NAME).unwrap()
}

fn parts(api: &FakeApi) -> usize {
    [JOBS, ROLES, BINDINGS, "serviceaccounts"]
        .iter()
        .map(|kind| api.objects(kind).len())
        .sum()
}

#[test]
fn a_schedule_is_a_cron_job_with_an_account_of_its_own() {
    let api = Scene::default().server();
    let played = set(&api, "30 3 * * *", "--keep 7 --time-zone Europe/Berlin");
    let mut text = format!("{}--- requests\n{}", played.text(), requests(&api));
    for (kind, field) in [(ROLES, "rules"), (BINDINGS, "roleRef"), (JOBS, "spec")] {
        let found = api.object(kind, "default", NAME).unwrap();
        let shown = serde_json::to_string_pretty(&found[field]).unwrap();
        text.push_str(&format!("--- {kind}\n{shown}\n"));
    }
    golden("snapshot-schedule.txt", &text);
    let session = api.object(SESSIONS, "default", "alice").unwrap();
    for kind in [JOBS, ROLES, BINDINGS, "serviceaccounts"] {
        let metadata = &api.object(kind, "default", NAME).unwrap()["metadata"];
        let owner = &metadata["ownerReferences"][0]["uid"];
        assert_eq!(*owner, session["metadata"]["uid"], "{kind}");
    }
}

#[test]
fn given_again_it_changes_what_is_there_and_nothing_else() {
    let api = Scene::default().server();
    let all = |words: [&str; 4]| {
        let kinds = [
            "serviceaccount",
            "role.rbac.authorization.k8s.io",
            "rolebinding.rbac.authorization.k8s.io",
            "cronjob.batch",
        ];
        let lines = kinds.iter().zip(words);
        lines
            .map(|(kind, word)| format!("{kind}/{NAME} {word}\n"))
            .collect::<String>()
    };
    let first = set(&api, "@daily", "--keep 7 --time-zone Europe/Berlin");
    assert_eq!(first.done(), all(["created"; 4]));
    api.forget_requests();
    let again = set(&api, "@daily", "--keep 7 --time-zone Europe/Berlin");
    assert_eq!(again.done(), all(["unchanged"; 4]));
    assert!(api.writes().is_empty());
    let rehearsed = set(&api, "@daily", "--keep 7 --skip-hooks --dry-run=client");
    let word = |word: &str| format!("{word} (dry run)");
    let words = ["unchanged", "configured", "unchanged", "configured"].map(word);
    assert_eq!(
        rehearsed.done(),
        all([&words[0], &words[1], &words[2], &words[3]])
    );
    assert!(api.writes().is_empty());
    let fewer = set(&api, "@daily", "--keep 7 --skip-hooks");
    assert_eq!(
        fewer.done(),
        all(["unchanged", "configured", "unchanged", "configured"])
    );
    assert_eq!(job(&api)["spec"]["timeZone"], "Europe/Berlin", "it is kept");
    let role = api.object(ROLES, "default", NAME).unwrap();
    assert_eq!(role["rules"].as_array().unwrap().len(), 3, "{role}");
}

#[test]
fn a_dry_run_keeps_nothing_and_prints_all_of_it() {
    let api = Scene::default().server();
    let yaml = set(&api, "@daily", "--keep 1 --dry-run=client -o yaml");
    assert!(api.writes().is_empty());
    let kinds: Vec<&str> = yaml
        .done()
        .lines()
        .filter_map(|line| line.strip_prefix("kind: "))
        .collect();
    assert_eq!(kinds, ["ServiceAccount", "Role", "RoleBinding", "CronJob"]);
    assert!(!yaml.out.contains("null"), "{}", yaml.out);
    let server = set(&api, "@daily", "--keep 1 --dry-run=server");
    assert_eq!(parts(&api), 0);
    let note = "note: the RoleBinding was not checked: its Role does not exist yet\n";
    assert_eq!(server.err, note);
    assert_eq!(server.done().lines().count(), 3, "{server:?}");
}

#[test]
fn who_may_not_give_rights_gets_them_printed_for_an_admin() {
    let mut text = String::new();
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    for (method, path, may) in [
        // No permission to read.
        ("GET", format!("{rbac}/roles/{NAME}"), 0),
        ("POST", format!("{rbac}/roles"), 0),
        // The server's refusal to grant permissions that the caller lacks.
        ("POST", format!("{rbac}/rolebindings"), 1),
    ] {
        let api = Scene::default().server();
        let refusal = Answer::forbidden("alice", "create", "roles", "default");
        api.on(method, &path, refusal);
        let played = set(&api, "@daily", "--keep 7");
        assert_eq!(played.code, 0, "{played:?}");
        assert_eq!(api.objects(ROLES).len(), may);
        assert!(api.objects(BINDINGS).is_empty());
        assert_eq!(job(&api)["metadata"]["name"], NAME);
        assert!(
            played
                .out
                .starts_with("apiVersion: rbac.authorization.k8s.io/v1\n")
        );
        if text.is_empty() {
            text = played.text();
        }
    }
    golden("snapshot-schedule-admin.txt", &text);
    let api = Scene::default().server();
    let path = format!("{rbac}/roles");
    let refusal = Answer::forbidden("alice", "create", "roles", "default");
    api.on("POST", &path, refusal);
    let names = set(&api, "@daily", "--keep 7 -o name");
    assert_eq!(names.done().lines().count(), 4, "{names:?}");
}

#[test]
fn what_an_admin_has_applied_is_as_it_should_be() {
    let api = Scene::default().server();
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let refusal = Answer::forbidden("alice", "create", "roles", "default");
    api.on("POST", &format!("{rbac}/roles"), refusal);
    let printed = set(&api, "@daily", "--keep 7 -o json");
    let documents = serde_json::Deserializer::from_str(printed.done()).into_iter::<Value>();
    let mut applied = 0;
    for document in documents.map(Result::unwrap) {
        if document["apiVersion"] == "rbac.authorization.k8s.io/v1" {
            api.put(document);
            applied += 1;
        }
    }
    assert_eq!(applied, 2);
    let again = set(&api, "@daily", "--keep 7");
    assert_eq!(again.done().matches(" unchanged\n").count(), 4, "{again:?}");
    assert_eq!(again.err, "");
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let api = Scene::default().server();
    let refusal = Answer::invalid(
        "batch",
        "CronJob",
        NAME,
        &[("spec.timeZone", "unknown time zone Europe/Kyiv")],
    );
    let path = "/apis/batch/v1/namespaces/default/cronjobs";
    api.on("POST", path, refusal);
    let played = set(&api, "@daily", "--keep 7 --time-zone Europe/Kyiv");
    assert!(played.failed().contains("unknown time zone Europe/Kyiv"));
    assert_eq!(parts(&api), 0, "{:?}", api.lines());
}

#[test]
fn somebody_elses_objects_are_left_alone() {
    let api = Scene::default().server();
    let mut metadata = metadata(NAME);
    metadata["uid"] = "u-9".into();
    api.put(json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": {"schedule": "@daily"}}));
    api.forget_requests();
    for rest in ["--keep 7", "--keep 7 --dry-run=client"] {
        let played = set(&api, "@hourly", rest);
        let wanted = format!(
            "error: CronJob {NAME:?} already exists and is not part of session \"alice\"\n\
            hint: inspect its owner: kubectl get cronjobs {NAME} -n default -o yaml\n"
        );
        assert_eq!(played.failed(), wanted);
    }
    snapshot(&api, "schedule alice --remove").failed();
    assert!(api.writes().is_empty());
}

#[test]
fn removed_it_is_gone_and_so_it_stays() {
    let api = Scene::default().server();
    set(&api, "@daily", "--keep 7").done();
    let rehearsed = snapshot(&api, "schedule alice --remove --dry-run=client");
    assert_eq!(rehearsed.done().lines().count(), 4);
    assert_eq!(parts(&api), 4);
    let removed = snapshot(&api, "schedule alice --remove");
    assert_eq!(
        removed.done().lines().next().unwrap(),
        format!("cronjob.batch {NAME:?} deleted from default namespace")
    );
    assert_eq!(parts(&api), 0);
    let again = snapshot(&api, "schedule alice --remove");
    assert_eq!(again.err, "No resources found in default namespace.\n");
    assert_eq!(again.done(), "");
    set(&api, "@daily", "--keep 7").done();
    let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/{NAME}");
    api.on(
        "GET",
        &path,
        Answer::forbidden("alice", "get", "roles", "default"),
    );
    let halfway = snapshot(&api, "schedule alice --remove");
    assert_eq!(halfway.done().lines().count(), 3, "{halfway:?}");
    assert!(
        halfway
            .err
            .starts_with("note: Role and RoleBinding not checked: no permission to read them")
    );
}

#[test]
fn what_cannot_be_is_told_before_anything_is_written() {
    let mut text = String::new();
    let api = Scene::default().server();
    let mut refused = |api: &FakeApi, cron: &str, rest: &str| {
        let played = set(api, cron, rest);
        played.failed();
        assert!(api.writes().is_empty());
        text.push_str(&format!("$ --cron {cron:?} {rest}\n{}", played.text()));
    };
    for (cron, rest) in [
        ("0 25 * * *", "--keep 7"),
        ("every night", "--keep 7"),
        ("@nightly", "--keep 7"),
        ("TZ=Europe/Berlin 0 3 * * *", "--keep 7"),
        ("@daily", "--keep 0"),
        ("@daily", ""),
        ("@daily", "--keep 7 --time-zone Local"),
        ("@daily", "--keep 7 --time-zone Germany/Berlin"),
        ("@daily", "--keep 7 --class Bad"),
        ("@daily", "--keep 7 --dry-run=maybe"),
        ("@daily", "--keep 7 -o wide"),
        ("@daily", "--remove"),
    ] {
        refused(&api, cron, rest);
        assert!(api.lines().is_empty(), "{cron} {rest}: {:?}", api.lines());
    }
    refused(&api, "@daily", "--keep 7 --class none");
    let without = Scene {
        claims: &[],
        ..Scene::default()
    };
    refused(&without.server(), "@daily", "--keep 7");
    api.remove(SESSIONS, "default", "alice");
    refused(&api, "@daily", "--keep 7");
    let neither = snapshot(&api, "schedule alice");
    text.push_str(&format!("$ schedule alice\n{}", neither.text()));
    golden("snapshot-schedule-refused.txt", &text);
}

#[test]
fn a_list_tells_of_the_schedule() {
    let api = Scene::default().server();
    set(&api, "@daily", "--keep 7").done();
    let listed = snapshot(&api, "list alice");
    assert_eq!(
        listed.err,
        "No resources found in default namespace.\nnote: snapshots are taken by schedule \"@daily\", keeps 7; no success yet\n"
    );
    assert!(!snapshot(&api, "list").err.contains("schedule"));
    assert!(
        !snapshot(&api, "list alice -o json")
            .err
            .contains("schedule")
    );
}

#[test]
fn a_job_whose_image_cannot_be_pulled_is_named() {
    let api = Scene::default().server();
    set(&api, "@daily", "--keep 7 --image example.com/no:1");
    let owner = |kind: &str, uid: &Value| json!([{ "apiVersion": "batch/v1", "kind": kind, "name": "x", "uid": uid, "controller": true }]);
    let labels = json!({ "streaming.platform/schedule": "alice" });
    let run = |owners: Value| {
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "run-1", "namespace": "default",
            "uid": "j", "labels": labels, "ownerReferences": owners }, "status": { "active": 1 } })
    };
    api.put(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "run-1-x", "namespace": "default",
        "labels": labels, "ownerReferences": owner("Job", &json!("j")) },
        "status": { "containerStatuses": [{ "state": { "waiting": { "reason": "ImagePullBackOff", "message": "Back-off" } } }] } }));
    let list = || Play::on(&api).run::<Snapshot>("list alice").err;
    api.put(run(owner("CronJob", &json!("another"))));
    assert!(!list().contains("run-1"), "not a Job of this schedule");
    api.put(run(owner("CronJob", &job(&api)["metadata"]["uid"])));
    let text = "Warning: snapshots are taken by schedule \"@daily\", keeps 7; no success yet; \
        Job/run-1 fails: ImagePullBackOff: Back-off\n\
        hint: to use another image: kubectl session snapshot schedule alice -n default --cron @daily --keep 7 --image IMAGE\n";
    assert!(list().ends_with(text), "{}", list());
}

#[test]
fn a_new_image_is_told_and_kept() {
    let api = Scene::default().server();
    let image = || {
        let job = job(&api);
        let spec = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        spec["containers"][0]["image"].as_str().unwrap().to_owned()
    };
    let untried = "note: image \"example.com/own:1\" has not been run in namespace \"default\" yet, so it is not known whether the nodes can pull it\n\
        hint: run it once: kubectl create job session-alice-snapshots-test --from=cronjob/session-alice-snapshots -n default\n\
        hint: see whether it fails: kubectl session snapshot list alice -n default\n";
    let first = set(&api, "@daily", "--keep 7 --image example.com/own:1");
    assert_eq!(first.err, untried);
    let again = set(&api, "@hourly", "--keep 3");
    assert_eq!(
        (again.err.as_str(), image().as_str()),
        ("", "example.com/own:1")
    );
    let other = set(&api, "@daily", "--keep 3 --image example.com/other:1");
    assert!(other.err.contains("example.com/other:1"), "{other:?}");
}

#[test]
fn an_image_that_was_run_or_is_on_a_node_gets_no_word() {
    let ran = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "old-run", "namespace": "default"},
        "status": {"phase": "Succeeded", "containerStatuses": [{"name": "snapshot", "image": "example.com/own:1", "imageID": "sha256:1"}]}});
    let stored = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
        "status": {"images": [{"names": ["example.com/own:1"]}]}});
    for known in [ran, stored] {
        let api = Scene::default().server();
        api.put(known);
        let played = set(&api, "@daily", "--keep 7 --image example.com/own:1");
        assert_eq!(played.err, "");
        let played = set(&api, "@daily", "--keep 7 --image example.com/own:2");
        assert!(
            played.err.starts_with("note: image \"example.com/own:2\""),
            "{}",
            played.err
        );
    }
}
