//! Lines of a log that could not be read, and the warning about them.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use super::log_target::LogTarget;

/// Time span of lines that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogGap {
    /// Time of the last line before the interruption.
    pub(super) after: Timestamp,
    /// Time of the first line after it, or of the attempt that found none.
    pub(super) before: Timestamp,
}

/// Why lines cannot be read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GapCause {
    /// The log was opened again and does not contain the last line.
    Rotated,
    /// The log of the run was deleted with it.
    RunDeleted,
    /// The Pod was deleted.
    PodDeleted,
}

impl LogGap {
    /// Returns the warning about a gap in the log of this container.
    pub(super) fn warning(&self, cause: GapCause, target: &LogTarget) -> String {
        let LogTarget { pod, container, .. } = target;
        let cause = match cause {
            GapCause::Rotated => "was rotated",
            GapCause::RunDeleted => "was deleted with an earlier run",
            GapCause::PodDeleted => "was deleted with the Pod",
        };
        format!(
            "the log of container {container:?} of pod {pod:?} {cause} while the connection was lost: lines between {} and {} \
             may be missing",
            self.after, self.before
        )
    }
}

/// The time at which following began, from which later times are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct FollowClock {
    pub(super) begun: Timestamp,
    moment: Instant,
}

impl FollowClock {
    /// Starts to count from the time `now`.
    pub(super) fn starting(now: Timestamp) -> Self {
        let moment = Instant::now();
        Self { begun: now, moment }
    }

    /// Returns the time by now.
    pub(super) fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.moment.elapsed()).unwrap_or_default();
        self.begun.saturating_add(elapsed).unwrap_or(self.begun)
    }
}
