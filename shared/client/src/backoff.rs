//! Pauses between attempts that bring nothing: they double up to a limit and differ by chance, so that neither one client nor
//! many at the same time keep a server busy.

use std::time::Duration;

/// First pause of client-go's reflectors.
const FIRST: Duration = Duration::from_millis(800);
/// Their longest.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// The pauses of one loop. Each is between once and twice the one before it, at most `longest`.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// Attempts in a row that brought nothing.
    fruitless: u32,
}

impl Default for Backoff {
    /// As client-go has them: from 0.8 to 30 seconds.
    fn default() -> Self {
        Self::between(FIRST, LONGEST)
    }
}

impl Backoff {
    /// Pauses that begin with `first`, and are never longer than `longest`.
    pub const fn between(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            fruitless: 0,
        }
    }

    /// An attempt brought something new: the next pause is a first one.
    pub fn reset(&mut self) {
        self.fruitless = 0;
    }

    /// Waits before the next attempt.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.step()).await;
    }

    /// The length of the next pause.
    pub(super) fn step(&mut self) -> Duration {
        // 2^16 first pauses are longer than any limit.
        let doubled = self.first.saturating_mul(1 << self.fruitless.min(16));
        self.fruitless = self.fruitless.saturating_add(1);
        let base = doubled.min(self.longest / 2);
        base + base.mul_f64(chance())
    }
}

/// A number from 0 to 1. Without random numbers clients only lose what keeps them apart.
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
