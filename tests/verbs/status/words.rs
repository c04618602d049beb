//! Errors in the command line.

use std::path::Path;

use kubectl_session_status::Status;
use session_support::{FakeApi, golden, run_binary};

use crate::play::Play;

#[test]
fn a_choice_that_cannot_be_meant_is_told_before_any_request() {
    let mut text = String::new();
    for words in [
        "Alice",
        "alice --wait-for up",
        "alice -w --timeout 1s",
        "alice -w --wait-for ready",
        "alice -o wide",
        "alice -o jsonpath={.x",
    ] {
        let api = FakeApi::stateful();
        let played = Play::on(&api).run::<Status>(words);
        text.push_str(&format!("$ status {words}\n{}", played.failed()));
        assert!(api.requests().is_empty(), "{words}");
    }
    golden("status-illegal.txt", &text);
}

#[test]
fn a_command_line_that_cannot_be_meant_is_answered_as_kubectl_does() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session-status"));
    let mut text = String::new();
    for words in ["", "a b", "a --bogus", "a --timeout=x", "a --wait-for"] {
        let args: Vec<&str> = words.split_whitespace().collect();
        let done = run_binary(program, &args, &[], "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{words}");
        text.push_str(&format!("$ status {words}\n{}", done.stderr));
    }
    golden("status-usage.txt", &text);
}
