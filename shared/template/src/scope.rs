//! Rules on the kinds and namespaces of a session's objects.

use serde_json::Value;

use super::manifest::Manifest;
use super::problem::{Problem, Problems};
use super::render::RenderedManifest;
use session_model::objects::Untyped;

/// Cluster-scoped kinds with their API groups, as far as manifests are likely to contain them. The scope of other kinds is
/// known only after discovery.
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

/// Kinds that a controller creates from a template, with their API groups. RBAC kinds are excluded, because they grant
/// permissions.
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

/// Returns the group of an apiVersion; empty for the core group.
fn api_group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Returns true for a kind that is known to be cluster-scoped.
pub fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    CLUSTER_SCOPED.contains(&(api_group(api_version), kind))
}

/// Returns true for a kind that a controller creates from a template.
pub fn is_controller_kind(api_version: &str, kind: &str) -> bool {
    CONTROLLER_KINDS.contains(&(api_group(api_version), kind))
}

impl Manifest {
    /// Checks that every rendered object belongs to the session's namespace: no cluster-scoped kinds, no other
    /// `metadata.namespace`. The caller must remove `Namespace` objects before.
    ///
    /// # Errors
    /// Every object that does not belong to the namespace, with its location.
    pub fn check_namespace(
        &self,
        rendered: &RenderedManifest,
        namespace: &str,
    ) -> anyhow::Result<()> {
        let mut problems = Problems::default();
        for rendered in &rendered.objects {
            let object = &rendered.object;
            if let Some(message) = namespace_problem(object, namespace) {
                problems.push(self.problem_at(rendered.location, message));
            }
        }
        problems.into_result(()).map_err(Problems::into_error)
    }

    /// Returns a problem for each object of a cluster-scoped kind.
    pub(super) fn find_cluster_scoped(&self) -> Vec<Problem> {
        let documents = self.documents.iter();
        let scoped = documents.filter(|document| {
            is_cluster_scoped(
                &document.object_type.api_version,
                &document.object_type.kind,
            )
        });
        scoped
            .map(|document| {
                self.problem_at(
                    document.root.location(),
                    cluster_scoped_message(&document.object_type.kind),
                )
            })
            .collect()
    }
}

fn cluster_scoped_message(kind: &str) -> String {
    format!("{kind} is cluster-scoped: a session can contain only objects of its namespace")
}

fn namespace_problem(object: &Value, namespace: &str) -> Option<String> {
    let object = Untyped(object);
    let (kind, name) = (object.kind(), object.name());
    if is_cluster_scoped(object.api_version(), kind) {
        return Some(cluster_scoped_message(kind));
    }
    match object.namespace() {
        None => None,
        Some(own) if own == namespace => None,
        Some(own) => Some(format!(
            "{kind} {name:?} has namespace {own:?}, but the session is in namespace {namespace:?}"
        )),
    }
}
