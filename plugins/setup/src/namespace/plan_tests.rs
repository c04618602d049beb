//! Tests of whose namespace may be touched.

use super::*;
use serde_json::json;

fn found(labels: Value, annotations: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "dev", "uid": "u", "labels": labels, "annotations": annotations}})
}

fn refusal(namespace: &Value) -> Option<String> {
    let alice: UserId = "alice@company.com".parse().unwrap();
    let checked = check_owner(namespace, &alice);
    checked.err().map(|error| error.to_string())
}

#[test]
fn only_a_namespace_of_the_user_is_touched() {
    let ours = json!({"app.kubernetes.io/managed-by": "kubectl-session"});
    for (namespace, expected) in [
        (found(ours.clone(), json!({})), None),
        (
            found(
                ours.clone(),
                json!({"streaming.platform/user-id": "alice@company.com"}),
            ),
            None,
        ),
        (
            found(ours.clone(), json!({"streaming.platform/user-id": "bob"})),
            Some("namespace \"dev\" belongs to user \"bob\", not \"alice@company.com\""),
        ),
        // Their label would be the same.
        (
            found(
                ours,
                json!({"streaming.platform/user-id": "alice@company.com "}),
            ),
            Some(
                "namespace \"dev\" belongs to user \"alice@company.com \", not \"alice@company.com\"",
            ),
        ),
        (
            found(
                json!({}),
                json!({"streaming.platform/user-id": "alice@company.com"}),
            ),
            Some("namespace \"dev\" already exists and was not made by kubectl session"),
        ),
        (
            found(json!({"app.kubernetes.io/managed-by": "Helm"}), json!({})),
            Some(
                "namespace \"dev\" already exists and was not made by kubectl session (managed by \"Helm\")",
            ),
        ),
    ] {
        assert_eq!(refusal(&namespace).as_deref(), expected, "{namespace}");
    }
    let mut going = found(json!({}), json!({}));
    going["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z".into();
    assert_eq!(
        refusal(&going).unwrap(),
        "namespace \"dev\" is being deleted"
    );
}

fn policy(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "dev", "labels": labels}})
}

/// Names of the policies that are applied, and the notes.
fn planned(policies: Vec<Value>) -> (String, Vec<String>) {
    let observed = Observed {
        objects: policies,
        ..Observed::default()
    };
    let mut notes = Vec::new();
    let policies = allowed_policies("dev", None, &observed, &mut notes);
    let names: Vec<&str> = policies.iter().map(|one| Untyped(one).name()).collect();
    (names.join(" "), notes)
}

#[test]
fn beside_policies_of_others_nothing_is_allowed() {
    let ours = json!({"app.kubernetes.io/managed-by": "kubectl-session"});
    let all = "default-deny-all session session-schedule";
    assert_eq!(planned(vec![]), (all.to_owned(), vec![]));
    let own = policy("web", json!({}));
    let (names, notes) = planned(vec![own.clone()]);
    assert_eq!(names, "default-deny-all");
    assert_eq!(
        notes,
        [
            "NetworkPolicies not added: session, session-schedule, because they would allow more than those of others in the namespace: web"
        ]
    );
    // One of theirs with our name is left as it is.
    let (names, _) = planned(vec![policy("default-deny-all", json!({}))]);
    assert_eq!(names, "");
    // Policies of an earlier run are kept up to date.
    let session = policy("session", ours.clone());
    let schedule = policy("session-schedule", ours);
    assert_eq!(
        planned(vec![own, session, schedule]),
        (all.to_owned(), vec![])
    );
}
