//! Usage errors of the binary, in kubectl's words.

use std::path::Path;

use session_support::{golden, run_binary};

#[test]
fn a_command_line_that_cannot_be_meant_is_answered_as_kubectl_does() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session-create"));
    let mut text = String::new();
    for words in [
        "alice --bogus",
        "alice -Z",
        "alice --template",
        "alice -f",
        "alice --template tool --timeout soon",
        "alice --template tool --wait=perhaps",
        "alice bob --template tool",
        "alice",
        "alice --template a -f b",
        "alice --template a --primary Pod/x",
        "alice --template a --rendered",
    ] {
        let args: Vec<&str> = words.split(' ').collect();
        let done = run_binary(program, &args, &[], "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{words}");
        text.push_str(&format!("$ create {words}\n{}", done.stderr));
        for clap in ["Usage:", "For more information", "tip:", "<", "[possible"] {
            assert!(!done.stderr.contains(clap), "{words}: {}", done.stderr);
        }
    }
    golden("create-usage.txt", &text);
}
