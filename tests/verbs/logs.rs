//! Tests of `kubectl session logs`: choice of Pods and containers, and every line printed once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "logs/choice.rs"]
mod choice;
#[path = "logs/follow.rs"]
mod follow;
#[path = "logs/gaps.rs"]
mod gaps;
#[path = "play.rs"]
mod play;
#[path = "logs/restarts.rs"]
mod restarts;
#[path = "logs/stack.rs"]
mod stack;
