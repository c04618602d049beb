//! Selection of sessions, confirmation, and dry runs.

use kubectl_session_stop::Stop;
use session_support::{FakeApi, golden};

use crate::play::Play;
use crate::running::{running, session, stop, without_claim};

/// Returns a server with two running sessions: alice has a claim, bob has none.
fn two() -> FakeApi {
    let api = running("alice").server();
    without_claim("bob").put(&api);
    api
}

#[test]
fn data_that_no_claim_keeps_needs_a_word() {
    let api = two();
    let played = stop(&api, "--all");
    golden("stop-data-refused.txt", &played.text());
    assert!(api.writes().is_empty() && api.executed().is_empty());
    assert_eq!(stop(&api, "--all -y").done().lines().count(), 2);
    assert_eq!(session(&api, "bob")["status"]["phase"], "stopped");
}

#[test]
fn a_terminal_is_asked_and_the_answer_counts() {
    let mut text = String::new();
    for (answer, stops) in [("y\n", true), ("n\n", false), ("", false)] {
        let api = two();
        let played = Play::on(&api).at_terminal(answer).run::<Stop>("bob");
        assert_eq!(
            (played.code, !api.writes().is_empty()),
            (0, stops),
            "{answer:?}"
        );
        text.push_str(&format!("$ {answer:?}\n{}", played.out));
    }
    golden("stop-asked.txt", &text);
}

#[test]
fn nobody_is_asked_where_nothing_is_lost() {
    let api = two();
    // A session that ended by itself or never became ready has no data to lose.
    let mut pod = api.object("pods", "default", "tool-bob").unwrap();
    pod["status"] = serde_json::json!({"phase": "Succeeded"});
    api.put(pod);
    stop(&api, "alice bob").done();
    let api = FakeApi::stateful();
    without_claim("alice").put(&api);
    let mut fresh = session(&api, "alice");
    fresh["status"]["phase"] = "pending".into();
    api.put(fresh);
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["status"] = serde_json::json!({"phase": "Pending"});
    api.put(pod);
    stop(&api, "alice").done();
}

#[test]
fn the_object_is_printed_as_it_is_then() {
    let api = two();
    let played = stop(&api, "alice -o jsonpath={.spec.state}/{.status.phase}");
    assert_eq!(played.done(), "stopped/stopped");
    let api = two();
    assert_eq!(
        stop(&api, "session/alice -o name").done(),
        "session.streaming.platform/alice\n"
    );
}

#[test]
fn a_stop_by_the_clock_waits_for_the_end_of_an_extension() {
    let api = two();
    let extend = |name: &str, until: &str| {
        let mut extended = session(&api, name);
        extended["metadata"]["annotations"]["streaming.platform/extended-until"] = until.into();
        api.put(extended);
    };
    extend("alice", "2026-03-01T12:00:01Z");
    extend("bob", "2026-03-02T12:00:00Z");
    api.forget_requests();
    let rehearsed = stop(&api, "alice --after-extension --dry-run=client");
    assert_eq!(
        rehearsed.done(),
        "session.streaming.platform/alice postponed (dry run)\n"
    );
    let played = stop(&api, "--all --after-extension -y");
    golden("stop-after-extension.txt", &played.text());
    assert_eq!(session(&api, "alice")["status"]["phase"], "stopped");
    assert_eq!(session(&api, "bob")["status"]["phase"], "running");
    // By hand, it is stopped all the same.
    stop(&api, "bob -y").done();
    assert_eq!(session(&api, "bob")["status"]["phase"], "stopped");
}

#[test]
fn hooks_that_a_schedule_knows_run_without_the_admission_policy() {
    let api = running("alice").sync().server();
    api.unguarded();
    api.remove("sessiontemplates.streaming.platform", "", "tool");
    stop(&api, "alice --known-hooks=other").failed();
    assert!(api.writes().is_empty() && api.executed().is_empty());
    let known: session_shared::api::Session =
        serde_json::from_value(session(&api, "alice")).unwrap();
    let digest = session_shared::ops::trust::hooks_digest(&known).unwrap();
    stop(&api, &format!("alice --known-hooks={digest}")).done();
}
