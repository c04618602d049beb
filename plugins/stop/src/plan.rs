//! The validated request of a stop, and the action it takes on each session. Pure.

use anyhow::Result;
use session_shared::api::{DesiredState, Phase, Session};
use session_shared::client::DryRun;
use session_shared::objects::access::Access;
use session_shared::ops::ObservedSession;
use session_shared::ops::selected_sessions::SessionSelection;
use session_shared::ops::stop_options::StopOptions;
use session_shared::reconcile::{Teardown, teardown_accesses};

use crate::args::Args;

/// A validated stop request.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) selection: SessionSelection,
    pub(crate) stop_options: StopOptions,
    pub(crate) yes: bool,
    pub(crate) dry_run: DryRun,
}

/// Validates the command line.
///
/// # Errors
/// Usage errors, worded as kubectl words them.
pub(crate) fn parse_intent(args: &Args) -> Result<Intent> {
    Ok(Intent {
        selection: args.selection.selection()?,
        stop_options: StopOptions::new(
            args.wait_flags.wait,
            args.wait_flags.given(),
            args.skip_sync,
        ),
        yes: args.yes,
        dry_run: args.write_flags.dry_run()?,
    })
}

impl Intent {
    /// Returns the access rights that a stop of `session` needs; none for a dry run or a session that is stopped already.
    pub(crate) fn needed_accesses(&self, session: &Session) -> Vec<Access> {
        let phase = session.phase();
        let rests = session.spec.state == Some(DesiredState::Stopped)
            && matches!(phase, Some(Phase::Stopped | Phase::Failed));
        if rests || self.dry_run != DryRun::None {
            return Vec::new();
        }
        let skip_sync = self.stop_options.skip_sync;
        teardown_accesses(
            session,
            Teardown::Stop { skip_sync },
            self.stop_options.wait,
        )
    }
}

/// The sessions as read from the cluster.
pub(crate) struct Observed {
    /// Sessions that exist.
    pub(crate) sessions: Vec<ObservedSession>,
    /// Errors of the sessions that do not exist or are being deleted.
    pub(crate) errors: Vec<anyhow::Error>,
}

impl Observed {
    /// Returns the sessions that are not stopped yet.
    pub(crate) fn sessions_to_stop(&self) -> impl Iterator<Item = &ObservedSession> {
        self.sessions.iter().filter(|one| !one.is_stopped())
    }
}

/// The action taken on one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// None: the session is stopped already.
    Unchanged,
    /// The result is printed, but nothing is written (client dry run).
    PrintOnly,
    /// The session is stopped; a server dry run rehearses the writes.
    Stop,
}

impl Action {
    pub(crate) fn of(intent: &Intent, at_rest: bool) -> Self {
        match (at_rest, intent.dry_run) {
            (true, _) => Action::Unchanged,
            (false, DryRun::Client) => Action::PrintOnly,
            (false, _) => Action::Stop,
        }
    }

    /// Returns the participle of the result line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Action::Unchanged => "already stopped",
            Action::PrintOnly | Action::Stop => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn intent(line: &str) -> Intent {
        parse_intent(&Args::parse_from(
            std::iter::once("stop").chain(line.split_whitespace()),
        ))
        .unwrap()
    }

    #[test]
    fn what_rests_is_left_alone_and_a_client_dry_run_writes_nothing() {
        assert_eq!(Action::of(&intent("a"), false), Action::Stop);
        assert_eq!(
            Action::of(&intent("a --dry-run=server"), false),
            Action::Stop
        );
        assert_eq!(
            Action::of(&intent("a --dry-run=client"), false),
            Action::PrintOnly
        );
        assert_eq!(Action::of(&intent("a"), true), Action::Unchanged);
    }

    #[test]
    fn rights_are_foreseen_where_something_is_written() {
        let session = |state: &str, phase: &str| -> Session {
            let session = serde_json::json!({
                "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "a"},
                "spec": {"userId": "u", "state": state}, "status": {"phase": phase},
            });
            serde_json::from_value(session).unwrap()
        };
        let runs = session("running", "running");
        assert!(!intent("a").needed_accesses(&runs).is_empty());
        assert!(
            intent("a --dry-run=server")
                .needed_accesses(&runs)
                .is_empty()
        );
        assert!(
            intent("a")
                .needed_accesses(&session("stopped", "stopped"))
                .is_empty()
        );
        assert!(
            !intent("a")
                .needed_accesses(&session("stopped", "running"))
                .is_empty()
        );
    }
}
