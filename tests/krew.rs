//! The krew package of the suite: packed, installed by krew's mechanics, run by every kubectl there is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "krew/dispatch.rs"]
mod dispatch;
#[path = "krew/interrupted.rs"]
mod interrupted;
#[path = "krew/layout.rs"]
mod layout;
#[path = "krew/package.rs"]
mod package;
#[path = "verbs/session/program.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod program;
