//! VolumeSnapshots as this suite makes them: their names, what they remember of their claim, how far they are.

use serde_json::{Value, json};

use super::belonging::Belonging;
use super::resource::{VOLUME_SNAPSHOT, annotation, text};
use crate::labels;

/// What is kept of a claim's spec: enough to make it again.
const REMEMBERED: [&str; 4] = ["accessModes", "storageClassName", "volumeMode", "resources"];

/// How far a VolumeSnapshot is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    /// Nobody has looked at it yet.
    Untouched,
    /// The driver is at it.
    Taken,
    /// The driver, or the snapshot-controller, has failed, and says why. It may be tried again.
    Failed(String),
    /// The moment is fixed: what is written from now on is not in it.
    Cut,
    /// A volume can be made of the content that is bound to it.
    Ready,
}

impl SnapshotState {
    /// How far `snapshot` is.
    pub fn of(snapshot: &Value) -> Self {
        let message = text(snapshot, "/status/error/message");
        let is_bound = !text(snapshot, "/status/boundVolumeSnapshotContentName").is_empty();
        if snapshot["status"]["readyToUse"] == true && is_bound {
            SnapshotState::Ready
        } else if !message.is_empty() {
            SnapshotState::Failed(message.to_owned())
        } else if is_cut(snapshot) {
            SnapshotState::Cut
        } else if is_bound {
            SnapshotState::Taken
        } else {
            SnapshotState::Untouched
        }
    }

    /// What it waits for, one line for people.
    pub fn told(&self) -> String {
        match self {
            SnapshotState::Untouched => "the snapshot-controller has not taken it up".into(),
            SnapshotState::Taken => "the driver has not cut it".into(),
            SnapshotState::Failed(message) => format!("the driver failed: {message}"),
            SnapshotState::Cut => "it is cut, but the driver has not made it ready".into(),
            SnapshotState::Ready => "it is ready".into(),
        }
    }
}

/// True once what is written to the volume is no longer in the snapshot.
pub fn is_cut(snapshot: &Value) -> bool {
    snapshot["status"]["readyToUse"] == true || !text(snapshot, "/status/creationTime").is_empty()
}

/// The name that a VolumeSnapshot shares with those of the session's other claims: its own where it is the only one.
pub fn set_name(snapshot: &Value) -> &str {
    annotation(snapshot, labels::SNAPSHOT_SET).unwrap_or_else(|| text(snapshot, "/metadata/name"))
}

/// The claim that a VolumeSnapshot was taken of; empty where it was taken of none.
pub fn claim_name(snapshot: &Value) -> &str {
    text(snapshot, "/spec/source/persistentVolumeClaimName")
}

/// The name of the VolumeSnapshot of one of the claims: the only one is named as the set; several have the name of their claim
/// behind that.
pub fn name_of(set: &str, claims: &[&Value], claim: &Value) -> String {
    match claims {
        [_] => set.to_owned(),
        _ => format!("{set}-{}", labels::name_part(text(claim, "/metadata/name"))),
    }
}

/// True for a name as [`session_ops::snapshotting::set_of`] gives: with the time it was taken at, `alice-20260301-120000`,
/// perhaps with a claim's behind it. Others may give such names too: it shows nothing.
pub fn is_named_as_ours(name: &str) -> bool {
    let is_number =
        |part: &str, digits| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = name.split('-').collect();
    let taken = |pair: &[&str]| is_number(pair[0], 8) && is_number(pair[1], 6);
    parts
        .get(1..)
        .is_some_and(|rest| rest.windows(2).any(taken))
}

/// What a VolumeSnapshotContent is marked with so that it can be known once its VolumeSnapshot is gone: whose that one is. A
/// merge patch, which fails if the content has changed meanwhile. `None` if the content is another's.
pub fn content_mark(snapshot: &Value, content: &Value) -> Option<Value> {
    let uid = text(snapshot, "/metadata/uid");
    if uid.is_empty() || text(content, "/spec/volumeSnapshotRef/uid") != uid {
        return None;
    }
    let kept = |field: &str, keys: &[&str]| -> Value {
        let all = snapshot.pointer(field).and_then(Value::as_object);
        let entry = |key: &&str| Some(((*key).to_owned(), all?.get(*key)?.clone()));
        Value::Object(keys.iter().filter_map(entry).collect())
    };
    Some(json!({ "metadata": {
        "uid": text(content, "/metadata/uid"),
        "resourceVersion": text(content, "/metadata/resourceVersion"),
        "labels": kept("/metadata/labels", &[labels::MANAGED_BY, labels::SESSION, labels::USER]),
        "annotations": kept("/metadata/annotations", &[labels::USER_ID, labels::SNAPSHOT_SET]),
    } }))
}

/// A VolumeSnapshot of each of the claims, with the class where one is given.
pub fn snapshots_of(
    belonging: &Belonging,
    set: &str,
    claims: &[&Value],
    class: &[Option<String>],
) -> Vec<Value> {
    let classes = class.iter().map(Option::as_deref);
    claims
        .iter()
        .zip(classes)
        .map(|(claim, class)| {
            snapshot_of(belonging, set, &name_of(set, claims, claim), claim, class)
        })
        .collect()
}

fn snapshot_of(
    belonging: &Belonging,
    set: &str,
    name: &str,
    claim: &Value,
    class: Option<&str>,
) -> Value {
    let spec = claim.get("spec").and_then(Value::as_object);
    let kept = REMEMBERED
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), spec?.get(*field)?.clone())));
    let kept = Value::Object(kept.collect()).to_string();
    let source = json!({ "persistentVolumeClaimName": text(claim, "/metadata/name") });
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
    belonging.put_on(&mut object);
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_goes_from_untouched_to_ready() {
        let states = [
            (json!({}), SnapshotState::Untouched),
            (
                json!({ "boundVolumeSnapshotContentName": "c", "readyToUse": false }),
                SnapshotState::Taken,
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
            assert!(is_named_as_ours(name), "{name}");
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
            assert!(!is_named_as_ours(name), "{name}");
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
        let mark = content_mark(&snapshot, &content).unwrap();
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
        assert_eq!(content_mark(&snapshot, &content), None);
        content["spec"]["volumeSnapshotRef"]["uid"] = "".into();
        assert_eq!(
            content_mark(&json!({ "metadata": { "uid": "" } }), &content),
            None
        );
    }

    #[test]
    fn several_claims_are_told_apart_and_share_their_set() {
        let belonging = Belonging {
            session: "a".parse().unwrap(),
            session_uid: "u-1".into(),
            namespace: "ns".parse().unwrap(),
            user_id: "alice@example.com".parse().unwrap(),
            run: "r1".into(),
            template: Some("lab".into()),
            primary: None,
        };
        let claim = |name: &str| {
            json!({ "kind": "PersistentVolumeClaim", "metadata": { "name": name },
            "spec": { "accessModes": ["ReadWriteOnce"], "volumeName": "pvc-1" } })
        };
        let (home, data) = (claim("home"), claim("data.x"));
        let both = snapshots_of(
            &belonging,
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
        assert!(both.iter().all(|snapshot| set_name(snapshot) == "a-1"));
        assert_eq!(both[1]["spec"]["volumeSnapshotClassName"], "fast");
        assert_eq!(both[0]["spec"].get("volumeSnapshotClassName"), None);
        let only = &snapshots_of(&belonging, "a-1", &[&home], &[None])[0];
        assert_eq!(
            (text(only, "/metadata/name"), claim_name(only)),
            ("a-1", "home")
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
