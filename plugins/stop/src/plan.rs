//! The action that a stop takes on each session. Pure.

use session_shared::Timestamp;
use session_shared::client::DryRun;

use crate::intent::Intent;

/// Longest wait for the end of an extension, in seconds.
const MAX_WAIT_SECONDS: i64 = 12 * 3600;

/// The action taken on one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// None: the session is stopped already.
    Unchanged,
    /// The result is printed, but nothing is written (client dry run).
    PrintOnly,
    /// None yet: the session has been extended to this time.
    Postponed(Timestamp),
    /// None: the session has been extended for longer than a stop waits.
    LeftRunning(Timestamp),
    /// The session is stopped; a server dry run rehearses the writes.
    Stop,
}

impl Action {
    /// Chooses the action. `until` is the time to which the session has been extended.
    pub(crate) fn of(
        intent: &Intent,
        at_rest: bool,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let extension = until.filter(|until| intent.after_extension && *until > now);
        match (at_rest, extension, intent.mutation.dry_run) {
            (true, ..) => Action::Unchanged,
            (false, Some(until), _) if until.as_second() - now.as_second() > MAX_WAIT_SECONDS => {
                Action::LeftRunning(until)
            }
            (false, Some(until), _) => Action::Postponed(until),
            (false, None, DryRun::Client) => Action::PrintOnly,
            (false, None, _) => Action::Stop,
        }
    }

    /// Returns true if the session is stopped, or would be without a dry run.
    pub(crate) fn is_stop(self) -> bool {
        matches!(self, Action::PrintOnly | Action::Stop)
    }

    /// Returns the participle of the result line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Action::Unchanged => "already stopped",
            Action::PrintOnly | Action::Stop => "stopped",
            Action::Postponed(_) => "postponed",
            Action::LeftRunning(_) => "left running",
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
        let action = |line: &str, at_rest| {
            let now = Timestamp::UNIX_EPOCH;
            Action::of(&intent(line), at_rest, Some(now), now)
        };
        assert_eq!(action("a", false), Action::Stop);
        assert_eq!(action("a --dry-run=server", false), Action::Stop);
        assert_eq!(action("a --dry-run=client", false), Action::PrintOnly);
        assert_eq!(action("a", true), Action::Unchanged);
    }

    #[test]
    fn an_extension_postpones_the_stop_by_twelve_hours_at_most() {
        let time = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        let action = |line: &str, until| Action::of(&intent(line), false, until, time(20));
        let (waits, plain) = ("a --after-extension", "a");
        assert_eq!(action(waits, None), Action::Stop);
        assert_eq!(action(waits, Some(time(19))), Action::Stop);
        assert_eq!(action(waits, Some(time(20))), Action::Stop);
        assert_eq!(action(waits, Some(time(22))), Action::Postponed(time(22)));
        assert_eq!(action(waits, Some(time(33))), Action::LeftRunning(time(33)));
        assert_eq!(action(plain, Some(time(22))), Action::Stop);
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
