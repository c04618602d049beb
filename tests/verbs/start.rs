//! `kubectl session start`: objects that are used again or replaced, from every state of a session.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "start/again.rs"]
mod again;
#[path = "start/choice.rs"]
mod choice;
#[path = "start/class.rs"]
mod class;
#[path = "start/hours.rs"]
mod hours;
#[path = "start/left.rs"]
mod left;
#[path = "start/manifest.rs"]
mod manifest;
#[path = "play.rs"]
mod play;
#[path = "start/rested.rs"]
mod rested;
#[path = "start/room.rs"]
mod room;
#[path = "start/shared_reads.rs"]
mod shared_reads;
#[path = "start/template.rs"]
mod template;
#[path = "create/tool.rs"]
#[allow(dead_code, reason = "the template of create's tests")]
mod tool;
#[path = "start/waiting.rs"]
mod waiting;
