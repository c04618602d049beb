//! Exponential backoff with jitter, for retries of requests and watches.

use std::time::Duration;

/// Initial pause of client-go's reflectors.
const INITIAL_PAUSE: Duration = Duration::from_millis(800);
/// Longest pause of client-go's reflectors.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The backoff state of one loop. Each pause is one to two times the doubled base, and at most `longest`.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// Consecutive attempts without success.
    failures: u32,
}

impl Default for Backoff {
    /// client-go's values: 0.8 to 30 seconds.
    fn default() -> Self {
        Self::between(INITIAL_PAUSE, MAX_PAUSE)
    }
}

impl Backoff {
    /// Creates a backoff from `first` to `longest`.
    pub const fn between(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
        }
    }

    /// Resets the backoff after a successful attempt.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Sleeps for the next pause.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }

    /// Returns the length of the next pause and advances the backoff.
    pub(super) fn next_pause(&mut self) -> Duration {
        // 2^16 initial pauses exceed any limit in use.
        let doubled = self.first.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let base = doubled.min(self.longest / 2);
        base + base.mul_f64(random_fraction())
    }
}

/// Returns a random number from 0 to 1. Without random numbers it returns 0, and clients merely lose their jitter.
fn random_fraction() -> f64 {
    let mut random = [0; 4];
    match getrandom::fill(&mut random) {
        Ok(()) => f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX),
        Err(_) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::default();
        for base in [800, 1600, 3200, 6400, 12_800, 15_000, 15_000] {
            let pause = backoff.next_pause();
            let base = Duration::from_millis(base);
            assert!(
                (base..=base * 2).contains(&pause),
                "{pause:?} after {base:?}"
            );
        }
        for _ in 0..100_000 {
            assert!(backoff.next_pause() <= MAX_PAUSE);
        }
        backoff.reset();
        assert!(backoff.next_pause() < Duration::from_millis(1601));
    }
}
