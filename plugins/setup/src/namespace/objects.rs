//! The objects in the namespace of a user. Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use session_shared::labels;
use session_shared::names::UserId;

use crate::policies::{self, DENY_POLICY, SESSION_POLICY};
use crate::template_pods::{Port, policy_ports};

/// Label of the Pod Security level that the server enforces.
pub(crate) const ENFORCED_LEVEL: &str = "pod-security.kubernetes.io/enforce";

/// Name of the RoleBinding.
pub(crate) const USER_BINDING: &str = "session-user";
/// Name of the RoleBinding of a user with a sindri.yaml, Sindri's own.
pub(crate) const SINDRI_BINDING: &str = "sindri-user";
/// Name of the NetworkPolicy of the Pods that take scheduled snapshots.
pub(crate) const SCHEDULE_POLICY: &str = "session-schedule";

fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {labels::MANAGED_BY: labels::MANAGER},
        },
    })
}

/// Returns the Namespace of a user, with a legal label value for the team.
pub(crate) fn namespace(
    name: &str,
    user: &UserId,
    team: Option<&str>,
    pod_security: &str,
) -> Value {
    let mut marks = Map::new();
    marks.insert(labels::MANAGED_BY.to_owned(), labels::MANAGER.into());
    let user_label = labels::to_label_value(user.as_str());
    marks.insert(labels::USER.to_owned(), user_label.into());
    if let Some(team) = team {
        marks.insert(labels::TEAM.to_owned(), team.into());
    }
    marks.insert(ENFORCED_LEVEL.to_owned(), pod_security.into());
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": marks,
            "annotations": {labels::USER_ID: user.as_str()},
        },
    })
}

/// Returns the RoleBinding of the user to `edit`, of which `setup roles` makes the rights on sessions a part.
pub(crate) fn role_binding(namespace: &str, name: &str, user: &UserId) -> Value {
    let group = "rbac.authorization.k8s.io";
    let mut binding = object(&format!("{group}/v1"), "RoleBinding", namespace, name);
    binding["roleRef"] = json!({"apiGroup": group, "kind": "ClusterRole", "name": "edit"});
    binding["subjects"] = json!([{"apiGroup": group, "kind": "User", "name": user.as_str()}]);
    binding
}

fn network_policy(namespace: &str, name: &str, spec: Value) -> Value {
    let mut policy = object("networking.k8s.io/v1", "NetworkPolicy", namespace, name);
    policy["spec"] = spec;
    policy
}

/// Returns the NetworkPolicy that denies what no other one allows.
pub(crate) fn deny_policy(namespace: &str) -> Value {
    network_policy(namespace, DENY_POLICY, policies::deny_all())
}

fn pods_with_label(label: &str) -> Value {
    json!({"matchExpressions": [{"key": label, "operator": "Exists"}]})
}

/// Returns the ingress rules of the Pods of sessions: each other and those who connect to them reach `ports`, or all of them.
pub(crate) fn session_ingress(ports: Option<&BTreeSet<Port>>) -> Value {
    let sessions = json!({"podSelector": pods_with_label(labels::SESSION)});
    let rule = |from: Value| match ports {
        None => json!({"from": [from]}),
        Some(ports) => json!({"from": [from], "ports": policy_ports(ports)}),
    };
    match ports {
        // Without ports in a rule, all would be open.
        Some(ports) if ports.is_empty() => json!([]),
        _ => json!([rule(sessions), rule(policies::callers())]),
    }
}

/// Returns the NetworkPolicy of the Pods of sessions, which reach DNS, public addresses and each other.
pub(crate) fn session_policy(namespace: &str, ingress: Value) -> Value {
    let sessions = pods_with_label(labels::SESSION);
    let spec = json!({
        "podSelector": sessions,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
        "egress": [policies::dns(), policies::public_addresses(), {"to": [{"podSelector": sessions}]}],
    });
    network_policy(namespace, SESSION_POLICY, spec)
}

/// Returns the NetworkPolicy of the Pods that take scheduled snapshots. They need the API server, whose address is not known.
pub(crate) fn schedule_policy(namespace: &str) -> Value {
    let spec = json!({
        "podSelector": pods_with_label(labels::SCHEDULE),
        "policyTypes": ["Ingress", "Egress"],
        "egress": [policies::dns(), policies::api_server()],
    });
    network_policy(namespace, SCHEDULE_POLICY, spec)
}
