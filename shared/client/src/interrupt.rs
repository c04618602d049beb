//! Interruption by Ctrl-C or a signal: a flag that work checks where it can stop.
//!
//! ```text
//! Signal          a delivered signal and its exit code
//! Interrupt       the flag, shared by all work; super::signals sets it
//! InterruptGuard  held while cleaning up is needed: the process does not end before it is dropped
//! ```

use std::sync::mpsc::{TryRecvError, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::watch;

use super::delivery_barrier::DeliveryBarrier;
use session_model::failure::{Failure, FailureKind};

/// A signal that asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal was closed.
    HangUp,
    /// SIGQUIT: Ctrl-\, which ends the process without cleaning up.
    Quit,
}

impl Signal {
    /// Returns the exit code of a process ended by this signal, as shells report it.
    pub fn exit_code(self) -> u8 {
        match self {
            Signal::HangUp => 129,
            Signal::Interrupt => 130,
            Signal::Quit => 131,
            Signal::Terminate => 143,
        }
    }
}

/// A flag that tells work to end. Clones share one state.
#[derive(Clone, Debug)]
pub struct Interrupt {
    state: Arc<watch::Sender<InterruptState>>,
    /// Set while signals are delivered: lets a thread wait until all pending signals are.
    pub(super) delivery: Arc<OnceLock<DeliveryBarrier>>,
}

#[derive(Debug, Default)]
struct InterruptState {
    /// The first signal delivered.
    signal: Option<Signal>,
    guards: usize,
    /// True if nothing needs cleaning up, or the user does not wait for it.
    is_final: bool,
    /// The thread that waits in [`Interrupt::run_blocking`].
    blocked: Option<Thread>,
}

/// A guard that keeps an interrupt from ending the process: the holder checks the flag and cleans up first.
#[derive(Debug)]
pub struct InterruptGuard(Interrupt);

impl Drop for InterruptGuard {
    fn drop(&mut self) {
        self.0.update_state(|state| state.guards -= 1);
    }
}

impl Default for Interrupt {
    fn default() -> Self {
        Self {
            state: Arc::new(watch::Sender::default()),
            delivery: Arc::default(),
        }
    }
}

impl Interrupt {
    /// Sets the flag as Ctrl-C does.
    pub fn trigger(&self) {
        self.deliver(Signal::Interrupt);
    }

    /// Sets the flag. Returns true if the process must end now: nothing needs cleaning up, or this is the second signal.
    pub(super) fn deliver(&self, signal: Signal) -> bool {
        let mut is_final = false;
        self.state.send_modify(|state| {
            let waits = state.signal.is_none() && state.guards > 0 && signal != Signal::Quit;
            state.signal.get_or_insert(signal);
            state.is_final |= !waits;
            is_final = state.is_final;
            if let Some(thread) = &state.blocked {
                thread.unpark();
            }
        });
        is_final
    }

    /// Changes the state without waking tasks that wait for signals.
    fn update_state(&self, change: impl FnOnce(&mut InterruptState)) {
        self.state.send_if_modified(|state| {
            change(state);
            false
        });
    }

    /// True once a signal was delivered.
    pub fn is_set(&self) -> bool {
        self.state.borrow().signal.is_some()
    }

    /// True once the process must end without waiting for cleaning up.
    pub fn is_final(&self) -> bool {
        self.state.borrow().is_final
    }

    /// Returns the exit code of an interrupted process.
    pub fn exit_code(&self) -> u8 {
        let signal = self.state.borrow().signal;
        signal.unwrap_or(Signal::Interrupt).exit_code()
    }

    /// Waits until a signal is delivered; possibly for ever.
    pub async fn wait(&self) {
        self.wait_for(|state| state.signal.is_some()).await;
    }

    /// Waits until the process must end without waiting for cleaning up.
    pub async fn wait_final(&self) {
        self.wait_for(|state| state.is_final).await;
    }

    async fn wait_for(&self, wanted: impl FnMut(&InterruptState) -> bool) {
        let mut seen = self.state.subscribe();
        // Cannot fail: `self` holds the sender for as long as this runs.
        let _ = seen.wait_for(wanted).await;
    }

    /// Returns a guard that postpones the end of the process until it is dropped. To be taken before the first write.
    ///
    /// # Errors
    /// Interrupted, if the process is ending already.
    pub fn guard(&self) -> Result<InterruptGuard> {
        let mut is_ending = false;
        self.update_state(|state| {
            is_ending = state.signal.is_some() && state.guards == 0;
            state.guards += usize::from(!is_ending);
        });
        if is_ending {
            return Err(interrupted_error());
        }
        Ok(InterruptGuard(self.clone()))
    }

    /// Runs `work` until it completes or the flag is set.
    ///
    /// # Errors
    /// Those of `work`, or Interrupted.
    pub async fn race<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.wait() => Err(interrupted_error()),
            result = work => result,
        }
    }

    /// Sleeps for `length`, between repetitions of work.
    ///
    /// # Errors
    /// Interrupted.
    pub async fn sleep(&self, length: Duration) -> Result<()> {
        let over = async {
            tokio::time::sleep(length).await;
            Ok(())
        };
        self.race(over).await
    }

    /// Runs work that may block for ever, such as a read from a terminal, on a thread of its own. Its result is discarded
    /// if a signal was sent earlier.
    ///
    /// # Errors
    /// Interrupted; the thread then goes on until the process ends.
    pub fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (send, receive) = channel();
        let caller = thread::current();
        self.update_state(|state| state.blocked = Some(caller.clone()));
        thread::Builder::new().spawn(move || {
            // After an interrupt there is no receiver.
            let _ = send.send(work());
            drop(send);
            caller.unpark();
        })?;
        loop {
            let done = receive.try_recv();
            if done.is_ok() {
                self.wait_delivered();
            }
            if self.is_set() {
                return Err(interrupted_error());
            }
            match done {
                Ok(done) => return Ok(done),
                Err(TryRecvError::Empty) => thread::park(),
                Err(TryRecvError::Disconnected) => {
                    bail!("the thread that reads input ended unexpectedly")
                }
            }
        }
    }

    /// Waits until every signal sent so far is delivered.
    fn wait_delivered(&self) {
        if let Some(questions) = self.delivery.get() {
            questions.wait();
        }
    }
}

/// Returns the error for a command that a signal ends while it has nothing to clean up. Like kubectl, it prints nothing.
pub fn ended_error() -> anyhow::Error {
    anyhow::Error::new(Failure::client_side(FailureKind::Interrupted, ""))
}

/// Returns the error for interrupted work.
pub fn interrupted_error() -> anyhow::Error {
    anyhow::Error::new(Failure::client_side(
        FailureKind::Interrupted,
        "interrupted",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_interrupted<T>(result: Result<T>) -> bool {
        let error = result.err().expect("an error");
        session_model::failure::has_kind(&error, FailureKind::Interrupted)
    }

    #[tokio::test]
    async fn work_is_left_when_the_interrupt_is_set() {
        let interrupt = Interrupt::default();
        assert_eq!(interrupt.race(async { Ok(1) }).await.unwrap(), 1);
        interrupt.clone().trigger();
        let never = std::future::pending::<Result<()>>();
        assert!(is_interrupted(interrupt.race(never).await));
    }

    #[test]
    fn a_guard_puts_the_end_off_until_the_second_signal() {
        let interrupt = Interrupt::default();
        let guard = interrupt.guard().unwrap();
        assert!(!interrupt.deliver(Signal::Terminate));
        assert!(interrupt.is_set() && !interrupt.is_final());
        // Clean-up code may call functions that take a guard themselves.
        drop(interrupt.guard().unwrap());
        assert!(interrupt.deliver(Signal::Interrupt));
        assert_eq!(interrupt.exit_code(), 143);
        drop(guard);
    }

    #[test]
    fn nothing_begins_after_a_signal() {
        for signal in [Signal::Interrupt, Signal::Terminate, Signal::HangUp] {
            let interrupt = Interrupt::default();
            drop(interrupt.guard().unwrap());
            assert!(interrupt.deliver(signal));
            assert!(is_interrupted(interrupt.guard()));
            assert_eq!(interrupt.exit_code(), signal.exit_code());
        }
    }

    #[test]
    fn quitting_waits_for_nobody() {
        let interrupt = Interrupt::default();
        let _guard = interrupt.guard().unwrap();
        assert!(interrupt.deliver(Signal::Quit));
    }

    #[test]
    fn what_blocks_is_left_when_the_interrupt_is_set() {
        let interrupt = Interrupt::default();
        assert_eq!(interrupt.run_blocking(|| 1).unwrap(), 1);
        let (begun, begins) = channel();
        let (_never, read) = channel::<()>();
        let trigger = interrupt.clone();
        let triggering = thread::spawn(move || {
            begins.recv().unwrap();
            trigger.trigger();
        });
        let left = interrupt.run_blocking(move || {
            begun.send(()).unwrap();
            read.recv()
        });
        assert!(is_interrupted(left));
        triggering.join().unwrap();
        assert!(is_interrupted(interrupt.run_blocking(|| 1)));
    }
}
