//! Usage errors.

use std::path::Path;

use session_support::{FakeApi, golden, run_binary};

use crate::running::delete;

#[test]
fn a_choice_that_cannot_be_meant_is_told_before_any_request() {
    let mut text = String::new();
    for words in [
        "",
        "alice -l a=b",
        "alice --all",
        "--all -l a=b",
        "pod/alice",
        "Alice",
        "alice --dry-run=maybe",
        "alice -o json",
        "alice --keep-data --delete-data",
        "alice --snapshot-data --class Bad",
    ] {
        let api = FakeApi::stateful();
        let played = delete(&api, words);
        text.push_str(&format!("$ delete {words}\n{}", played.failed()));
        assert!(api.requests().is_empty(), "{words}");
    }
    golden("delete-illegal.txt", &text);
}

#[test]
fn a_command_line_that_cannot_be_meant_is_answered_as_kubectl_does() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session-delete"));
    let mut text = String::new();
    for words in [
        "alice --bogus",
        "alice -Z",
        "alice -l",
        "alice --timeout=x",
        "alice --wait=x",
        "alice --skip-sync=x",
    ] {
        let args: Vec<&str> = words.split(' ').collect();
        let done = run_binary(program, &args, &[], "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{words}");
        text.push_str(&format!("$ delete {words}\n{}", done.stderr));
    }
    golden("delete-usage.txt", &text);
}
