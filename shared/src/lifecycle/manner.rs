//! Options of a stop, shared by every verb that stops sessions.

use std::time::Duration;

use crate::flags::waiting::Waiting;

/// Options of a stop that apply to every session of the command: whether to run the sync hook, whether and how long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Stops without running the sync hook.
    pub skip_sync: bool,
    /// Waits until the session's Pods are gone.
    pub wait: bool,
    /// Timeout of each wait. The sync hook has a timeout of its own.
    pub limit: Duration,
}

/// Default timeout of a wait: long enough for Pods with a grace period of several minutes.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(600);

impl Manner {
    /// Returns the options of a stop from the flags of a verb.
    pub fn of(waiting: &Waiting, skip_sync: bool) -> Self {
        Self {
            skip_sync,
            wait: waiting.wait,
            limit: waiting.limit(STOP_TIMEOUT),
        }
    }

    /// Returns the options of the stop of a restart, which always waits: the start needs the Pods gone.
    pub fn of_restart(waiting: &Waiting, skip_sync: bool) -> Self {
        Self {
            wait: true,
            ..Self::of(waiting, skip_sync)
        }
    }
}
