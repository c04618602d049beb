//! Progress of a copy: bytes and rate.

use std::time::{Duration, Instant};

use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};
use session_model::quantity::format_bytes;

/// Interval of progress events.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);

/// A counter of copied bytes that reports progress events at intervals.
pub(super) struct ProgressMeter {
    object: String,
    length: Option<u64>,
    copied: u64,
    since: Instant,
    reported_at: Option<Instant>,
}

impl ProgressMeter {
    /// Creates a counter for a copy from or to a Pod; `length` is the total in bytes, if known.
    pub(super) fn new(pod: &str, length: Option<u64>) -> Self {
        Self {
            object: format!("pod/{}", pod),
            length,
            copied: 0,
            since: Instant::now(),
            reported_at: None,
        }
    }

    /// Returns the number of bytes copied.
    pub(super) fn copied(&self) -> u64 {
        self.copied
    }

    /// Adds copied bytes, and reports progress if it is due.
    pub(super) fn add(&mut self, bytes: usize, sink: &mut dyn ProgressSink) {
        self.copied += bytes as u64;
        if self
            .reported_at
            .is_some_and(|told| told.elapsed() < REPORT_INTERVAL)
        {
            return;
        }
        self.reported_at = Some(Instant::now());
        sink.tell(ProgressEvent::Waiting {
            stage: WaitStage::Copying,
            object: self.object.clone(),
            detail: format_progress(self.copied, self.length, self.since.elapsed()),
        });
    }
}

/// Formats progress: `12Mi of 50Mi (24%), 6Mi/s`. The rate is left out in the first second.
pub(super) fn format_progress(passed: u64, length: Option<u64>, time: Duration) -> String {
    let mut text = format_bytes(passed);
    if let Some(length) = length.filter(|length| *length > 0) {
        let percent = u128::from(passed) * 100 / u128::from(length);
        text.push_str(&format!(" of {} ({percent}%)", format_bytes(length)));
    }
    if time >= Duration::from_secs(1) {
        let rate = u128::from(passed) * 1000 / time.as_millis();
        let rate = format_bytes(u64::try_from(rate).unwrap_or(u64::MAX));
        text.push_str(&format!(", {rate}/s"));
    }
    text
}
