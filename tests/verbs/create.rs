//! Tests of `kubectl session create`: requests, output, and the state left behind by a failure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "create/checks.rs"]
mod checks;
#[path = "create/conversions.rs"]
mod conversions;
#[path = "create/faults.rs"]
mod faults;
#[path = "create/files.rs"]
mod files;
#[path = "create/gimp.rs"]
mod gimp;
#[path = "create/kept.rs"]
mod kept;
#[path = "play.rs"]
mod play;
#[path = "create/preview.rs"]
mod preview;
#[path = "create/rehearsal.rs"]
mod rehearsal;
#[path = "create/rollback.rs"]
mod rollback;
#[path = "create/room.rs"]
mod room;
#[path = "create/roster.rs"]
mod roster;
#[path = "create/roster_resumption.rs"]
mod roster_resumption;
#[path = "create/roster_schedule.rs"]
mod roster_schedule;
#[path = "create/roster_schedule_refused.rs"]
mod roster_schedule_refused;
#[path = "create/roster_waits.rs"]
mod roster_waits;
#[path = "create/sindri.rs"]
mod sindri;
#[path = "create/template.rs"]
mod template;
#[path = "create/tool.rs"]
mod tool;
#[path = "create/waiting.rs"]
mod waiting;
