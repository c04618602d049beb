//! Progress line of a roster. Pure.

use std::time::Duration;

use session_shared::Timestamp;
use session_shared::progress::{ProgressEvent, WaitStage};
use session_shared::report::age::remaining_time;

use super::report::Counts;

/// Returns the progress: what is done, failed and left, how fast, and how long it still takes.
pub(super) fn progress_event(
    total: u64,
    counts: &Counts,
    started: Timestamp,
    now: Timestamp,
) -> ProgressEvent {
    let left = total.saturating_sub(counts.done());
    let mut detail = format!("{}, {left} left", counts.describe());
    let seconds = (now.as_millisecond() - started.as_millisecond()) as f64 / 1000.0;
    // Sessions that exist already take no time.
    let worked = counts.created + counts.failed;
    if worked > 0 && seconds >= 1.0 {
        let rate = worked as f64 / seconds;
        detail.push_str(&format!(", {rate:.1}/s"));
        let rest = Duration::try_from_secs_f64(left as f64 / rate).unwrap_or_default();
        let end = now.checked_add(rest).ok();
        detail.push_str(&format!(", {} to go", remaining_time(end, now)));
    }
    ProgressEvent::Waiting {
        stage: WaitStage::Applying,
        object: format!("{total} sessions"),
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_rate_and_time_left() {
        let started: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let detail = |counts: &Counts, seconds: u64| {
            let now = started.checked_add(Duration::from_secs(seconds)).unwrap();
            match progress_event(300, counts, started, now) {
                ProgressEvent::Waiting { detail, .. } => detail,
                other => panic!("{other:?}"),
            }
        };
        let mut counts = Counts::default();
        assert_eq!(detail(&counts, 0), "0 created, 300 left");
        (counts.created, counts.failed, counts.unchanged) = (99, 1, 100);
        assert_eq!(
            detail(&counts, 50),
            "99 created, 100 unchanged, 1 failed, 100 left, 2.0/s, 50s to go"
        );
    }
}
