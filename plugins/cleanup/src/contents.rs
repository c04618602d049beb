//! VolumeSnapshotContents that outlive their VolumeSnapshot, as deletionPolicy Retain has it. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use session_shared::labels;
use session_shared::objects::resource::{VOLUME_SNAPSHOT_CONTENT, annotation, text};
use session_shared::objects::snapshot::is_named_as_ours;
use session_shared::quantity::Quantity;

use crate::intent::Intent;
use crate::orphans::ours;
use crate::plan::{Data, Deed, Item};

/// Without it the driver's side leaves a content that is deleted for ever. The snapshot-controller sets it when it sees a
/// VolumeSnapshot go, which it may have missed.
const BEING_DELETED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
const REFERENCE: &str = "/spec/volumeSnapshotRef";

/// A VolumeSnapshotContent, and what is known of its snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) content: Value,
    /// The VolumeSnapshot of the name that it refers to, as far as there is one.
    pub(crate) snapshot: Option<Value>,
    /// Another VolumeSnapshotContent has the same snapshot of the driver.
    pub(crate) shared: bool,
}

/// Namespace and name of the VolumeSnapshot that a content refers to.
pub(crate) fn reference(content: &Value) -> (String, String) {
    let part = |field: &str| text(content, &format!("{REFERENCE}/{field}")).to_owned();
    (part("namespace"), part("name"))
}

/// True for one that outlives its VolumeSnapshot. One of ours that does not by its policy is a cleanup's that was killed.
pub(crate) fn is_retained(content: &Value) -> bool {
    let going = !text(content, "/metadata/deletionTimestamp").is_empty();
    let bound = !text(content, &format!("{REFERENCE}/uid")).is_empty();
    let retained = text(content, "/spec/deletionPolicy") == "Retain" || ours(content).is_some();
    !going && bound && retained
}

/// How many contents have each of the driver's snapshots.
pub(crate) fn holders(contents: &[Value]) -> BTreeMap<(String, String), usize> {
    let mut holders = BTreeMap::new();
    for handle in contents.iter().filter_map(handle) {
        *holders.entry(handle).or_default() += 1;
    }
    holders
}

/// Driver, and what it calls the snapshot.
pub(crate) fn handle(content: &Value) -> Option<(String, String)> {
    let paths = ["/status/snapshotHandle", "/spec/source/snapshotHandle"];
    let mut handles = paths.iter().map(|path| text(content, path));
    let handle = handles.find(|handle| !handle.is_empty())?;
    Some((text(content, "/spec/driver").to_owned(), handle.to_owned()))
}

/// What is to be done about one; `None` for nothing. Only one that carries our labels is ever written on but to put them there,
/// and then the VolumeSnapshot that it refers to carries them. Asked again before anything is done.
pub(crate) fn retained(intent: &Intent, held: &Held) -> Option<Item> {
    let content = &held.content;
    if !is_retained(content) {
        return None;
    }
    let uid = text(content, &format!("{REFERENCE}/uid"));
    let (namespace, name) = reference(content);
    let here = held.snapshot.as_ref();
    let (deed, why, data) = match here.filter(|here| text(here, "/metadata/uid") == uid) {
        Some(snapshot) => {
            let session = ours(snapshot).filter(|_| ours(content).is_none())?;
            let why = format!("it is of session {session:?}, and outlives its snapshot");
            (Deed::Label, why, Data::Kept)
        }
        None => {
            let snapshot = format!("its snapshot {name:?}");
            let gone = format!("{snapshot} is gone");
            match ours(content) {
                Some(_) if held.shared => {
                    let why = format!("{gone}; another content has its data, too");
                    (Deed::Report, why, Data::Kept)
                }
                Some(session) if intent.contents => {
                    let why = format!("{snapshot} of session {session:?} is gone");
                    (Deed::Remove, why, Data::Destroyed)
                }
                Some(session) => {
                    let why = format!(
                        "{snapshot} of session {session:?} is gone; --snapshot-contents deletes it"
                    );
                    (Deed::Report, why, Data::Kept)
                }
                None if is_named_as_ours(&name) => {
                    let why = format!("{gone}; it lacks the labels of a session");
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
        name: text(content, "/metadata/name").to_owned(),
        uid: text(content, "/metadata/uid").to_owned(),
        since: text(content, "/metadata/creationTimestamp").parse().ok(),
        why,
        size: size_of(content),
        owner: owner.unwrap_or("<unknown>").to_owned(),
        data,
    }
}

/// What a volume made of it needs at least; here it is a number of bytes.
fn size_of(content: &Value) -> Option<Quantity> {
    let bytes = content.pointer("/status/restoreSize")?.as_u64()?;
    match bytes % 1024 {
        0 => format!("{}Ki", bytes / 1024).parse().ok(),
        _ => bytes.to_string().parse().ok(),
    }
}

/// Has the driver delete its data with the content.
pub(crate) fn with_data(content: &Value) -> Value {
    json!({
        "metadata": {
            "uid": text(content, "/metadata/uid"),
            "resourceVersion": text(content, "/metadata/resourceVersion"),
            "annotations": { BEING_DELETED: "yes" },
        },
        "spec": { "deletionPolicy": "Delete" },
    })
}
