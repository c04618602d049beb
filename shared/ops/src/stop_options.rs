//! Options of a stop, shared by every verb that stops sessions.

use std::time::Duration;

use crate::verb_forms::{RESTART, STOP, VerbForms};

/// Options of a stop that apply to every session of the command: whether to run the sync hook, whether and how long to wait.
#[derive(Clone, Copy, Debug)]
pub struct StopOptions {
    /// Forms of the verb that stops the sessions.
    pub verb: VerbForms,
    /// Stops without running the sync hook.
    pub skip_sync: bool,
    /// Waits until the session's Pods are gone.
    pub wait: bool,
    /// Timeout of each wait. The sync hook has a timeout of its own.
    pub timeout: Duration,
}

/// Default timeout of a wait: long enough for Pods with a grace period of several minutes.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(600);

impl StopOptions {
    /// Creates the options of a stop; without `limit` it waits for the default time.
    pub fn new(wait: bool, limit: Option<Duration>, skip_sync: bool) -> Self {
        Self {
            verb: STOP,
            skip_sync,
            wait,
            timeout: limit.unwrap_or(STOP_TIMEOUT),
        }
    }

    /// Returns the flags that a command that finishes the stop has to repeat.
    pub(super) fn repeated_flags(&self) -> Vec<&'static str> {
        match self.skip_sync {
            true => vec!["--skip-sync"],
            false => Vec::new(),
        }
    }

    /// Creates the options of the stop of a restart, which always waits: the start needs the Pods gone.
    pub fn for_restart(limit: Option<Duration>, skip_sync: bool) -> Self {
        Self {
            verb: RESTART,
            ..Self::new(true, limit, skip_sync)
        }
    }
}
