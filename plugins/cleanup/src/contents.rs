//! Plans actions for VolumeSnapshotContents that outlive their VolumeSnapshot because of deletionPolicy Retain. Pure.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::resource::VOLUME_SNAPSHOT_CONTENT;
use session_shared::objects::volume_snapshot::has_generated_name;
use session_shared::quantity::Quantity;

use crate::intent::Intent;
use crate::orphans::managed_session;
use crate::plan_item::{Action, DataEffect, PlanItem};

/// Annotation without which the CSI snapshotter does not finish the deletion of a content. The snapshot-controller sets it
/// when it observes the deletion of a VolumeSnapshot, which it may have missed.
const BEING_DELETED_ANNOTATION: &str =
    "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
const SNAPSHOT_REF_POINTER: &str = "/spec/volumeSnapshotRef";

/// A VolumeSnapshotContent with the state of its snapshot.
#[derive(Clone, Debug)]
pub(crate) struct RetainedContent {
    pub(crate) content: Value,
    /// VolumeSnapshot of the name that the content refers to; its UID may differ.
    pub(crate) snapshot: Option<Value>,
    /// True if another VolumeSnapshotContent refers to the same storage snapshot.
    pub(crate) is_shared: bool,
}

/// Returns namespace and name of the VolumeSnapshot that a content refers to; `None` where it names none.
pub(crate) fn snapshot_reference(content: &Value) -> Option<(String, String)> {
    let part = |field: &str| {
        let part = Untyped(content).str_at(&format!("{SNAPSHOT_REF_POINTER}/{field}"));
        part.map(str::to_owned)
    };
    Some((part("namespace")?, part("name")?))
}

/// Returns true for a bound content that outlives its VolumeSnapshot. A labeled content with another policy also counts: a
/// cleanup that was killed has changed it.
pub(crate) fn is_retained(content: &Value) -> bool {
    let going = Untyped(content).is_terminating();
    let bound = Untyped(content)
        .str_at(&format!("{SNAPSHOT_REF_POINTER}/uid"))
        .is_some();
    let retained = Untyped(content).str_at("/spec/deletionPolicy") == Some("Retain")
        || managed_session(content).is_some();
    !going && bound && retained
}

/// Counts the contents of each storage snapshot.
pub(crate) fn count_by_handle(contents: &[Value]) -> BTreeMap<(String, String), usize> {
    let mut holders = BTreeMap::new();
    for handle in contents.iter().filter_map(storage_handle) {
        *holders.entry(handle).or_default() += 1;
    }
    holders
}

/// Returns the driver and its handle of the storage snapshot.
pub(crate) fn storage_handle(content: &Value) -> Option<(String, String)> {
    let paths = ["/status/snapshotHandle", "/spec/source/snapshotHandle"];
    let mut paths = paths.into_iter();
    let handle = paths.find_map(|path| Untyped(content).str_at(path))?;
    let driver = Untyped(content).str_at("/spec/driver")?;
    Some((driver.to_owned(), handle.to_owned()))
}

/// Returns the planned action for a content; `None` for none. A content without session labels is only ever labeled, and
/// only if its VolumeSnapshot carries them. Called again right before the action.
pub(crate) fn plan_content(intent: &Intent, held: &RetainedContent) -> Option<PlanItem> {
    let content = &held.content;
    if !is_retained(content) {
        return None;
    }
    let uid = Untyped(content).str_at(&format!("{SNAPSHOT_REF_POINTER}/uid"));
    let (namespace, name) = snapshot_reference(content)?;
    let here = held.snapshot.as_ref();
    let (action, reason, data) = match here
        .filter(|here| uid.is_some_and(|uid| Untyped(here).has_uid(uid)))
    {
        Some(snapshot) => {
            let session =
                managed_session(snapshot).filter(|_| managed_session(content).is_none())?;
            let why = format!("retained content of session {session:?} without labels");
            (Action::AddLabels, why, DataEffect::Kept)
        }
        None => {
            let snapshot = format!("snapshot {name:?}");
            let gone = format!("{snapshot} no longer exists");
            match managed_session(content) {
                Some(_) if held.is_shared => {
                    let why = format!("{gone}; another content refers to the same data");
                    (Action::Report, why, DataEffect::Kept)
                }
                Some(session) if intent.targets.snapshot_contents => {
                    let why = format!("{snapshot} of session {session:?} no longer exists");
                    (Action::DeleteObject, why, DataEffect::Destroyed)
                }
                Some(session) => {
                    let why = format!(
                        "{snapshot} of session {session:?} no longer exists; delete with --snapshot-contents"
                    );
                    (Action::Report, why, DataEffect::Kept)
                }
                None if has_generated_name(&name) => {
                    let why = format!("{gone}; content has no session labels");
                    (Action::Report, why, DataEffect::Kept)
                }
                None => return None,
            }
        }
    };
    let is_selected = match action {
        Action::AddLabels => intent.targets.snapshot_contents,
        _ => intent.targets.snapshot_contents || intent.targets.orphans,
    };
    content_item(action, content, namespace, reason, data).filter(|_| is_selected)
}

fn content_item(
    action: Action,
    content: &Value,
    namespace: String,
    reason: String,
    data: DataEffect,
) -> Option<PlanItem> {
    let owner = Untyped(content).annotation(labels::USER_ID);
    Some(PlanItem {
        action,
        resource: &VOLUME_SNAPSHOT_CONTENT,
        namespace,
        name: Untyped(content).name().to_owned(),
        uid: Untyped(content).uid()?.to_owned(),
        due_since: Untyped(content).created(),
        reason,
        size: restore_size(content),
        owner: owner.unwrap_or("<unknown>").to_owned(),
        data,
        owned_claims: Vec::new(),
    })
}

/// Returns the minimum size of a volume restored from the content. Here, unlike in a VolumeSnapshot, it is a number of bytes.
fn restore_size(content: &Value) -> Option<Quantity> {
    let bytes = content.pointer("/status/restoreSize")?.as_u64()?;
    match bytes % 1024 {
        0 => format!("{}Ki", bytes / 1024).parse().ok(),
        _ => bytes.to_string().parse().ok(),
    }
}

/// Returns the patch that makes the driver delete the storage snapshot with the content.
///
/// # Errors
/// A content without UID.
pub(crate) fn delete_policy_patch(content: &Value) -> Result<Value> {
    Ok(json!({
        "metadata": {
            "uid": Untyped(content).require_uid()?,
            "resourceVersion": Untyped(content).resource_version(),
            "annotations": { BEING_DELETED_ANNOTATION: "yes" },
        },
        "spec": { "deletionPolicy": "Delete" },
    }))
}
