//! `list`: output and requests.

use serde_json::json;
use session_support::{FakeApi, golden};

use crate::scene::{SNAPSHOTS, Scene, metadata, snapshot};

/// Snapshots in every state, of two sessions, and one of another program.
fn server() -> FakeApi {
    let api = Scene::default().server();
    let states = [
        (
            "alice-20260228-090000",
            json!({"readyToUse": true, "boundVolumeSnapshotContentName": "c", "restoreSize": "1Gi", "creationTime": "2026-02-28T09:00:00Z"}),
        ),
        (
            "alice-20260301-110000",
            json!({"readyToUse": false, "error": {"message": "the array\nis on fire"}}),
        ),
        ("alice-20260301-115900", json!({"readyToUse": false})),
    ];
    for (name, status) in states {
        let mut made = metadata(name);
        made["creationTimestamp"] = status
            .get("creationTime")
            .cloned()
            .unwrap_or(json!("2026-03-01T11:00:00Z"));
        api.put(json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": made,
            "spec": {"volumeSnapshotClassName": "cuts", "source": {"persistentVolumeClaimName": "home-alice"}}, "status": status}));
    }
    let mut bobs = metadata("bob-1");
    bobs["labels"]["streaming.platform/session"] = "bob".into();
    bobs["namespace"] = "other".into();
    bobs["creationTimestamp"] = "2026-03-01T10:00:00Z".into();
    let mut nobodys = metadata("nobodys");
    nobodys["labels"] = json!({});
    for metadata in [bobs, nobodys] {
        api.put(json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": metadata,
            "spec": {"source": {"volumeSnapshotContentName": "c"}}, "status": {"readyToUse": true, "boundVolumeSnapshotContentName": "c"}}));
    }
    api
}

#[test]
fn every_state_is_told() {
    let mut text = String::new();
    for words in [
        "list",
        "list alice -o wide",
        "list -A --show-kind",
        "list bob",
        "list alice -o name",
        "list --sort-by .status.restoreSize --no-headers",
    ] {
        let played = snapshot(&server(), words);
        assert_eq!(played.code, 0, "{played:?}");
        text.push_str(&format!("$ snapshot {words}\n{}", played.text()));
    }
    golden("snapshot-list.txt", &text);
}

#[test]
fn the_server_selects() {
    let api = server();
    snapshot(
        &api,
        "list alice -l a=b --field-selector metadata.name=x --chunk-size=7",
    )
    .done();
    assert_eq!(
        api.lines(),
        [
            "GET /apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dkubectl-session%2Cstreaming.platform%2Fsession%3Dalice%2Ca%3Db&fieldSelector=metadata.name%3Dx&limit=7"
        ]
    );
}

#[test]
fn what_cannot_be_listed_is_told() {
    let api = server();
    let mut text = String::new();
    for words in [
        "list alice -A",
        "list pod/x",
        "list -o bogus",
        "list --sort-by {",
    ] {
        let played = snapshot(&api, words);
        played.failed();
        text.push_str(&format!("$ snapshot {words}\n{}", played.text()));
    }
    api.unserve(SNAPSHOTS);
    text.push_str(&snapshot(&api, "list").text());
    golden("snapshot-list-refused.txt", &text);
}
