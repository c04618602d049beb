//! Usage errors and help.

use std::path::Path;

use session_support::{FakeApi, golden, run_binary};

use crate::scene::cleanup;

#[test]
fn what_cannot_be_meant_is_told_before_any_request() {
    let mut text = String::new();
    for words in [
        "",
        "--expired --max 0",
        "--expired --interval 0 -y",
        "--expired --interval 5m",
        "--expired --dry-run=maybe",
        "--kept-older-than 0",
        "--kept-older-than soon",
        "--snapshots-older-than never",
        "--snapshots-older-than -1d",
        "alice",
        "--expired -i -y",
        "--expired --interval 5m -i",
        "--snapshots-older-than 99999999999999999999s",
        "--kept-older-than 9223372036854775807d",
        "--kept-older-than=",
        "--interval 5m --snapshot-contents",
    ] {
        let api = FakeApi::stateful();
        let played = cleanup(&api, words);
        text.push_str(&format!("$ cleanup {words}\n{}", played.failed()));
        assert!(api.requests().is_empty(), "{words}");
    }
    golden("cleanup-illegal.txt", &text);
}

#[test]
fn a_command_line_that_cannot_be_meant_is_answered_as_kubectl_does() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session-cleanup"));
    let mut text = String::new();
    for words in [
        "--bogus",
        "--expired --interval soon",
        "--expired --interval -5m",
        "--expired --interval 99999999999999999999s",
        "--expired --max 99999999999999999999",
        "--expired --max some",
        "--expired --max -1",
    ] {
        let args: Vec<&str> = words.split(' ').collect();
        let done = run_binary(program, &args, &[], "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{words}");
        text.push_str(&format!("$ cleanup {words}\n{}", done.stderr));
    }
    golden("cleanup-usage.txt", &text);
}
