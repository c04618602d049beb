//! Selection of sessions, dry runs, and usage errors.

use std::path::Path;

use kubectl_session_create::Create;
use kubectl_session_stop::Stop;
use serde_json::json;
use session_support::{FakeApi, golden, run_binary};

use crate::play::{NOW, Play};
use crate::rested::{lively, object, requests_of, rested, running, session, start, written};

fn two() -> FakeApi {
    let api = rested();
    Play::on(&api).run::<Create>("bob --template tool").done();
    Play::on(&api).run::<Stop>("bob").done();
    api
}

#[test]
fn several_come_up_together() {
    for words in ["alice bob", "--all", "-l streaming.platform/user=alice"] {
        let api = two();
        let played = start(&api, words);
        let lines =
            "session.streaming.platform/alice started\nsession.streaming.platform/bob started\n";
        assert_eq!(played.done(), lines, "{words}");
        assert_eq!(api.objects("pods").len(), 2);
    }
    let api = FakeApi::stateful();
    let played = start(&api, "-l a=b");
    assert_eq!(
        (played.done(), played.err.as_str()),
        ("", "No resources found\n")
    );
}

#[test]
fn one_that_fails_starts_the_others() {
    let api = two();
    let played = start(&api, "nobody alice");
    golden("start-missing.txt", &played.text());
    assert_eq!(session(&api)["status"]["phase"], "running");
}

#[test]
fn a_rehearsal_keeps_everything() {
    let api = rested();
    let (played, requests) = requests_of(&api, || start(&api, "alice --dry-run=client"));
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice started (dry run)\n"
    );
    assert_eq!(written(&requests), [""; 0]);
    let before = session(&api);
    let (played, requests) = requests_of(&api, || start(&api, "alice --dry-run=server"));
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice started (server dry run)\n"
    );
    assert!(requests.iter().any(|request| request.method == "PATCH"));
    for write in requests.iter().filter(|request| request.method != "GET") {
        let sent = write.query("dryRun").unwrap_or_default();
        assert!(
            sent == "All" || write.json()["dryRun"][0] == "All",
            "{write:?}"
        );
    }
    assert_eq!((session(&api), api.objects("pods").len()), (before, 0));
}

#[test]
fn the_object_is_printed_as_it_is_then() {
    let api = rested();
    let played = start(&api, "alice -o jsonpath={.spec.state}/{.status.phase}");
    assert_eq!(played.done(), "running/pending");
    let api = rested();
    assert_eq!(
        start(&api, "session/alice -o name").done(),
        "session.streaming.platform/alice\n"
    );
}

#[test]
fn a_session_that_is_being_deleted_is_left_alone() {
    let api = rested();
    let mut going = session(&api);
    going["metadata"]["deletionTimestamp"] = NOW.into();
    going["metadata"]["finalizers"] = json!(["x/y"]);
    api.put(going);
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    assert_eq!(
        played.failed(),
        "error: session \"alice\" is being deleted\n"
    );
    assert_eq!(written(&requests), [""; 0]);
}

/// Without a claim, a restart destroys the Pod's data.
#[test]
fn a_restart_that_destroys_data_needs_a_word() {
    let api = running();
    let mut pod = object(&api, "pods", "tool-alice");
    pod["spec"]["volumes"] = serde_json::json!([]);
    api.put(pod);
    let (played, requests) = requests_of(&api, || start(&api, "alice --restart"));
    golden("start-restart-refused.txt", played.failed());
    assert_eq!(written(&requests), [""; 0]);
    start(&api, "alice --restart -y").done();
    object(&api, "pods", "tool-alice");
}

#[test]
fn a_controller_that_is_alive_does_the_work() {
    let api = rested();
    api.put(session_support::session_fixture::controller_lease());
    api.react("sessions.streaming.platform", |session| {
        let mut session = session.clone();
        if session["spec"]["state"] != "running" {
            return Vec::new();
        }
        session["status"]["startRequest"] = session["spec"]["startRequest"].clone();
        session["status"]["observedGeneration"] = session["metadata"]["generation"].clone();
        session["status"]["phase"] = "running".into();
        vec![session]
    });
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    assert_eq!(played.done(), "session.streaming.platform/alice started\n");
    assert_eq!(
        written(&requests),
        ["PATCH sessions.streaming.platform/alice"]
    );
}
