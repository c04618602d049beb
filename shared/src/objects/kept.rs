//! Data that outlives its session: whether it holds anything, whose it was, since when it is kept.

use serde_json::Value;

use super::belonging::is_data;
use super::resource::{annotation, text};
use crate::labels;

/// Annotations of a claim that has, or had, a volume.
const BOUND: [&str; 2] = [
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
];

/// True for a PersistentVolumeClaim.
pub fn is_claim(object: &Value) -> bool {
    text(object, "/kind") == "PersistentVolumeClaim"
}

/// True for a VolumeSnapshot.
pub fn is_snapshot(object: &Value) -> bool {
    text(object, "/kind") == "VolumeSnapshot"
}

/// True if a claim has or had a volume. What cannot be told counts as bound.
pub fn was_bound(claim: &Value) -> bool {
    let capacity = claim.pointer("/status/capacity");
    text(claim, "/status/phase") != "Pending"
        || !text(claim, "/spec/volumeName").is_empty()
        || capacity.is_some_and(|capacity| !capacity.is_null())
        || BOUND.iter().any(|key| annotation(claim, key).is_some())
}

/// True for what may hold somebody's work: snapshots, parameters, claims that were ever bound or that were kept on purpose.
pub fn holds_data(object: &Value) -> bool {
    is_data(object)
        && (!is_claim(object)
            || annotation(object, labels::KEPT_SINCE).is_some()
            || was_bound(object))
}

/// What a claim or a snapshot takes, as the server writes it, or asks for as long as it has nothing; empty where that is not
/// known.
pub fn size_of(object: &Value) -> &str {
    let paths = [
        "/status/capacity/storage",
        "/status/restoreSize",
        "/spec/resources/requests/storage",
    ];
    let sizes = paths.iter().map(|path| text(object, path));
    sizes
        .into_iter()
        .find(|size| !size.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_that_never_had_a_volume_holds_nothing() {
        let claim = |status: Value, annotations: Value| json!({ "kind": "PersistentVolumeClaim", "metadata": { "annotations": annotations }, "status": status });
        let pending = json!({ "phase": "Pending" });
        assert!(!holds_data(&claim(pending.clone(), json!({}))));
        for (status, annotations) in [
            (json!({ "phase": "Bound" }), json!({})),
            (json!({ "phase": "Lost" }), json!({})),
            (json!({}), json!({})),
            (pending.clone(), json!({ BOUND[0]: "yes" })),
            (
                pending,
                json!({ labels::KEPT_SINCE: "2026-01-01T00:00:00Z" }),
            ),
        ] {
            assert!(holds_data(&claim(status, annotations)));
        }
        assert!(holds_data(&json!({ "kind": "VolumeSnapshot" })));
        assert!(!holds_data(&json!({ "kind": "Secret", "metadata": {} })));
    }

    #[test]
    fn a_size_is_what_is_there_or_what_is_asked_for() {
        let mut claim = json!({ "spec": { "resources": { "requests": { "storage": "1Gi" } } } });
        assert_eq!(size_of(&claim), "1Gi");
        claim["status"] = json!({ "capacity": { "storage": "2Gi" } });
        assert_eq!(size_of(&claim), "2Gi");
        assert_eq!(
            size_of(&json!({ "status": { "restoreSize": "3Gi" } })),
            "3Gi"
        );
        assert_eq!(size_of(&json!({})), "");
    }
}
