//! Tests of `kubectl session status`: requests and output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "status/cells.rs"]
mod cells;
#[path = "status/formats.rs"]
mod formats;
#[path = "status/objects.rs"]
mod objects;
#[path = "play.rs"]
mod play;
#[path = "status/rights.rs"]
mod rights;
#[path = "status/scenes.rs"]
mod scenes;
#[path = "status/shown.rs"]
mod shown;
#[path = "status/wait.rs"]
mod wait;
#[path = "status/watch.rs"]
mod watch;
