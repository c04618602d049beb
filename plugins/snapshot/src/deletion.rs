//! Confirmation and deletion of snapshots.

use anyhow::{Result, anyhow};
use session_shared::failure::with_hint;
use session_shared::objects::Untyped;
use session_shared::objects::resource::VOLUME_SNAPSHOT;
use session_shared::ops::Cluster;
use session_shared::ops::apply_plan::ApplyOptions;
use session_shared::ops::snapshot_plan::SnapshotRun;
use session_shared::progress::ProgressSink;
use session_shared::report::console::{
    Console, DELETION_QUESTION, cancelled_text, deletion_preview,
};
use session_shared::report::name_list::{SHOWN_NAMES, list_names};

use crate::snapshot_set::SnapshotSet;

/// Asks for confirmation on a terminal. Returns true if confirmed, or if `doomed` is empty.
///
/// # Errors
/// There is no terminal to ask on.
pub(crate) fn confirm_deletion(doomed: &[SnapshotSet], console: &mut Console) -> Result<bool> {
    let all = doomed.iter().flat_map(|set| &set.snapshots);
    let kind = VOLUME_SNAPSHOT.singular();
    let names: Vec<String> = all
        .map(|one| format!("{kind}/{}", Untyped(one).name()))
        .collect();
    if names.is_empty() {
        return Ok(true);
    }
    if !console.can_prompt() {
        let error = anyhow!(
            "deleting would destroy data: {}",
            list_names(&names, SHOWN_NAMES)
        );
        return Err(with_hint(
            error,
            "confirm with --yes; nothing has been deleted",
        ));
    }
    if console.confirm(&deletion_preview(&names), DELETION_QUESTION)? {
        return Ok(true);
    }
    console.print_line(&cancelled_text("deletion"))?;
    Ok(false)
}

/// Deletes the VolumeSnapshots of one snapshot by UID.
///
/// # Errors
/// The server's refusal; `TimedOut` with the finalizers that block the deletion.
pub(crate) async fn delete_snapshot_set(
    cluster: &Cluster,
    set: &SnapshotSet,
    with: &SnapshotRun<'_>,
    sink: &mut dyn ProgressSink,
) -> Result<()> {
    let ownership = set.ownership()?;
    let carrying = ApplyOptions {
        ownership: &ownership,
        write: with.write.clone(),
        interrupt: with.interrupt,
        wait_limit: with.timeout,
    };
    let outcome = cluster
        .apply_plan(&set.plan_deletion(with.wait), &carrying, sink)
        .await;
    outcome.failed.map_or(Ok(()), |(_, error)| Err(error))
}
