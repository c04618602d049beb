//! Tests of `kubectl session cleanup`: the plan, its execution, and objects that are never touched.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "cleanup/contents.rs"]
mod contents;
#[path = "cleanup/expired.rs"]
mod expired;
#[path = "cleanup/kept.rs"]
mod kept;
#[path = "cleanup/orphans.rs"]
mod orphans;
#[path = "play.rs"]
mod play;
#[path = "cleanup/rounds.rs"]
mod rounds;
#[path = "cleanup/scene.rs"]
mod scene;
#[path = "cleanup/selected.rs"]
mod selected;
#[path = "cleanup/unhealthy.rs"]
mod unhealthy;
