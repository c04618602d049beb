//! `delete` and `prune`: which snapshots are deleted, confirmation, and which are kept.

use kubectl_session_snapshot::Snapshot;
use serde_json::{Value, json};
use session_support::{FakeApi, golden};

use crate::play::Play;
use crate::scene::{SNAPSHOTS, Scene, metadata, snapshot};

/// Three snapshots of alice, the second of two claims; one of bob, and one that no session owns.
fn server() -> FakeApi {
    let api = Scene::default().server();
    let put = |name: &str, set: &str, session: &str, day: u8| {
        let mut made = metadata(name);
        made["labels"]["streaming.platform/session"] = session.into();
        made["annotations"]["streaming.platform/snapshot"] = set.into();
        made["creationTimestamp"] = format!("2026-02-{day:02}T12:00:00Z").into();
        api.put(of(made));
    };
    put("alice-1", "alice-1", "alice", 1);
    put("alice-2-home", "alice-2", "alice", 2);
    put("alice-2-data", "alice-2", "alice", 2);
    put("alice-3", "alice-3", "alice", 27);
    put("bob-1", "bob-1", "bob", 1);
    api.put(of(json!({"name": "nobodys", "namespace": "default"})));
    api
}

fn of(metadata: Value) -> Value {
    let session = metadata["labels"]["streaming.platform/session"]
        .as_str()
        .unwrap_or("alice");
    let claim = format!("home-{session}");
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": metadata,
        "spec": {"source": {"persistentVolumeClaimName": claim}}, "status": {"readyToUse": true, "boundVolumeSnapshotContentName": "c"}})
}

fn left(api: &FakeApi) -> Vec<String> {
    let names = api.objects(SNAPSHOTS).into_iter();
    names
        .map(|one| one["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_snapshot_goes_whole_by_uid() {
    let api = server();
    let uid = api.object(SNAPSHOTS, "default", "alice-2-data").unwrap()["metadata"]["uid"].clone();
    let played = snapshot(
        &api,
        "delete alice-2 volumesnapshot.snapshot.storage.k8s.io/bob-1 -y",
    );
    let lines = ["alice-2-data", "alice-2-home", "bob-1"].map(|name| {
        format!(
            "volumesnapshot.snapshot.storage.k8s.io \"{name}\" deleted from default namespace\n"
        )
    });
    assert_eq!(played.done(), lines.concat());
    assert_eq!(left(&api), ["alice-1", "alice-3", "nobodys"]);
    assert_eq!(api.writes()[0].json()["preconditions"]["uid"], uid);
    snapshot(&api, "delete alice-1 -y -o name --wait=false").done();
}

#[test]
fn one_volume_snapshot_can_go_alone() {
    let api = server();
    snapshot(&api, "delete alice-2-home -y").done();
    assert_eq!(
        left(&api),
        ["alice-1", "alice-2-data", "alice-3", "bob-1", "nobodys"]
    );
}

#[test]
fn data_goes_only_by_a_word() {
    let api = server();
    let mut text = String::new();
    let refused = snapshot(&api, "delete alice-2");
    text.push_str(&refused.text());
    let no = Play::on(&api)
        .at_terminal("n\n")
        .run::<Snapshot>("delete alice-2");
    text.push_str(&no.text());
    let pruned = snapshot(&api, "prune --all --keep 0");
    text.push_str(&pruned.text());
    assert!(api.writes().is_empty());
    let yes = Play::on(&api)
        .at_terminal("y\n")
        .run::<Snapshot>("delete alice-1");
    assert_eq!(yes.code, 0, "{yes:?}");
    assert_eq!(left(&api).len(), 5);
    golden("snapshot-delete-word.txt", &text);
}

#[test]
fn what_is_not_there_or_not_ours_is_told_and_the_rest_goes() {
    let api = server();
    let played = snapshot(&api, "delete nothing nobodys alice-1 -y");
    assert_eq!(
        left(&api),
        [
            "alice-2-data",
            "alice-2-home",
            "alice-3",
            "bob-1",
            "nobodys"
        ]
    );
    let mut text = played.text();
    snapshot(&api, "delete nothing -y --ignore-not-found").done();
    api.unserve(SNAPSHOTS);
    for words in [
        "delete alice-1 -y",
        "delete pod/x -y",
        "prune",
        "prune alice",
        "prune alice --all --keep 1",
        "prune alice --older-than soon",
        "prune alice --older-than 0",
        "prune --all --keep 1",
    ] {
        let played = snapshot(&api, words);
        played.failed();
        text.push_str(&format!("$ snapshot {words}\n{}", played.text()));
    }
    golden("snapshot-delete-refused.txt", &text);
}

#[test]
fn old_ones_are_pruned_of_each_session_by_itself() {
    let api = server();
    let rehearsed = snapshot(&api, "prune alice --keep 1 --dry-run=client");
    assert!(rehearsed.done().ends_with("(dry run)\n") && api.writes().is_empty());
    snapshot(&api, "prune alice --keep 1 --older-than 27d -y").done();
    assert_eq!(
        left(&api),
        [
            "alice-2-data",
            "alice-2-home",
            "alice-3",
            "bob-1",
            "nobodys"
        ]
    );
    snapshot(&api, "prune --all --keep 1 -y").done();
    assert_eq!(left(&api), ["alice-3", "bob-1", "nobodys"]);
    let idle = snapshot(&api, "prune --all --keep 1");
    assert_eq!(
        (idle.done(), idle.err.as_str()),
        ("", "note: nothing to prune\n")
    );
}
