//! The barrier between a thread that needs all pending signals delivered and the thread that delivers them.

use std::sync::mpsc as std_mpsc;

use tokio::sync::mpsc;

/// A handle that waits for pending signals to be delivered.
#[derive(Debug)]
pub(super) struct DeliveryBarrier(mpsc::UnboundedSender<std_mpsc::Sender<()>>);

impl DeliveryBarrier {
    /// Returns a barrier, and the receiver of its questions: whoever delivers signals answers each once none is pending.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<std_mpsc::Sender<()>>) {
        let (send, questions) = mpsc::unbounded_channel();
        (Self(send), questions)
    }

    /// Waits until every signal sent so far is delivered.
    pub(super) fn wait(&self) {
        let (answer, answered) = std_mpsc::channel();
        if self.0.send(answer).is_ok() {
            // If delivery has stopped, the sender is dropped and this returns at once.
            let _ = answered.recv();
        }
    }
}
