//! Claims that the controller of a custom workload made: they go with it under every data policy.

use serde_json::{Value, json};
use session_support::session_fixture::owned;
use session_support::{FakeApi, SessionFixture, golden};

use crate::play::Play;
use crate::running::{delete, left, with_policy, written};

const STOP: &str = r#"{"stop": {"spec": {"operatingMode": "Suspended"}}, "start": {"spec": {"operatingMode": "Running"}}}"#;

/// A session of a Sandbox whose controller has made the claim `data-box`, and another Sandbox with a claim of its own.
fn sandbox(policy: &str) -> FakeApi {
    let api = FakeApi::stateful();
    let sandbox = |name: &str| json!({"apiVersion": "agents.x-k8s.io/v1beta1", "kind": "Sandbox", "metadata": {"name": name}, "spec": {}});
    let fixture = with_policy(SessionFixture::running("alice"), policy);
    let patches = serde_json::from_str(STOP).unwrap();
    let workload = fixture.put_custom(&api, sandbox("box"), "sandboxes", patches);
    claim(&api, "data-box", &workload);
    let mut others = sandbox("other");
    others["metadata"]["namespace"] = "default".into();
    claim(&api, "data-other", &api.put(others));
    api
}

fn claim(api: &FakeApi, name: &str, owner: &Value) {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "default"},
        "spec": {"volumeName": "pv", "resources": {"requests": {"storage": "1Gi"}}}});
    api.put(owned(claim, owner));
}

#[test]
fn they_are_named_and_need_a_yes_under_every_policy() {
    for policy in ["keep", "snapshot", "delete"] {
        let api = sandbox(policy);
        let refused = delete(&api, "alice");
        // Such a claim cannot be in a snapshot of the session.
        let note = "note: no snapshot is taken of session \"alice\": session has no claims\n";
        let text = refused.text();
        assert_eq!(text.contains(note), policy == "snapshot", "{text}");
        golden("delete-owned-claims-refused.txt", &text.replace(note, ""));
        assert!(api.writes().is_empty(), "{:?}", written(&api));
        let played = Play::on(&api)
            .at_terminal("y\n")
            .run::<kubectl_session_delete::Delete>("alice");
        golden("delete-owned-claims-asked.txt", &played.out);
        assert_eq!(left(&api), ["persistentvolumeclaims/data-other"]);
    }
}

#[test]
fn the_report_tells_that_they_were_destroyed() {
    let api = sandbox("keep");
    for words in [
        "alice --dry-run=client",
        "alice --dry-run=server",
        "alice -y",
    ] {
        let played = delete(&api, words);
        let line = "destroyed: persistentvolumeclaim/data-box (deleted with sandbox/box)";
        assert!(played.err.contains(line), "{words}: {played:?}");
    }
    assert_eq!(left(&api), ["persistentvolumeclaims/data-other"]);
}

/// A Sandbox that a RayJob-like object made: the chain is followed to its end.
#[test]
fn a_chain_of_owners_is_followed() {
    let api = sandbox("keep");
    let top = api
        .object("sandboxes.agents.x-k8s.io", "default", "box")
        .unwrap();
    let middle = json!({"apiVersion": "agents.x-k8s.io/v1beta1", "kind": "Sandbox", "metadata": {"name": "inner", "namespace": "default"}});
    let middle = api.put(owned(middle, &top));
    claim(&api, "data-inner", &middle);
    let refused = delete(&api, "alice");
    let told = "persistentvolumeclaim/data-inner (deleted with sandbox/inner)";
    assert!(refused.failed().contains(told), "{refused:?}");
    assert!(!refused.failed().contains("data-other"), "{refused:?}");
}

/// A StatefulSet that somebody told to delete its claims: they are the session's, and are not kept nevertheless.
#[test]
fn a_claim_that_its_statefulset_deletes_is_not_said_to_be_kept() {
    let api = with_policy(
        SessionFixture::running("alice").workload("StatefulSet", 1),
        "keep",
    )
    .home()
    .server();
    let set = api
        .object("statefulsets.apps", "default", "tool-alice")
        .unwrap();
    let home = api
        .object("persistentvolumeclaims", "default", "home-alice")
        .unwrap();
    assert!(
        delete(&api, "alice --dry-run=client")
            .err
            .contains("kept: persistentvolumeclaim/home-alice")
    );
    api.put(owned(home, &set));
    let refused = delete(&api, "alice");
    let told = "persistentvolumeclaim/home-alice (deleted with statefulset/tool-alice)";
    assert!(refused.failed().contains(told), "{refused:?}");
    let played = delete(&api, "alice -y");
    assert!(!played.err.contains("kept:"), "{played:?}");
}
