//! `kubectl session cleanup`: what is planned, what is done about it, and what is never touched.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "cleanup/expired.rs"]
mod expired;
#[path = "play.rs"]
mod play;
#[path = "cleanup/rounds.rs"]
mod rounds;
#[path = "cleanup/scene.rs"]
mod scene;
#[path = "cleanup/words.rs"]
mod words;
