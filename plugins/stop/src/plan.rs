//! The action that a stop takes on each session. Pure.

use session_shared::client::DryRun;

use crate::intent::Intent;

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
        match (at_rest, intent.mutation.dry_run) {
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
    use session_shared::api::Session;
    use session_shared::report::console::Console;

    use crate::args::Args;
    use crate::intent::parse_intent;

    fn intent(line: &str) -> Intent {
        let words = std::iter::once("stop").chain(line.split_whitespace());
        let (mut console, _) = Console::for_test("", false);
        parse_intent(Args::parse_from(words), &mut console).unwrap()
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
