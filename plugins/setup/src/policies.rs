//! What the NetworkPolicies of setup allow, and which of them would widen those of others. Pure.

use serde_json::{Value, json};
use session_shared::objects::Untyped;

use crate::ownership::is_ours;
use crate::roles::SYSTEM_NAMESPACE;
use crate::selector_overlap::may_select_same;

/// Name of the NetworkPolicy that denies everything which no other one allows.
pub(crate) const DENY_POLICY: &str = "default-deny-all";
/// Name of the NetworkPolicy of the Pods of sessions in the namespace of a user.
pub(crate) const SESSION_POLICY: &str = "session";
/// Namespace of Prometheus.
pub(crate) const MONITORING: &str = "monitoring";
/// Label that the server sets on every Namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Private and link-local addresses: the cluster's own, its nodes', and the metadata services of clouds.
pub(crate) const PRIVATE_V4: [&str; 4] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
];
pub(crate) const PRIVATE_V6: [&str; 2] = ["fc00::/7", "fe80::/10"];

/// Returns the content of a NetworkPolicy that denies what no other one allows.
pub(crate) fn deny_all() -> Value {
    json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
}

/// Returns the egress rule for DNS.
pub(crate) fn dns() -> Value {
    json!({"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]})
}

/// Returns the egress rule for public addresses.
pub(crate) fn public_addresses() -> Value {
    json!({"to": [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE_V4}},
        {"ipBlock": {"cidr": "::/0", "except": PRIVATE_V6}},
    ]})
}

/// Returns the egress rule for the API server, whose address is not known.
pub(crate) fn api_server() -> Value {
    json!({"ports": [{"protocol": "TCP", "port": 443}, {"protocol": "TCP", "port": 6443}]})
}

/// Returns the peers that are the Pods of a namespace.
pub(crate) fn pods_of_namespace(name: &str) -> Value {
    json!({"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: name}}})
}

/// Namespaces whose Pods connect to sessions: `serve`, the two ingress controllers of the templates, and monitoring.
const CALLERS: [&str; 4] = [
    "ingress-nginx",
    "istio-system",
    MONITORING,
    SYSTEM_NAMESPACE,
];

/// Returns the peers that are the Pods of the namespaces that connect to sessions.
pub(crate) fn callers() -> Value {
    json!({"namespaceSelector": {"matchExpressions": [
        {"key": NAMESPACE_NAME, "operator": "In", "values": CALLERS}]}})
}

/// The label of a platform's router, on its Pods and Services, and its value.
pub(crate) const ROUTER_LABEL: &str = "app.kubernetes.io/component";
pub(crate) const ROUTER_COMPONENT: &str = "router";

/// Returns the peer that is the router of the namespace.
pub(crate) fn router() -> Value {
    json!({"podSelector": {"matchLabels": {ROUTER_LABEL: ROUTER_COMPONENT}}})
}

/// NetworkPolicies that are not added.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) names: Vec<String>,
    /// Which ones, and beside which of others.
    pub(crate) note: Option<String>,
}

/// Returns the policies that are not added beside those that are there: what they allow would be allowed in addition. Those of an
/// earlier run stay. The one that only denies is added, unless there is one of its name.
pub(crate) fn find_left_out(wanted: &[&Value], found: &[&Value]) -> LeftOut {
    let has_name = |policy: &Value, name: &str| Untyped(policy).name() == name;
    let (ours, others): (Vec<&Value>, Vec<&Value>) =
        found.iter().partition(|policy| is_ours(policy));
    let (mut names, mut widening, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for policy in wanted {
        let name = Untyped(policy).name();
        if ours.iter().any(|one| has_name(one, name)) {
            continue;
        }
        if name == DENY_POLICY {
            let is_there = others.iter().any(|one| has_name(one, name));
            names.extend(is_there.then(|| name.to_owned()));
            continue;
        }
        let rivals = others.iter().filter(|other| {
            may_select_same(
                &policy["spec"]["podSelector"],
                &other["spec"]["podSelector"],
            )
        });
        let rivals: Vec<&str> = rivals.map(|other| Untyped(other).name()).collect();
        if !rivals.is_empty() {
            names.push(name.to_owned());
            widening.push(name);
            beside.extend(rivals);
        }
    }
    beside.sort_unstable();
    beside.dedup();
    let note = (!widening.is_empty()).then(|| {
        format!(
            "NetworkPolicies not added: {}, because they would allow more than those of others in the namespace: {}",
            widening.join(", "),
            beside.join(", ")
        )
    });
    LeftOut { names, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str, labels: Value) -> Value {
        json!({"metadata": {"name": name}, "spec": {"podSelector": {"matchLabels": labels}}})
    }

    #[test]
    fn a_policy_of_other_pods_does_not_matter() {
        let session = policy("session-isolation", json!({"app": "nvim-web-session"}));
        for (labels, is_left_out) in [
            (json!({"app": "db"}), false),
            (json!({"app": "nvim-web-session"}), true),
            (json!({"tier": "web"}), true),
            (Value::Null, true),
        ] {
            let theirs = policy("theirs", labels);
            let left_out = find_left_out(&[&session], &[&theirs]);
            assert_eq!(left_out.note.is_some(), is_left_out, "{theirs}");
            assert_eq!(!left_out.names.is_empty(), is_left_out, "{theirs}");
        }
    }
}
