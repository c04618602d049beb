//! What objects take: requests and limits of a Pod as Kubernetes counts them, and what objects count against a ResourceQuota.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use serde_json::Value;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::pods::pod_spec;
use session_model::quantity::Quantity;

/// Sums what objects count against a ResourceQuota, keyed by the names in its `spec.hard`.
pub fn sum_quota_demand(objects: &[Value]) -> BTreeMap<String, Quantity> {
    let mut sum = BTreeMap::new();
    for object in objects {
        count_object(object, &mut sum);
        let pods = pod_count(object);
        if let Some(spec) = pod_spec(object).filter(|_| pods > 0) {
            add_amount(&mut sum, "pods", Quantity::from_units(pods));
            add_amount(&mut sum, "count/pods", Quantity::from_units(pods));
            for (name, amount) in pod_resources(spec) {
                add_amount(&mut sum, &name, amount.multiply(pods));
            }
        }
    }
    sum
}

pub(crate) fn parse_amount(amount: &Amount) -> Option<Quantity> {
    amount.0.parse().ok()
}

pub(crate) fn parse_quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn add_amount(sum: &mut BTreeMap<String, Quantity>, name: &str, amount: Quantity) {
    let entry = sum.entry(name.to_owned()).or_insert(Quantity::ZERO);
    *entry = entry.add(&amount);
}

/// Returns the number of Pods that run at the same time for an object with a Pod template, as soon as it exists. Those of a CronJob come
/// later, and those of a suspended Job when it is resumed.
pub(crate) fn pod_count(object: &Value) -> i64 {
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64);
    match Untyped(object).kind() {
        "CronJob" => 0,
        "Job" if object.pointer("/spec/suspend") == Some(&Value::Bool(true)) => 0,
        "Job" => {
            let parallel = number("/spec/parallelism").unwrap_or(1);
            number("/spec/completions").map_or(parallel, |left| left.min(parallel))
        }
        _ => number("/spec/replicas")
            .or_else(|| number("/spec/parallelism"))
            .unwrap_or(1),
    }
}

fn count_object(object: &Value, sum: &mut BTreeMap<String, Quantity>) {
    let kind = Untyped(object).kind();
    if let Some(resource) = ResourceType::find_known(Untyped(object).api_version(), kind)
        && kind != "Pod"
    {
        add_amount(
            sum,
            &format!("count/{}", resource.qualified()),
            Quantity::from_units(1),
        );
        if resource.group.is_empty() {
            add_amount(sum, &resource.plural, Quantity::from_units(1));
        }
    }
    let inside = object
        .pointer("/spec/volumeClaimTemplates")
        .and_then(Value::as_array);
    for claim in inside.into_iter().flatten() {
        for _ in 0..pod_count(object) {
            for name in ["persistentvolumeclaims", "count/persistentvolumeclaims"] {
                add_amount(sum, name, Quantity::from_units(1));
            }
            count_storage(claim, sum);
        }
    }
    match kind {
        "PersistentVolumeClaim" => count_storage(object, sum),
        "Service" => count_ports(object, sum),
        _ => {}
    }
}

/// Counts a Service's node ports and load balancer, of which a cluster has few.
fn count_ports(service: &Value, sum: &mut BTreeMap<String, Quantity>) {
    let service = Untyped(service);
    let kind = service.str_at("/spec/type");
    let balanced = kind == Some("LoadBalancer");
    if balanced {
        add_amount(sum, "services.loadbalancers", Quantity::from_units(1));
    }
    let has_ports = kind == Some("NodePort")
        || balanced
            && service.at("/spec/allocateLoadBalancerNodePorts") != Some(&Value::Bool(false));
    if has_ports {
        let ports = i64::try_from(service.items_at("/spec/ports").count());
        let ports = ports.unwrap_or(i64::MAX);
        add_amount(sum, "services.nodeports", Quantity::from_units(ports));
    }
}

fn count_storage(claim: &Value, sum: &mut BTreeMap<String, Quantity>) {
    let size = claim
        .pointer("/spec/resources/requests/storage")
        .and_then(parse_quantity)
        .unwrap_or(Quantity::ZERO);
    if let Some(class) = Untyped(claim).str_at("/spec/storageClassName") {
        let of_class = format!("{class}.storageclass.storage.k8s.io");
        add_amount(sum, &format!("{of_class}/requests.storage"), size);
        let one = Quantity::from_units(1);
        add_amount(sum, &format!("{of_class}/persistentvolumeclaims"), one);
    }
    add_amount(sum, "requests.storage", size);
}

/// Returns what one Pod takes, keyed `requests.NAME` and `limits.NAME`. As in Kubernetes (`PodRequests` of k8s.io/component-helpers), that is
/// the sum of its containers and sidecars, or an init container with the sidecars that started before it where that is more; amounts of
/// the Pod itself replace that sum, and the overhead of its runtime class is added.
pub fn pod_resources(spec: &serde_json::Map<String, Value>) -> BTreeMap<String, Quantity> {
    let mut sum = resources_without_overhead(spec);
    for (name, amount) in spec
        .get("overhead")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let Some(amount) = parse_quantity(amount) else {
            continue;
        };
        add_amount(&mut sum, &format!("requests.{name}"), amount);
        // Without a limit there is none to raise.
        if let Some(limit) = sum.get_mut(&format!("limits.{name}")) {
            *limit = limit.add(&amount);
        }
    }
    sum
}

/// Returns what [`pod_resources`] does, without the overhead of the Pod's runtime class.
pub(super) fn resources_without_overhead(
    spec: &serde_json::Map<String, Value>,
) -> BTreeMap<String, Quantity> {
    let list = |name: &str| spec.get(name).and_then(Value::as_array);
    let (mut sum, mut sidecars, mut initial) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for container in list("containers").into_iter().flatten() {
        add_amounts(&mut sum, container_resources(container));
    }
    for container in list("initContainers").into_iter().flatten() {
        let is_sidecar = Untyped(container).str_at("/restartPolicy") == Some("Always");
        let mut together = sidecars.clone();
        add_amounts(&mut together, container_resources(container));
        if is_sidecar {
            sidecars = together;
        } else {
            raise_amounts(&mut initial, together);
        }
    }
    add_amounts(&mut sum, sidecars);
    raise_amounts(&mut sum, initial);
    let own = spec.get("resources");
    let is_given = |key: &str| {
        let name = key.strip_prefix("requests.");
        name.is_none_or(|name| own.and_then(|own| own.get("requests")?.get(name)).is_some())
    };
    for (key, amount) in amounts_in(own) {
        // A request that the Pod does not give is that of its containers; its limit only where they have none.
        if is_given(&key) || !sum.contains_key(&key) {
            sum.insert(key, amount);
        }
    }
    sum
}

fn add_amounts(
    sum: &mut BTreeMap<String, Quantity>,
    amounts: impl IntoIterator<Item = (String, Quantity)>,
) {
    for (name, amount) in amounts {
        add_amount(sum, &name, amount);
    }
}

/// Raises each amount of `most` to that of `amounts` where this is more.
fn raise_amounts(most: &mut BTreeMap<String, Quantity>, amounts: BTreeMap<String, Quantity>) {
    for (name, amount) in amounts {
        let entry = most.entry(name).or_insert(Quantity::ZERO);
        *entry = (*entry).max(amount);
    }
}

pub(crate) fn container_resources(container: &Value) -> Vec<(String, Quantity)> {
    amounts_in(container.pointer("/resources"))
}

/// Returns requests and limits; a missing request defaults to the limit.
fn amounts_in(resources: Option<&Value>) -> Vec<(String, Quantity)> {
    let part = |name: &str| resources?.get(name)?.as_object();
    let mut found = Vec::new();
    for (name, value) in part("limits").into_iter().flatten() {
        let Some(amount) = parse_quantity(value) else {
            continue;
        };
        if part("requests").is_none_or(|requests| !requests.contains_key(name)) {
            found.push((format!("requests.{name}"), amount));
        }
        found.push((format!("limits.{name}"), amount));
    }
    for (name, value) in part("requests").into_iter().flatten() {
        found.extend(parse_quantity(value).map(|amount| (format!("requests.{name}"), amount)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Value {
        json!({ "apiVersion": "v1", "kind": "Pod", "spec": {
            "initContainers": [{ "resources": { "requests": { "cpu": "3" } } }],
            "containers": [
                { "resources": { "requests": { "cpu": "500m" }, "limits": { "cpu": "1", "memory": "1Gi" } } },
                { "resources": { "requests": { "cpu": "350m", "memory": "512Mi" } } },
            ] } })
    }

    #[test]
    fn a_pod_counts_as_kubernetes_counts_it() {
        let demand = sum_quota_demand(&[pod()]);
        assert_eq!(demand["requests.cpu"].to_string(), "3");
        assert_eq!(demand["requests.memory"].to_string(), "1536Mi");
        assert_eq!(demand["limits.cpu"].to_string(), "1");
        assert_eq!(demand["pods"].to_string(), "1");
    }

    #[test]
    fn pods_count_as_far_as_they_run_at_once() {
        let pods = |kind: &str, fields: Value| {
            let mut object = json!({"apiVersion": "batch/v1", "kind": kind, "spec": fields});
            object["spec"]["template"] = pod();
            let demand = sum_quota_demand(&[object]);
            demand.get("pods").map_or(0, Quantity::value)
        };
        assert_eq!(pods("Job", json!({})), 1);
        assert_eq!(pods("Job", json!({"parallelism": 3})), 3);
        assert_eq!(pods("Job", json!({"parallelism": 10, "completions": 2})), 2);
        assert_eq!(pods("Job", json!({"parallelism": 2, "completions": 9})), 2);
        assert_eq!(pods("Job", json!({"parallelism": 2, "suspend": true})), 0);
        assert_eq!(pods("Job", json!({"suspend": false})), 1);
        assert_eq!(pods("Deployment", json!({"replicas": 4})), 4);
        let cron = json!({"jobTemplate": {"spec": {"parallelism": 2, "template": pod()}}});
        assert_eq!(pods("CronJob", cron), 0);
    }

    #[test]
    fn claims_count_wherever_they_stand() {
        let claim = json!({ "spec": { "storageClassName": "fast", "resources": { "requests": { "storage": "30Gi" } } } });
        let set = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "spec": { "replicas": 2, "volumeClaimTemplates": [claim] } });
        let demand = sum_quota_demand(&[set]);
        assert_eq!(demand["requests.storage"].to_string(), "60Gi");
        assert_eq!(demand["persistentvolumeclaims"].to_string(), "2");
        assert_eq!(
            demand["fast.storageclass.storage.k8s.io/requests.storage"].to_string(),
            "60Gi"
        );
        assert_eq!(
            demand["fast.storageclass.storage.k8s.io/persistentvolumeclaims"].to_string(),
            "2"
        );
    }

    #[test]
    fn services_count_their_node_ports_and_load_balancers() {
        let service = |spec: Value| json!({ "apiVersion": "v1", "kind": "Service", "spec": spec });
        let demand = |spec: Value, name: &str| {
            let demand = sum_quota_demand(&[service(spec)]);
            demand.get(name).map(|amount| amount.value())
        };
        let ports = json!([{ "port": 80 }, { "port": 443 }]);
        let of_type = |kind: &str| json!({ "type": kind, "ports": ports });
        assert_eq!(demand(of_type("NodePort"), "services.nodeports"), Some(2));
        assert_eq!(
            demand(of_type("LoadBalancer"), "services.nodeports"),
            Some(2)
        );
        assert_eq!(
            demand(of_type("LoadBalancer"), "services.loadbalancers"),
            Some(1)
        );
        assert_eq!(demand(of_type("ClusterIP"), "services.nodeports"), None);
        let mut none = of_type("LoadBalancer");
        none["allocateLoadBalancerNodePorts"] = false.into();
        assert_eq!(demand(none, "services.nodeports"), None);
    }

    fn requests(spec: Value) -> String {
        let sum = pod_resources(spec.as_object().unwrap());
        sum.get("requests.cpu")
            .map(Quantity::to_string)
            .unwrap_or_default()
    }

    #[test]
    fn sidecars_count_beside_what_starts_after_them() {
        let cpu = |amount: &str| json!({"requests": {"cpu": amount}});
        let side = json!({"restartPolicy": "Always", "resources": cpu("1")});
        let init = json!({"resources": cpu("4")});
        let main = json!({"resources": cpu("2")});
        let pod = |inits: Value| requests(json!({"initContainers": inits, "containers": [main]}));
        assert_eq!(pod(json!([init, side])), "4");
        assert_eq!(pod(json!([side, init])), "5");
        assert_eq!(pod(json!([side])), "3");
    }

    #[test]
    fn amounts_of_the_pod_replace_the_sum_and_its_overhead_is_added() {
        let main = json!({"resources": {"requests": {"cpu": "2"}}});
        let pod = json!({"containers": [main], "resources": {"requests": {"cpu": "1"}}, "overhead": {"cpu": "250m"}});
        assert_eq!(requests(pod), "1250m");
    }

    #[test]
    fn a_limit_of_the_pod_is_its_request_only_if_no_container_requests_any() {
        let of_containers = |resources: Value| {
            requests(json!({"containers": [{"resources": resources}, {}],
                "resources": {"limits": {"cpu": "1"}}, "overhead": {"cpu": "250m"}}))
        };
        assert_eq!(of_containers(json!({"requests": {"cpu": "100m"}})), "350m");
        assert_eq!(of_containers(json!({"limits": {"cpu": "500m"}})), "750m");
        assert_eq!(of_containers(json!({})), "1250m");
    }
}
