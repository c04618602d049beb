//! Tests of invalid command lines.

use std::path::Path;

use session_support::{golden, run_binary};

use crate::cluster::{cluster, setup};

#[test]
fn a_choice_that_cannot_be_meant_is_told_before_any_request() {
    let mut text = String::new();
    for words in [
        "crd",
        "--force",
        "--dry-run=maybe",
        "-o wide",
        "crds roles x",
    ] {
        let api = cluster();
        let played = setup(&api, words);
        text.push_str(&format!("$ setup {words}\n{}", played.failed()));
        assert!(api.requests().is_empty(), "{words}");
    }
    golden("setup-illegal.txt", &text);
}

#[test]
fn a_command_line_that_cannot_be_meant_is_answered_as_kubectl_does() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session-setup"));
    let mut text = String::new();
    for words in [
        "--bogus",
        "-Z",
        "--timeout",
        "--timeout=x",
        "--remove=x",
        "-n",
    ] {
        let done = run_binary(program, &[words], &[], "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{words}");
        text.push_str(&format!("$ setup {words}\n{}", done.stderr));
    }
    golden("setup-usage.txt", &text);
}
