//! Sessions that are starting.

use kubectl_session_connect::Connect;
use serde_json::json;
use session_shared::client::interrupt::Interrupt;
use session_support::{Execution, FakeApi, golden};

use crate::play::{Play, Played};
use crate::running::{connect, server};

/// A server whose Pod is not ready yet.
fn coming() -> FakeApi {
    let api = server(json!([{"name": "shell", "exec": ["sh"]}]));
    api.execute("", Execution::default());
    ready(&api, "False");
    api
}

fn ready(api: &FakeApi, word: &str) {
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["status"]["conditions"][1]["status"] = word.into();
    api.put(pod);
}

/// Connects at a terminal, and runs `then` once the Pods are watched.
fn meanwhile(api: &FakeApi, words: &str, act: impl FnOnce(&Interrupt) + Send) -> Played {
    Play::on(api)
        .at_terminal("")
        .meanwhile::<Connect>(words, |_, interrupt| {
            let begun = std::time::Instant::now();
            while !api.lines().iter().any(|line| line.contains("watch=true")) {
                assert!(begun.elapsed().as_secs() < 10, "nobody watches");
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            act(interrupt);
        })
}

#[test]
fn it_is_waited_for_and_entered() {
    let api = coming();
    let played = meanwhile(&api, "alice", |_| ready(&api, "True"));
    assert_eq!(played.code, 0, "{played:?}");
    assert_eq!(api.executed(), [["sh"]]);
    assert!(
        played.err.contains("pod/tool-alice"),
        "says what it waits for: {}",
        played.err
    );
}

#[test]
fn patience_has_an_end_and_ctrl_c_ends_it_sooner() {
    let api = coming();
    for flag in ["--timeout=50ms", "--pod-running-timeout=50ms"] {
        let played = connect(&api, &format!("alice {flag}"));
        assert!(
            played.failed().starts_with(
                "error: timed out waiting for the condition on session.streaming.platform/alice\nhint: "
            ),
            "{}",
            played.err
        );
    }
    let played = meanwhile(&coming(), "alice", Interrupt::trigger);
    assert_eq!(played.code, 130, "{played:?}");
    assert!(api.executed().is_empty());
}

/// The same diagnosis as `create` prints for the Pod: cause, facts, hint.
#[test]
fn a_wait_that_is_in_vain_ends_with_cause_evidence_and_remedy() {
    let waits =
        |reason: &str, message: &str| json!({"waiting": {"reason": reason, "message": message}});
    let held = |api: &FakeApi, state: &serde_json::Value| {
        let mut pod = api.object("pods", "default", "tool-alice").unwrap();
        pod["status"]["phase"] = "Pending".into();
        pod["status"]["containerStatuses"] = json!([{"name": "main", "image": "tool:1", "imageID": "", "ready": false,
            "restartCount": 1, "state": state, "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}}]);
        api.put(pod);
    };
    let never = waits("ErrImageNeverPull", "Container image is not present");
    let api = coming();
    let meanwhile = meanwhile(&api, "alice", |_| held(&api, &never));
    let before = coming();
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: main, image: \"${TOOL_IMAGE:-tool:1}\"}]}\n";
    before.put(json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {"manifest": manifest}}));
    held(&before, &never);
    let crash = coming();
    held(&crash, &waits("CrashLoopBackOff", "back-off 10s"));
    crash.on(
        "GET",
        "/api/v1/namespaces/default/pods/tool-alice/log",
        session_support::Answer::text(200, "text/plain", "no config found\n"),
    );
    let said = meanwhile.failed();
    let texts = [
        said[said.find("error: ").unwrap()..].to_owned(),
        connect(&before, "alice").text(),
        connect(&crash, "alice --wait=false").text(),
        connect(&crash, "alice --timeout=50ms").text(),
    ];
    golden("connect-in-vain.txt", &texts.concat());
}

#[test]
fn a_wrong_method_is_told_before_the_wait() {
    let api = coming();
    assert_eq!(
        connect(&api, "alice --method nope").failed(),
        "error: session \"alice\" has no method \"nope\": available methods are shell\n"
    );
}

#[test]
fn a_pod_that_goes_while_it_is_waited_for_ends_nothing_by_itself() {
    let api = coming();
    let played = meanwhile(&api, "alice --timeout=300ms", |_| {
        api.remove("pods", "default", "tool-alice");
    });
    assert_eq!(played.code, 1);
    assert!(played.err.contains("timed out"), "{}", played.err);
}
