//! Kept data of an earlier session of the same name: adopted by its owner only.

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_support::{FakeApi, golden};

use crate::play::Play;
use crate::tool::{create, deletions, left, posts, server};

const KEPT: &str = "2026-02-01T00:00:00Z";

fn kept(kind: &str, name: &str, user: &str, template: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": kind,
        "metadata": {
            "name": name, "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"streaming.platform/session": "alice"},
            "annotations": {
                "streaming.platform/user-id": user,
                "streaming.platform/template": template,
                "streaming.platform/session-uid": "an-old-one",
                "streaming.platform/kept-since": KEPT,
                "streaming.platform/run": "an-old-one",
            },
        },
    })
}

fn claim(user: &str, template: &str, size: &str) -> Value {
    let mut claim = kept("PersistentVolumeClaim", "home-alice", user, template);
    claim["spec"] =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}});
    claim
}

/// Base64 of `old-password`, as stored by the server.
fn secret() -> Value {
    let mut secret = kept("Secret", "session-alice-parameters", "alice", "tool");
    secret["metadata"]["labels"]["streaming.platform/parameters"] = "true".into();
    secret["data"] = json!({"PASSWORD": "b2xkLXBhc3N3b3Jk"});
    secret
}

fn annotations(api: &FakeApi, kind: &str, name: &str) -> Value {
    let object = api.object(kind, "default", name).unwrap();
    object["metadata"]["annotations"].clone()
}

#[test]
fn kept_data_is_taken_up_and_opens_with_its_old_password() {
    let api = server();
    api.put(claim("alice", "tool", "1Gi"));
    api.put(secret());
    create(&api, "alice --template tool --wait=false").done();
    let uid = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap()["metadata"]["uid"]
        .clone();
    for (kind, name) in [
        ("persistentvolumeclaims", "home-alice"),
        ("secrets", "session-alice-parameters"),
    ] {
        let annotations = annotations(&api, kind, name);
        assert_eq!(annotations["streaming.platform/session-uid"], uid, "{name}");
        assert_eq!(annotations.get("streaming.platform/kept-since"), None);
    }
    let rendered = posts(&api).into_iter().find(|post| {
        post.json()["metadata"]["name"] == "tool-alice" && post.path.ends_with("/secrets")
    });
    let rendered = rendered.unwrap().json();
    assert_eq!(rendered["stringData"]["password"], "old-password");
}

/// A generic ephemeral volume is deleted with its Pod.
#[test]
fn a_claim_that_is_going_is_waited_for_and_never_taken_up() {
    let api = server();
    let mut going = claim("alice", "tool", "1Gi");
    going["metadata"]["deletionTimestamp"] = KEPT.into();
    going["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    let going = api.put(going);
    let dry = "alice --template tool --dry-run=server";
    create(&api, dry).done();
    let words = "alice --template tool --wait=false";
    let played = Play::on(&api).meanwhile::<Create>(words, |_, _| {
        let begun = std::time::Instant::now();
        let watched = |line: &String| line.contains("metadata.name%3Dhome-alice");
        while !api.lines().iter().any(watched) {
            assert!(begun.elapsed().as_secs() < 10, "nobody waits for it");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        api.remove("persistentvolumeclaims", "default", "home-alice");
    });
    assert_eq!(played.code, 0, "{}", played.err);
    let made = api.object("persistentvolumeclaims", "default", "home-alice");
    assert_ne!(made.unwrap()["metadata"]["uid"], going["metadata"]["uid"]);
    let claims = |line: &&String| line.contains("/home-alice") && line.starts_with("PATCH");
    assert_eq!(api.lines().iter().find(claims), None);
}

#[test]
fn taking_up_insists_on_the_object_that_was_seen() {
    let api = server();
    let before = api.put(claim("alice", "tool", "1Gi"));
    create(&api, "alice --template tool --wait=false").done();
    let requests = api.requests();
    let patch = requests
        .iter()
        .find(|request| request.method == "PATCH" && request.path.ends_with("/home-alice"));
    let body = patch.unwrap().json();
    assert_eq!(body["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(body.get("spec"), None, "it is large enough");
}

#[test]
fn a_claim_grows_and_never_shrinks() {
    for (asked, size) in [("5Gi", "5Gi"), ("1Gi", "2Gi")] {
        let api = server();
        api.put(claim("alice", "tool", "2Gi"));
        let words = format!("alice --template tool --wait=false --set SIZE={asked}");
        create(&api, &words).done();
        let claim = api.object("persistentvolumeclaims", "default", "home-alice");
        let found = claim.unwrap()["spec"]["resources"]["requests"]["storage"].clone();
        assert_eq!(found, size, "asked {asked}");
    }
}

#[test]
fn anothers_data_is_not_taken_up() {
    let api = server();
    let before = api.put(claim("bob", "tool", "1Gi"));
    let played = create(&api, "alice --template tool");
    golden("create-kept-others.txt", &played.text());
    assert_eq!(left(&api), ["persistentvolumeclaims/home-alice"]);
    let after = api.object("persistentvolumeclaims", "default", "home-alice");
    assert_eq!(after.unwrap(), before);
}

#[test]
fn data_of_another_template_is_not_taken_up() {
    let api = server();
    api.put(claim("alice", "desktop", "1Gi"));
    let played = create(&api, "alice --template tool");
    golden("create-kept-template.txt", &played.text());
    assert_eq!(left(&api), ["persistentvolumeclaims/home-alice"]);
}

#[test]
fn data_that_was_taken_up_stays_when_the_create_fails() {
    let api = server();
    api.put(claim("alice", "tool", "1Gi"));
    api.put(secret());
    api.on(
        "POST",
        "/api/v1/namespaces/default/pods",
        session_support::Answer::internal("x"),
    );
    create(&api, "alice --template tool").failed();
    let names: Vec<String> = deletions(&api).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["sessions.streaming.platform/alice"]);
    let stays = [
        "secrets/session-alice-parameters",
        "persistentvolumeclaims/home-alice",
    ];
    assert_eq!(left(&api), stays);
}

/// A StatefulSet uses claims by name, whoever owns them.
fn with_notes() -> FakeApi {
    let api = server();
    let manifest = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: \"notes-${SESSION_ID}\"}\n\
        spec:\n  serviceName: notes\n  replicas: 2\n  selector: {matchLabels: {app: notes}}\n  \
        template: {metadata: {labels: {app: notes}}, spec: {containers: [{name: main, image: x}]}}\n  \
        volumeClaimTemplates:\n  - metadata: {name: data}\n    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";
    api.put(json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "notes"},
        "spec": {"manifest": manifest}}));
    api
}

fn of_notes(name: &str, user: &str, template: &str) -> Value {
    let mut claim = claim(user, template, "1Gi");
    claim["metadata"]["name"] = name.into();
    claim
}

#[test]
fn kept_claims_of_a_statefulset_are_taken_up_before_it_is_made() {
    let api = with_notes();
    api.put(of_notes("data-notes-alice-1", "alice", "notes"));
    create(&api, "alice --template notes --wait=false").done();
    let session = api.object("sessions.streaming.platform", "default", "alice");
    let uid = session.unwrap()["metadata"]["uid"].clone();
    let annotations = annotations(&api, "persistentvolumeclaims", "data-notes-alice-1");
    assert_eq!(annotations["streaming.platform/session-uid"], uid);
    assert_eq!(annotations.get("streaming.platform/kept-since"), None);
    let lines = api.lines();
    let at = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    assert!(
        at("PATCH /api/v1/namespaces/default/persistentvolumeclaims/data-notes-alice-1")
            < at("POST /apis/apps/v1/namespaces/default/statefulsets")
    );
}

#[test]
fn claims_of_others_are_not_left_to_a_statefulset() {
    let mut text = String::new();
    for (user, template) in [("bob", "notes"), ("alice", "desktop")] {
        let api = with_notes();
        let before = api.put(of_notes("data-notes-alice-0", user, template));
        let played = create(&api, "alice --template notes");
        text.push_str(&played.text());
        played.failed();
        assert_eq!(left(&api), ["persistentvolumeclaims/data-notes-alice-0"]);
        let after = api.object("persistentvolumeclaims", "default", "data-notes-alice-0");
        assert_eq!(after.unwrap(), before);
        assert!(api.objects("statefulsets.apps").is_empty());
    }
    golden("create-kept-set.txt", &text);
}
