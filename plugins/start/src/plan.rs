//! The action that a start takes on each session. Pure.

use anyhow::{Result, anyhow};
use session_shared::api::{DesiredState, Phase, Session};
use session_shared::failure::with_hint;
use session_shared::reconcile::{WorkloadState, is_start_requested};

use crate::intent::Intent;

/// The action taken on one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// None: the session is running.
    Unchanged,
    /// The session is starting already: only wait for ready.
    WaitOnly,
    /// The session is started, and existing objects are used again.
    Start,
    /// The session is stopped and started.
    Restart,
}

impl Action {
    pub(crate) fn of(intent: &Intent, session: &Session, state: &WorkloadState) -> Self {
        let has_workload = matches!(
            state,
            WorkloadState::Ready { .. }
                | WorkloadState::NotReady(_)
                | WorkloadState::Unrecoverable(_)
        );
        let start_is_complete =
            !is_start_requested(session) && session.spec.state != Some(DesiredState::Stopped);
        // A command that was interrupted during its wait has not written that the session is ready.
        let recorded_ready = session.phase() == Some(Phase::Running);
        match (has_workload, state) {
            (true, _) if intent.restart => Action::Restart,
            (true, WorkloadState::Ready { .. }) if start_is_complete && recorded_ready => {
                Action::Unchanged
            }
            (true, _) if start_is_complete => Action::WaitOnly,
            // Stopped, ended, lost or incomplete: what is missing is created.
            _ => Action::Start,
        }
    }

    /// Checks that no new values are given for a session that is left running, where they would have no effect.
    ///
    /// # Errors
    /// A running session and a value that differs from the session's own.
    pub(crate) fn check_values_apply(self, intent: &Intent, session: &Session) -> Result<()> {
        if !matches!(self, Action::Unchanged | Action::WaitOnly) {
            return Ok(());
        }
        let (options, spec) = (&intent.start_options, &session.spec);
        let is_stored =
            |(name, value): (&String, &String)| spec.parameters.get(name) == Some(value);
        let is_unchanged = options.values.from_arguments.iter().all(is_stored)
            && options.values.from_files.is_empty()
            && (options.preset.is_none() || options.preset == spec.preset)
            && options.lifetime.is_none();
        if is_unchanged {
            return Ok(());
        }
        let name = session.name();
        let state = match self {
            Action::WaitOnly => "pending",
            _ => "running",
        };
        let error = anyhow!("cannot change values of session {name:?}: session is {state}");
        Err(with_hint(
            error,
            "add --restart to stop the session and start it with the new values",
        ))
    }

    /// Returns the words of the result line.
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Action::Unchanged => "already running",
            Action::WaitOnly => "already starting",
            Action::Start => "started",
            Action::Restart => "restarted",
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
