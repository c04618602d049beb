//! Check of a session's objects against the ResourceQuotas of its namespace, before anything is created.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use serde_json::Value;

use super::Cause;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::metadata::name_of;
use session_model::objects::pods::pod_spec;
use session_model::quantity::Quantity;

/// Sums what objects count against a ResourceQuota, keyed by the names in its `spec.hard`.
pub fn sum_quota_demand(objects: &[Value]) -> BTreeMap<String, Quantity> {
    let mut sum = BTreeMap::new();
    for object in objects {
        count_object(object, &mut sum);
        if let Some(spec) = pod_spec(object) {
            let pods = pod_count(object);
            add_amount(&mut sum, "pods", Quantity::from_units(pods));
            add_amount(&mut sum, "count/pods", Quantity::from_units(pods));
            for (name, amount) in pod_resources(spec) {
                add_amount(&mut sum, &name, amount.multiply(pods));
            }
        }
    }
    sum
}

/// Hint for a quota that is exceeded.
pub const QUOTA_REMEDY: &str = "request less, delete sessions that are no longer needed, or ask an administrator to raise the quota";

/// Returns the quotas that the objects would exceed, with every exceeded resource and its figures. Skips quotas with scopes, which
/// only the server can match, and ignores defaults that a LimitRange would add.
pub fn find_quota_shortfall(objects: &[Value], quotas: &[Value]) -> Option<Cause> {
    let demand = sum_quota_demand(objects);
    let quotas = quotas
        .iter()
        .filter_map(|quota| Untyped(quota).read::<ResourceQuota>());
    let exceeded = quotas.filter_map(|quota| {
        let figures = exceeded_resources(&quota, &demand)?;
        let name = name_of(&quota.metadata);
        (!figures.is_empty()).then(|| format!("quota {name:?} is exceeded: {}", figures.join("; ")))
    });
    let exceeded: Vec<String> = exceeded.collect();
    (!exceeded.is_empty()).then(|| Cause {
        reason: "QuotaExceeded".into(),
        message: exceeded.join("; "),
        remedy: Some(QUOTA_REMEDY.into()),
        ..Cause::default()
    })
}

/// Returns a text for each resource of the quota that the demand would exceed: `cpu: requested 3, used 48, hard 50`. `None` for
/// a quota that only the server can match.
fn exceeded_resources(
    quota: &ResourceQuota,
    demand: &BTreeMap<String, Quantity>,
) -> Option<Vec<String>> {
    let (spec, status) = (quota.spec.as_ref()?, quota.status.as_ref()?);
    if spec.scopes.is_some() || spec.scope_selector.is_some() {
        return None;
    }
    let exceeded = status.hard.iter().flatten().filter_map(|(name, hard)| {
        let asked = demand.get(canonical_resource(name))?;
        let used = status.used.as_ref().and_then(|used| used.get(name));
        let used = used.and_then(parse_amount).unwrap_or(Quantity::ZERO);
        let hard = parse_amount(hard)?;
        (!asked.is_zero() && used.add(asked) > hard)
            .then(|| format!("{name}: requested {asked}, used {used}, hard {hard}"))
    });
    Some(exceeded.collect())
}

/// Returns the full name of a quota's resource: `cpu` and `memory` are short for the requests.
fn canonical_resource(name: &str) -> &str {
    match name {
        "cpu" => "requests.cpu",
        "memory" => "requests.memory",
        other => other,
    }
}

pub(super) fn parse_amount(amount: &Amount) -> Option<Quantity> {
    amount.0.parse().ok()
}

pub(super) fn parse_quantity(value: &Value) -> Option<Quantity> {
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

fn pod_count(object: &Value) -> i64 {
    let wanted = object
        .pointer("/spec/replicas")
        .or_else(|| object.pointer("/spec/parallelism"));
    wanted.and_then(Value::as_i64).unwrap_or(1)
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
            add_amount(sum, "persistentvolumeclaims", Quantity::from_units(1));
            count_storage(claim, sum);
        }
    }
    if kind == "PersistentVolumeClaim" {
        count_storage(object, sum);
    }
}

fn count_storage(claim: &Value, sum: &mut BTreeMap<String, Quantity>) {
    let size = claim
        .pointer("/spec/resources/requests/storage")
        .and_then(parse_quantity)
        .unwrap_or(Quantity::ZERO);
    if let Some(class) = Untyped(claim).str_at("/spec/storageClassName") {
        add_amount(
            sum,
            &format!("{class}.storageclass.storage.k8s.io/requests.storage"),
            size,
        );
    }
    add_amount(sum, "requests.storage", size);
}

/// Returns what one Pod counts, keyed `requests.NAME` and `limits.NAME`. As in Kubernetes, that is the sum of its containers
/// and sidecars, or the largest init container where that is more.
pub(super) fn pod_resources(spec: &serde_json::Map<String, Value>) -> BTreeMap<String, Quantity> {
    let list = |name: &str| {
        spec.get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut sum = BTreeMap::new();
    let is_sidecar =
        |container: &Value| Untyped(container).str_at("/restartPolicy") == Some("Always");
    let (sidecars, init): (Vec<Value>, Vec<Value>) =
        list("initContainers").into_iter().partition(is_sidecar);
    for container in list("containers").iter().chain(&sidecars) {
        for (name, amount) in container_resources(container) {
            add_amount(&mut sum, &name, amount);
        }
    }
    for container in &init {
        for (name, amount) in container_resources(container) {
            let entry = sum.entry(name).or_insert(Quantity::ZERO);
            if amount > *entry {
                *entry = amount;
            }
        }
    }
    sum
}

fn container_resources(container: &Value) -> Vec<(String, Quantity)> {
    let part = |name: &str| {
        container
            .pointer("/resources")
            .and_then(|r| r.get(name))
            .and_then(Value::as_object)
    };
    let mut found = Vec::new();
    for (name, value) in part("limits").into_iter().flatten() {
        let Some(amount) = parse_quantity(value) else {
            continue;
        };
        // A missing request defaults to the limit.
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

    fn quota(hard: Value, used: Value) -> Value {
        json!({ "metadata": { "name": "q" }, "spec": {}, "status": { "hard": hard, "used": used } })
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
    fn a_quota_that_is_too_small_shows_its_figures() {
        let cause = find_quota_shortfall(
            &[pod()],
            &[quota(json!({ "cpu": "50" }), json!({ "cpu": "48" }))],
        )
        .unwrap();
        assert_eq!(
            cause.message,
            "quota \"q\" is exceeded: cpu: requested 3, used 48, hard 50"
        );
        assert_eq!(
            find_quota_shortfall(
                &[pod()],
                &[quota(json!({ "cpu": "51" }), json!({ "cpu": "48" }))]
            ),
            None
        );
        let sessions = [json!({ "apiVersion": "streaming.platform/v1", "kind": "Session" })];
        let limit = quota(
            json!({ "count/sessions.streaming.platform": "1" }),
            json!({ "count/sessions.streaming.platform": "1" }),
        );
        assert!(find_quota_shortfall(&sessions, &[limit]).is_some());
    }

    #[test]
    fn all_exceeded_resources_of_all_quotas_are_named() {
        let quotas = [
            quota(
                json!({ "requests.cpu": "2", "requests.memory": "1Gi", "pods": "5" }),
                json!({ "requests.cpu": "1" }),
            ),
            quota(json!({ "pods": "1" }), json!({ "pods": "1" })),
        ];
        assert_eq!(
            find_quota_shortfall(&[pod()], &quotas).unwrap().message,
            "quota \"q\" is exceeded: requests.cpu: requested 3, used 1, hard 2; requests.memory: requested 1536Mi, used 0, hard 1Gi; quota \"q\" is exceeded: pods: requested 1, used 1, hard 1"
        );
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
    }

    #[test]
    fn a_quota_with_a_scope_is_the_servers_affair() {
        let mut scoped = quota(json!({ "pods": "0" }), json!({ "pods": "0" }));
        scoped["spec"]["scopes"] = json!(["BestEffort"]);
        assert_eq!(find_quota_shortfall(&[pod()], &[scoped]), None);
    }
}
