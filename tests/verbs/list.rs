//! Tests of `kubectl session list`: requests and output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "list/choice.rs"]
mod choice;
#[path = "list/class.rs"]
mod class;
#[path = "list/formats.rs"]
mod formats;
#[path = "list/kept.rs"]
mod kept;
#[path = "play.rs"]
mod play;
#[path = "list/shown.rs"]
mod shown;
#[path = "list/watch.rs"]
mod watch;
#[path = "list/words.rs"]
mod words;
