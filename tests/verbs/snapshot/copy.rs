//! `clone` and `restore --into`: the new session is created completely, or not at all.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::scene::{SESSIONS, SNAPSHOTS, Scene, metadata, requests, snapshot};

const CLAIMS: &str = "persistentvolumeclaims";

/// A running session with its template, its parameters Secret and a snapshot `before`.
fn server() -> FakeApi {
    let api = Scene::default().server();
    let manifest = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: \"home-${SESSION_ID}\"}\n\
        spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---\n\
        apiVersion: v1\nkind: Secret\nmetadata: {name: \"tool-${SESSION_ID}\"}\nstringData: {password: \"${PASSWORD}\"}\n---\n\
        apiVersion: v1\nkind: Pod\nmetadata: {name: \"tool-${SESSION_ID}\"}\nspec: {containers: [{name: main, image: x}]}\n";
    api.put(json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {"parameters": [{"name": "PASSWORD", "type": "secret"}], "manifest": manifest}}));
    let mut secret = metadata("session-alice-parameters");
    secret["labels"]["streaming.platform/parameters"] = "true".into();
    api.put(json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": secret, "data": {"PASSWORD": "czNjcjN0"}}));
    api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
        "provisioner": crate::scene::DRIVER, "volumeBindingMode": "Immediate"}));
    snapshot(&api, "create alice --name before").done();
    api.react(CLAIMS, |claim| {
        let mut claim = claim.clone();
        let new = claim["status"].is_null();
        claim["status"] = json!({"phase": "Bound"});
        if new { vec![claim] } else { Vec::new() }
    });
    api.forget_requests();
    api
}

/// Asserts that `bob` is a stopped session with its own claim and Secret.
fn made(api: &FakeApi, from: &str) -> Value {
    let session = api.object(SESSIONS, "default", "bob").unwrap();
    assert_eq!(session["spec"]["state"], "stopped");
    assert_eq!(session["spec"]["secretsFrom"], "client");
    assert_eq!(session["spec"].get("startRequest"), None);
    assert_eq!(session["spec"]["userId"], "alice@example.com");
    let claim = api.object(CLAIMS, "default", "home-bob").unwrap();
    assert_eq!(claim["spec"]["dataSource"]["name"], from);
    assert_eq!(
        claim["metadata"]["labels"]["streaming.platform/session"],
        "bob"
    );
    let secret = api
        .object("secrets", "default", "session-bob-parameters")
        .unwrap();
    assert_eq!(secret["data"], json!({"PASSWORD": "czNjcjN0"}));
    // Without this status, `list` would show the phase pending and no template.
    let status = &session["status"];
    assert_eq!(status["phase"], "stopped");
    assert_eq!(status["template"], session["spec"]["template"]);
    for object in [&claim, &secret] {
        let uid = &object["metadata"]["annotations"]["streaming.platform/session-uid"];
        assert_eq!(*uid, session["metadata"]["uid"]);
        assert_eq!(object["metadata"].get("ownerReferences"), None);
    }
    claim
}

#[test]
fn a_snapshot_becomes_another_session() {
    let api = server();
    let played = snapshot(&api, "restore before --into bob");
    let text = format!("{}--- requests\n{}", played.text(), requests(&api));
    golden("snapshot-into.txt", &text);
    let claim = made(&api, "before");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "1Gi");
    assert!(api.executed().len() == 2, "nobody paused again");
}

#[test]
fn a_clone_goes_through_a_snapshot() {
    let api = server();
    let played = snapshot(&api, "clone alice bob --storage 3Gi");
    golden("snapshot-clone.txt", &played.text());
    let claim = made(&api, "alice-20260301-120000");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "3Gi");
    assert_eq!(api.executed().len(), 4, "it paused again");
}

#[test]
fn a_copy_that_was_cut_off_is_finished_by_the_next() {
    let api = server();
    snapshot(&api, "restore before --into bob").done();
    let mut session = api.object(SESSIONS, "default", "bob").unwrap();
    assert_eq!(session["metadata"]["annotations"], json!({}));
    // The state after a killed client: the Session exists, but not all of its objects.
    session["metadata"]["annotations"]["streaming.platform/copying"] = "before".into();
    api.put(session.clone());
    api.remove(CLAIMS, "default", "home-bob");
    let other = snapshot(&api, "clone alice bob --skip-hooks");
    let said = other.failed();
    assert!(
        said.contains("session \"bob\" is an incomplete copy of snapshot \"before\""),
        "{said}"
    );
    assert!(
        said.contains("finish the copy: kubectl session snapshot restore before --into bob"),
        "{said}"
    );
    snapshot(&api, "restore before --into bob").done();
    made(&api, "before");
    let whole = api.object(SESSIONS, "default", "bob").unwrap();
    assert_eq!(whole["metadata"]["uid"], session["metadata"]["uid"]);
    assert_eq!(whole["metadata"]["annotations"], json!({}));
    let again = snapshot(&api, "restore before --into bob");
    assert!(again.failed().contains("already exists"), "{again:?}");
}

#[test]
fn nothing_is_done_for_a_session_that_the_caller_may_not_create() {
    let api = server();
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions";
    let why = "spec.userId is 'alice@example.com', but you are 'bobby'";
    api.on("POST", path, Answer::denied_by_policy("bob", why));
    let played = snapshot(&api, "clone alice bob");
    played.failed();
    golden("snapshot-clone-not-owner.txt", &played.text());
    assert!(api.writes().is_empty());
    assert_eq!(api.executed().len(), 2, "those of the snapshot `before`");
}

#[test]
fn an_incomplete_copy_of_another_gets_no_objects() {
    let api = server();
    snapshot(&api, "restore before --into bob").done();
    let mut session = api.object(SESSIONS, "default", "bob").unwrap();
    session["metadata"]["annotations"]["streaming.platform/copying"] = "before".into();
    api.put(session);
    api.remove(CLAIMS, "default", "home-bob");
    api.forget_requests();
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions/bob";
    let why = "the session belongs to 'alice@example.com', but you are 'bobby'";
    api.on("PATCH", path, Answer::denied_by_policy("bob", why));
    let played = snapshot(&api, "restore before --into bob");
    assert!(played.failed().contains(why), "{played:?}");
    assert!(api.writes().is_empty());
}

#[test]
fn what_cannot_be_copied_is_told_and_nothing_is_written() {
    let api = server();
    let mut text = String::new();
    let mut refused = |api: &FakeApi, words: &str| {
        let played = snapshot(api, words);
        played.failed();
        assert!(api.writes().is_empty(), "{words}");
        text.push_str(&format!("$ snapshot {words}\n{}", played.text()));
    };
    for words in [
        "restore before --into alice",
        "restore before --into Bad",
        "restore before --into bob --in-place",
        "restore before --into bob --class cuts",
        "restore before --in-place --storage 1Gi",
        "restore before --into bob --storage 512Mi",
        "restore before --into bob --storage 0",
        "clone alice bob --storage 512Mi",
        "clone alice alice",
        "clone nobody bob",
        "clone alice bob --storage much",
    ] {
        refused(&api, words);
    }
    let mut odd = metadata("shared");
    odd["annotations"]["streaming.platform/claim"] = "{}".into();
    api.put(json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": odd,
        "spec": {"source": {"persistentVolumeClaimName": "shared-data"}}, "status": {"readyToUse": true, "boundVolumeSnapshotContentName": "c"}}));
    refused(&api, "restore shared --into bob");
    api.remove("sessiontemplates.streaming.platform", "", "tool");
    refused(&api, "restore before --into bob");
    golden("snapshot-copy-refused.txt", &text);
}

#[test]
fn of_a_copy_that_fails_nothing_is_left_but_the_snapshot() {
    let api = server();
    let path = "/api/v1/namespaces/default/persistentvolumeclaims";
    api.on(
        "POST",
        path,
        Answer::quota(
            "persistentvolumeclaims",
            "x",
            "few",
            "used: persistentvolumeclaims=1",
        ),
    );
    let played = snapshot(&api, "clone alice bob");
    assert!(played.failed().contains("--into bob"), "{played:?}");
    assert_eq!(api.object(SESSIONS, "default", "bob"), None);
    assert_eq!(
        api.object("secrets", "default", "session-bob-parameters"),
        None
    );
    assert_eq!(api.objects(SNAPSHOTS).len(), 2);
}

#[test]
fn a_dry_run_makes_no_session() {
    let api = server();
    let line = "session.streaming.platform/bob created";
    for (strategy, suffix) in [("client", "(dry run)"), ("server", "(server dry run)")] {
        for words in ["restore before --into bob", "clone alice bob"] {
            let played = snapshot(&api, &format!("{words} --dry-run={strategy}"));
            assert_eq!(played.done(), format!("{line} {suffix}\n"));
        }
    }
    assert!(api.writes().is_empty());
    assert_eq!(api.executed().len(), 2, "those of the snapshot `before`");
}

/// The state after a deletion with data policy `snapshot`.
fn gone() -> FakeApi {
    let api = server();
    api.remove(SESSIONS, "default", "alice");
    api.remove(CLAIMS, "default", "home-alice");
    api.remove("pods", "default", "tool-alice");
    let mut secret = api
        .object("secrets", "default", "session-alice-parameters")
        .unwrap();
    secret["metadata"]["annotations"]["streaming.platform/kept-since"] =
        "2026-03-01T11:00:00Z".into();
    api.put(secret);
    api.forget_requests();
    api
}

#[test]
fn a_session_that_is_gone_comes_back_with_its_old_password() {
    let api = gone();
    let played = snapshot(&api, "restore before --into alice --trust-manifest");
    let text = format!("{}--- requests\n{}", played.text(), requests(&api));
    golden("snapshot-into-gone.txt", &text);
    let session = api.object(SESSIONS, "default", "alice").unwrap();
    assert_eq!(
        session["spec"],
        json!({"userId": "alice@example.com", "template": "tool", "state": "stopped", "secretsFrom": "client"})
    );
    let claim = api.object(CLAIMS, "default", "home-alice").unwrap();
    assert_eq!(claim["spec"]["dataSource"]["name"], "before");
    let secret = api
        .object("secrets", "default", "session-alice-parameters")
        .unwrap();
    assert_eq!(secret["data"], json!({"PASSWORD": "czNjcjN0"}));
    for object in [&claim, &secret] {
        let annotations = &object["metadata"]["annotations"];
        assert_eq!(
            annotations["streaming.platform/session-uid"],
            session["metadata"]["uid"]
        );
        assert_eq!(annotations["streaming.platform/template"], "tool");
        assert_eq!(annotations.get("streaming.platform/kept-since"), None);
    }
}

#[test]
fn a_session_that_is_gone_becomes_another() {
    let api = gone();
    snapshot(&api, "restore before --into bob --trust-manifest").done();
    made(&api, "before");
    let kept = api
        .object("secrets", "default", "session-alice-parameters")
        .unwrap();
    assert!(kept["metadata"]["annotations"]["streaming.platform/kept-since"].is_string());
}

#[test]
fn of_a_session_that_is_gone_nothing_is_taken_that_is_not_said() {
    let mut text = String::new();
    let mut refused = |api: &FakeApi, words: &str| {
        api.forget_requests();
        let played = snapshot(api, words);
        played.failed();
        assert!(api.writes().is_empty(), "{words}");
        text.push_str(&format!("$ snapshot {words}\n{}", played.text()));
    };
    // its claim was kept as well
    let api = gone();
    api.put(crate::scene::claim("home-alice"));
    refused(&api, "restore before --into alice --trust-manifest");
    // a snapshot without a stored spec: of a manifest session, or taken by an older version
    let api = gone();
    let mut forgetful = api.object(SNAPSHOTS, "default", "before").unwrap();
    let annotations = forgetful["metadata"]["annotations"]
        .as_object_mut()
        .unwrap();
    annotations.shift_remove("streaming.platform/session-spec");
    api.put(forgetful);
    refused(&api, "restore before --into alice --trust-manifest");
    golden("snapshot-into-gone-refused.txt", &text);
}

/// Anyone who may write VolumeSnapshots can change the session's spec stored in them.
#[test]
fn what_a_snapshot_says_is_taken_only_from_whom_this_machine_knows() {
    let api = gone();
    let played = snapshot(&api, "restore before --into alice");
    let said = "the snapshot's record of the session is not known to this machine";
    assert!(played.failed().contains(said), "{}", played.err);
    assert!(api.writes().is_empty());
}

/// The Secret existed before, so the rollback must not delete it.
#[test]
fn what_was_kept_outlives_a_restore_that_fails() {
    let api = gone();
    let path = "/api/v1/namespaces/default/persistentvolumeclaims";
    api.on(
        "POST",
        path,
        Answer::quota(
            "persistentvolumeclaims",
            "x",
            "few",
            "used: persistentvolumeclaims=1",
        ),
    );
    snapshot(&api, "restore before --into alice --trust-manifest").failed();
    assert_eq!(api.object(SESSIONS, "default", "alice"), None);
    let secret = api
        .object("secrets", "default", "session-alice-parameters")
        .unwrap();
    assert!(secret["metadata"]["annotations"]["streaming.platform/kept-since"].is_string());
}
