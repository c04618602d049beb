//! Pods and Pod templates inside objects, their containers, and the selectors that select them.

use k8s_openapi::api::autoscaling::v1::ScaleSpec;
use serde_json::{Map, Value, json};

use super::untyped::Untyped;
use crate::labels;

/// Built-in kinds that can be a session's primary workload. A Job comes last: beside another workload it prepares something.
pub const WORKLOAD_KINDS: [&str; 5] = ["Pod", "StatefulSet", "Deployment", "ReplicaSet", "Job"];

/// Returns true for a Pod that has ended and will not run again, in phase Succeeded or Failed.
pub fn has_pod_ended(pod: &Value) -> bool {
    is_end_phase(Untyped(pod).str_at("/status/phase"))
}

/// Returns true for the phase of a Pod that has ended and will not run again.
pub fn is_end_phase(phase: Option<&str>) -> bool {
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Returns JSON pointers of the metadata of all templates inside an object of that kind, outermost first, the Pod template last.
/// For a Pod, its own metadata; for kinds without Pods, none.
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

/// Returns the JSON pointer of the Pod spec inside objects of a kind; `None` for kinds without Pods.
pub fn pod_spec_path(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" => Some("/spec"),
        "CronJob" => Some("/spec/jobTemplate/spec/template/spec"),
        _ => (!pod_metadata_paths(kind).is_empty()).then_some("/spec/template/spec"),
    }
}

/// Returns the Pod spec inside an object; `None` for kinds without Pods.
pub fn pod_spec(object: &Value) -> Option<&Map<String, Value>> {
    object
        .pointer(pod_spec_path(Untyped(object).kind())?)?
        .as_object()
}

/// Returns the Pod spec inside an object, mutable; `None` for kinds without Pods.
pub fn pod_spec_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let path = pod_spec_path(Untyped(object).kind())?;
    object.pointer_mut(path)?.as_object_mut()
}

/// Returns the number of Pods that a workload wants, its spec read as [`ScaleSpec`], the API's view of whatever scales. `None` where
/// it is not set, which means 1 for the kinds that have it.
pub fn replica_count(object: &Value) -> Option<i32> {
    let spec = Untyped(object.get("spec")?);
    spec.read::<ScaleSpec>()?.replicas
}

/// Returns the labels of an object's Pods; `None` for kinds without Pods.
pub fn pod_labels(object: &Value) -> Option<&Map<String, Value>> {
    pod_metadata(object, "labels")
}

/// Returns the annotations of an object's Pods; `None` for kinds without Pods.
pub fn pod_annotations(object: &Value) -> Option<&Map<String, Value>> {
    pod_metadata(object, "annotations")
}

fn pod_metadata<'a>(object: &'a Value, field: &str) -> Option<&'a Map<String, Value>> {
    let path = pod_metadata_paths(Untyped(object).kind()).last()?;
    object.pointer(&format!("{path}/{field}"))?.as_object()
}

/// Adds the session's label to every selector that selects Pods of these objects. Two sessions of one template have the same
/// labels otherwise, and a Service would send one user's traffic to another's Pod.
pub fn narrow_selectors(objects: &mut [Value], session: &str) {
    let pods: Vec<Map<String, Value>> = objects.iter().filter_map(pod_labels).cloned().collect();
    for object in objects {
        let kind = Untyped(object).kind().to_owned();
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
        if own || selects_any(selector, &pods) {
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

/// Returns true if the selector selects one of the Pods. An empty selector selects every Pod of the Namespace, not the session's,
/// and does not count.
fn selects_any(selector: &Map<String, Value>, pods: &[Map<String, Value>]) -> bool {
    !selector.is_empty() && pods.iter().any(|labels| has_labels(labels, selector))
}

/// Returns true if all labels of a selector, such as a Service's, are among `labels`: an empty one selects everything.
pub fn has_labels(labels: &Map<String, Value>, selector: &Map<String, Value>) -> bool {
    let mut wanted = selector.iter();
    wanted.all(|(key, value)| labels.get(key) == Some(value))
}

/// Returns a container of an object's Pod spec, mutable; without a name, the default container.
pub fn container_mut<'a>(
    object: &'a mut Value,
    name: Option<&str>,
) -> Option<&'a mut Map<String, Value>> {
    let name = name
        .map(str::to_owned)
        .or_else(|| default_container(object))?;
    // An annotation may name a sidecar, which is an init container.
    let lists = pod_spec_mut(object)?
        .iter_mut()
        .filter(|(key, _)| matches!(key.as_str(), "containers" | "initContainers"));
    lists
        .filter_map(|(_, list)| list.as_array_mut())
        .flatten()
        .filter_map(Value::as_object_mut)
        .find(|container| container.get("name") == Some(&json!(name)))
}

/// Returns the name of the default container, as kubectl chooses it: by annotation kubectl.kubernetes.io/default-container, else
/// the first.
pub fn default_container(object: &Value) -> Option<String> {
    let path = pod_metadata_paths(Untyped(object).kind()).last()?;
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
