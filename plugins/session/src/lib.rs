//! `kubectl session`: all verbs in one program.
//!
//! The program's name selects a verb, or else its first argument that is not a flag. Any other word runs the program
//! `kubectl-session-WORD` beside this program or on PATH, so that the suite can be extended.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod dispatch;
mod dispatch_errors;
mod external;
mod verbs;
mod version;

use std::ffi::OsString;
use std::process::ExitCode;

pub use verbs::{VERB_GROUPS, VERBS};

/// Runs the program with argv, whose first element is the name it was called by.
pub fn main(args: Vec<OsString>) -> ExitCode {
    dispatch::dispatch(args)
}
