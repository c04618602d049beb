//! Errors in the command line.

use std::path::Path;

use session_support::{FakeApi, golden, run_binary};

use crate::stack::logs;

#[test]
fn what_cannot_be_meant_is_told_before_any_request() {
    let mut text = String::new();
    for words in [
        "pr -c main --all-containers",
        "pr --since=1m --since-time=2026-03-01T12:00:00Z",
        "pr --since=-1m",
        "pr --since-time=yesterday",
        "pr --tail=-2",
        "pr --limit-bytes=-1",
        "pr a/b/c",
        "PR",
        "pod/pr",
    ] {
        let api = FakeApi::stateful();
        let played = logs(&api, words);
        text.push_str(&format!("$ logs {words}\n{}", played.failed()));
        assert!(api.requests().is_empty(), "{words}");
    }
    golden("logs-illegal.txt", &text);
}

#[test]
fn a_command_line_that_cannot_be_meant_is_answered_as_kubectl_does() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session-logs"));
    let mut text = String::new();
    for words in [
        "",
        "pr --bogus",
        "pr -Z",
        "pr -c",
        "pr --tail=x",
        "pr --tail=99999999999999999999",
        "pr --limit-bytes=1k",
        "pr --follow=x",
        "pr --since=soon",
        "pr -v=x",
        "pr a b",
    ] {
        let args: Vec<&str> = words.split_whitespace().collect();
        let done = run_binary(program, &args, &[], "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{words}");
        text.push_str(&format!("$ logs {words}\n{}", done.stderr));
    }
    golden("logs-usage.txt", &text);
}
