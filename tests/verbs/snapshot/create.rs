//! `create`: quiesce, one VolumeSnapshot for each claim, resume in any case, wait until ready; in this order.

use kubectl_session_snapshot::Snapshot;
use serde_json::{Value, json};
use session_shared::client::interrupt::Interrupt;
use session_support::{Answer, Execution, FakeApi, golden};

use crate::play::Play;
use crate::scene::{DRIVER, Driver, SESSIONS, SNAPSHOTS, Scene, class, requests, snapshot};

const FROZEN: [[&str; 2]; 2] = [["freeze", "/home"], ["thaw", "/home"]];

#[test]
fn a_session_pauses_while_its_claims_are_cut() {
    let api = Scene {
        claims: &["home-alice", "data-alice"],
        ..Scene::default()
    }
    .server();
    let played = snapshot(&api, "create alice");
    assert_eq!(api.executed(), FROZEN);
    let text = format!("{}--- requests\n{}", played.text(), requests(&api));
    golden("snapshot-create.txt", &text);
    let made = api
        .object(SNAPSHOTS, "default", "alice-20260301-120000-data-alice")
        .unwrap();
    assert_eq!(made["spec"]["volumeSnapshotClassName"], "cuts");
    let labels = &made["metadata"]["labels"];
    assert_eq!(labels["streaming.platform/session"], "alice");
    assert!(
        labels["streaming.platform/user"]
            .as_str()
            .unwrap()
            .starts_with("alice-example.com-")
    );
    assert_eq!(
        made["metadata"].get("ownerReferences"),
        None,
        "data is never owned"
    );
    let annotations = &made["metadata"]["annotations"];
    assert_eq!(
        annotations["streaming.platform/snapshot"],
        "alice-20260301-120000"
    );
    assert_eq!(
        annotations["streaming.platform/claim"],
        r#"{"accessModes":["ReadWriteOnce"],"storageClassName":"fast","volumeMode":"Filesystem","resources":{"requests":{"storage":"1Gi"}}}"#
    );
}

#[test]
fn a_stopped_session_needs_no_pause() {
    let api = Scene {
        runs: false,
        ..Scene::default()
    }
    .server();
    snapshot(&api, "create alice").done();
    assert!(api.executed().is_empty());
    assert_eq!(api.objects(SNAPSHOTS).len(), 1);
}

#[test]
fn a_dry_run_pauses_nobody_and_keeps_nothing() {
    let api = Scene::default().server();
    let line = "volumesnapshot.snapshot.storage.k8s.io/alice-20260301-120000 created";
    let client = snapshot(&api, "create alice --dry-run=client");
    assert_eq!(client.done(), format!("{line} (dry run)\n"));
    assert!(api.writes().is_empty());
    let server = snapshot(&api, "create alice --dry-run=server");
    assert_eq!(server.done(), format!("{line} (server dry run)\n"));
    let rehearsed = |line: &String| line.starts_with("POST ") && line.contains("dryRun=All");
    assert_eq!(api.lines().iter().filter(|line| rehearsed(line)).count(), 1);
    assert!(api.executed().is_empty() && api.objects(SNAPSHOTS).is_empty());
}

#[test]
fn what_cannot_be_cut_is_told_before_anything_pauses() {
    let mut text = String::new();
    let mut refused = |api: &FakeApi, words: &str| {
        let played = snapshot(api, words);
        assert!(api.writes().is_empty() && api.executed().is_empty());
        played.failed();
        text.push_str(&format!("$ snapshot {words}\n{}", played.text()));
    };
    let without = Scene {
        claims: &[],
        ..Scene::default()
    };
    refused(&without.server(), "create alice");
    let api = Scene::default().server();
    let mut pending = api
        .object("persistentvolumeclaims", "default", "home-alice")
        .unwrap();
    pending["status"] = json!({"phase": "Pending"});
    api.put(pending);
    refused(&api, "create alice");
    refused(&api, "create bob");
    for words in [
        "create alice --name Bad",
        "create alice --class Bad",
        "create pod/alice",
        "create alice -o wide",
        "create alice --dry-run=maybe",
    ] {
        refused(&api, words);
    }
    let api = Scene::default().server();
    refused(&api, "create alice --class none");
    api.put(class("also", crate::scene::DRIVER, true));
    refused(&api, "create alice");
    let api = Scene::default().server();
    api.put(class("cuts", "another.example.com", true));
    refused(&api, "create alice");
    let api = Scene::default().server();
    api.unserve("volumesnapshotclasses.snapshot.storage.k8s.io");
    api.unserve(SNAPSHOTS);
    refused(&api, "create alice");
    golden("snapshot-create-refused.txt", &text);
}

#[test]
fn without_a_look_at_the_classes_the_server_chooses() {
    let api = Scene::default().server();
    let path = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses";
    api.on(
        "GET",
        path,
        Answer::forbidden("alice", "list", "volumesnapshotclasses", ""),
    );
    snapshot(&api, "create alice").done();
    let made = &api.objects(SNAPSHOTS)[0];
    assert_eq!(made["spec"].get("volumeSnapshotClassName"), None);
}

#[test]
fn a_session_that_cannot_be_quiesced_is_resumed_and_not_cut() {
    let failing = Execution {
        stderr: b"database is locked\n".to_vec(),
        code: 3,
        ..Execution::default()
    };
    let scene = Scene::default();
    let api = scene.server_with("freeze", failing.clone());
    let played = snapshot(&api, "create alice");
    assert_eq!(api.executed(), FROZEN, "resumed all the same");
    assert!(api.writes().is_empty());
    let thawing = scene.server_with("thaw", failing);
    let resumed = snapshot(&thawing, "create alice");
    assert_eq!(thawing.objects(SNAPSHOTS).len(), 1);
    let text = format!("{}{}", played.text(), resumed.text());
    golden("snapshot-create-hooks.txt", &text);
}

#[test]
fn a_driver_that_fails_leaves_nothing_and_one_that_hangs_is_told_from_it() {
    let mut text = String::new();
    for (driver, hooks, left) in [
        (Driver::Fails, true, 0),
        (Driver::Fails, false, 0),
        (Driver::Hangs, true, 0),
        (Driver::Hangs, false, 1),
        (Driver::Cuts, true, 1),
    ] {
        let api = Scene {
            driver,
            hooks,
            ..Scene::default()
        }
        .server();
        let played = snapshot(&api, "create alice --timeout=50ms");
        played.failed();
        assert_eq!(api.objects(SNAPSHOTS).len(), left, "{driver:?}");
        assert_eq!(api.executed().len(), if hooks { 2 } else { 0 });
        text.push_str(&format!("{driver:?}, hooks: {hooks}\n{}", played.text()));
    }
    golden("snapshot-create-driver.txt", &text);
}

#[test]
fn without_waiting_the_session_still_pauses_until_it_is_cut() {
    let api = Scene {
        driver: Driver::Cuts,
        ..Scene::default()
    }
    .server();
    snapshot(&api, "create alice --wait=false").done();
    assert_eq!(api.executed(), FROZEN);
}

#[test]
fn one_that_is_refused_takes_the_others_with_it() {
    let api = Scene {
        claims: &["home-alice", "data-alice"],
        ..Scene::default()
    }
    .server();
    let path = "/apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots";
    api.handle("POST", path, |request| {
        let mut object = request.json();
        if object["metadata"]["name"] == "alice-20260301-120000-home-alice" {
            return Answer::quota(
                "volumesnapshots",
                "x",
                "few",
                "used: count/volumesnapshots=1",
            );
        }
        object["metadata"]["uid"] = "u-7".into();
        Answer::json(201, object)
    });
    let played = snapshot(&api, "create alice");
    assert!(played.failed().contains("exceeded quota"), "{played:?}");
    let last = api.writes().pop().unwrap();
    let other = format!("DELETE {path}/alice-20260301-120000-data-alice");
    assert_eq!(last.line(), other);
    assert_eq!(last.json()["preconditions"]["uid"], "u-7");
    assert_eq!(api.executed(), FROZEN);
}

#[test]
fn what_a_killed_run_has_begun_is_completed_by_the_next() {
    let scene = Scene {
        claims: &["home-alice", "data-alice"],
        ..Scene::default()
    };
    let api = scene.server();
    let names = || {
        let all = api.objects(SNAPSHOTS).into_iter();
        let told = |object: Value| {
            format!(
                "{} {}",
                object["metadata"]["name"], object["metadata"]["uid"]
            )
        };
        all.map(told).collect::<Vec<_>>()
    };
    snapshot(&api, "create alice --name before").done();
    let whole = names();
    assert_eq!(whole.len(), 2);
    let again = snapshot(&api, "create alice --name before");
    assert!(
        again
            .failed()
            .contains("\"before-data-alice\" already exists"),
        "{again:?}"
    );
    assert_eq!(names(), whole);
    api.remove(SNAPSHOTS, "default", "before-home-alice");
    let completed = snapshot(&api, "create alice --name before");
    assert!(
        completed
            .err
            .contains("before-data-alice was taken by an interrupted command"),
        "{completed:?}"
    );
    assert_eq!(completed.code, 0);
    let now = names();
    assert!(
        now.len() == 2 && now.contains(&whole[0]) && !now.contains(&whole[1]),
        "{now:?}"
    );
    // A claim of another session.
    let mut other = api
        .object(SNAPSHOTS, "default", "before-data-alice")
        .unwrap();
    other["metadata"]["annotations"]["streaming.platform/session-uid"] = "another".into();
    api.put(other);
    api.remove(SNAPSHOTS, "default", "before-home-alice");
    let refused = snapshot(&api, "create alice --name before");
    assert!(refused.failed().contains("already exists"), "{refused:?}");
    assert_eq!(names().len(), 1);
}

#[test]
fn ctrl_c_while_it_waits_resumes_the_session() {
    let api = Scene {
        driver: Driver::Hangs,
        ..Scene::default()
    }
    .server();
    let interrupt = Interrupt::default();
    let trigger = interrupt.clone();
    api.react(SNAPSHOTS, move |_| {
        trigger.trigger();
        Vec::new()
    });
    let played = Play::on(&api)
        .stopped_by(&interrupt)
        .run::<Snapshot>("create alice");
    assert_eq!(played.code, 130, "{played:?}");
    assert_eq!(api.executed(), FROZEN);
    assert!(api.objects(SNAPSHOTS).is_empty(), "it was not cut");
    assert!(api.object(SESSIONS, "default", "alice").is_some());
}

/// A VolumeSnapshotContent that outlives its snapshot is recognized only by labels set while the snapshot exists.
#[test]
fn what_outlives_a_snapshot_is_marked_by_who_may() {
    let group = "snapshot.storage.k8s.io/v1";
    let taken_with = |policy: &str| {
        let api = Scene::default().server();
        api.serve(
            group,
            "VolumeSnapshotContent",
            "volumesnapshotcontents",
            false,
        );
        let mut class = class("cuts", DRIVER, true);
        class["deletionPolicy"] = policy.into();
        api.put(class);
        api.react(SNAPSHOTS, move |snapshot| {
            let reference = json!({"namespace": "default", "name": snapshot["metadata"]["name"], "uid": snapshot["metadata"]["uid"]});
            vec![json!({"apiVersion": group, "kind": "VolumeSnapshotContent", "metadata": {"name": "snapcontent-1"},
                "spec": {"volumeSnapshotRef": reference}})]
        });
        api
    };
    let content = |api: &FakeApi| {
        let kind = "volumesnapshotcontents.snapshot.storage.k8s.io";
        api.object(kind, "", "snapcontent-1").unwrap()
    };
    let path = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents/snapcontent-1";
    let api = taken_with("Retain");
    snapshot(&api, "create alice").done();
    let metadata = &content(&api)["metadata"];
    assert_eq!(
        metadata["labels"],
        json!({"app.kubernetes.io/managed-by": "kubectl-session", "streaming.platform/session": "alice",
            "streaming.platform/user": "alice-example.com-ff8d9819"})
    );
    let annotations = &metadata["annotations"];
    assert_eq!(
        annotations["streaming.platform/user-id"],
        "alice@example.com"
    );
    let mark = api.writes().pop().unwrap();
    assert_eq!((mark.method.as_str(), mark.path.as_str()), ("PATCH", path));
    assert!(mark.json()["metadata"]["resourceVersion"].is_string());
    // A missing permission to label is not reported: the snapshot was taken.
    let api = taken_with("Retain");
    api.on(
        "PATCH",
        path,
        Answer::status(403, "Forbidden", "no", json!({})),
    );
    let played = snapshot(&api, "create alice");
    assert!(
        played.done().contains("created") && played.err.is_empty(),
        "{played:?}"
    );
    // A content deleted with its snapshot needs no labels.
    let api = taken_with("Delete");
    snapshot(&api, "create alice").done();
    assert!(
        !api.lines()
            .iter()
            .any(|line| line.contains("snapcontent-1"))
    );
    assert!(content(&api)["metadata"]["labels"].is_null());
}
