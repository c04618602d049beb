//! Usage errors.

use kubectl_session_connect::Connect;
use session_support::{FakeApi, golden};

use crate::play::Play;

#[test]
fn a_command_line_that_cannot_be_meant_is_told_before_any_request() {
    let mut text = String::new();
    for words in [
        "Alice",
        "pod/alice",
        "alice --open --print",
        "alice --ssh --ssh-config",
        "alice -o json",
        "alice --print -o yaml",
        "alice --stdio 0",
        "alice --stdio 70000",
        "alice --stdio no_such_port",
        "alice --stdio 22 --method shell",
        "alice --open -- true",
        "alice --ssh -t",
        "alice --open --kill-on-exit",
    ] {
        let api = FakeApi::stateful();
        let played = Play::on(&api).run::<Connect>(words);
        text.push_str(&format!("$ connect {words}\n{}", played.failed()));
        assert!(api.requests().is_empty(), "{words}");
    }
    golden("connect-illegal.txt", &text);
}
