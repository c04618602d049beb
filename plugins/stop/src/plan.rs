//! What is to be stopped, complete and legal; and what is to be done with each session. Pure.

use anyhow::Result;
use session_shared::api::{Phase, Session, State};
use session_shared::client::DryRun;
use session_shared::objects::access::Access;
use session_shared::ops::chosen::Which;
use session_shared::ops::manner::Manner;
use session_shared::ops::stopping::Present;
use session_shared::reconcile::{Ending, ending_accesses};

use crate::args::Args;

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) which: Which,
    pub(crate) manner: Manner,
    pub(crate) yes: bool,
    pub(crate) dry_run: DryRun,
}

/// Reads the command line.
///
/// # Errors
/// In kubectl's words.
pub(crate) fn read(args: &Args) -> Result<Intent> {
    Ok(Intent {
        which: args.choosing.which()?,
        manner: Manner::new(args.waiting.wait, args.waiting.given(), args.skip_sync),
        yes: args.yes,
        dry_run: args.writing.dry_run()?,
    })
}

impl Intent {
    /// The rights that a stop of `session` is going to need; none where nothing is going to be written.
    pub(crate) fn foreseen(&self, session: &Session) -> Vec<Access> {
        let phase = session.status.as_ref().and_then(|status| status.phase);
        let rests = session.spec.state == Some(State::Stopped)
            && matches!(phase, Some(Phase::Stopped | Phase::Failed));
        if rests || self.dry_run != DryRun::None {
            return Vec::new();
        }
        let skip_sync = self.manner.skip_sync;
        ending_accesses(session, Ending::Workload { skip_sync }, self.manner.wait)
    }
}

/// What was found.
pub(crate) struct Found {
    /// What is there.
    pub(crate) present: Vec<Present>,
    /// Why others are left out: they do not exist, or are being deleted.
    pub(crate) refused: Vec<anyhow::Error>,
}

impl Found {
    /// Those that do not rest yet.
    pub(crate) fn ending(&self) -> impl Iterator<Item = &Present> {
        self.present.iter().filter(|one| !one.is_at_rest())
    }
}

/// What is done with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Nothing: it rests already.
    Nothing,
    /// Nothing is sent that writes.
    Say,
    /// It is stopped.
    Stop,
}

impl Deed {
    pub(crate) fn of(intent: &Intent, at_rest: bool) -> Self {
        match (at_rest, intent.dry_run) {
            (true, _) => Deed::Nothing,
            (false, DryRun::Client) => Deed::Say,
            (false, _) => Deed::Stop,
        }
    }

    /// The word of the line that is printed.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Deed::Nothing => "already stopped",
            Deed::Say | Deed::Stop => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn intent(line: &str) -> Intent {
        read(&Args::parse_from(
            std::iter::once("stop").chain(line.split_whitespace()),
        ))
        .unwrap()
    }

    #[test]
    fn what_rests_is_left_alone_and_a_client_dry_run_writes_nothing() {
        assert_eq!(Deed::of(&intent("a"), false), Deed::Stop);
        assert_eq!(Deed::of(&intent("a --dry-run=server"), false), Deed::Stop);
        assert_eq!(Deed::of(&intent("a --dry-run=client"), false), Deed::Say);
        assert_eq!(Deed::of(&intent("a"), true), Deed::Nothing);
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
        assert!(!intent("a").foreseen(&runs).is_empty());
        assert!(intent("a --dry-run=server").foreseen(&runs).is_empty());
        assert!(
            intent("a")
                .foreseen(&session("stopped", "stopped"))
                .is_empty()
        );
        assert!(
            !intent("a")
                .foreseen(&session("stopped", "running"))
                .is_empty()
        );
    }
}
