//! Missing snapshots, foreign snapshots, other namespaces and name conflicts: one clear error, nothing changed.

use serde_json::{Value, json};
use session_support::{FakeApi, golden};

use crate::scene::{SESSIONS, SNAPSHOTS, Scene, claim, metadata, snapshot};

const CLAIMS: &str = "persistentvolumeclaims";

fn taken(metadata: Value) -> Value {
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": metadata,
        "spec": {"source": {"persistentVolumeClaimName": "home-alice"}},
        "status": {"readyToUse": true, "boundVolumeSnapshotContentName": "c", "restoreSize": "1Gi"}})
}

/// A stopped session `alice` with a snapshot `before`, a session `carol`, a snapshot that no session owns; and in namespace
/// `other` a session `dave` with a snapshot `theirs`.
fn server() -> FakeApi {
    let api = Scene {
        runs: false,
        ..Scene::default()
    }
    .server();
    let manifest = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: \"home-${SESSION_ID}\"}\n\
        spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---\n\
        apiVersion: v1\nkind: Pod\nmetadata: {name: \"tool-${SESSION_ID}\"}\nspec: {containers: [{name: main, image: x}]}\n";
    api.put(json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {"manifest": manifest}}));
    api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
        "provisioner": crate::scene::DRIVER, "volumeBindingMode": "Immediate"}));
    for (name, namespace) in [("carol", "default"), ("dave", "other")] {
        api.put(
            json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"userId": "alice@example.com", "template": "tool", "state": "stopped"}}),
        );
    }
    api.put(taken(json!({"name": "nobodys", "namespace": "default"})));
    api.put(taken(metadata("before")));
    let mut theirs = metadata("theirs");
    theirs["namespace"] = "other".into();
    theirs["labels"]["streaming.platform/session"] = "dave".into();
    api.put(taken(theirs));
    api
}

/// All objects that could have changed.
fn world(api: &FakeApi) -> Vec<Value> {
    let kinds = [SESSIONS, SNAPSHOTS, CLAIMS, "secrets", "pods"];
    kinds.iter().flat_map(|kind| api.objects(kind)).collect()
}

#[test]
fn nothing_changes_and_it_is_said_why() {
    let api = server();
    let before = world(&api);
    let mut text = String::new();
    for words in [
        "create dave",
        "create dave --to /tmp/of-another-namespace.tar.gz",
        "restore nobodys --in-place",
        "restore nobodys --into bob",
        "restore theirs --in-place",
        "restore theirs --into bob",
        "restore before --into carol",
        "clone alice carol",
        "clone dave bob",
        "clone alice bob --storage 1Mi",
        "restore before --into bob --storage 1Mi",
        "delete nobodys -y",
        "delete theirs -y",
    ] {
        let played = snapshot(&api, words);
        played.failed();
        assert!(api.writes().is_empty(), "{words}: {:?}", api.lines());
        text.push_str(&format!("$ snapshot {words}\n{}", played.text()));
    }
    assert!(world(&api) == before);
    golden("snapshot-strangers.txt", &text);
}

#[test]
fn lists_and_prunes_see_one_namespace_and_their_own() {
    let api = server();
    let listed = snapshot(&api, "list -o name");
    assert_eq!(
        listed.done(),
        "volumesnapshot.snapshot.storage.k8s.io/before\n"
    );
    let none = snapshot(&api, "list dave");
    assert_eq!(none.done(), "");
    assert_eq!(none.err, "No resources found in default namespace.\n");
    snapshot(&api, "prune --all --keep 0 -y").done();
    let left = api.objects(SNAPSHOTS).len();
    assert_eq!(left, 2, "what is nobody's, and what is elsewhere");
}

#[test]
fn a_claim_of_somebody_else_by_the_new_name_stays_as_it_is() {
    let api = server();
    let mut foreign = claim("home-bob");
    foreign["metadata"]["labels"] = json!({});
    foreign["metadata"]["annotations"] = json!({});
    let foreign = api.put(foreign);
    for words in ["restore before --into bob", "clone alice bob"] {
        let played = snapshot(&api, words);
        assert!(
            played.failed().contains("\"home-bob\""),
            "{words}: {played:?}"
        );
        assert_eq!(
            api.object(CLAIMS, "default", "home-bob"),
            Some(foreign.clone())
        );
        assert_eq!(api.object(SESSIONS, "default", "bob"), None, "{words}");
    }
}

#[test]
fn a_session_that_goes_is_left_alone() {
    let api = server();
    let mut going = api.object(SESSIONS, "default", "alice").unwrap();
    going["metadata"]["deletionTimestamp"] = "2026-03-01T11:59:00Z".into();
    going["metadata"]["finalizers"] = json!(["streaming.platform/data"]);
    api.put(going);
    for words in [
        "create alice",
        "create alice --to /tmp/a-session-that-goes.tar.gz",
        "clone alice bob",
        "restore before --in-place",
        "restore before --into bob",
    ] {
        let played = snapshot(&api, words);
        assert_eq!(
            played.failed(),
            "error: session \"alice\" is being deleted\n",
            "{words}"
        );
        assert!(api.writes().is_empty(), "{words}");
    }
}
