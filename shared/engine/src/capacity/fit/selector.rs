//! Label selectors, node selectors and tolerations, matched as the scheduler matches them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use session_model::objects::metadata::name_of;

/// Labels of an object.
pub(super) type Labels = BTreeMap<String, String>;

/// Returns true if the labels match all requirements of the selector. An empty selector matches everything; one with an operator that
/// does not exist, nothing.
pub(super) fn matches_labels(selector: &LabelSelector, labels: &Labels) -> bool {
    let equal = selector.match_labels.iter().flatten();
    let mut equal = equal.map(|(key, value)| labels.get(key) == Some(value));
    let expressions = selector.match_expressions.iter().flatten();
    equal.all(|matches| matches)
        && expressions.into_iter().all(|one| {
            let values = one.values.as_deref().unwrap_or_default();
            matches_requirement(&one.operator, values, labels.get(&one.key))
        })
}

/// Returns true if `value`, of a label or field, satisfies the operator.
fn matches_requirement(operator: &str, values: &[String], value: Option<&String>) -> bool {
    let compare = |holds: fn(i64, i64) -> bool| {
        let found = value.and_then(|value| value.parse().ok());
        let wanted = values.first().and_then(|value| value.parse().ok());
        found.zip(wanted).is_some_and(|(a, b)| holds(a, b))
    };
    match operator {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(|found, wanted| found > wanted),
        "Lt" => compare(|found, wanted| found < wanted),
        _ => false,
    }
}

/// Returns true if the node satisfies a term: all of its expressions and fields. A term without any matches no node.
pub(super) fn matches_node_term(term: &NodeSelectorTerm, node: &Node) -> bool {
    let none = Labels::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&none);
    let name = name_of(&node.metadata).to_owned();
    let holds = |one: &NodeSelectorRequirement, value: Option<&String>| {
        let values = one.values.as_deref().unwrap_or_default();
        matches_requirement(&one.operator, values, value)
    };
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    (!expressions.is_empty() || !fields.is_empty())
        && expressions
            .iter()
            .all(|one| holds(one, labels.get(&one.key)))
        && fields
            .iter()
            .all(|one| one.key == "metadata.name" && holds(one, Some(&name)))
}

/// Returns true if the node satisfies `nodeSelector` and the required node affinity of the Pod.
pub(super) fn matches_node(spec: &PodSpec, node: &Node) -> bool {
    let none = Labels::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&none);
    let mut selector = spec.node_selector.iter().flatten();
    let affinity = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|node| {
            node.required_during_scheduling_ignored_during_execution
                .as_ref()
        });
    selector.all(|(key, value)| labels.get(key) == Some(value))
        && affinity.is_none_or(|affinity| {
            let mut terms = affinity.node_selector_terms.iter();
            terms.any(|term| matches_node_term(term, node))
        })
}

/// Returns the sum of the weights of the preferred node affinity terms that the node satisfies.
pub(super) fn preferred_node_weight(spec: &PodSpec, node: &Node) -> i64 {
    let affinity = spec.affinity.as_ref();
    let terms = affinity
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|node| {
            node.preferred_during_scheduling_ignored_during_execution
                .as_ref()
        });
    let matched = terms
        .into_iter()
        .flatten()
        .filter(|term| matches_node_term(&term.preference, node));
    matched.map(|term| i64::from(term.weight)).sum()
}

/// Returns the first taint that keeps the Pod away from the node; the taint of a cordoned node is among them.
pub(super) fn untolerated_taint(spec: &PodSpec, node: &Node) -> Option<Taint> {
    let tolerations = spec.tolerations.as_deref().unwrap_or_default();
    let keeps_away = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    let mut hard = node_taints(node).iter().filter(keeps_away);
    let found = hard
        .find(|taint| !is_tolerated(taint, tolerations))
        .cloned();
    found.or_else(|| {
        let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
        let taint = Taint {
            key: "node.kubernetes.io/unschedulable".into(),
            effect: "NoSchedule".into(),
            ..Taint::default()
        };
        (cordoned && !is_tolerated(&taint, tolerations)).then_some(taint)
    })
}

/// Returns the number of the node's taints that make the scheduler prefer other nodes.
pub(super) fn count_avoided_taints(spec: &PodSpec, node: &Node) -> i64 {
    let tolerations = spec.tolerations.as_deref().unwrap_or_default();
    let avoided = node_taints(node)
        .iter()
        .filter(|taint| taint.effect == "PreferNoSchedule" && !is_tolerated(taint, tolerations));
    i64::try_from(avoided.count()).unwrap_or(i64::MAX)
}

fn node_taints(node: &Node) -> &[Taint] {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref());
    taints.unwrap_or_default()
}

fn is_tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|toleration| {
        let effect = toleration.effect.as_deref().unwrap_or_default();
        let key = toleration.key.as_deref().unwrap_or_default();
        let same_value = toleration.value.as_deref().unwrap_or_default()
            == taint.value.as_deref().unwrap_or_default();
        let operator = toleration.operator.as_deref().unwrap_or_default();
        (effect.is_empty() || effect == taint.effect)
            && (key.is_empty() || key == taint.key)
            && match operator {
                "" | "Equal" => same_value,
                "Exists" => true,
                _ => false,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn node(value: Value) -> Node {
        serde_json::from_value(value).unwrap()
    }

    fn spec(value: Value) -> PodSpec {
        let mut whole = json!({ "containers": [] });
        for (key, value) in value.as_object().unwrap() {
            whole[key] = value.clone();
        }
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn every_operator_of_a_node_affinity_is_matched() {
        let node =
            node(json!({ "metadata": { "name": "n1", "labels": { "zone": "a", "size": "8" } } }));
        let requires = |field: &str, key: &str, operator: &str, values: Value| {
            let term = json!({ field: [{ "key": key, "operator": operator, "values": values }] });
            let affinity = json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [term] } } });
            matches_node(&spec(json!({ "affinity": affinity })), &node)
        };
        let label = |key, operator, values| requires("matchExpressions", key, operator, values);
        assert!(label("zone", "In", json!(["b", "a"])) && !label("zone", "In", json!(["b"])));
        assert!(!label("zone", "NotIn", json!(["a"])) && label("none", "NotIn", json!(["a"])));
        assert!(
            label("zone", "Exists", json!(null)) && !label("zone", "DoesNotExist", json!(null))
        );
        assert!(label("size", "Gt", json!(["7"])) && !label("size", "Gt", json!(["8"])));
        assert!(label("size", "Lt", json!(["9"])) && !label("zone", "Lt", json!(["9"])));
        assert!(requires(
            "matchFields",
            "metadata.name",
            "In",
            json!(["n1"])
        ));
        assert!(!requires(
            "matchFields",
            "metadata.name",
            "In",
            json!(["n2"])
        ));
    }

    #[test]
    fn taints_keep_pods_away_that_do_not_tolerate_them() {
        let tainted = node(json!({ "metadata": { "name": "n" }, "spec": { "taints": [
            { "key": "soft", "effect": "PreferNoSchedule" }, { "key": "gpu", "value": "a100", "effect": "NoSchedule" }] } }));
        let key = |tolerations: Value| {
            let spec = spec(json!({ "tolerations": tolerations }));
            untolerated_taint(&spec, &tainted).map(|taint| taint.key)
        };
        assert_eq!(key(json!([])).as_deref(), Some("gpu"));
        assert_eq!(key(json!([{ "key": "gpu", "value": "a100" }])), None);
        assert_eq!(
            key(json!([{ "key": "gpu", "operator": "Exists", "effect": "NoExecute" }])).as_deref(),
            Some("gpu")
        );
        assert_eq!(key(json!([{ "operator": "Exists" }])), None);
        assert_eq!(count_avoided_taints(&spec(json!({})), &tainted), 1);
    }

    #[test]
    fn a_cordoned_node_is_tainted() {
        let cordoned =
            node(json!({ "metadata": { "name": "n" }, "spec": { "unschedulable": true } }));
        let taint = untolerated_taint(&spec(json!({})), &cordoned).unwrap();
        assert_eq!(taint.key, "node.kubernetes.io/unschedulable");
    }
}
