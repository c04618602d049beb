//! The error of a wait that did not find the session ready.

use session_client::interrupt::interrupted_error;
use session_client::timed_out;
use session_engine::reconcile::{LiveObjects, WorkloadState};
use session_model::failure::with_hint;
use session_model::objects::resource::SESSION;

use crate::wait_ready::WaitOutcome;

/// A session that somebody waits for, with what the error says to them: who starts a session repairs or deletes it, who connects wants
/// to work in it.
pub trait AwaitedSession {
    /// Returns the session's name.
    fn name(&self) -> &str;

    /// Returns the error about a session that will not become ready, with hints how to repair it. `live` is what the wait has seen.
    fn not_ready_error(&self, state: &WorkloadState, live: &LiveObjects) -> anyhow::Error;

    /// Returns the state at the end of the wait, for a session that may still become ready.
    fn describe(&self, state: &WorkloadState) -> String;

    /// Adds hints how to inspect a session that may still become ready.
    fn with_inspect_hints(&self, error: anyhow::Error, state: &WorkloadState) -> anyhow::Error;

    /// Adds hints to the error of an interrupted wait.
    fn with_interrupt_hints(&self, error: anyhow::Error, state: &WorkloadState) -> anyhow::Error;
}

/// Returns the error of a wait whose outcome is not a ready session.
pub fn wait_error(outcome: &WaitOutcome, awaited: &impl AwaitedSession) -> anyhow::Error {
    match outcome {
        WaitOutcome::Settled { state, live, .. } => awaited.not_ready_error(state, live),
        WaitOutcome::TimedOut(state) => {
            let error = timed_out(&SESSION, awaited.name());
            let error = match state.cause() {
                Some(cause) => cause.attach_to(error),
                None => with_hint(error, awaited.describe(state)),
            };
            awaited.with_inspect_hints(error, state)
        }
        WaitOutcome::Interrupted(state) => awaited.with_interrupt_hints(interrupted_error(), state),
    }
}
