//! Confirmation of a deletion, and notes that come before it.

use anyhow::Result;
use session_shared::api::DataPolicy;
use session_shared::client::DryRun;
use session_shared::ops::deletion::Deletion;
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::verb_forms::DELETE;
use session_shared::prompt::confirmation::Confirmation;
use session_shared::report::console::Console;

use crate::intent::Intent;
use crate::observe::Observed;

/// Prints a note for each session whose data policy is `snapshot` and that has no claim to take a snapshot of.
pub(crate) fn note_skipped_snapshots(observed: &Observed, console: &mut Console) {
    let without_claims = |deletion: &&Deletion| {
        deletion.data_policy() == DataPolicy::Snapshot && deletion.snapshot_claims().is_empty()
    };
    for deletion in observed.sessions().filter(without_claims) {
        let what = match deletion.never_bound_claims().is_empty() {
            true => "no claims",
            false => "no claim that was ever bound to a volume",
        };
        let name = deletion.name();
        console.note(&format!(
            "no snapshot is taken of session {name:?}: session has {what}"
        ));
    }
}

/// Asks for confirmation and returns the answer: always with `-i`; on a terminal if there are several sessions or data would be
/// destroyed. Without a terminal several sessions are deleted unasked, as kubectl does, but the loss of data requires `-y`.
///
/// # Errors
/// Data would be destroyed, and there is neither a terminal nor `-y`.
pub(crate) fn confirm_deletion(
    intent: &Intent,
    observed: &Observed,
    console: &mut Console,
) -> Result<bool> {
    let question = Confirmation {
        verb: DELETE,
        yes: intent.yes || intent.mutation.dry_run != DryRun::None,
        interactive: intent.interactive,
        asks_for_several: true,
        interrupts_work: false,
    };
    let deletions = observed.sessions();
    let losses: Vec<SessionLosses> = deletions.map(SessionLosses::of_deletion).collect();
    question.ask(&losses, console)
}
