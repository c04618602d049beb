//! The ValidatingAdmissionPolicy for Sessions, and its binding. The policy allows a user to create sessions for themselves
//! and to change and delete their own; other users' sessions need the verbs `assign` and `manage`.
//!
//! Policy and binding spell out every default of the API server, so that a client can compare them with the objects on the
//! server field by field. Any difference, including a narrower match, means that the policy has been altered.

use serde_json::{Value, json};

use super::API_GROUP;

/// Name of the policy and of its binding.
pub const ADMISSION_POLICY: &str = "session-owner.streaming.platform";
/// `apiVersion` of policy and binding; served since Kubernetes 1.30.
const API_VERSION: &str = "admissionregistration.k8s.io/v1";
/// Users of the control plane, which the policy exempts: they update and delete objects of every kind as a consequence of
/// requests that were already authorized.
const CONTROL_PLANE: [&str; 4] = [
    "system:kube-controller-manager",
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:storage-version-migrator-controller",
];

/// CEL expression of the caller's user name.
const USERNAME: &str = "request.userInfo.username";

/// Returns the policy and its binding, in the order in which they must be applied.
pub fn admission_objects() -> Vec<Value> {
    vec![policy(), binding()]
}

/// Returns true if `policy` and `binding`, as read from the server, have exactly the expected spec and are not being deleted.
pub fn is_policy_in_force(policy: &Value, binding: &Value) -> bool {
    let same = |found: &Value, ours: &Value| found.get("spec") == ours.get("spec");
    let going = |found: &Value| found.pointer("/metadata/deletionTimestamp").is_some();
    same(policy, &self::policy())
        && same(binding, &self::binding())
        && !going(policy)
        && !going(binding)
}

fn policy() -> Value {
    let control_plane: Vec<String> = CONTROL_PLANE
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect();
    json!({
        "apiVersion": API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": ADMISSION_POLICY },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": {},
                "objectSelector": {},
                "resourceRules": [{
                    "apiGroups": [API_GROUP],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE", "DELETE"],
                    "resources": ["sessions", "sessions/*"],
                    "scope": "*",
                }],
            },
            "matchConditions": [{
                "name": "not-the-control-plane",
                "expression": format!("!({USERNAME} in [{}])", control_plane.join(", ")),
            }],
            "validations": [assign_validation(), manage_validation()],
        },
    })
}

/// Returns the rule that only the verb `assign` lets a user create a session for another one.
fn assign_validation() -> Value {
    // An update never assigns an owner: a CEL rule of the CRD makes spec.userId immutable.
    let assigns = format!(
        "request.operation == \"DELETE\" || (request.operation == \"UPDATE\" && object.spec.userId == oldObject.spec.userId) \
         || object.spec.userId == {USERNAME} || {}",
        may("assign", "")
    );
    json!({
        "expression": assigns,
        "message": "creating a session for another user requires the verb \"assign\" on sessions, which the role session-manager grants",
        "messageExpression": format!(
            "\"spec.userId is '\" + object.spec.userId + \"', but you are '\" + {USERNAME} + \"': creating a session for \
            another user requires the verb 'assign' on sessions, which the role session-manager grants\""
        ),
        "reason": "Forbidden",
    })
}

/// Returns the rule that only the verb `manage` lets a user change or delete another one's session.
fn manage_validation() -> Value {
    let changes = format!(
        "request.operation == \"CREATE\" || oldObject.spec.userId == {USERNAME} || {}",
        may("manage", ".name(oldObject.metadata.name)")
    );
    json!({
        "expression": changes,
        "message": "changing another user's session requires the verb \"manage\" on sessions, which the role session-manager grants",
        "messageExpression": format!(
            "\"the session belongs to '\" + oldObject.spec.userId + \"', but you are '\" + {USERNAME} + \"': changing \
            another user's session requires the verb 'manage' on sessions, which the role session-manager grants\""
        ),
        "reason": "Forbidden",
    })
}

/// Returns the CEL expression that the caller has `verb` on sessions, of which `name` may select one.
fn may(verb: &str, name: &str) -> String {
    format!(
        "authorizer.group(\"{API_GROUP}\").resource(\"sessions\").namespace(request.namespace){name}.check(\"{verb}\").allowed()"
    )
}

fn binding() -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": ADMISSION_POLICY },
        "spec": { "policyName": ADMISSION_POLICY, "validationActions": ["Deny"] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An altered policy or binding must not count as in force.
    #[test]
    fn only_the_whole_policy_is_in_force() {
        assert!(is_policy_in_force(&policy(), &binding()));
        let missing = Value::Null;
        assert!(!is_policy_in_force(&missing, &binding()));
        assert!(!is_policy_in_force(&policy(), &missing));
        for (pointer, value) in [
            ("/spec/failurePolicy", json!("Ignore")),
            (
                "/spec/matchConstraints/objectSelector",
                json!({ "matchLabels": { "a": "b" } }),
            ),
            (
                "/spec/matchConstraints/resourceRules/0/operations",
                json!(["CREATE"]),
            ),
            (
                "/spec/matchConstraints/resourceRules/0/resources",
                json!(["sessions"]),
            ),
            ("/spec/matchConditions/0/expression", json!("false")),
            ("/spec/validations/1/expression", json!("true")),
        ] {
            let mut other = policy();
            *other.pointer_mut(pointer).unwrap() = value;
            assert!(!is_policy_in_force(&other, &binding()), "{pointer}");
        }
        for (field, value) in [
            ("validationActions", json!(["Audit"])),
            ("validationActions", json!(["Warn"])),
            ("policyName", json!("another")),
            ("paramRef", json!({ "name": "x" })),
            (
                "matchResources",
                json!({ "namespaceSelector": { "matchLabels": { "a": "b" } } }),
            ),
        ] {
            let mut other = binding();
            other["spec"][field] = value;
            assert!(!is_policy_in_force(&policy(), &other), "{other}");
        }
        let mut going = binding();
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(!is_policy_in_force(&policy(), &going));
    }
}
