//! `--kept`: data of deleted sessions, and nothing else.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::class::{list, session};

fn data(kind: &str, session: &str, name: &str, user: &str, since: &str) -> Value {
    let api_version = match kind {
        "VolumeSnapshot" => "snapshot.storage.k8s.io/v1",
        _ => "v1",
    };
    let mut object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {
            "name": name, "namespace": "default",
            "labels": {"app.kubernetes.io/managed-by": "kubectl-session", "streaming.platform/session": session,
                "streaming.platform/user": session_shared::labels::to_label_value(user)},
            "annotations": {"streaming.platform/user-id": user, "streaming.platform/template": "tool",
                "streaming.platform/session-uid": "gone"},
        },
    });
    if !since.is_empty() {
        object["metadata"]["annotations"]["streaming.platform/kept-since"] = since.into();
    }
    match kind {
        "PersistentVolumeClaim" => {
            object["spec"] =
                json!({"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}});
            object["status"] = json!({"phase": "Bound", "capacity": {"storage": "2Gi"}});
        }
        "VolumeSnapshot" => {
            object["status"] = json!({"readyToUse": true, "boundVolumeSnapshotContentName": "c", "restoreSize": "1Gi"})
        }
        _ => {
            object["metadata"]["labels"]["streaming.platform/parameters"] = "true".into();
            object["data"] = json!({"PASSWORD": "czNjcjN0"});
        }
    }
    object
}

/// Kept data of alice's session, data of bob's session, which was deleted with kubectl, and data of carol's session, which exists.
fn server() -> FakeApi {
    let api = FakeApi::stateful();
    api.serve(
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshot",
        "volumesnapshots",
        true,
    );
    let (day, claim) = ("2026-02-28T12:00:00Z", "PersistentVolumeClaim");
    let alice = "alice@example.com";
    api.put(data(claim, "alice", "home-alice", alice, day));
    api.put(data(
        "Secret",
        "alice",
        "session-alice-parameters",
        alice,
        day,
    ));
    api.put(data(
        "VolumeSnapshot",
        "alice",
        "alice-20260228-120000",
        alice,
        day,
    ));
    api.put(data(claim, "bob", "home-bob", "bob", ""));
    api.put(session(
        "default",
        "carol",
        "carol",
        json!({"phase": "stopped", "template": "tool"}),
    ));
    api.put(data(claim, "carol", "home-carol", "carol", ""));
    // Of somebody else, and of another template, of whom there was a session `carol` before.
    api.put(data(claim, "carol", "home-of-dave", "dave", day));
    let mut other = data(claim, "carol", "desktop-carol", "carol", day);
    other["metadata"]["annotations"]["streaming.platform/template"] = "desktop".into();
    api.put(other);
    // Holds nothing; goes already; nobody's.
    let mut never = data(claim, "bob", "never-bound", "bob", "");
    never["status"] = json!({"phase": "Pending"});
    api.put(never);
    let mut going = data(claim, "bob", "going", "bob", "");
    going["metadata"]["deletionTimestamp"] = day.into();
    going["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    api.put(going);
    api.put(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "nobodys", "namespace": "default"},
        "status": {"phase": "Bound"}}));
    api
}

#[test]
fn what_outlived_its_session_is_listed() {
    let api = server();
    let mut text = String::new();
    for words in [
        "--kept",
        "--kept -o wide",
        "--kept -A --no-headers",
        "--kept alice",
        "--kept --user-id carol",
        "--kept --sort-by=.metadata.name -o name",
        "--kept nobody",
    ] {
        let played = list(&api, words);
        played.done();
        text.push_str(&format!("$ list {words}\n{}", played.text()));
    }
    golden("list-kept.txt", &text);
    assert!(api.writes().is_empty());
}

#[test]
fn objects_are_printed_without_the_values_of_secrets() {
    let api = server();
    let json = list(&api, "--kept -o json").done().to_owned();
    assert!(json.contains("session-alice-parameters") && !json.contains("czNjcjN0"));
    let parsed: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(parsed["items"].as_array().unwrap().len(), 6);
}

#[test]
fn what_may_not_be_seen_is_named_and_a_cluster_without_snapshots_has_none() {
    let api = server();
    api.unserve("volumesnapshots.snapshot.storage.k8s.io");
    let path = "/api/v1/namespaces/default/secrets";
    api.on(
        "GET",
        path,
        Answer::forbidden("x", "list", "secrets", "default"),
    );
    let played = list(&api, "--kept -o name");
    assert_eq!(
        played.err,
        "note: secrets not listed: no permission to list them\n"
    );
    assert!(!played.done().contains("snapshot"), "{played:?}");
}

#[test]
fn so_many_names_that_no_address_holds_them_select_the_same() {
    let api = server();
    let mut words = "--kept -o name alice".to_owned();
    for number in 0..300 {
        words.push_str(&format!(" a-session-with-a-long-name-{number}"));
    }
    let played = list(&api, &words);
    let few = list(&api, "--kept -o name alice");
    assert_eq!((played.done(), few.done().lines().count()), (few.done(), 3));
    let longest = api
        .requests()
        .iter()
        .map(|one| one.target().len() + one.raw_query.len())
        .max();
    assert!(longest.unwrap() < 4096, "{longest:?}");
}
