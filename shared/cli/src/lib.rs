//! Flags, reports, prompts and the harness of every verb: the only crate that prints.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod batch_progress;
pub mod bulk_progress;
pub mod flags;
pub mod paced_run;
pub mod prompt;
pub mod report;
pub mod roster;
pub mod schedules;
pub mod session_batch;
pub mod verb;
