//! Lost answers.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::tool::{create, deletions, left, made, server};

const SESSIONS: &str = "/apis/streaming.platform/v1/namespaces/default/sessions";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// Carries out the POST to a collection and loses its answer. A GET returns the written object from then on, and a
/// PATCH changes it.
fn lose_answer(api: &FakeApi, collection: &str) -> Arc<Mutex<Value>> {
    let written: Arc<Mutex<Value>> = Arc::default();
    let (keep, show, change) = (written.clone(), written.clone(), written.clone());
    api.handle("POST", collection, move |request| {
        let mut object = request.json();
        object["metadata"]["uid"] = "lost-1".into();
        *keep.lock().unwrap() = object;
        Answer::hang_up()
    });
    api.handle("GET", &format!("{collection}/*"), move |_| {
        Answer::ok(show.lock().unwrap().clone())
    });
    api.handle("PATCH", &format!("{collection}/*/status"), move |request| {
        let mut object = change.lock().unwrap();
        object["status"] = request.json()["status"].clone();
        Answer::ok(object.clone())
    });
    written
}

#[test]
fn a_lost_answer_to_the_session_is_found_by_the_token_of_the_run() {
    let api = server();
    let session = lose_answer(&api, SESSIONS);
    let played = create(&api, "alice --template tool --wait=false");
    assert_eq!(played.done(), "session.streaming.platform/alice created\n");
    assert_eq!(made(&api).len(), 8, "{:?}", made(&api));
    assert_eq!(session.lock().unwrap()["status"]["phase"], "pending");
    let pod = api.object("pods", "default", "tool-alice").unwrap();
    assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], "lost-1");
}

#[test]
fn a_lost_answer_to_an_object_is_found_by_the_token_of_the_run() {
    let api = server();
    lose_answer(&api, PODS);
    let played = create(&api, "alice --template tool --wait=false");
    assert_eq!(played.done(), "session.streaming.platform/alice created\n");
    let posted = made(&api);
    let pods = posted.iter().filter(|made| made.starts_with("pods/"));
    assert_eq!(pods.count(), 1, "never POSTed twice");
    let session = api.object("sessions.streaming.platform", "default", "alice");
    let applied = session.unwrap()["status"]["applied"]["objects"].clone();
    assert_eq!(applied[5]["uid"], "lost-1");
}

#[test]
fn a_lost_answer_and_somebody_elses_session_is_no_success() {
    let api = server();
    api.on("POST", SESSIONS, Answer::hang_up());
    api.put(
        json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "alice", "namespace": "default"}, "spec": {"userId": "bob"}}),
    );
    let played = create(&api, "alice --template tool");
    golden("create-lost-others.txt", &played.text());
    assert_eq!(deletions(&api), []);
    assert_eq!(left(&api), ["sessions.streaming.platform/alice"]);
}

#[test]
fn a_lost_answer_that_was_a_no_takes_back_what_was_made() {
    let api = server();
    api.on("POST", PODS, Answer::hang_up());
    let played = create(&api, "alice --template tool");
    assert!(
        played
            .failed()
            .starts_with("Unable to connect to the server: "),
        "{}",
        played.err
    );
    assert_eq!(left(&api), Vec::<String>::new());
}

#[test]
fn a_server_that_is_gone_before_the_session_is_answered_leaves_the_question_open() {
    let api = server();
    api.on("POST", SESSIONS, Answer::hang_up());
    api.on("GET", &format!("{SESSIONS}/*"), Answer::hang_up());
    let played = create(&api, "alice --template tool");
    golden("create-unknown.txt", &played.text());
}

#[test]
fn a_server_that_is_gone_for_good_is_told_with_what_is_left() {
    let api = server();
    for method in ["POST", "GET", "DELETE"] {
        api.on(method, "/api/v1/namespaces/**", Answer::hang_up());
    }
    api.on("DELETE", &format!("{SESSIONS}/*"), Answer::hang_up());
    let played = create(&api, "alice --template tool --skip-checks");
    golden("create-gone.txt", &played.text());
}
