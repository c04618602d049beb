use clap::Parser;
use serde_json::{Value, json};

use session_shared::report::console::Console;

use super::*;
use crate::args::Args;
use crate::intent::parse_intent;

fn intent(line: &str) -> Result<Intent> {
    let words = std::iter::once("start").chain(line.split_whitespace());
    let (mut console, _) = Console::for_test("", false);
    parse_intent(Args::parse_from(words), &mut console)
}

fn session(state: &str, answered: &str) -> Session {
    serde_json::from_value(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "a"},
        "spec": {"userId": "u", "state": state, "startRequest": "2026-01-01T11:00:00Z"},
        "status": match answered {
            "" => Value::Null,
            "unready" => json!({"startRequest": "2026-01-01T11:00:00Z", "phase": "pending"}),
            _ => json!({"startRequest": answered, "phase": "running"}),
        },
    }))
    .unwrap()
}

#[test]
fn what_is_done_depends_on_what_is_there_and_what_was_asked() {
    let (ready, lost) = (
        WorkloadState::Ready { pod: "p".into() },
        WorkloadState::Lost,
    );
    let asked = "2026-01-01T11:00:00Z";
    for (line, state, answered, seen, action) in [
        ("a", "running", asked, &ready, Action::Unchanged),
        ("a --restart", "running", asked, &ready, Action::Restart),
        ("a", "running", asked, &lost, Action::Start),
        ("a --restart", "running", asked, &lost, Action::Start),
        (
            "a",
            "stopped",
            asked,
            &WorkloadState::NoWorkload,
            Action::Start,
        ),
        // A stop that was interrupted after spec.state, and a create that was interrupted after its Pod.
        ("a", "stopped", asked, &ready, Action::Start),
        ("a", "running", "", &ready, Action::Start),
        // A wait that was interrupted before it wrote the status.
        ("a", "running", "unready", &ready, Action::WaitOnly),
    ] {
        let found = Action::of(&intent(line).unwrap(), &session(state, answered), seen);
        assert_eq!(found, action, "{line} {state} {answered:?} {seen:?}");
    }
}

#[test]
fn nobody_trusts_in_bulk() {
    let error = intent("--all --trust-manifest").unwrap_err().to_string();
    assert!(error.contains("requires a NAME"), "{error}");
    assert!(
        intent("a --trust-manifest")
            .unwrap()
            .start_options
            .trust_manifest
    );
}
