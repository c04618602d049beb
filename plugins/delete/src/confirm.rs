//! The user's word, where something cannot be had back.

use anyhow::Result;
use session_shared::api::DataPolicy;
use session_shared::client::DryRun;
use session_shared::ops::deleting::Doomed;
use session_shared::ops::ending_session::EndingSession;
use session_shared::ops::stopping::DELETE;
use session_shared::prompt::consent::Question;
use session_shared::report::console::Console;

use crate::plan::Intent;

/// Tells of sessions that a snapshot was meant for and that have nothing to take it of.
pub(crate) fn tell(doomed: &[Doomed], console: &mut Console) {
    let meant = |one: &&Doomed| one.policy() == DataPolicy::Snapshot && one.saved().is_empty();
    for one in doomed.iter().filter(meant) {
        let what = match one.unused().is_empty() {
            true => "no claims",
            false => "no claim that ever had a volume",
        };
        let name = one.name();
        console.note(&format!(
            "session {name:?} has {what}: no snapshot is taken"
        ));
    }
}

/// Asks where it must: with -i always; on a terminal for several sessions, and for data that would be destroyed. Without a
/// terminal several sessions go as with kubectl, but data needs -y.
///
/// # Errors
/// When there is nobody to ask about data.
pub(crate) fn ask(intent: &Intent, doomed: &[Doomed], console: &mut Console) -> Result<bool> {
    let question = Question {
        words: DELETE,
        yes: intent.yes || intent.dry_run != DryRun::None,
        interactive: intent.interactive,
        several: true,
    };
    let ending: Vec<EndingSession> = doomed.iter().map(EndingSession::deleted).collect();
    question.ask(&ending, console)
}
