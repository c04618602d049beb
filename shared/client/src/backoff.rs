//! Exponential backoff with jitter, for retries of requests and watches.

use std::time::Duration;

/// Initial pause of client-go's reflectors.
const FIRST: Duration = Duration::from_millis(800);
/// Longest pause of client-go's reflectors.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// The backoff state of one loop. Each pause is one to two times the doubled base, and at most `longest`.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// Consecutive attempts without success.
    fruitless: u32,
}

impl Default for Backoff {
    /// client-go's values: 0.8 to 30 seconds.
    fn default() -> Self {
        Self::between(FIRST, LONGEST)
    }
}

impl Backoff {
    /// Creates a backoff from `first` to `longest`.
    pub const fn between(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            fruitless: 0,
        }
    }

    /// Resets the backoff after a successful attempt.
    pub fn reset(&mut self) {
        self.fruitless = 0;
    }

    /// Sleeps for the next pause.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.step()).await;
    }

    /// Returns the length of the next pause and advances the backoff.
    pub(super) fn step(&mut self) -> Duration {
        // 2^16 initial pauses exceed any limit in use.
        let doubled = self.first.saturating_mul(1 << self.fruitless.min(16));
        self.fruitless = self.fruitless.saturating_add(1);
        let base = doubled.min(self.longest / 2);
        base + base.mul_f64(chance())
    }
}

/// Returns a random number from 0 to 1. Without random numbers it returns 0, and clients merely lose their jitter.
fn chance() -> f64 {
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
            let pause = backoff.step();
            let base = Duration::from_millis(base);
            assert!(
                (base..=base * 2).contains(&pause),
                "{pause:?} after {base:?}"
            );
        }
        for _ in 0..100_000 {
            assert!(backoff.step() <= LONGEST);
        }
        backoff.reset();
        assert!(backoff.step() < Duration::from_millis(1601));
    }
}
