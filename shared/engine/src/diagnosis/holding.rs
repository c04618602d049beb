//! What holds a deletion up.

use serde_json::Value;

use super::Cause;
use session_model::objects::resource::text;

/// Why an object that was deleted is still there; `None` where it is not being deleted, or where nothing is known to hold it:
/// a Pod's containers have their time to end.
pub fn holding(object: &Value) -> Option<Cause> {
    let since = text(object, "/metadata/deletionTimestamp");
    let finalizers = object
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array);
    let finalizers: Vec<&str> = finalizers
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if since.is_empty() || finalizers.is_empty() {
        return None;
    }
    let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
    let place = format!("{kind} {name:?}");
    let (message, remedy) = match finalizers.as_slice() {
        ["foregroundDeletion"] => (
            format!("{place} waits for what it owns to be deleted first"),
            "see what is left of it; it goes by itself after that".to_owned(),
        ),
        ["kubernetes.io/pvc-protection"] => (
            format!("{place} is still in use by a Pod"),
            "delete the Pods that mount it".to_owned(),
        ),
        all => (
            format!("{place} is held by finalizer {}, which whoever put it there has not taken away", all.join(", ")),
            "have the controller behind the finalizer run; taking it away by hand skips what it is there for".to_owned(),
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
        assert_eq!(holding(&pod), None);
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let cause = holding(&pod).unwrap();
        assert_eq!(
            cause.message,
            "Pod \"x\" is held by finalizer example.com/hold, which whoever put it there has not taken away"
        );
        pod["metadata"]["finalizers"] = json!([]);
        assert_eq!(holding(&pod), None);
    }
}
