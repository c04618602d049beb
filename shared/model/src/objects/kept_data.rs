//! Kept data: claims and snapshots that outlive their session, whether they hold anything, and whether a new session can use them.

use serde_json::Value;

use super::ownership::is_data;
use super::untyped::Untyped;
use crate::failure::with_hint;
use crate::labels;

/// Annotations of a claim that is or was bound to a volume.
const BOUND_ANNOTATIONS: [&str; 2] = [
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
];

/// Returns true for a PersistentVolumeClaim.
pub fn is_claim(object: &Value) -> bool {
    Untyped(object).kind() == "PersistentVolumeClaim"
}

/// Returns true for a VolumeSnapshot.
pub fn is_snapshot(object: &Value) -> bool {
    Untyped(object).kind() == "VolumeSnapshot"
}

/// Returns true if a claim is bound to a volume now.
pub fn is_bound(claim: &Value) -> bool {
    Untyped(claim).str_at("/status/phase") == Some("Bound")
}

/// Returns true if a claim is or was bound to a volume. In doubt it counts as bound.
pub fn was_bound(claim: &Value) -> bool {
    let capacity = claim.pointer("/status/capacity");
    Untyped(claim).str_at("/status/phase") != Some("Pending")
        || Untyped(claim).str_at("/spec/volumeName").is_some()
        || capacity.is_some_and(|capacity| !capacity.is_null())
        || BOUND_ANNOTATIONS
            .iter()
            .any(|key| Untyped(claim).annotation(key).is_some())
}

/// Returns true for data that may hold a user's work: snapshots, parameters Secrets, and claims that were ever bound.
pub fn holds_data(object: &Value) -> bool {
    is_data(object) && (!is_claim(object) || was_bound(object))
}

/// Finds an immutable field of the existing claim `found` that differs from `wanted`; only the size of a claim can change. Returns
/// the field, its present value and the wanted one, or `None` if nothing differs.
pub fn immutable_difference<'a>(
    found: &'a Value,
    wanted: &'a Value,
) -> Option<(&'a str, &'a Value, &'a Value)> {
    let fields = wanted.get("spec")?.as_object()?;
    let (field, wants) = fields
        .iter()
        .filter(|(field, wants)| *field != "resources" && !wants.is_null())
        .find(|(field, wants)| found["spec"][*field] != **wants)?;
    Some((field, &found["spec"][field], wants))
}

/// Returns the error of a kept claim that a new session wants to differ in an immutable field.
pub fn kept_claim_error(found: &Value, field: &str, has: &str, wants: &str) -> anyhow::Error {
    let (name, namespace) = (Untyped(found).name(), Untyped(found).home_namespace());
    let error = anyhow::anyhow!(
        "cannot change PersistentVolumeClaim {name:?}, which is kept data of this session: \
        {field} is {has}, not {wants}"
    );
    let error = with_hint(
        error,
        "use the claim unchanged: omit the flag, or set the parameter back",
    );
    let delete = format!(
        "or delete the claim and its data: kubectl delete persistentvolumeclaim {name} -n {namespace}"
    );
    with_hint(error, delete)
}

/// Returns true if data has annotations with its user, command and Session UID, as all data has that this suite creates.
pub fn has_attribution(object: &Value) -> bool {
    [labels::USER_ID, labels::RUN, labels::SESSION_UID]
        .iter()
        .all(|key| {
            Untyped(object)
                .annotation(key)
                .is_some_and(|value| !value.is_empty())
        })
}

/// Returns the size of a claim or snapshot as the server writes it: capacity, else requested size; `None` if unknown.
pub fn storage_size(object: &Value) -> Option<&str> {
    let paths = [
        "/status/capacity/storage",
        "/status/restoreSize",
        "/spec/resources/requests/storage",
    ];
    paths
        .into_iter()
        .find_map(|path| Untyped(object).str_at(path))
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
            (pending.clone(), json!({ BOUND_ANNOTATIONS[0]: "yes" })),
        ] {
            assert!(holds_data(&claim(status, annotations)));
        }
        let kept = json!({ labels::KEPT_SINCE: "2026-01-01T00:00:00Z" });
        assert!(!holds_data(&claim(pending, kept)), "kept by mistake");
        assert!(holds_data(&json!({ "kind": "VolumeSnapshot" })));
        assert!(!holds_data(&json!({ "kind": "Secret", "metadata": {} })));
    }

    #[test]
    fn all_of_a_claim_but_its_size_is_settled() {
        let found = json!({ "spec": { "storageClassName": "slow", "accessModes": ["ReadWriteOnce"], "volumeName": "v" } });
        let wanted = |spec: Value| json!({ "spec": spec });
        let same = wanted(
            json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "5Gi" } } }),
        );
        assert_eq!(immutable_difference(&found, &same), None);
        let default = wanted(json!({ "storageClassName": null }));
        assert_eq!(immutable_difference(&found, &default), None);
        let class = wanted(json!({ "storageClassName": "fast" }));
        let (field, has, wants) = immutable_difference(&found, &class).unwrap();
        assert_eq!(
            (field, has.as_str(), wants.as_str()),
            ("storageClassName", Some("slow"), Some("fast"))
        );
    }

    #[test]
    fn a_size_is_what_is_there_or_what_is_asked_for() {
        let mut claim = json!({ "spec": { "resources": { "requests": { "storage": "1Gi" } } } });
        assert_eq!(storage_size(&claim), Some("1Gi"));
        claim["status"] = json!({ "capacity": { "storage": "2Gi" } });
        assert_eq!(storage_size(&claim), Some("2Gi"));
        assert_eq!(
            storage_size(&json!({ "status": { "restoreSize": "3Gi" } })),
            Some("3Gi")
        );
        assert_eq!(storage_size(&json!({})), None);
    }
}
