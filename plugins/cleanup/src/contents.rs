//! Plans actions for VolumeSnapshotContents that outlive their VolumeSnapshot because of deletionPolicy Retain. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use session_shared::labels;
use session_shared::objects::resource::{VOLUME_SNAPSHOT_CONTENT, annotation, string_at};
use session_shared::objects::snapshot::has_generated_name;
use session_shared::quantity::Quantity;

use crate::intent::Intent;
use crate::orphans::ours;
use crate::plan::{Data, Deed, Item};

/// Annotation without which the CSI snapshotter does not finish the deletion of a content. The snapshot-controller sets it
/// when it observes the deletion of a VolumeSnapshot, which it may have missed.
const BEING_DELETED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
const REFERENCE: &str = "/spec/volumeSnapshotRef";

/// A VolumeSnapshotContent with the state of its snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) content: Value,
    /// VolumeSnapshot of the name that the content refers to; its UID may differ.
    pub(crate) snapshot: Option<Value>,
    /// True if another VolumeSnapshotContent refers to the same storage snapshot.
    pub(crate) shared: bool,
}

/// Returns namespace and name of the VolumeSnapshot that a content refers to.
pub(crate) fn reference(content: &Value) -> (String, String) {
    let part = |field: &str| string_at(content, &format!("{REFERENCE}/{field}")).to_owned();
    (part("namespace"), part("name"))
}

/// Returns true for a bound content that outlives its VolumeSnapshot. A labeled content with another policy also counts: a
/// cleanup that was killed has changed it.
pub(crate) fn is_retained(content: &Value) -> bool {
    let going = !string_at(content, "/metadata/deletionTimestamp").is_empty();
    let bound = !string_at(content, &format!("{REFERENCE}/uid")).is_empty();
    let retained = string_at(content, "/spec/deletionPolicy") == "Retain" || ours(content).is_some();
    !going && bound && retained
}

/// Counts the contents of each storage snapshot.
pub(crate) fn holders(contents: &[Value]) -> BTreeMap<(String, String), usize> {
    let mut holders = BTreeMap::new();
    for handle in contents.iter().filter_map(handle) {
        *holders.entry(handle).or_default() += 1;
    }
    holders
}

/// Returns the driver and its handle of the storage snapshot.
pub(crate) fn handle(content: &Value) -> Option<(String, String)> {
    let paths = ["/status/snapshotHandle", "/spec/source/snapshotHandle"];
    let mut handles = paths.iter().map(|path| string_at(content, path));
    let handle = handles.find(|handle| !handle.is_empty())?;
    Some((string_at(content, "/spec/driver").to_owned(), handle.to_owned()))
}

/// Returns the planned action for a content; `None` for none. A content without session labels is only ever labeled, and
/// only if its VolumeSnapshot carries them. Called again right before the action.
pub(crate) fn retained(intent: &Intent, held: &Held) -> Option<Item> {
    let content = &held.content;
    if !is_retained(content) {
        return None;
    }
    let uid = string_at(content, &format!("{REFERENCE}/uid"));
    let (namespace, name) = reference(content);
    let here = held.snapshot.as_ref();
    let (deed, why, data) = match here.filter(|here| string_at(here, "/metadata/uid") == uid) {
        Some(snapshot) => {
            let session = ours(snapshot).filter(|_| ours(content).is_none())?;
            let why = format!("retained content of session {session:?} without labels");
            (Deed::Label, why, Data::Kept)
        }
        None => {
            let snapshot = format!("snapshot {name:?}");
            let gone = format!("{snapshot} no longer exists");
            match ours(content) {
                Some(_) if held.shared => {
                    let why = format!("{gone}; another content refers to the same data");
                    (Deed::Report, why, Data::Kept)
                }
                Some(session) if intent.contents => {
                    let why = format!("{snapshot} of session {session:?} no longer exists");
                    (Deed::Remove, why, Data::Destroyed)
                }
                Some(session) => {
                    let why = format!(
                        "{snapshot} of session {session:?} no longer exists; delete with --snapshot-contents"
                    );
                    (Deed::Report, why, Data::Kept)
                }
                None if has_generated_name(&name) => {
                    let why = format!("{gone}; content has no session labels");
                    (Deed::Report, why, Data::Kept)
                }
                None => return None,
            }
        }
    };
    let wanted = match deed {
        Deed::Label => intent.contents,
        _ => intent.contents || intent.orphans,
    };
    wanted.then(|| item(deed, content, namespace, why, data))
}

fn item(deed: Deed, content: &Value, namespace: String, why: String, data: Data) -> Item {
    let owner = annotation(content, labels::USER_ID);
    Item {
        deed,
        resource: &VOLUME_SNAPSHOT_CONTENT,
        namespace,
        name: string_at(content, "/metadata/name").to_owned(),
        uid: string_at(content, "/metadata/uid").to_owned(),
        since: string_at(content, "/metadata/creationTimestamp").parse().ok(),
        why,
        size: size_of(content),
        owner: owner.unwrap_or("<unknown>").to_owned(),
        data,
    }
}

/// Returns the minimum size of a volume restored from the content. Here, unlike in a VolumeSnapshot, it is a number of bytes.
fn size_of(content: &Value) -> Option<Quantity> {
    let bytes = content.pointer("/status/restoreSize")?.as_u64()?;
    match bytes % 1024 {
        0 => format!("{}Ki", bytes / 1024).parse().ok(),
        _ => bytes.to_string().parse().ok(),
    }
}

/// Returns the patch that makes the driver delete the storage snapshot with the content.
pub(crate) fn with_data(content: &Value) -> Value {
    json!({
        "metadata": {
            "uid": string_at(content, "/metadata/uid"),
            "resourceVersion": string_at(content, "/metadata/resourceVersion"),
            "annotations": { BEING_DELETED: "yes" },
        },
        "spec": { "deletionPolicy": "Delete" },
    })
}
