//! How much has passed, and how fast: for who waits for a long copy.

use std::time::{Duration, Instant};

use session_model::progress::{Event, Sink, Stage};
use session_model::quantity::size;

/// So often progress is told.
const BEAT: Duration = Duration::from_millis(200);

/// Counts what passes, and tells of it now and then.
pub(super) struct Meter {
    object: String,
    length: Option<u64>,
    passed: u64,
    since: Instant,
    told: Option<Instant>,
}

impl Meter {
    pub(super) fn new(pod: &str, length: Option<u64>) -> Self {
        Self {
            object: format!("pod/{}", pod),
            length,
            passed: 0,
            since: Instant::now(),
            told: None,
        }
    }

    /// How many bytes have passed.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// Some more have passed.
    pub(super) fn count(&mut self, bytes: usize, sink: &mut dyn Sink) {
        self.passed += bytes as u64;
        if self.told.is_some_and(|told| told.elapsed() < BEAT) {
            return;
        }
        self.told = Some(Instant::now());
        sink.tell(Event::Waiting {
            stage: Stage::Copying,
            object: self.object.clone(),
            detail: progress(self.passed, self.length, self.since.elapsed()),
        });
    }
}

/// `12Mi of 50Mi (24%), 6Mi/s`.
pub(super) fn progress(passed: u64, length: Option<u64>, time: Duration) -> String {
    let mut text = size(passed);
    if let Some(length) = length.filter(|length| *length > 0) {
        let percent = u128::from(passed) * 100 / u128::from(length);
        text.push_str(&format!(" of {} ({percent}%)", size(length)));
    }
    if time >= Duration::from_secs(1) {
        let rate = u128::from(passed) * 1000 / time.as_millis();
        let rate = size(u64::try_from(rate).unwrap_or(u64::MAX));
        text.push_str(&format!(", {rate}/s"));
    }
    text
}
