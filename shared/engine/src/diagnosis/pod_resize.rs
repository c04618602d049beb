//! Progress of the in-place resize of a running Pod, and the check that its node has room for the resize.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use serde_json::{Map, Value};

use crate::capacity::demand::{parse_quantity, pod_resources};
use session_model::objects::Untyped;
use session_model::objects::conditions::pod_condition;
use session_model::objects::pod_containers::{container_status, lasting_containers};
use session_model::quantity::Quantity;

/// Resources that Kubernetes can resize in place.
pub const RESIZABLE_RESOURCES: [&str; 2] = ["cpu", "memory"];

/// State of a Pod's resize, as the kubelet reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResizeState {
    /// Complete: the container has the resources that its spec asks for.
    Done,
    /// In progress, or not yet seen by the kubelet.
    InProgress,
    /// Failed, and retried by the kubelet; with the kubelet's message.
    Failing(String),
    /// Waits until the node has room; with the kubelet's message.
    Deferred(String),
    /// Impossible on this node; with the kubelet's message.
    Infeasible(String),
}

/// Reads the state of a container's resize from the conditions and container status that the kubelet writes into the Pod.
pub fn pod_resize_state(pod: &Pod, container: &str) -> ResizeState {
    if let Some(pending) = current_condition(pod, "PodResizePending") {
        let message = pending.message.clone().unwrap_or_default();
        return match pending.reason.as_deref() {
            Some("Infeasible") => ResizeState::Infeasible(message),
            _ => ResizeState::Deferred(message),
        };
    }
    if let Some(going) = current_condition(pod, "PodResizeInProgress") {
        return match going.message.as_deref() {
            None | Some("") => ResizeState::InProgress,
            Some(message) => ResizeState::Failing(message.to_owned()),
        };
    }
    if is_resized(pod, container) {
        ResizeState::Done
    } else {
        ResizeState::InProgress
    }
}

/// Returns a condition that is True and was written for the Pod's current generation.
fn current_condition<'a>(pod: &'a Pod, r#type: &str) -> Option<&'a PodCondition> {
    let found = pod_condition(pod, r#type).filter(|one| one.status == "True")?;
    let (seen, is) = (found.observed_generation, pod.metadata.generation);
    (seen.is_none() || is.is_none() || seen >= is).then_some(found)
}

/// Returns true if the kubelet reports the limits of the spec as set and its requests as allocated.
fn is_resized(pod: &Pod, container: &str) -> bool {
    let (Some(wanted), Some(actual)) = (
        lasting_containers(pod).find(|one| one.name == container),
        container_status(pod, container),
    ) else {
        return false;
    };
    let (asks, has) = (wanted.resources.as_ref(), actual.resources.as_ref());
    RESIZABLE_RESOURCES.iter().all(|name| {
        let amount = |all: Option<&BTreeMap<String, Amount>>| -> Option<Quantity> {
            all?.get(*name)?.0.parse().ok()
        };
        let same = |wanted: Option<Quantity>, actual: Option<Quantity>| {
            wanted.is_none() || wanted == actual
        };
        same(
            amount(asks.and_then(|asks| asks.limits.as_ref())),
            amount(has.and_then(|has| has.limits.as_ref())),
        ) && same(
            amount(asks.and_then(|asks| asks.requests.as_ref())),
            amount(actual.allocated_resources.as_ref()),
        )
    })
}

/// Result of checking a node's room for a Pod that is resized on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeFit {
    /// Room for the new size.
    Fits,
    /// Large enough, but used by other Pods now; with one line of figures for each resource.
    NodeFull(Vec<String>),
    /// Too small even without other Pods; with one line of figures for each resource.
    NodeTooSmall(Vec<String>),
}

/// Checks that a Pod fits on its node when its spec changes from `before` to `after`. `others` are the Pods on the node and may
/// include the Pod itself, which `uid` identifies. Resources that do not grow are not checked.
pub fn check_node_fit(
    node: &Value,
    others: &[Value],
    uid: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> NodeFit {
    let (had, asks) = (pod_resources(before), pod_resources(after));
    let (mut lines, mut never) = (Vec::new(), false);
    for name in RESIZABLE_RESOURCES {
        let key = format!("requests.{name}");
        let of = |all: &std::collections::BTreeMap<String, Quantity>| {
            all.get(&key).copied().unwrap_or(Quantity::ZERO)
        };
        let (had, asked) = (of(&had), of(&asks));
        let all = node.pointer(&format!("/status/allocatable/{name}"));
        let Some(all) = all.and_then(parse_quantity).filter(|_| asked > had) else {
            continue;
        };
        let strangers = others
            .iter()
            .filter(|pod| !Untyped(pod).has_uid(uid))
            .filter_map(|pod| pod.get("spec")?.as_object());
        let taken = strangers
            .map(|spec| of(&pod_resources(spec)))
            .fold(Quantity::ZERO, |sum, amount| sum.add(&amount));
        if taken.add(&asked) <= all {
            continue;
        }
        never |= asked > all;
        lines.push(format!(
            "node {:?}: {all} {name} allocatable, {taken} requested by other Pods, {had} by this Pod, which now needs {asked}",
            Untyped(node).name()
        ));
    }
    match (lines.is_empty(), never) {
        (true, _) => NodeFit::Fits,
        (false, true) => NodeFit::NodeTooSmall(lines),
        (false, false) => NodeFit::NodeFull(lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resizing(pod: &Value, container: &str) -> ResizeState {
        super::pod_resize_state(&serde_json::from_value(pod.clone()).unwrap(), container)
    }

    fn pod(limit: &str, actual: &str, conditions: Value) -> Value {
        json!({"metadata": {"name": "p", "generation": 3}, "spec": {"containers": [
                {"name": "main", "resources": {"limits": {"cpu": limit}, "requests": {"cpu": limit}}}]},
            "status": {"conditions": conditions, "containerStatuses": [
                {"name": "main", "resources": {"limits": {"cpu": actual}}, "allocatedResources": {"cpu": actual}}]}})
    }

    #[test]
    fn the_kubelets_words_are_read() {
        let said = |r#type: &str, reason: &str, generation: i64| json!([{"type": r#type, "status": "True", "reason": reason, "message": "m", "observedGeneration": generation}]);
        for (pod, wanted) in [
            (pod("1", "1000m", json!([])), ResizeState::Done),
            (pod("2", "1", json!([])), ResizeState::InProgress),
            (
                pod("2", "1", said("PodResizePending", "Deferred", 3)),
                ResizeState::Deferred("m".into()),
            ),
            (
                pod("2", "1", said("PodResizePending", "Infeasible", 3)),
                ResizeState::Infeasible("m".into()),
            ),
            // Written for an earlier resize.
            (
                pod("2", "1", said("PodResizePending", "Infeasible", 2)),
                ResizeState::InProgress,
            ),
            (
                pod("2", "2", said("PodResizeInProgress", "Error", 3)),
                ResizeState::Failing("m".into()),
            ),
        ] {
            assert_eq!(resizing(&pod, "main"), wanted, "{pod}");
        }
        assert_eq!(
            resizing(&pod("1", "1", json!([])), "other"),
            ResizeState::InProgress
        );
        let mut sidecar = pod("1", "1", json!([]));
        let spec = sidecar["spec"]["containers"][0].clone();
        sidecar["spec"] = json!({"containers": [{"name": "app"}], "initContainers": [spec]});
        sidecar["spec"]["initContainers"][0]["restartPolicy"] = "Always".into();
        sidecar["status"]["initContainerStatuses"] = sidecar["status"]["containerStatuses"].take();
        assert_eq!(resizing(&sidecar, "main"), ResizeState::Done);
    }

    #[test]
    fn a_node_is_too_small_or_too_full() {
        let node = json!({"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}});
        let spec = |cpu: &str| {
            let spec =
                json!({"containers": [{"resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}]});
            spec.as_object().unwrap().clone()
        };
        let others = [
            json!({"metadata": {"uid": "self"}, "spec": spec("1")}),
            json!({"metadata": {"uid": "other"}, "spec": spec("2500m")}),
        ];
        let judged = |cpu: &str| check_node_fit(&node, &others, "self", &spec("1"), &spec(cpu));
        assert_eq!(judged("1500m"), NodeFit::Fits);
        let line = |asked: &str| {
            vec![format!(
                "node \"n\": 4 cpu allocatable, 2500m requested by other Pods, 1 by this Pod, which now needs {asked}"
            )]
        };
        assert_eq!(judged("2"), NodeFit::NodeFull(line("2")));
        assert_eq!(judged("8"), NodeFit::NodeTooSmall(line("8")));
        // Less never fails.
        assert_eq!(judged("500m"), NodeFit::Fits);
    }
}
