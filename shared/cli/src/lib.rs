//! Flags, reports, prompts and the harness of every verb: the only crate that prints.

pub mod flags;
pub mod prompt;
pub mod report;
pub mod verb;
