//! An interrupted deletion is finished by the next one, from every step.

use kubectl_session_delete::Delete;
use serde_json::json;
use session_shared::client::interrupt::Interrupt;
use session_support::FakeApi;
use session_support::session_fixture::SESSIONS;

use crate::play::Play;
use crate::running::{delete, left, lingering, running, with_policy, written};

/// Interrupts the deletion when an object of `kind` is written.
fn ended_at(api: &FakeApi, kind: &str, words: &str) {
    let interrupt = Interrupt::default();
    let trigger = interrupt.clone();
    api.react(kind, move |_| {
        trigger.trigger();
        Vec::new()
    });
    let play = Play::on(api).stopped_by(&interrupt);
    let played = play.run::<Delete>(words);
    assert_eq!((played.code, played.out.as_str()), (130, ""), "{kind}");
}

fn finalized(api: &FakeApi, kind: &str, name: &str) {
    let mut object = api.object(kind, "default", name).unwrap();
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    api.put(object);
}

#[test]
fn after_the_workload_was_marked() {
    let api = lingering(running("alice")).server();
    ended_at(&api, "pods", "alice");
    api.remove("pods", "default", "tool-alice");
    delete(&api, "alice").done();
    assert_eq!(
        api.executed().len(),
        1,
        "there is nothing to synchronise any more"
    );
    assert_eq!(left(&api).len(), 2);
}

#[test]
fn after_the_data_was_marked_as_kept() {
    let api = running("alice").server();
    ended_at(&api, "persistentvolumeclaims", "alice");
    assert!(api.object(SESSIONS, "default", "alice").is_some());
    let written_before = written(&api).len();
    delete(&api, "alice").done();
    let after = written(&api)[written_before..].to_vec();
    let wanted = [
        "PATCH persistentvolumeclaims/home-alice",
        "PATCH secrets/session-alice-parameters",
        "DELETE sessions/alice",
    ];
    assert_eq!(after, wanted);
}

#[test]
fn after_the_data_was_deleted() {
    let api = with_policy(running("alice"), "delete").server();
    finalized(&api, "persistentvolumeclaims", "home-alice");
    ended_at(&api, "persistentvolumeclaims", "alice -y");
    api.remove("persistentvolumeclaims", "default", "home-alice");
    delete(&api, "alice").done();
    assert_eq!(left(&api), Vec::<String>::new());
}

#[test]
fn after_the_session_was_marked() {
    let api = running("alice").server();
    finalized(&api, SESSIONS, "alice");
    ended_at(&api, SESSIONS, "alice");
    api.remove(SESSIONS, "default", "alice");
    let played = delete(&api, "alice");
    assert_eq!(
        played.failed(),
        "Error from server (NotFound): sessions.streaming.platform \"alice\" not found\n"
    );
    delete(&api, "alice --ignore-not-found").done();
}

#[test]
fn a_successor_of_that_name_is_not_waited_for_and_not_touched() {
    let api = running("alice").server();
    finalized(&api, SESSIONS, "alice");
    api.react(SESSIONS, |session| {
        if session["metadata"]["deletionTimestamp"].is_null() {
            return Vec::new();
        }
        let mut next = session.clone();
        next["metadata"] = json!({"name": "alice", "namespace": "default", "uid": "the-next"});
        vec![next]
    });
    delete(&api, "alice").done();
    let next = api.object(SESSIONS, "default", "alice").unwrap();
    assert_eq!(next["metadata"]["uid"], "the-next");
    let deletes = written(&api);
    let of_sessions = deletes
        .iter()
        .filter(|line| *line == "DELETE sessions/alice");
    assert_eq!(of_sessions.count(), 1);
}
