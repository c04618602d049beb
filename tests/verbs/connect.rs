//! Tests of `kubectl session connect`: choice of the Pod, requests, streams and exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "connect/choice.rs"]
mod choice;
#[path = "connect/enter.rs"]
mod enter;
#[path = "connect/forward.rs"]
mod forward;
#[path = "play.rs"]
mod play;
#[path = "connect/running.rs"]
mod running;
#[path = "connect/standing.rs"]
mod standing;
#[path = "connect/stopped.rs"]
mod stopped;
#[path = "create/tool.rs"]
#[allow(dead_code, reason = "the template of create's tests")]
mod tool;
#[path = "connect/wait.rs"]
mod wait;
#[path = "connect/written.rs"]
mod written;
