//! The ValidatingAdmissionPolicy of the API, and its binding: who may say whose a Session is, and who may change another's.
//!
//! Both are written with every default that the server fills in, so that a client can compare what is in force with what is
//! meant: any difference, a narrower match as well, is a policy of somebody else.

use serde_json::{Value, json};

use super::GROUP;

/// Name of the policy and of its binding.
pub const ADMISSION_POLICY: &str = "session-owner.streaming.platform";
/// `apiVersion` of both; Kubernetes serves it from 1.30 on.
const API_VERSION: &str = "admissionregistration.k8s.io/v1";
/// The control plane's own users that write on or delete any object: they run no one's wishes but those of who asked them.
const CONTROL_PLANE: [&str; 4] = [
    "system:kube-controller-manager",
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:storage-version-migrator-controller",
];

/// The policy and its binding, ready to be applied in this order.
pub fn admission() -> Vec<Value> {
    vec![policy(), binding()]
}

/// True if `policy` and `binding`, as the server has them, refuse what ours refuse: their spec is ours, and nothing narrows it.
pub fn is_in_force(policy: &Value, binding: &Value) -> bool {
    let same = |found: &Value, ours: &Value| found.get("spec") == ours.get("spec");
    let going = |found: &Value| found.pointer("/metadata/deletionTimestamp").is_some();
    same(policy, &self::policy())
        && same(binding, &self::binding())
        && !going(policy)
        && !going(binding)
}

fn policy() -> Value {
    let username = "request.userInfo.username";
    let control_plane: Vec<String> = CONTROL_PLANE
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect();
    let may = |verb: &str, name: &str| {
        format!(
            "authorizer.group(\"{GROUP}\").resource(\"sessions\").namespace(request.namespace){name}.check(\"{verb}\").allowed()"
        )
    };
    // An update that leaves the owner alone assigns nothing; the definition forbids any other.
    let assigns = format!(
        "request.operation == \"DELETE\" || (request.operation == \"UPDATE\" && object.spec.userId == oldObject.spec.userId) \
         || object.spec.userId == {username} || {}",
        may("assign", "")
    );
    let changes = format!(
        "request.operation == \"CREATE\" || oldObject.spec.userId == {username} || {}",
        may("manage", ".name(oldObject.metadata.name)")
    );
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
                    "apiGroups": [GROUP],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE", "DELETE"],
                    "resources": ["sessions", "sessions/*"],
                    "scope": "*",
                }],
            },
            "matchConditions": [{
                "name": "not-the-control-plane",
                "expression": format!("!({username} in [{}])", control_plane.join(", ")),
            }],
            "validations": [
                {
                    "expression": assigns,
                    "message": "a session for another user needs the verb assign on sessions, as the role session-manager gives",
                    "messageExpression": format!(
                        "\"spec.userId is '\" + object.spec.userId + \"' and you are '\" + {username} + \"': a session for another \
                         user needs the verb assign on sessions, as the role session-manager gives\""
                    ),
                    "reason": "Forbidden",
                },
                {
                    "expression": changes,
                    "message": "the session is another user's: only who has the verb manage on sessions may change it, as the role session-manager gives",
                    "messageExpression": format!(
                        "\"the session is of '\" + oldObject.spec.userId + \"' and you are '\" + {username} + \"': only who has the \
                         verb manage on sessions may change it, as the role session-manager gives\""
                    ),
                    "reason": "Forbidden",
                },
            ],
        },
    })
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

    /// What an admin, or somebody who pretends to be one, may have left there.
    #[test]
    fn only_the_whole_policy_is_in_force() {
        assert!(is_in_force(&policy(), &binding()));
        let missing = Value::Null;
        assert!(!is_in_force(&missing, &binding()));
        assert!(!is_in_force(&policy(), &missing));
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
            assert!(!is_in_force(&other, &binding()), "{pointer}");
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
            assert!(!is_in_force(&policy(), &other), "{other}");
        }
        let mut going = binding();
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(!is_in_force(&policy(), &going));
    }
}
