//! Delivery of the process's signals to an [`Interrupt`]. It runs on the main thread, so that a blocked verb cannot delay
//! it.

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::mpsc as questions;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::delivery_barrier::DeliveryBarrier;
use super::interrupt::{Interrupt, Signal};

/// Time that a verb gets to release what it holds. A verb that blocks in a read, or computes, does not notice the signal.
const EXIT_GRACE: Duration = Duration::from_millis(300);

/// The handlers of signals that ask the process to end; active from creation.
#[derive(Debug)]
pub struct Signals {
    streams: SignalStreams,
    questions: questions::UnboundedReceiver<mpsc::Sender<()>>,
    interrupt: Interrupt,
}

impl Signals {
    /// Installs the signal handlers; signals are delivered to `interrupt` while [`Signals::deliver`] runs. Must be called
    /// inside a tokio runtime.
    ///
    /// # Errors
    /// Handlers that the system refuses.
    pub fn of_process(interrupt: &Interrupt) -> Result<Self> {
        let (barrier, questions) = DeliveryBarrier::new();
        // Only a second call would fail; there is one main thread.
        let _first_stays = interrupt.delivery.set(barrier);
        Ok(Self {
            streams: SignalStreams::new()?,
            questions,
            interrupt: interrupt.clone(),
        })
    }

    /// Delivers signals. Returns when the process must end and the verb has not ended by itself.
    pub async fn deliver(mut self) {
        let mut until = None;
        let mut asking: Vec<mpsc::Sender<()>> = Vec::new();
        loop {
            let over = async move {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                signal = self.streams.next() => if self.interrupt.deliver(signal) {
                    until = until.or(Some(Instant::now() + EXIT_GRACE));
                },
                () = drain_pending_signals(), if !asking.is_empty() => for answer in asking.drain(..) {
                    // The waiting thread may have ended.
                    let _ = answer.send(());
                },
                Some(answer) = self.questions.recv() => asking.push(answer),
                () = over => return,
            }
        }
    }
}

/// Lets the runtime process pending signals: the first turn lets the kernel run the handler, if this thread was awake
/// when the signal came; the second sees the handler's effect.
async fn drain_pending_signals() {
    yield_now().await;
    yield_now().await;
}

#[cfg(unix)]
#[derive(Debug)]
struct SignalStreams(Vec<(Signal, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl SignalStreams {
    /// Signals that are ignored when the process starts stay ignored, as with `nohup` and background jobs of a script.
    fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kinds = [
            (Signal::Interrupt, SignalKind::interrupt()),
            (Signal::Terminate, SignalKind::terminate()),
            (Signal::HangUp, SignalKind::hangup()),
            (Signal::Quit, SignalKind::quit()),
        ];
        let heard = kinds
            .into_iter()
            .filter(|(_, kind)| !is_ignored(&status, kind.as_raw_value()));
        let streams = heard.map(|(name, kind)| Ok((name, signal(kind)?)));
        Ok(Self(streams.collect::<Result<_>>()?))
    }

    async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            for (name, stream) in &mut self.0 {
                if stream.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*name);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}

/// True if /proc/PID/status (Linux) lists the signal as ignored; false on other systems.
#[cfg(unix)]
fn is_ignored(status: &str, number: i32) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

#[cfg(not(unix))]
#[derive(Debug)]
struct Streams;

#[cfg(not(unix))]
impl SignalStreams {
    fn new() -> Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
        Signal::Interrupt
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_mask() {
        let status = "Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\n";
        assert!(is_ignored(status, 1));
        assert!(!is_ignored(status, 2));
        assert!(!is_ignored("", 1));
    }
}
