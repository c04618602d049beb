//! Conditions in the status of an object. An object has at most one of each type.

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use serde_json::Value;

use super::untyped::Untyped;

/// Returns the condition of that type in the status of an object.
pub fn condition<'o>(object: &'o Value, r#type: &str) -> Option<&'o Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| Untyped(condition).str_at("/type") == Some(r#type))
}

/// Returns true if the object has a condition of that type with that status: `True`, `False` or `Unknown`.
pub fn has_condition(object: &Value, r#type: &str, status: &str) -> bool {
    condition(object, r#type)
        .is_some_and(|condition| Untyped(condition).str_at("/status") == Some(status))
}

/// Returns the condition of that type of a Pod.
pub fn pod_condition<'p>(pod: &'p Pod, r#type: &str) -> Option<&'p PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|condition| condition.type_ == r#type)
}

/// Returns true if the Pod's condition Ready is `True`.
pub fn is_ready(pod: &Pod) -> bool {
    pod_condition(pod, "Ready").is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_is_found_by_its_type_and_judged_by_its_status() {
        let object = json!({"status": {"conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]}});
        assert!(has_condition(&object, "Ready", "False"));
        assert!(!has_condition(&object, "Ready", "True"));
        assert!(!has_condition(&object, "Synced", "False"));
        let found = condition(&object, "Ready").unwrap();
        assert_eq!(Untyped(found).str_at("/reason"), Some("ContainersNotReady"));
        assert_eq!(condition(&json!({}), "Ready"), None);
        let pod: Pod = serde_json::from_value(object).unwrap();
        assert!(!is_ready(&pod));
        assert_eq!(pod_condition(&pod, "PodScheduled").unwrap().status, "True");
        assert!(!is_ready(&Pod::default()));
    }
}
