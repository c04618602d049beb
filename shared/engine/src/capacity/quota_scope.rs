//! Which ResourceQuotas count a Pod: a quota with scopes counts only the Pods that match all of them, and nothing else.

use k8s_openapi::api::core::v1::{ResourceQuota, ScopedResourceSelectorRequirement};
use serde_json::{Map, Value};
use session_model::objects::Untyped;
use session_model::objects::pods::pod_spec;
use session_model::objects::qos::qos_class;

/// Returns those of `objects` that the quota counts; `None` where only the server can say.
pub fn counted_objects(quota: &ResourceQuota, objects: &[Value]) -> Option<Vec<Value>> {
    let requirements = scope_requirements(quota);
    if requirements.is_empty() {
        return Some(objects.to_vec());
    }
    let pods = objects
        .iter()
        .filter_map(|object| Some((object, pod_spec(object)?)));
    let mut counted = Vec::new();
    for (object, spec) in pods {
        let mut matches = requirements.iter().map(|scope| matches_scope(scope, spec));
        if matches.try_fold(true, |all, one| Some(all && one?))? {
            counted.push(object.clone());
        }
    }
    Some(counted)
}

fn scope_requirements(quota: &ResourceQuota) -> Vec<ScopedResourceSelectorRequirement> {
    let Some(spec) = &quota.spec else {
        return Vec::new();
    };
    let scopes = spec
        .scopes
        .iter()
        .flatten()
        .map(|scope| ScopedResourceSelectorRequirement {
            operator: "Exists".to_owned(),
            scope_name: scope.clone(),
            values: None,
        });
    let selector = spec.scope_selector.as_ref();
    let selected = selector.and_then(|selector| selector.match_expressions.clone());
    scopes.chain(selected.into_iter().flatten()).collect()
}

fn matches_scope(
    scope: &ScopedResourceSelectorRequirement,
    spec: &Map<String, Value>,
) -> Option<bool> {
    let has_deadline = spec.get("activeDeadlineSeconds").is_some_and(Value::is_i64);
    match scope.scope_name.as_str() {
        "Terminating" => Some(has_deadline),
        "NotTerminating" => Some(!has_deadline),
        "BestEffort" => Some(qos_class(spec) == "BestEffort"),
        "NotBestEffort" => Some(qos_class(spec) != "BestEffort"),
        // A Pod without a class gets the cluster's default one, if there is one.
        "PriorityClass" => {
            let class = spec.get("priorityClassName").map(Untyped)?.str_at("")?;
            let is_listed = scope.values.iter().flatten().any(|value| value == class);
            match scope.operator.as_str() {
                "In" => Some(is_listed),
                "NotIn" => Some(!is_listed),
                "Exists" => Some(true),
                "DoesNotExist" => Some(false),
                _ => None,
            }
        }
        "CrossNamespacePodAffinity" if !spec.contains_key("affinity") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// How many of a plain Pod and a claim the quota with this spec counts.
    fn counted(spec: Value, pod: Value) -> Option<usize> {
        let quota = json!({"metadata": {"name": "q"}, "spec": spec});
        let quota = Untyped(&quota).read::<ResourceQuota>().unwrap();
        let pod = json!({"kind": "Pod", "spec": pod});
        let claim = json!({"kind": "PersistentVolumeClaim"});
        counted_objects(&quota, &[pod, claim]).map(|all| all.len())
    }

    #[test]
    fn a_quota_with_scopes_counts_only_the_pods_that_match_all() {
        let plain = || json!({"containers": [{"name": "main"}]});
        let scopes = |scopes: &[&str]| json!({"scopes": scopes});
        assert_eq!(counted(json!({}), plain()), Some(2));
        assert_eq!(counted(scopes(&["BestEffort"]), plain()), Some(1));
        assert_eq!(counted(scopes(&["NotBestEffort"]), plain()), Some(0));
        assert_eq!(
            counted(scopes(&["BestEffort", "Terminating"]), plain()),
            Some(0)
        );
        assert_eq!(counted(scopes(&["NotTerminating"]), plain()), Some(1));
        assert_eq!(
            counted(scopes(&["CrossNamespacePodAffinity"]), plain()),
            Some(0)
        );
        assert_eq!(counted(scopes(&["VolumeAttributesClass"]), plain()), None);
    }

    #[test]
    fn the_priority_class_decides_where_the_pod_names_one() {
        let class = |operator: &str| {
            json!({"scopeSelector": {"matchExpressions": [
            {"scopeName": "PriorityClass", "operator": operator, "values": ["high"]}]}})
        };
        let pod = |name: &str| json!({"priorityClassName": name});
        assert_eq!(counted(class("In"), pod("high")), Some(1));
        assert_eq!(counted(class("In"), pod("low")), Some(0));
        assert_eq!(counted(class("NotIn"), pod("low")), Some(1));
        assert_eq!(counted(class("Exists"), pod("low")), Some(1));
        assert_eq!(counted(class("In"), json!({})), None);
    }
}
