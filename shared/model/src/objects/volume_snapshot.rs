//! VolumeSnapshots of sessions: their objects and names, the record of the source claim, and their state.

use serde::Deserialize;
use serde_json::{Value, json};

use super::ownership::Ownership;
use super::resource::VOLUME_SNAPSHOT;
use super::untyped::Untyped;
use crate::labels;

/// Fields of a claim's spec that are recorded on its snapshot, enough to create the claim again.
const RECORDED_CLAIM_FIELDS: [&str; 4] =
    ["accessModes", "storageClassName", "volumeMode", "resources"];

/// A VolumeSnapshot as far as this program reads it; k8s-openapi has no type for it. Reads borrow from the JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'o"))]
pub struct VolumeSnapshot<'o> {
    spec: Option<VolumeSnapshotSpec<'o>>,
    status: Option<VolumeSnapshotStatus<'o>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'o"))]
struct VolumeSnapshotSpec<'o> {
    source: Option<VolumeSnapshotSource<'o>>,
    volume_snapshot_class_name: Option<&'o str>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'o"))]
struct VolumeSnapshotSource<'o> {
    persistent_volume_claim_name: Option<&'o str>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'o"))]
struct VolumeSnapshotStatus<'o> {
    bound_volume_snapshot_content_name: Option<&'o str>,
    creation_time: Option<&'o str>,
    ready_to_use: Option<bool>,
    error: Option<VolumeSnapshotError<'o>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'o"))]
struct VolumeSnapshotError<'o> {
    message: Option<&'o str>,
}

impl<'o> VolumeSnapshot<'o> {
    /// Reads `snapshot`. One with a field of another type, which its CustomResourceDefinition refuses, reads as not processed yet.
    pub fn of(snapshot: &'o Value) -> Self {
        Self::deserialize(snapshot).unwrap_or_default()
    }

    /// Returns the name of the source claim; `None` for a snapshot of a content.
    pub fn source_claim(&self) -> Option<&'o str> {
        let source = self.spec.as_ref()?.source.as_ref()?;
        source.persistent_volume_claim_name.filter(not_empty)
    }

    /// Returns the name of the VolumeSnapshotClass; `None` until the default class is set.
    pub fn class(&self) -> Option<&'o str> {
        let spec = self.spec.as_ref()?;
        spec.volume_snapshot_class_name.filter(not_empty)
    }

    /// Returns the name of the bound VolumeSnapshotContent.
    pub fn bound_content(&self) -> Option<&'o str> {
        let status = self.status.as_ref()?;
        status.bound_volume_snapshot_content_name.filter(not_empty)
    }

    /// Returns the error that the driver or the snapshot-controller reports.
    pub fn error(&self) -> Option<&'o str> {
        let error = self.status.as_ref()?.error.as_ref()?;
        error.message.filter(not_empty)
    }

    /// Returns true if a volume can be made from it, as the driver says.
    pub fn is_ready(&self) -> bool {
        let status = self.status.as_ref();
        status.is_some_and(|status| status.ready_to_use == Some(true))
    }

    /// Returns true once the content is fixed, so that later writes to the volume are not in it.
    pub fn is_cut(&self) -> bool {
        let status = self.status.as_ref();
        let created = status.and_then(|status| status.creation_time.filter(not_empty));
        created.is_some() || self.is_ready()
    }
}

fn not_empty(text: &&str) -> bool {
    !text.is_empty()
}

/// The state of a VolumeSnapshot, in the order in which they follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    /// The snapshot-controller has not bound a content yet.
    Unprocessed,
    /// A content is bound, and the driver takes the snapshot.
    Bound,
    /// The driver or the snapshot-controller reports this error. It may be retried.
    Failed(String),
    /// The snapshot is cut: later writes are not in it.
    Cut,
    /// The snapshot is ready to use: a volume can be made from it.
    Ready,
}

impl SnapshotState {
    /// Returns the state of `snapshot`.
    pub fn of(snapshot: &Value) -> Self {
        let snapshot = VolumeSnapshot::of(snapshot);
        let is_bound = snapshot.bound_content().is_some();
        if snapshot.is_ready() && is_bound {
            SnapshotState::Ready
        } else if let Some(message) = snapshot.error() {
            SnapshotState::Failed(message.to_owned())
        } else if snapshot.is_cut() {
            SnapshotState::Cut
        } else if is_bound {
            SnapshotState::Bound
        } else {
            SnapshotState::Unprocessed
        }
    }

    /// Describes the state for people, in part of a line.
    pub fn describe(&self) -> String {
        match self {
            SnapshotState::Unprocessed => "snapshot-controller has not processed it yet".into(),
            SnapshotState::Bound => "driver has not cut it yet".into(),
            SnapshotState::Failed(message) => format!("driver failed: {message}"),
            SnapshotState::Cut => "cut, but not ready to use yet".into(),
            SnapshotState::Ready => "ready to use".into(),
        }
    }
}

/// Returns the name that a VolumeSnapshot shares with those of the session's other claims; its own name if it is the only one.
pub fn snapshot_set_name(snapshot: &Value) -> &str {
    Untyped(snapshot)
        .annotation(labels::SNAPSHOT_SET)
        .unwrap_or_else(|| Untyped(snapshot).name())
}

/// Returns the name of a VolumeSnapshot's source claim; `None` for a snapshot of a content.
pub fn source_claim_name(snapshot: &Value) -> Option<&str> {
    VolumeSnapshot::of(snapshot).source_claim()
}

/// Returns the name of the VolumeSnapshot of one of the claims: that of the set, followed by the claim's name if there are several.
pub fn volume_snapshot_name(set: &str, claims: &[&Value], claim: &Value) -> String {
    match claims {
        [_] => set.to_owned(),
        _ => format!("{set}-{}", labels::to_name_part(Untyped(claim).name())),
    }
}

/// Returns true for a name in the form that `snapshot create` generates: with the time,
/// `alice-20260301-120000`, and possibly a claim's name after it. The form is no proof of origin: anybody can choose such a name.
pub fn has_generated_name(name: &str) -> bool {
    let is_number =
        |part: &str, digits| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = name.split('-').collect();
    let taken = |pair: &[&str]| is_number(pair[0], 8) && is_number(pair[1], 6);
    parts
        .get(1..)
        .is_some_and(|rest| rest.windows(2).any(taken))
}

/// Returns the merge patch that copies the ownership labels of a VolumeSnapshot to its VolumeSnapshotContent, so that the content
/// can be attributed when the VolumeSnapshot is gone. The patch fails with a conflict if the content has changed. `None` if the
/// content belongs to another VolumeSnapshot.
pub fn content_label_patch(snapshot: &Value, content: &Value) -> Option<Value> {
    let uid = Untyped(snapshot).uid()?;
    if Untyped(content).str_at("/spec/volumeSnapshotRef/uid") != Some(uid) {
        return None;
    }
    let kept = |field: &str, keys: &[&str]| -> Value {
        let all = snapshot.pointer(field).and_then(Value::as_object);
        let entry = |key: &&str| Some(((*key).to_owned(), all?.get(*key)?.clone()));
        Value::Object(keys.iter().filter_map(entry).collect())
    };
    Some(json!({ "metadata": {
        "uid": Untyped(content).uid()?,
        "resourceVersion": Untyped(content).resource_version(),
        "labels": kept("/metadata/labels", &[labels::MANAGED_BY, labels::SESSION, labels::USER]),
        "annotations": kept("/metadata/annotations", &[labels::USER_ID, labels::SNAPSHOT_SET]),
    } }))
}

/// Returns the VolumeSnapshot objects of all claims. `class` has one entry a claim.
pub fn build_snapshots(
    ownership: &Ownership,
    set: &str,
    claims: &[&Value],
    class: &[Option<String>],
) -> Vec<Value> {
    let classes = class.iter().map(Option::as_deref);
    claims
        .iter()
        .zip(classes)
        .map(|(claim, class)| {
            build_snapshot(
                ownership,
                set,
                &volume_snapshot_name(set, claims, claim),
                claim,
                class,
            )
        })
        .collect()
}

fn build_snapshot(
    ownership: &Ownership,
    set: &str,
    name: &str,
    claim: &Value,
    class: Option<&str>,
) -> Value {
    let spec = claim.get("spec").and_then(Value::as_object);
    let kept = RECORDED_CLAIM_FIELDS
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), spec?.get(*field)?.clone())));
    let kept = Value::Object(kept.collect()).to_string();
    let source = json!({ "persistentVolumeClaimName": Untyped(claim).name() });
    let mut object = json!({
        "apiVersion": VOLUME_SNAPSHOT.api_version(),
        "kind": "VolumeSnapshot",
        "metadata": {
            "name": name,
            "annotations": { labels::SNAPSHOT_SET: set, labels::CLAIM: kept },
        },
        "spec": { "source": source },
    });
    if let Some(class) = class {
        object["spec"]["volumeSnapshotClassName"] = class.into();
    }
    ownership.apply_to(&mut object);
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_goes_from_untouched_to_ready() {
        let states = [
            (json!({}), SnapshotState::Unprocessed),
            (
                json!({ "boundVolumeSnapshotContentName": "c", "readyToUse": false }),
                SnapshotState::Bound,
            ),
            (
                json!({ "boundVolumeSnapshotContentName": "c", "error": { "message": "full" } }),
                SnapshotState::Failed("full".into()),
            ),
            (
                json!({ "creationTime": "2026-03-01T12:00:00Z", "readyToUse": false }),
                SnapshotState::Cut,
            ),
            (
                json!({ "boundVolumeSnapshotContentName": "c", "readyToUse": true, "error": { "message": "an old one" } }),
                SnapshotState::Ready,
            ),
            (json!({ "readyToUse": true }), SnapshotState::Cut),
        ];
        for (status, state) in states {
            assert_eq!(SnapshotState::of(&json!({ "status": status })), state);
        }
    }

    #[test]
    fn names_with_a_time_are_as_ours() {
        for name in [
            "a-20260301-120000",
            "a-b-20260301-120000",
            "a-20260301-120000-home-x",
        ] {
            assert!(has_generated_name(name), "{name}");
        }
        for name in [
            "",
            "a",
            "20260301-120000",
            "a-2026-03-01",
            "a-20260301",
            "a-20260301-1200",
            "a-2026030x-120000",
        ] {
            assert!(!has_generated_name(name), "{name}");
        }
    }

    #[test]
    fn a_content_is_marked_as_its_snapshot_and_never_as_another() {
        let snapshot = json!({ "metadata": {
            "uid": "s-1",
            "labels": { labels::MANAGED_BY: labels::MANAGER, labels::SESSION: "a", "else": "b" },
            "annotations": { labels::USER_ID: "alice@example.com", labels::RUN: "r1" },
        } });
        let mut content = json!({
            "metadata": { "uid": "c-1", "resourceVersion": "7" },
            "spec": { "volumeSnapshotRef": { "uid": "s-1" } },
        });
        let mark = content_label_patch(&snapshot, &content).unwrap();
        assert_eq!(
            mark["metadata"],
            json!({
                "uid": "c-1",
                "resourceVersion": "7",
                "labels": { labels::MANAGED_BY: labels::MANAGER, labels::SESSION: "a" },
                "annotations": { labels::USER_ID: "alice@example.com" },
            })
        );
        content["spec"]["volumeSnapshotRef"]["uid"] = "s-2".into();
        assert_eq!(content_label_patch(&snapshot, &content), None);
        content["spec"]["volumeSnapshotRef"]["uid"] = "".into();
        assert_eq!(
            content_label_patch(&json!({ "metadata": { "uid": "" } }), &content),
            None
        );
    }

    #[test]
    fn several_claims_are_told_apart_and_share_their_set() {
        let ownership = Ownership {
            session: "a".parse().unwrap(),
            session_uid: Some("u-1".into()),
            namespace: "ns".parse().unwrap(),
            user_id: "alice@example.com".parse().unwrap(),
            command_token: "r1".into(),
            template: Some("lab".into()),
            primary: None,
        };
        let claim = |name: &str| {
            json!({ "kind": "PersistentVolumeClaim", "metadata": { "name": name },
            "spec": { "accessModes": ["ReadWriteOnce"], "volumeName": "pvc-1" } })
        };
        let (home, data) = (claim("home"), claim("data.x"));
        let both = build_snapshots(
            &ownership,
            "a-1",
            &[&home, &data],
            &[None, Some("fast".into())],
        );
        assert_eq!(both[0]["metadata"]["name"], "a-1-home");
        assert!(
            both[1]["metadata"]["name"]
                .as_str()
                .unwrap()
                .starts_with("a-1-data-x-")
        );
        assert!(
            both.iter()
                .all(|snapshot| snapshot_set_name(snapshot) == "a-1")
        );
        assert_eq!(both[1]["spec"]["volumeSnapshotClassName"], "fast");
        assert_eq!(both[0]["spec"].get("volumeSnapshotClassName"), None);
        let only = &build_snapshots(&ownership, "a-1", &[&home], &[None])[0];
        assert_eq!(
            (Untyped(only).name(), source_claim_name(only)),
            ("a-1", Some("home"))
        );
        let annotations = &only["metadata"]["annotations"];
        assert_eq!(
            annotations[labels::CLAIM],
            r#"{"accessModes":["ReadWriteOnce"]}"#
        );
        assert_eq!(annotations[labels::USER_ID], "alice@example.com");
        assert_eq!(only["metadata"].get("ownerReferences"), None);
    }
}
