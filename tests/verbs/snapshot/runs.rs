//! `run-schedule`, as a CronJob runs it: requests, permissions, snapshots taken and deleted.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, Recorded, golden};

use crate::scene::{Driver, SNAPSHOTS, Scene, metadata, requests, snapshot};

#[test]
fn a_run_without_hooks_reads_the_session_and_its_claims_alone() {
    let api = Scene {
        hooks: false,
        ..Scene::default()
    }
    .server();
    let played = snapshot(&api, "run-schedule alice --keep 7 --class cuts");
    let text = format!("{}--- requests\n{}", played.text(), requests(&api));
    golden("snapshot-schedule-run.txt", &text);
    let made = &api.objects(SNAPSHOTS)[0];
    assert_eq!(
        made["metadata"]["labels"]["streaming.platform/schedule"],
        "alice"
    );
    assert_eq!(made["spec"]["volumeSnapshotClassName"], "cuts");
}

#[test]
fn the_role_allows_all_that_a_run_asks_for() {
    for (hooks, driver) in [
        (false, Driver::Works),
        (true, Driver::Works),
        (true, Driver::Cuts),
    ] {
        let api = Scene {
            hooks,
            driver,
            ..Scene::default()
        }
        .server();
        snapshot(&api, "schedule alice --cron @daily --keep 1").done();
        let name = "session-alice-snapshots";
        let role = "roles.rbac.authorization.k8s.io";
        let role = api.object(role, "default", name).unwrap();
        let job = api.object("cronjobs.batch", "default", name).unwrap();
        let args = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"];
        let args = args.as_array().unwrap().iter();
        let words: Vec<&str> = args.skip(1).filter_map(Value::as_str).collect();
        let words = format!("{} --timeout=50ms", words.join(" "));
        // These permissions are optional.
        let refused = [
            "/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses",
            "/api/v1/namespaces/default/secrets/session-alice-parameters",
        ];
        for path in refused {
            api.on("GET", path, Answer::forbidden(name, "get", "these", ""));
        }
        taken(&api, 1, true);
        taken(&api, 2, true);
        api.forget_requests();
        let played = snapshot(&api, &words);
        let works = driver == Driver::Works;
        assert_eq!(played.code == 0, works, "{played:?}");
        let asked = api.requests();
        let mut asked = asked
            .iter()
            .filter(|request| !refused.contains(&request.path.as_str()));
        let beyond = asked.find(|request| !allows(&role, request));
        assert_eq!(beyond.map(Recorded::line), None);
        assert!(api.lines().len() > 5, "{:?}", api.lines());
    }
}

/// Returns true if an RBAC rule covers this request.
fn allows(role: &Value, request: &Recorded) -> bool {
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, "namespaces", _, rest @ ..] => ("", rest),
        ["apis", group, _, "namespaces", _, rest @ ..] => (*group, rest),
        _ => return false,
    };
    let (resource, name) = match rest {
        [resource] => ((*resource).to_owned(), None),
        [resource, name] => ((*resource).to_owned(), Some(*name)),
        [resource, name, part] => (format!("{resource}/{part}"), Some(*name)),
        _ => return false,
    };
    let watches = request.query("watch").is_some();
    let verb = match (request.method.as_str(), name) {
        ("GET", None) if watches => "watch",
        ("GET", None) => "list",
        ("GET", Some(_)) => "get",
        ("POST", _) => "create",
        ("DELETE", Some(_)) => "delete",
        _ => return false,
    };
    let mut rules = role["rules"].as_array().unwrap().iter();
    rules.any(|rule| {
        let has = |field: &str, word: &str| {
            let words = rule[field].as_array();
            words.is_none_or(|words| words.iter().any(|one| one == word))
        };
        let named = rule["resourceNames"].is_null() || name.is_some();
        has("apiGroups", group)
            && has("resources", &resource)
            && has("verbs", verb)
            && named
            && has("resourceNames", name.unwrap_or_default())
    })
}

/// Hourly snapshots, taken by the schedule or by hand.
fn taken(api: &FakeApi, hour: u32, scheduled: bool) -> String {
    let name = format!("alice-{hour}-{}", if scheduled { "clock" } else { "hand" });
    let mut made = metadata(&name);
    made["creationTimestamp"] = format!("2026-03-01T{hour:02}:00:00Z").into();
    if scheduled {
        made["labels"]["streaming.platform/schedule"] = "alice".into();
    }
    api.put(json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": made,
        "spec": {"source": {"persistentVolumeClaimName": "home-alice"}}, "status": {"readyToUse": true, "boundVolumeSnapshotContentName": "c"}}));
    name
}

#[test]
fn a_run_prunes_what_runs_have_taken_and_nothing_else() {
    for (rest, left) in [("", 4), (" --dry-run=client", 6), (" --dry-run=server", 6)] {
        let api = Scene::default().server();
        for hour in 1..=3 {
            taken(&api, hour, true);
            taken(&api, hour, false);
        }
        let played = snapshot(&api, &format!("run-schedule alice --keep 1{rest}"));
        let lines: Vec<&str> = played.done().lines().collect();
        assert_eq!(lines.len(), 1 + 3, "{played:?}");
        assert!(lines[0].contains("created"), "{lines:?}");
        assert!(
            lines[1..]
                .iter()
                .all(|line| line.contains("-clock\" deleted")),
            "{lines:?}"
        );
        assert_eq!(api.objects(SNAPSHOTS).len(), left, "{rest}");
    }
}

#[test]
fn of_a_stopped_session_one_is_enough() {
    let api = Scene {
        runs: false,
        ..Scene::default()
    }
    .server();
    let old = taken(&api, 1, true);
    let run = || snapshot(&api, "run-schedule alice --keep 2");
    let first = run();
    assert!(first.done().contains("alice-20260301-120000 created"));
    api.forget_requests();
    let second = run();
    assert_eq!(second.done(), "");
    let note = "note: no snapshot taken: the session is stopped, and snapshot \"alice-20260301-120000\" already holds its data\n";
    assert_eq!(second.err, note);
    assert!(api.writes().is_empty());
    assert!(api.object(SNAPSHOTS, "default", &old).is_some());
    // After a restore: a claim with the same name and another UID.
    api.remove("persistentvolumeclaims", "default", "home-alice");
    api.put(crate::scene::claim("home-alice"));
    let third = run();
    assert!(third.done().contains(" created\n"), "{third:?}");
}

#[test]
fn what_another_user_left_under_that_name_stays() {
    let api = Scene::default().server();
    let theirs = taken(&api, 1, true);
    let mut object = api.object(SNAPSHOTS, "default", &theirs).unwrap();
    object["metadata"]["annotations"]["streaming.platform/user-id"] = "bob@example.com".into();
    api.put(object);
    let ours = taken(&api, 2, true);
    let played = snapshot(&api, "run-schedule alice --keep 1");
    let gone =
        format!("volumesnapshot.snapshot.storage.k8s.io {ours:?} deleted from default namespace");
    assert_eq!(played.done().lines().nth(1), Some(gone.as_str()));
    assert!(api.object(SNAPSHOTS, "default", &theirs).is_some());
}

#[test]
fn a_run_that_fails_prunes_all_the_same() {
    let api = Scene {
        driver: Driver::Hangs,
        hooks: false,
        ..Scene::default()
    }
    .server();
    let (old, new) = (taken(&api, 1, true), taken(&api, 2, true));
    let played = snapshot(&api, "run-schedule alice --keep 1 --timeout=50ms");
    assert_eq!(played.code, 1, "{played:?}");
    assert!(api.object(SNAPSHOTS, "default", &old).is_none());
    assert!(api.object(SNAPSHOTS, "default", &new).is_some());
}

#[test]
fn what_older_schedules_ran_is_refused_with_the_way_on() {
    let api = Scene::default().server();
    for words in [
        "create alice --keep 7 --class cuts --known-hooks=ab12",
        "create alice --known-hooks ab12",
    ] {
        let played = snapshot(&api, words);
        assert_eq!(played.code, 1, "{played:?}");
        assert!(
            played.err.contains("--keep cannot be given with create"),
            "{played:?}"
        );
        assert!(
            played
                .err
                .contains("kubectl session snapshot schedule alice --cron CRON --keep NUMBER"),
            "{played:?}"
        );
    }
    assert!(api.lines().is_empty(), "{:?}", api.lines());
}
