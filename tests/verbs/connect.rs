//! `kubectl session connect`: which Pod it enters, what it asks for, and how its streams and exit codes go.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "play.rs"]
mod play;
#[path = "connect/words.rs"]
mod words;
