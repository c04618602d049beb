//! Which kinds a session may be made of.

use serde_json::Value;

use super::manifest::Manifest;
use super::problem::{Problem, Problems};
use super::render::Rendered;

/// Kinds that live in no Namespace, by API group, as far as manifests are likely to have them. An object of another kind
/// is known to be namespaced only after discovery.
const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("cert-manager.io", "ClusterIssuer"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("external-secrets.io", "ClusterSecretStore"),
    ("networking.k8s.io", "IngressClass"),
    ("node.k8s.io", "RuntimeClass"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("snapshot.storage.k8s.io", "VolumeSnapshotClass"),
    ("snapshot.storage.k8s.io", "VolumeSnapshotContent"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "StorageClass"),
    ("streaming.platform", "SessionTemplate"),
];

/// Kinds that a controller makes from a template, by API group. Kinds that give rights are not among them.
const CONTROLLER_KINDS: &[(&str, &str)] = &[
    ("", "ConfigMap"),
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
    ("", "Secret"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
];

/// The group of an apiVersion, empty for the core group.
fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// True for a kind that is known to live in no Namespace.
pub fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    CLUSTER_SCOPED.contains(&(group(api_version), kind))
}

/// True for a kind that a controller makes from a template.
pub fn is_controller_kind(api_version: &str, kind: &str) -> bool {
    CONTROLLER_KINDS.contains(&(group(api_version), kind))
}

impl Manifest {
    /// Checks that every rendered object belongs into the session's Namespace: none of a cluster-scoped kind, none with
    /// another `metadata.namespace`. What to do with `Namespace` objects is the caller's affair: take them out before.
    ///
    /// # Errors
    /// Each object that does not, with its place.
    pub fn check_namespace(&self, rendered: &Rendered, namespace: &str) -> anyhow::Result<()> {
        let mut problems = Problems::default();
        for rendered in &rendered.objects {
            let object = &rendered.object;
            if let Some(message) = outside(object, namespace) {
                problems.push(self.problem(rendered.place, message));
            }
        }
        problems.or(()).map_err(Problems::into_error)
    }

    /// The objects of cluster-scoped kinds, each with its place.
    pub(super) fn cluster_scoped(&self) -> Vec<Problem> {
        let documents = self.documents.iter();
        let scoped = documents
            .filter(|document| is_cluster_scoped(&document.kind.api_version, &document.kind.kind));
        scoped
            .map(|document| self.problem(document.root.place(), no_place(&document.kind.kind)))
            .collect()
    }
}

fn no_place(kind: &str) -> String {
    format!("{kind} is cluster-scoped: a session has objects of its own Namespace only")
}

fn outside(object: &Value, namespace: &str) -> Option<String> {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (kind, name) = (text("/kind"), text("/metadata/name"));
    if is_cluster_scoped(text("/apiVersion"), kind) {
        return Some(no_place(kind));
    }
    match text("/metadata/namespace") {
        "" => None,
        own if own == namespace => None,
        own => Some(format!(
            "{kind} {name:?} is of namespace {own:?}, the session of {namespace:?}"
        )),
    }
}
