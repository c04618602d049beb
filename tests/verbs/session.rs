//! `kubectl session`, the program: how it is called, how it ends, and what it never does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "session/answers.rs"]
mod answers;
#[path = "session/beside.rs"]
mod beside;
#[path = "session/dispatch.rs"]
mod dispatch;
#[path = "session/flags.rs"]
mod flags;
#[path = "session/fuzz.rs"]
mod fuzz;
#[path = "session/help.rs"]
mod help;
#[path = "session/kubectl.rs"]
mod kubectl;
#[path = "session/phases.rs"]
mod phases;
#[path = "play.rs"]
mod play;
#[path = "session/program.rs"]
mod program;
#[path = "rules.rs"]
mod rules;
#[path = "session/surroundings.rs"]
mod surroundings;
#[path = "session/version.rs"]
mod version;
