//! The session, its preconditions, and usage errors.

use std::path::Path;

use serde_json::json;
use session_support::{FakeApi, golden, run_binary};

use crate::scene::{half, resize, server, session};

#[test]
fn a_session_without_a_pod_that_runs_is_refused() {
    let mut text = String::new();
    let mut refused = |happened: &dyn Fn(&FakeApi)| {
        let api = server("Pod", &half());
        happened(&api);
        let played = resize(&api, "alice --cpu 2 --restart");
        text.push_str(played.failed());
        assert!(api.writes().is_empty());
    };
    refused(&|api| api.remove("pods", "default", "tool-alice-0"));
    refused(&|api| {
        let mut pod = api.object("pods", "default", "tool-alice-0").unwrap();
        pod["status"] = json!({"phase": "Pending"});
        api.put(pod);
    });
    // A Pod of others with the session's labels.
    refused(&|api| {
        let mut pod = api.object("pods", "default", "tool-alice-0").unwrap();
        pod["metadata"]["ownerReferences"] = json!([]);
        api.put(pod);
    });
    refused(&|api| {
        let mut alice = session(api);
        alice["metadata"]["finalizers"] = json!(["x/y"]);
        alice["metadata"]["deletionTimestamp"] = "2026-03-01T11:30:00Z".into();
        api.put(alice);
    });
    let api = FakeApi::stateful();
    text.push_str(resize(&api, "nobody --cpu 2").failed());
    golden("resize-missing.txt", &text);
}

#[test]
fn a_choice_that_cannot_be_meant_is_told_before_any_request() {
    let mut text = String::new();
    for words in [
        "alice",
        "alice --cpu 0",
        "alice --cpu -1",
        "alice --memory 2GB",
        "alice --memory -1Gi",
        "alice --storage 0",
        "alice --storage -1Gi",
        "alice --storage full",
        "alice --memory much",
        "pod/alice --cpu 1",
        "Alice --cpu 1",
        "alice --cpu 1 --dry-run=maybe",
    ] {
        let api = FakeApi::stateful();
        let played = resize(&api, words);
        text.push_str(&format!("$ resize {words}\n{}", played.failed()));
        assert!(api.requests().is_empty(), "{words}");
    }
    golden("resize-illegal.txt", &text);
}

#[test]
fn a_command_line_that_cannot_be_meant_is_answered_as_kubectl_does() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session-resize"));
    let mut text = String::new();
    for words in [
        "--cpu 1",
        "alice bob --cpu 1",
        "alice --bogus",
        "alice --cpu",
        "alice --cpu 1 --skip-sync",
    ] {
        let args: Vec<&str> = words.split(' ').collect();
        let done = run_binary(program, &args, &[], "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{words}");
        text.push_str(&format!("$ resize {words}\n{}", done.stderr));
    }
    golden("resize-usage.txt", &text);
}
