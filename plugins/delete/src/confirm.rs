//! The user's word, where something cannot be had back.

use anyhow::{Result, anyhow};
use session_shared::api::DataPolicy;
use session_shared::failure::hinted;
use session_shared::flags::writing::DryRun;
use session_shared::lifecycle::deleting::Doomed;
use session_shared::objects::resource::SESSION;
use session_shared::report::console::{
    Console, DELETION_CANCELLED, DELETION_QUESTION, deletion_preview,
};

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
    let destroyed: Vec<String> = doomed.iter().flat_map(Doomed::destroyed).collect();
    if intent.yes || intent.dry_run != DryRun::None || doomed.is_empty() {
        return Ok(true);
    }
    let terminal = console.can_ask();
    if !destroyed.is_empty() && !terminal && !intent.interactive {
        let claims: Vec<String> = destroyed.iter().map(|claim| claim_word(claim)).collect();
        let error = anyhow!("deleting would destroy data: {}", claims.join(", "));
        return Err(hinted(
            error,
            "say that it may with -y; nothing has been deleted",
        ));
    }
    let must_ask = intent.interactive || (terminal && (doomed.len() > 1 || !destroyed.is_empty()));
    if !must_ask {
        return Ok(true);
    }
    if console.confirm(&deletion_preview(&preview(doomed)), DELETION_QUESTION)? {
        return Ok(true);
    }
    console.line(DELETION_CANCELLED)?;
    Ok(false)
}

/// The sessions, and the claims that go with them.
fn preview(doomed: &[Doomed]) -> Vec<String> {
    let sessions = doomed.iter();
    let mut preview: Vec<String> = sessions
        .map(|one| format!("{}/{}", SESSION.singular(), one.name()))
        .collect();
    for one in doomed {
        let destroyed = one.destroyed();
        preview.extend(
            destroyed
                .iter()
                .map(|claim| format!("{} (its data is destroyed)", claim_word(claim))),
        );
        let first = one.snapshot().map_or_else(
            || "a snapshot is ready first".to_owned(),
            |set| format!("snapshot {set} is ready first"),
        );
        let saved = one.saved();
        preview.extend(
            saved
                .iter()
                .map(|claim| format!("{} ({first})", claim_word(claim))),
        );
    }
    preview
}

fn claim_word(claim: &str) -> String {
    format!("persistentvolumeclaim/{claim}")
}
