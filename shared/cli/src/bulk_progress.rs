//! Progress and summary of work on many sessions. Pure.

use std::time::Duration;

use jiff::Timestamp;

use crate::report::age::remaining_time;
use session_model::progress::{ProgressEvent, WaitStage};

/// Number of sessions with a result, and the result in a word: `12 created`.
pub type Count = (u64, &'static str);

/// Work on many sessions.
#[derive(Clone, Copy, Debug)]
pub struct BulkProgress {
    /// Kind of the work.
    pub stage: WaitStage,
    /// Number of sessions.
    pub total: u64,
    /// Begin of the work.
    pub started: Timestamp,
}

impl BulkProgress {
    /// Returns the progress: what is done, failed and left, how fast, and how long it still takes. `worked` is the number of sessions
    /// that took time.
    pub fn event(&self, counts: &[Count], worked: u64, now: Timestamp) -> ProgressEvent {
        let done: u64 = counts.iter().map(|(number, _)| number).sum();
        let left = self.total.saturating_sub(done);
        let mut detail = format!("{}, {left} left", describe_counts(counts));
        let seconds = (now.as_millisecond() - self.started.as_millisecond()) as f64 / 1000.0;
        if worked > 0 && seconds >= 1.0 {
            let rate = worked as f64 / seconds;
            detail.push_str(&format!(", {rate:.1}/s"));
            let rest = Duration::try_from_secs_f64(left as f64 / rate).unwrap_or_default();
            let end = now.checked_add(rest).ok();
            detail.push_str(&format!(", {} to go", remaining_time(end, now)));
        }
        ProgressEvent::Waiting {
            stage: self.stage,
            object: format!("{} sessions", self.total),
            detail,
        }
    }
}

/// Returns the numbers in words, without those that are 0 but for the first.
pub fn describe_counts(counts: &[Count]) -> String {
    let shown = counts.iter().enumerate();
    let shown = shown.filter(|(at, (number, _))| *at == 0 || *number > 0);
    let shown: Vec<String> = shown
        .map(|(_, (number, word))| format!("{number} {word}"))
        .collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_rate_and_time_left() {
        let started: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let progress = BulkProgress {
            stage: WaitStage::Applying,
            total: 300,
            started,
        };
        let detail = |counts: &[Count], worked: u64, seconds: u64| {
            let now = started.checked_add(Duration::from_secs(seconds)).unwrap();
            match progress.event(counts, worked, now) {
                ProgressEvent::Waiting { detail, .. } => detail,
                other => panic!("{other:?}"),
            }
        };
        let none = [(0, "created"), (0, "unchanged"), (0, "failed")];
        assert_eq!(detail(&none, 0, 0), "0 created, 300 left");
        let some = [(99, "created"), (100, "unchanged"), (1, "failed")];
        assert_eq!(
            detail(&some, 100, 50),
            "99 created, 100 unchanged, 1 failed, 100 left, 2.0/s, 50s to go"
        );
    }
}
