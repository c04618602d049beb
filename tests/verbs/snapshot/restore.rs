//! `restore --in-place`: the current data is saved, then the claims are deleted by UID and recreated from the snapshot.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::scene::{Driver, SESSIONS, SNAPSHOTS, Scene, claim, requests, snapshot};

const CLAIMS: &str = "persistentvolumeclaims";
const BEFORE: &str = "restore before --in-place";

/// A stopped session with a snapshot `before`, and a provisioner whose class binds at once or on first use.
fn server(scene: &Scene<'_>, mode: &str) -> FakeApi {
    let api = Scene {
        driver: Driver::Works,
        runs: false,
        ..*scene
    }
    .server();
    api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
        "provisioner": crate::scene::DRIVER, "volumeBindingMode": mode}));
    snapshot(&api, "create alice --name before").done();
    if mode == "Immediate" {
        api.react(CLAIMS, |claim| {
            let mut claim = claim.clone();
            let new = claim["status"].is_null();
            claim["status"] = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}});
            if new { vec![claim] } else { Vec::new() }
        });
    }
    api.forget_requests();
    api
}

fn uid(object: Option<Value>) -> Value {
    object.unwrap()["metadata"]["uid"].clone()
}

#[test]
fn a_claim_is_made_anew_and_what_it_held_is_a_snapshot() {
    let api = server(&Scene::default(), "Immediate");
    let old = uid(api.object(CLAIMS, "default", "home-alice"));
    let played = snapshot(&api, BEFORE);
    let text = format!("{}--- requests\n{}", played.text(), requests(&api));
    golden("snapshot-restore.txt", &text);
    let new = api.object(CLAIMS, "default", "home-alice").unwrap();
    assert_ne!(new["metadata"]["uid"], old);
    assert_eq!(new["spec"]["dataSource"]["name"], "before");
    assert_eq!(new["spec"].get("volumeName"), None);
    assert_eq!(
        new["metadata"]["annotations"]["streaming.platform/template"],
        "tool"
    );
    let delete = api
        .writes()
        .into_iter()
        .find(|write| write.method == "DELETE")
        .unwrap();
    assert_eq!(delete.json()["preconditions"]["uid"], old);
    assert!(
        api.object(SNAPSHOTS, "default", "alice-20260301-120000")
            .is_some()
    );
}

#[test]
fn a_class_that_waits_for_a_pod_is_told() {
    let api = server(&Scene::default(), "WaitForFirstConsumer");
    let played = snapshot(&api, BEFORE);
    played.done();
    assert!(
        played
            .err
            .contains("note: claim home-alice stays Pending until the next start"),
        "{played:?}"
    );
}

#[test]
fn a_restore_that_was_cut_off_is_finished_by_the_next() {
    let api = server(&Scene::default(), "Immediate");
    api.remove(CLAIMS, "default", "home-alice");
    snapshot(&api, BEFORE).done();
    let new = api.object(CLAIMS, "default", "home-alice").unwrap();
    assert_eq!(new["spec"]["storageClassName"], "fast");
    assert_eq!(new["spec"]["resources"]["requests"]["storage"], "1Gi");
    assert_eq!(api.objects(SNAPSHOTS).len(), 1, "there was nothing to save");
}

#[test]
fn a_dry_run_replaces_nothing() {
    let api = server(&Scene::default(), "Immediate");
    let mut text = String::new();
    for strategy in ["client", "server"] {
        let played = snapshot(&api, &format!("{BEFORE} --dry-run={strategy}"));
        played.done();
        text.push_str(&played.text());
    }
    assert!(api.writes().is_empty());
    golden("snapshot-restore-dry-run.txt", &text);
}

/// Asserts that nothing is written and the error gives the reason.
fn refused(text: &mut String, api: &FakeApi, words: &str) {
    let played = snapshot(api, words);
    played.failed();
    assert!(api.writes().is_empty());
    text.push_str(&format!("$ snapshot {words}\n{}", played.text()));
}

#[test]
fn what_cannot_be_restored_is_told_before_anything_changes() {
    let mut text = String::new();
    let api = server(&Scene::default(), "Immediate");
    refused(&mut text, &api, "restore before");
    refused(&mut text, &api, "restore nothing --in-place");
    refused(&mut text, &api, "restore pod/x --in-place");
    let mut running = api.object(SESSIONS, "default", "alice").unwrap();
    running["spec"]["state"] = "running".into();
    api.put(running.clone());
    refused(&mut text, &api, BEFORE);
    running["spec"]["state"] = "stopped".into();
    running["spec"]["userId"] = "mallory".into();
    api.put(running);
    refused(&mut text, &api, BEFORE);
    api.remove(SESSIONS, "default", "alice");
    refused(&mut text, &api, BEFORE);
    let mut unready = api.object(SNAPSHOTS, "default", "before").unwrap();
    unready["status"] = json!({"readyToUse": false, "creationTime": "2026-03-01T10:00:00Z"});
    api.put(unready);
    refused(&mut text, &api, BEFORE);
    golden("snapshot-restore-refused.txt", &text);
}

#[test]
fn what_cannot_be_saved_is_not_replaced() {
    let api = server(&Scene::default(), "Immediate");
    let path = "/apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots";
    api.on(
        "POST",
        path,
        Answer::quota(
            "volumesnapshots",
            "x",
            "few",
            "used: count/volumesnapshots=1",
        ),
    );
    let played = snapshot(&api, BEFORE);
    assert!(
        played.failed().contains("nothing has been restored"),
        "{played:?}"
    );
    assert_eq!(
        api.object(CLAIMS, "default", "home-alice").unwrap()["spec"]["volumeName"],
        claim("home-alice")["spec"]["volumeName"]
    );
}

#[test]
fn a_provisioner_that_fails_leaves_both_snapshots() {
    let api = server(&Scene::default(), "");
    api.put(json!({"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "ProvisioningFailed", "message": "the pool is full",
        "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"kind": "PersistentVolumeClaim", "name": "home-alice"}}));
    let played = snapshot(&api, &format!("{BEFORE} --timeout=50ms"));
    assert_eq!(api.objects(SNAPSHOTS).len(), 2);
    golden("snapshot-restore-provisioner.txt", &played.text());
}
