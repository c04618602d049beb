//! Work on many sessions, a few at a time and at a pace: the loop of `create --roster` and of every verb that takes several sessions.

use std::cell::Cell;
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::stream;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::flags::pace::PaceFlags;
use session_client::DryRun;
use session_client::interrupt::Interrupt;

/// A run over many sessions.
#[derive(Clone, Copy, Debug)]
pub struct PacedRun<'a> {
    parallel: usize,
    /// Time from one session to the next; `None` without a limit.
    interval: Option<Duration>,
    /// Ends the run between two sessions.
    interrupt: &'a Interrupt,
}

/// Items that are still to begin, and their pace.
struct Queue<I> {
    items: I,
    ticks: Option<Interval>,
}

impl<'a> PacedRun<'a> {
    /// Returns the run of these flags; `default` is the number of sessions at the same time without `--parallel`. A client dry run has
    /// no pace, as it writes nothing.
    pub fn new(
        flags: &PaceFlags,
        default: usize,
        dry_run: DryRun,
        interrupt: &'a Interrupt,
    ) -> Self {
        let rate = flags.rate.filter(|_| dry_run != DryRun::Client);
        Self {
            parallel: flags.parallel.unwrap_or(default),
            interval: rate.map(|rate| rate.interval()),
            interrupt,
        }
    }

    /// Runs `work` for each item, in the order in which they begin, and calls `end` for each as it ends. Items that are `idle` wait for
    /// no tick of the pace. After Ctrl-C, and once `end` fails, no further item begins, and those that have begun are run to their end.
    ///
    /// # Errors
    /// The first error of `end`.
    pub async fn run<T, O>(
        &self,
        items: impl Iterator<Item = T>,
        idle: impl Fn(&T) -> bool,
        work: impl AsyncFn(T) -> O,
        mut end: impl FnMut(O) -> Result<()>,
    ) -> Result<()> {
        let queue = Queue {
            items,
            ticks: self.interval.map(new_interval),
        };
        let (idle, work) = (&idle, &work);
        let begun = stream::unfold(queue, async |mut queue| {
            let next = self.next_item(&mut queue, idle).await?;
            Some((next, queue))
        });
        let mut result = Ok(());
        let stopped = Cell::new(false);
        let begun = begun.take_while(|_| futures::future::ready(!stopped.get()));
        // Boxed, as the work on a session is a large future, and each layer above would hold it once more.
        let ended = begun.map(|item| async move { Box::pin(work(item)).await });
        let mut ended = std::pin::pin!(ended.buffer_unordered(self.parallel));
        while let Some(outcome) = ended.next().await {
            if result.is_ok() {
                result = end(outcome);
                stopped.set(result.is_err());
            }
        }
        result
    }

    /// Returns the next item when its time has come; `None` after the last one and after Ctrl-C.
    async fn next_item<T>(
        &self,
        queue: &mut Queue<impl Iterator<Item = T>>,
        idle: impl Fn(&T) -> bool,
    ) -> Option<T> {
        if self.interrupt.is_set() {
            return None;
        }
        let item = queue.items.next()?;
        if let Some(ticks) = queue.ticks.as_mut().filter(|_| !idle(&item)) {
            let ticked = async {
                ticks.tick().await;
                Ok(())
            };
            self.interrupt.race(ticked).await.ok()?;
        }
        Some(item)
    }
}

/// Returns an interval whose first tick is at once, and that never catches up on ticks it has missed.
fn new_interval(length: Duration) -> Interval {
    let mut ticks = interval(length);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::pace::Rate;
    use std::cell::RefCell;
    use std::rc::Rc;
    use tokio::time::Instant;

    fn flags(rate: Option<&str>, parallel: usize) -> PaceFlags {
        PaceFlags {
            rate: rate.map(|rate| rate.parse::<Rate>().unwrap()),
            parallel: Some(parallel),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_spreads_the_work_and_not_the_idle() {
        let (interrupt, begun) = (Interrupt::default(), RefCell::new(Vec::new()));
        let flags = flags(Some("2/s"), 64);
        let run = PacedRun::new(&flags, 16, DryRun::None, &interrupt);
        let start = Instant::now();
        let work = async |item: u64| {
            begun.borrow_mut().push((item, start.elapsed().as_millis()));
        };
        run.run(1..=5, |item| *item == 3, &work, Ok).await.unwrap();
        let dry_run = PacedRun::new(&flags, 16, DryRun::Client, &interrupt);
        dry_run.run(6..=7, |_| false, &work, Ok).await.unwrap();
        assert_eq!(
            begun.into_inner(),
            [
                (1, 0),
                (2, 500),
                (3, 500),
                (4, 1000),
                (5, 1500),
                (6, 1500),
                (7, 1500)
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_wanted_run_at_the_same_time() {
        let (interrupt, running) = (Interrupt::default(), Rc::new(Cell::new((0, 0))));
        let flags = flags(None, 3);
        let run = PacedRun::new(&flags, 16, DryRun::None, &interrupt);
        let work = async |_: u64| {
            let (now, most) = running.get();
            running.set((now + 1, most.max(now + 1)));
            tokio::time::sleep(Duration::from_millis(10)).await;
            let (now, most) = running.get();
            running.set((now - 1, most));
        };
        run.run(0..20, |_| false, work, Ok).await.unwrap();
        assert_eq!(running.get(), (0, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn ctrl_c_ends_the_run_between_two_items() {
        let interrupt = Interrupt::default();
        let flags = flags(Some("1/m"), 2);
        let run = PacedRun::new(&flags, 16, DryRun::None, &interrupt);
        let mut ended = Vec::new();
        let work = async |item: u64| {
            if item == 2 {
                interrupt.trigger();
            }
            item
        };
        let end = |item| {
            ended.push(item);
            Ok(())
        };
        run.run(1.., |_| false, work, end).await.unwrap();
        assert_eq!(ended, [1, 2]);
    }
}
