//! Tests of `kubectl session snapshot`: requests, their order, output, and the state left behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "snapshot/brought.rs"]
mod brought;
#[path = "snapshot/class.rs"]
mod class;
#[path = "snapshot/copy.rs"]
mod copy;
#[path = "snapshot/create.rs"]
mod create;
#[path = "snapshot/delete.rs"]
mod delete;
#[path = "snapshot/files.rs"]
mod files;
#[path = "snapshot/list.rs"]
mod list;
#[path = "snapshot/names.rs"]
mod names;
#[path = "play.rs"]
mod play;
#[path = "snapshot/restore.rs"]
mod restore;
#[path = "snapshot/runs.rs"]
mod runs;
#[path = "snapshot/scene.rs"]
mod scene;
#[path = "snapshot/schedule.rs"]
mod schedule;
#[path = "snapshot/strangers.rs"]
mod strangers;
