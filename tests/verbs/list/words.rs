//! Errors in the command line.

use std::path::Path;

use session_support::{FakeApi, golden, run_binary};

use crate::class::list;

#[test]
fn a_choice_that_cannot_be_meant_is_told_before_any_request() {
    let mut text = String::new();
    for words in [
        "alice -A",
        "alice -l a=b",
        "alice --field-selector a=b",
        "--phase broken",
        "Alice",
        "--user-id=",
        "-o bogus",
        "-o jsonpath",
        "-o jsonpath={.x",
        "-o custom-columns=x",
    ] {
        let api = FakeApi::stateful();
        let played = list(&api, words);
        text.push_str(&format!("$ list {words}\n{}", played.failed()));
        assert!(api.requests().is_empty(), "{words}");
    }
    golden("list-illegal.txt", &text);
}

#[test]
fn a_command_line_that_cannot_be_meant_is_answered_as_kubectl_does() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session-list"));
    let mut text = String::new();
    for words in [
        "--bogus",
        "-Z",
        "--sort-by",
        "-n",
        "--show-labels=x",
        "-L",
        "--chunk-size=x",
    ] {
        let args: Vec<&str> = words.split(' ').collect();
        let done = run_binary(program, &args, &[], "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{words}");
        text.push_str(&format!("$ list {words}\n{}", done.stderr));
    }
    golden("list-usage.txt", &text);
}

#[test]
fn a_number_that_is_none_is_told_with_its_flag() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session-list"));
    for value in ["x", "-1", ""] {
        let flag = format!("--chunk-size={value}");
        let done = run_binary(program, &[flag.as_str()], &[], "");
        let begin = format!("error: invalid argument {value:?} for \"--chunk-size\" flag: ");
        assert!(done.stderr.starts_with(&begin), "{done:?}");
        let end = "\nSee 'kubectl session list --help' for usage.\n";
        assert!(done.stderr.ends_with(end), "{done:?}");
        assert_eq!(done.code, 1);
    }
}
