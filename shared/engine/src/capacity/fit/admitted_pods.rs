//! The Pods of a session as the API server stores them: a session's workloads expanded to Pods, with the defaults of the API,
//! of LimitRanges and of RuntimeClasses.

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use serde_json::{Map, Value, json};
use session_model::objects::Untyped;
use session_model::objects::ephemeral_volumes::mounted_claims;
use session_model::objects::pods::{has_pod_ended, pod_labels, pod_spec, pod_spec_mut};
use session_model::quantity::Quantity;

use super::selector::Labels;
use crate::capacity::demand::{parse_quantity, pod_count, pod_resources};
use crate::capacity::limit_range::apply_pod_limit_defaults;

/// Objects that complete a Pod when the API server admits it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Admission<'a> {
    /// LimitRanges of the namespace.
    pub limit_ranges: &'a [Value],
    /// RuntimeClasses that the Pods name.
    pub runtime_classes: &'a [Value],
}

/// One Pod of a session, complete as the API server would store it.
#[derive(Clone, Debug)]
pub(super) struct AdmittedPod {
    /// Workload that it belongs to: `Deployment/web`.
    pub(super) workload: String,
    /// Labels.
    pub(super) labels: Labels,
    /// Spec as JSON, for its sums.
    pub(super) fields: Map<String, Value>,
    /// The same spec, typed.
    pub(super) spec: PodSpec,
    /// StorageClasses of claims that are made for the Pod; `None` for the default one.
    pub(super) claim_classes: Vec<Option<String>>,
    /// Claims that exist before the session and that the Pod mounts.
    pub(super) mounted_claims: Vec<String>,
}

/// Returns the Pods that run at the same time when a session has started, in the order of its objects. Pods of CronJobs come later, those of
/// DaemonSets depend on the nodes: both are left out. A Pod whose spec the API would refuse is left out, too.
pub(super) fn expand_pods(objects: &[Value], admission: &Admission<'_>) -> Vec<AdmittedPod> {
    let mut pods = Vec::new();
    for object in objects {
        let kind = Untyped(object).kind();
        let Some(spec) = pod_spec(object).filter(|_| kind != "DaemonSet") else {
            continue;
        };
        let fields = admit_pod(spec, admission);
        let Ok(typed) = serde_json::from_value::<PodSpec>(Value::Object(fields.clone())) else {
            continue;
        };
        let labels = pod_labels(object).into_iter().flatten();
        let pod = AdmittedPod {
            workload: format!("{kind}/{}", Untyped(object).name()),
            labels: labels
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
            claim_classes: claim_classes(object, &fields, objects),
            mounted_claims: mounted_claims(&fields)
                .filter(|name| find_claim(objects, name).is_none())
                .map(str::to_owned)
                .collect(),
            fields,
            spec: typed,
        };
        let count = usize::try_from(pod_count(object)).unwrap_or(0);
        pods.extend(std::iter::repeat_n(pod, count));
    }
    pods
}

fn find_claim<'a>(objects: &'a [Value], name: &str) -> Option<&'a Value> {
    let is_claim = |object: &&Value| {
        let object = Untyped(object);
        object.kind() == "PersistentVolumeClaim" && object.name() == name
    };
    objects.iter().find(is_claim)
}

fn claim_classes(
    workload: &Value,
    spec: &Map<String, Value>,
    objects: &[Value],
) -> Vec<Option<String>> {
    let own = mounted_claims(spec).filter_map(|name| find_claim(objects, name));
    let templates = Untyped(workload).items_at("/spec/volumeClaimTemplates");
    let templates = templates.map(|claim| claim.0);
    let volumes = spec.get("volumes").and_then(Value::as_array);
    let volumes = volumes.into_iter().flatten();
    let ephemeral = volumes.filter_map(|volume| volume.pointer("/ephemeral/volumeClaimTemplate"));
    let claims = own.chain(templates).chain(ephemeral);
    let class = |claim| {
        Untyped(claim)
            .str_at("/spec/storageClassName")
            .map(str::to_owned)
    };
    claims.map(class).collect()
}

/// Returns objects whose Pod specs are completed as the API server does, for their sums.
pub(super) fn admit_objects(objects: &[Value], admission: &Admission<'_>) -> Vec<Value> {
    let complete = |object: &Value| {
        let mut object = object.clone();
        if let Some(spec) = pod_spec_mut(&mut object) {
            *spec = admit_pod(spec, admission);
        }
        object
    };
    objects.iter().map(complete).collect()
}

fn admit_pod(spec: &Map<String, Value>, admission: &Admission<'_>) -> Map<String, Value> {
    let mut spec = spec.clone();
    for_each_container(&mut spec, default_requests);
    apply_pod_limit_defaults(&mut spec, admission.limit_ranges);
    apply_runtime_class(&mut spec, admission.runtime_classes);
    if spec.get("hostNetwork") == Some(&Value::Bool(true)) {
        for_each_container(&mut spec, publish_ports);
    }
    // The admission plugin DefaultTolerationSeconds adds them.
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    if let Some(list) = tolerations.as_array_mut() {
        for key in [
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
        ] {
            list.push(json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 }));
        }
    }
    spec
}

fn for_each_container(spec: &mut Map<String, Value>, mut change: impl FnMut(&mut Value)) {
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        containers.into_iter().flatten().for_each(&mut change);
    }
}

fn default_requests(container: &mut Value) {
    let limits = container.pointer("/resources/limits").cloned();
    fill(container, "requests", limits.as_ref());
}

/// Adds amounts that the container's `requests` or `limits` do not name.
fn fill(container: &mut Value, part: &str, amounts: Option<&Value>) {
    let Some(amounts) = amounts
        .and_then(Value::as_object)
        .filter(|all| !all.is_empty())
    else {
        return;
    };
    for (name, amount) in amounts {
        let given = container.pointer(&format!("/resources/{part}"));
        if given.and_then(|given| given.get(name)).is_none() && container.is_object() {
            container["resources"][part][name] = amount.clone();
        }
    }
}

fn publish_ports(container: &mut Value) {
    let ports = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        if port.get("hostPort").is_none() && port.is_object() {
            port["hostPort"] = port["containerPort"].clone();
        }
    }
}

/// Adds overhead, node selector and tolerations of the Pod's RuntimeClass.
fn apply_runtime_class(spec: &mut Map<String, Value>, classes: &[Value]) {
    let Some(name) = spec.get("runtimeClassName").and_then(Value::as_str) else {
        return;
    };
    let Some(class) = classes.iter().find(|class| Untyped(class).name() == name) else {
        return;
    };
    if let Some(overhead) = class.pointer("/overhead/podFixed") {
        spec.insert("overhead".into(), overhead.clone());
    }
    let selector = class
        .pointer("/scheduling/nodeSelector")
        .and_then(Value::as_object);
    if let Some(selector) = selector.cloned()
        && let Some(own) = spec
            .entry("nodeSelector")
            .or_insert_with(|| json!({}))
            .as_object_mut()
    {
        own.extend(selector);
    }
    let tolerations = class
        .pointer("/scheduling/tolerations")
        .and_then(Value::as_array);
    if let Some(tolerations) = tolerations.cloned()
        && let Some(own) = spec
            .entry("tolerations")
            .or_insert_with(|| json!([]))
            .as_array_mut()
    {
        own.extend(tolerations);
    }
}

/// Returns what a Pod on a node takes there: its requests, or what the kubelet still grants it where a resize in place has not
/// lowered that yet.
pub(super) fn granted_spec(pod: &Value) -> Option<Map<String, Value>> {
    let mut spec = pod.get("spec")?.as_object()?.clone();
    for (list, statuses) in [
        ("containers", "/status/containerStatuses"),
        ("initContainers", "/status/initContainerStatuses"),
    ] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let name = container.get("name").cloned();
            let mut states = Untyped(pod).items_at(statuses);
            let Some(state) = states.find(|state| state.at("/name").cloned() == name) else {
                continue;
            };
            for path in ["/resources/requests", "/allocatedResources"] {
                raise_requests(container, state.at(path));
            }
        }
    }
    Some(spec)
}

fn raise_requests(container: &mut Value, granted: Option<&Value>) {
    for (name, amount) in granted.and_then(Value::as_object).into_iter().flatten() {
        let path = format!(
            "/resources/requests/{}",
            name.replace('~', "~0").replace('/', "~1")
        );
        let Some(own) = container.pointer_mut(&path) else {
            continue;
        };
        let (wanted, granted) = (parse_quantity(own), parse_quantity(amount));
        if wanted
            .zip(granted)
            .is_some_and(|(wanted, granted)| granted > wanted)
        {
            *own = amount.clone();
        }
    }
}

/// Returns an amount in the scheduler's units: thousandths of a CPU, bytes, whole pieces, rounded up.
pub(super) fn resource_units(name: &str, amount: &Quantity) -> i64 {
    match name {
        "cpu" => amount.multiply(1000).value(),
        _ => amount.value(),
    }
}

/// Returns the requests of a Pod spec by resource, in the scheduler's units: thousandths of a CPU, bytes, whole pieces.
pub(super) fn request_units(spec: &Map<String, Value>) -> Vec<(String, i64)> {
    let all = pod_resources(spec).into_iter();
    all.filter_map(|(name, amount)| {
        let name = name.strip_prefix("requests.")?.to_owned();
        let units = resource_units(&name, &amount);
        Some((name, units))
    })
    .collect()
}

/// Returns CPU and memory that the scheduler assumes for its preferences: 100m and 200Mi for each container that names none.
pub(super) fn assumed_units(spec: &Map<String, Value>) -> [i64; 2] {
    let mut spec = spec.clone();
    let assumed = json!({ "cpu": "100m", "memory": "200Mi" });
    for_each_container(&mut spec, |container| {
        fill(container, "requests", Some(&assumed))
    });
    let mut sum = [0, 0];
    for (name, units) in request_units(&spec) {
        match name.as_str() {
            "cpu" => sum[0] = units,
            "memory" => sum[1] = units,
            _ => {}
        }
    }
    sum
}

/// Returns a Pod of the cluster as a typed object; `None` for one that has ended, which takes nothing.
pub(super) fn read_active_pod(pod: &Value) -> Option<Pod> {
    (!has_pod_ended(pod)).then(|| Untyped(pod).read()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(spec: &Map<String, Value>) -> i64 {
        let found = request_units(spec)
            .into_iter()
            .find(|(name, _)| name == "cpu");
        found.map(|(_, units)| units).unwrap_or_default()
    }

    #[test]
    fn a_limit_is_a_request_before_a_limit_range_fills_in() {
        let object = json!({ "kind": "Deployment", "metadata": { "name": "web" }, "spec": { "replicas": 2, "template": { "spec": { "containers": [
            { "name": "a", "resources": { "limits": { "cpu": "2" } } }, { "name": "b" }] } } } });
        let range = json!({ "spec": { "limits": [{ "type": "Container", "default": { "cpu": "1" }, "defaultRequest": { "cpu": "250m" } }] } });
        let ranges = [range];
        let admission = Admission {
            limit_ranges: &ranges,
            ..Admission::default()
        };
        let pods = expand_pods(std::slice::from_ref(&object), &admission);
        assert_eq!(pods.len(), 2);
        assert_eq!(cpu(&pods[0].fields), 2250);
        let plain = expand_pods(&[object], &Admission::default());
        assert_eq!(cpu(&plain[0].fields), 2000);
        assert_eq!(assumed_units(&plain[0].fields), [2100, 400 << 20]);
    }

    #[test]
    fn a_runtime_class_adds_its_overhead_and_node_selector() {
        let pod = json!({ "kind": "Pod", "metadata": { "name": "p" }, "spec": { "runtimeClassName": "kata", "nodeSelector": { "a": "1" }, "containers": [] } });
        let class = json!({ "metadata": { "name": "kata" }, "overhead": { "podFixed": { "cpu": "250m" } }, "scheduling": { "nodeSelector": { "kata": "yes" } } });
        let classes = [class];
        let admission = Admission {
            runtime_classes: &classes,
            ..Admission::default()
        };
        let pods = expand_pods(&[pod], &admission);
        assert_eq!(cpu(&pods[0].fields), 250);
        assert_eq!(pods[0].spec.node_selector.as_ref().unwrap().len(), 2);
    }

    #[test]
    fn a_pod_that_was_resized_counts_what_it_still_has() {
        let pod = json!({ "spec": { "containers": [{ "name": "a", "resources": { "requests": { "cpu": "1" } } }] },
            "status": { "containerStatuses": [{ "name": "a", "allocatedResources": { "cpu": "3" } }] } });
        assert_eq!(cpu(&granted_spec(&pod).unwrap()), 3000);
    }
}
