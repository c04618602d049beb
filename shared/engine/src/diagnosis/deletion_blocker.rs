//! The cause that keeps a deleted object in the cluster.

use serde_json::Value;

use super::Cause;
use session_model::objects::Untyped;

/// Returns the finalizers that keep a deleted object, as a cause. `None` for an object that is not being deleted, and for one
/// without finalizers: a Pod's containers may still be within their grace period.
pub fn find_deletion_blocker(object: &Value) -> Option<Cause> {
    let finalizers = object
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array);
    let finalizers: Vec<&str> = finalizers
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !Untyped(object).is_terminating() || finalizers.is_empty() {
        return None;
    }
    let (kind, name) = (Untyped(object).kind(), Untyped(object).name());
    let place = format!("{kind} {name:?}");
    let (message, remedy) = match finalizers.as_slice() {
        ["foregroundDeletion"] => (
            format!("{place} waits for its dependents to be deleted first"),
            "wait until its dependents are deleted, or find what holds them".to_owned(),
        ),
        ["kubernetes.io/pvc-protection"] => (
            format!("{place} is still in use by a Pod"),
            "delete the Pods that mount the claim".to_owned(),
        ),
        all => (
            format!("{place} is held by finalizer {}, which its controller has not removed yet", all.join(", ")),
            "check that the controller of the finalizer runs; removing the finalizer by hand skips its cleanup".to_owned(),
        ),
    };
    Some(Cause {
        reason: "Finalizers".into(),
        message,
        evidence: vec![format!("finalizers: {}", finalizers.join(", "))],
        remedy: Some(remedy),
        ..Cause::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_finalizer_is_named_only_while_it_holds_something() {
        let mut pod = json!({ "kind": "Pod", "metadata": { "name": "x", "finalizers": ["example.com/hold"] } });
        assert_eq!(find_deletion_blocker(&pod), None);
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let cause = find_deletion_blocker(&pod).unwrap();
        assert_eq!(
            cause.message,
            "Pod \"x\" is held by finalizer example.com/hold, which its controller has not removed yet"
        );
        pod["metadata"]["finalizers"] = json!([]);
        assert_eq!(find_deletion_blocker(&pod), None);
    }
}
