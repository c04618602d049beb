//! Causes that are not found in Pods and their events: of Services, before a creation, and of a deletion.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::diagnosis::*;

/// Returns the causes of Services that lead nowhere.
pub(super) fn useless_services() -> [(&'static str, Cause); 3] {
    let pod = json!({ "metadata": { "name": "p-0", "labels": { "app": "web" } }, "spec": { "containers": [{ "name": "main" }] } });
    let pod = serde_json::from_value(pod).unwrap();
    let bare = Pod::default();
    let cause = |app: &str, target: Value| {
        let spec =
            json!({ "selector": { "app": app }, "ports": [{ "port": 80, "targetPort": target }] });
        let service = json!({ "metadata": { "name": "p" }, "spec": spec });
        find_service_cause(
            &serde_json::from_value(service).unwrap(),
            &[&pod, &bare],
            &[],
        )
        .unwrap()
    };
    [
        ("service selects nothing", cause("other", json!("http"))),
        ("service's port", cause("web", json!("http"))),
        ("service's Pods", cause("web", json!(8080))),
    ]
}

/// Returns the causes of objects that stay although they are deleted.
pub(super) fn stuck_deletions() -> [(&'static str, Cause); 3] {
    [
        ("finalizer", "example.com/hold"),
        ("dependents' finalizer", "foregroundDeletion"),
        ("finalizer of use", "kubernetes.io/pvc-protection"),
    ]
    .map(|(name, finalizer)| {
        let held = json!({ "kind": "Pod", "metadata": { "name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": [finalizer] } });
        (name, find_deletion_blocker(&held).unwrap())
    })
}

/// Returns a cause of each check that is made before anything is created.
pub(super) fn found_before_creation() -> [Cause; 7] {
    let quota = json!({ "metadata": { "name": "q" }, "spec": { "hard": { "pods": "0" } },
        "status": { "hard": { "pods": "0" }, "used": { "pods": "0" } } });
    let counted = json!({ "metadata": { "name": "q" }, "spec": {}, "status": { "hard": { "limits.cpu": "4" } } });
    let range = json!({ "metadata": { "name": "limits", "namespace": "ns" }, "spec": { "limits": [{ "type": "Container", "min": { "cpu": "100m" } }] } });
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": { "containers": [
        { "name": "main", "image": "i", "securityContext": { "privileged": true } }] } });
    let namespace = json!({ "kind": "Namespace", "metadata": { "name": "ns",
        "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } });
    let ingress = |namespace: &str| {
        json!({ "kind": "Ingress", "metadata": { "name": "p", "namespace": namespace }, "spec": { "rules": [
            { "host": "p.example.com", "http": { "paths": [{ "path": "/" }] } }] } })
    };
    let present = [json!({ "metadata": { "name": "standard" } })];
    let class = |kind: &str| missing_class::find_missing_class(kind, &["c".into()], &present);
    let pods = [pod];
    let conflict =
        ingress_conflict::find_ingress_conflict(&[ingress("ns")], "ns", None, &[ingress("other")]);
    [
        quota::find_quota_shortfall(&pods, &[quota]),
        quota::find_unset_resources(&pods, &[counted]),
        limit_violation::find_limit_refusal(&pods, &[range]),
        class("StorageClass"),
        class("IngressClass"),
        pod_security::find_pod_security_refusal(&pods, &namespace),
        conflict,
    ]
    .map(Option::unwrap)
}
