//! The user's word, where something cannot be had back.

use anyhow::{Result, anyhow};
use session_shared::failure::hinted;
use session_shared::flags::writing::DryRun;
use session_shared::lifecycle::deleting::Doomed;
use session_shared::objects::resource::SESSION;
use session_shared::report::console::{
    Console, DELETION_CANCELLED, DELETION_QUESTION, deletion_preview,
};

use crate::plan::Intent;

/// Refuses what cannot be done yet, before anything is.
///
/// # Errors
/// When the data policy of a session asks for a snapshot.
pub(crate) fn check(doomed: &[Doomed]) -> Result<()> {
    match doomed.iter().try_for_each(Doomed::check) {
        Err(error) => Err(hinted(error, "or destroy its data with --delete-data")),
        Ok(()) => Ok(()),
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
        let error = anyhow!("deleting would destroy data: {}", claims(&destroyed));
        return Err(hinted(
            error,
            "say that it may with -y; nothing has been deleted",
        ));
    }
    let must_ask = intent.interactive || (terminal && (doomed.len() > 1 || !destroyed.is_empty()));
    if !must_ask {
        return Ok(true);
    }
    let mut preview: Vec<String> = doomed
        .iter()
        .map(|one| format!("{}/{}", SESSION.singular(), one.name()))
        .collect();
    preview.extend(
        destroyed
            .iter()
            .map(|claim| format!("persistentvolumeclaim/{claim} (its data is destroyed)")),
    );
    if console.confirm(&deletion_preview(&preview), DELETION_QUESTION)? {
        return Ok(true);
    }
    console.line(DELETION_CANCELLED)?;
    Ok(false)
}

fn claims(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("persistentvolumeclaim/{name}"))
        .collect::<Vec<_>>()
        .join(", ")
}
