//! The signals of the process: delivered to an [`Interrupt`] by the main thread, so that nothing a verb does can keep it from
//! hearing them.

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::mpsc as questions;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::interrupt::{Interrupt, Signal};

/// So long a verb may take to put away what it holds. One that waits in a read, or computes, hears of nothing.
const PATIENCE: Duration = Duration::from_millis(300);

/// Asks whoever delivers the signals whether any is under way.
#[derive(Debug)]
pub(super) struct Question(questions::UnboundedSender<mpsc::Sender<()>>);

impl Question {
    /// Waits until every signal that was sent before now has been delivered.
    pub(super) fn ask(&self) {
        let (answer, answered) = mpsc::channel();
        if self.0.send(answer).is_ok() {
            // Whoever has stopped delivering answers by an error.
            let _ = answered.recv();
        }
    }
}

/// The signals that ask the process to end, from the moment this is made.
#[derive(Debug)]
pub struct Signals {
    streams: Streams,
    questions: questions::UnboundedReceiver<mpsc::Sender<()>>,
    interrupt: Interrupt,
}

impl Signals {
    /// Takes the signals from the system; they are delivered to `interrupt` while [`Signals::deliver`] runs. Must be called inside
    /// a tokio runtime.
    ///
    /// # Errors
    /// When the system does not give them.
    pub fn of_process(interrupt: &Interrupt) -> Result<Self> {
        let (send, questions) = questions::unbounded_channel();
        // Only a second one would fail: there is one main thread.
        let _first_stays = interrupt.questions.set(Question(send));
        Ok(Self {
            streams: Streams::new()?,
            questions,
            interrupt: interrupt.clone(),
        })
    }

    /// Delivers signals; returns when the process is to end and the verb has not ended by itself.
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
                    until = until.or(Some(Instant::now() + PATIENCE));
                },
                () = driven(), if !asking.is_empty() => for answer in asking.drain(..) {
                    // Whoever asked may have ended.
                    let _ = answer.send(());
                },
                Some(answer) = self.questions.recv() => asking.push(answer),
                () = over => return,
            }
        }
    }
}

/// Lets the runtime look at what the system has brought by now: the first turn lets the kernel run our handler, if this thread
/// was awake when the signal came, the second one sees what it has left.
async fn driven() {
    yield_now().await;
    yield_now().await;
}

#[cfg(unix)]
#[derive(Debug)]
struct Streams(Vec<(Signal, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Streams {
    /// What is ignored when the process begins stays ignored: `nohup`, jobs in the background of a script.
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

/// Whether a signal is ignored, by Linux' /proc/PID/status; elsewhere none is.
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
impl Streams {
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
