//! Where the Pods are inside the objects of a session, and which selectors mean them.

use serde_json::{Map, Value, json};

use super::resource::text;
use crate::labels;

/// Kinds whose objects can be the session.
pub const WORKLOADS: [&str; 3] = ["Pod", "StatefulSet", "Deployment"];

/// Kinds whose count of Pods can be 0.
pub const SCALED: [&str; 2] = ["StatefulSet", "Deployment"];

/// JSON pointers of the metadata of the templates inside an object of that kind, outermost first; the last is the Pods'.
/// A Pod's own metadata counts, anything without Pods has none.
pub fn pod_metadata_paths(kind: &str) -> &'static [&'static str] {
    match kind {
        "Pod" => &["/metadata"],
        "Deployment"
        | "StatefulSet"
        | "DaemonSet"
        | "ReplicaSet"
        | "ReplicationController"
        | "Job" => &["/spec/template/metadata"],
        "CronJob" => &[
            "/spec/jobTemplate/metadata",
            "/spec/jobTemplate/spec/template/metadata",
        ],
        _ => &[],
    }
}

fn pod_spec_path(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" => Some("/spec"),
        "CronJob" => Some("/spec/jobTemplate/spec/template/spec"),
        _ => (!pod_metadata_paths(kind).is_empty()).then_some("/spec/template/spec"),
    }
}

/// The Pod spec inside an object, `None` for objects without Pods.
pub fn pod_spec(object: &Value) -> Option<&Map<String, Value>> {
    object
        .pointer(pod_spec_path(text(object, "/kind"))?)?
        .as_object()
}

/// The Pod spec inside an object, to be changed; `None` for objects without Pods.
pub fn pod_spec_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let path = pod_spec_path(text(object, "/kind"))?;
    object.pointer_mut(path)?.as_object_mut()
}

/// The labels of the Pods of an object, `None` for objects without Pods.
pub fn pod_labels(object: &Value) -> Option<&Map<String, Value>> {
    pod_metadata(object, "labels")
}

/// The annotations of the Pods of an object, `None` for objects without Pods.
pub fn pod_annotations(object: &Value) -> Option<&Map<String, Value>> {
    pod_metadata(object, "annotations")
}

fn pod_metadata<'a>(object: &'a Value, field: &str) -> Option<&'a Map<String, Value>> {
    let path = pod_metadata_paths(text(object, "/kind")).last()?;
    object.pointer(&format!("{path}/{field}"))?.as_object()
}

/// Narrows every selector that means the session's Pods to this session: two sessions of one template carry the same
/// labels, and without this a Service would send one user's traffic to another's Pod.
pub fn narrow_selectors(objects: &mut [Value], session: &str) {
    let pods: Vec<Map<String, Value>> = objects.iter().filter_map(pod_labels).cloned().collect();
    for object in objects {
        let kind = text(object, "/kind").to_owned();
        let own = matches!(
            kind.as_str(),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"
        );
        let Some(path) = selector_path(&kind) else {
            continue;
        };
        let Some(selector) = object.pointer_mut(path).and_then(Value::as_object_mut) else {
            continue;
        };
        if own || means_any(selector, &pods) {
            selector.insert(labels::SESSION.into(), session.into());
        }
    }
}

fn selector_path(kind: &str) -> Option<&'static str> {
    match kind {
        "Service" | "ReplicationController" => Some("/spec/selector"),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "PodDisruptionBudget" => {
            Some("/spec/selector/matchLabels")
        }
        "NetworkPolicy" => Some("/spec/podSelector/matchLabels"),
        _ => None,
    }
}

/// An empty selector means every Pod of the Namespace, not the session's: it stays as it is.
fn means_any(selector: &Map<String, Value>, pods: &[Map<String, Value>]) -> bool {
    !selector.is_empty()
        && pods.iter().any(|labels| {
            selector
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
        })
}

/// The container of that name in an object's Pod spec, to be changed; without a name, the one that is entered by default.
pub fn container_mut<'a>(
    object: &'a mut Value,
    name: Option<&str>,
) -> Option<&'a mut Map<String, Value>> {
    let name = name
        .map(str::to_owned)
        .or_else(|| default_container(object))?;
    pod_spec_mut(object)?
        .get_mut("containers")?
        .as_array_mut()?
        .iter_mut()
        .filter_map(Value::as_object_mut)
        .find(|container| container.get("name") == Some(&json!(name)))
}

/// The container that is entered when nobody says which: the one annotation kubectl.kubernetes.io/default-container names,
/// else the first.
pub fn default_container(object: &Value) -> Option<String> {
    let path = pod_metadata_paths(text(object, "/kind")).last()?;
    let annotations = object.pointer(&format!("{path}/annotations"));
    if let Some(Value::String(name)) =
        annotations.and_then(|a| a.get("kubectl.kubernetes.io/default-container"))
    {
        return Some(name.clone());
    }
    Some(
        pod_spec(object)?
            .get("containers")?
            .get(0)?
            .get("name")?
            .as_str()?
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_the_sessions_pods_is_narrowed_and_others_are_not() {
        let mut objects = vec![
            json!({ "kind": "Pod", "metadata": { "name": "p", "labels": { "app": "lab", "x": "1" } }, "spec": {} }),
            json!({ "kind": "Service", "spec": { "selector": { "app": "lab" } } }),
            json!({ "kind": "Service", "spec": { "selector": { "app": "other" } } }),
            json!({ "kind": "NetworkPolicy", "spec": { "podSelector": { "matchLabels": {} } } }),
            json!({ "kind": "Deployment", "spec": { "selector": { "matchLabels": { "app": "z" } } } }),
        ];
        narrow_selectors(&mut objects, "alice");
        assert_eq!(objects[1]["spec"]["selector"][labels::SESSION], "alice");
        assert!(
            objects[2]["spec"]["selector"]
                .get(labels::SESSION)
                .is_none()
        );
        assert!(
            objects[3]["spec"]["podSelector"]["matchLabels"]
                .get(labels::SESSION)
                .is_none()
        );
        assert_eq!(
            objects[4]["spec"]["selector"]["matchLabels"][labels::SESSION],
            "alice"
        );
    }

    #[test]
    fn the_annotation_names_the_container_before_the_first_one() {
        let mut pod = json!({ "kind": "Pod", "metadata": {}, "spec": { "containers": [{ "name": "a" }, { "name": "b" }] } });
        assert_eq!(default_container(&pod).as_deref(), Some("a"));
        pod["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/default-container": "b" });
        assert_eq!(default_container(&pod).as_deref(), Some("b"));
        assert!(container_mut(&mut pod, Some("c")).is_none());
    }
}
