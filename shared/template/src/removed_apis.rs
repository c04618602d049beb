//! API versions of built-in kinds that Kubernetes has removed. No supported server has them: `lint` reports what `create` refuses.

use anyhow::Result;

use super::manifest::{Manifest, ManifestDocument};
use super::node::Node;
use super::problem::{Problem, Problems};

/// A removed API version of some kinds.
struct RemovedApi {
    api_version: &'static str,
    kinds: &'static [&'static str],
    /// The Kubernetes version that no longer has it.
    removed_in: &'static str,
    replacement: &'static str,
}

const fn removed(
    api_version: &'static str,
    kinds: &'static [&'static str],
    removed_in: &'static str,
    replacement: &'static str,
) -> RemovedApi {
    RemovedApi {
        api_version,
        kinds,
        removed_in,
        replacement,
    }
}

const RBAC_KINDS: &[&str] = &["Role", "RoleBinding"];

/// From the deprecation guide of Kubernetes; cluster-scoped kinds are refused for their scope.
#[rustfmt::skip]
const REMOVED_APIS: &[RemovedApi] = &[
    removed("extensions/v1beta1", &["Deployment", "DaemonSet", "ReplicaSet"], "1.16", "apps/v1"),
    removed("extensions/v1beta1", &["NetworkPolicy"], "1.16", "networking.k8s.io/v1"),
    removed("extensions/v1beta1", &["Ingress"], "1.22", "networking.k8s.io/v1"),
    removed("apps/v1beta1", &["Deployment", "StatefulSet", "ControllerRevision"], "1.16", "apps/v1"),
    removed("apps/v1beta2", &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ControllerRevision"], "1.16", "apps/v1"),
    removed("batch/v2alpha1", &["CronJob"], "1.21", "batch/v1"),
    removed("networking.k8s.io/v1beta1", &["Ingress"], "1.22", "networking.k8s.io/v1"),
    removed("rbac.authorization.k8s.io/v1alpha1", RBAC_KINDS, "1.22", "rbac.authorization.k8s.io/v1"),
    removed("rbac.authorization.k8s.io/v1beta1", RBAC_KINDS, "1.22", "rbac.authorization.k8s.io/v1"),
    removed("coordination.k8s.io/v1beta1", &["Lease"], "1.22", "coordination.k8s.io/v1"),
    removed("batch/v1beta1", &["CronJob"], "1.25", "batch/v1"),
    removed("policy/v1beta1", &["PodDisruptionBudget"], "1.25", "policy/v1"),
    removed("discovery.k8s.io/v1beta1", &["EndpointSlice"], "1.25", "discovery.k8s.io/v1"),
    removed("events.k8s.io/v1beta1", &["Event"], "1.25", "events.k8s.io/v1"),
    removed("autoscaling/v2beta1", &["HorizontalPodAutoscaler"], "1.25", "autoscaling/v2"),
    removed("autoscaling/v2beta2", &["HorizontalPodAutoscaler"], "1.26", "autoscaling/v2"),
    removed("storage.k8s.io/v1beta1", &["CSIStorageCapacity"], "1.27", "storage.k8s.io/v1"),
];

impl Manifest {
    /// Checks that no object has an API version that Kubernetes has removed.
    ///
    /// # Errors
    /// Every such object, with its location and the version to use.
    pub fn check_api_versions(&self) -> Result<()> {
        let mut problems = Problems::default();
        self.find_removed_apis()
            .into_iter()
            .for_each(|problem| problems.push(problem));
        problems.into_result(()).map_err(Problems::into_error)
    }

    /// Returns a problem for each object of a removed API version.
    pub(super) fn find_removed_apis(&self) -> Vec<Problem> {
        let documents = self.documents.iter();
        documents
            .filter_map(|document| self.removed_api_problem(document))
            .collect()
    }

    fn removed_api_problem(&self, document: &ManifestDocument) -> Option<Problem> {
        let (api_version, kind) = (
            document.object_type.api_version.as_str(),
            document.object_type.kind.as_str(),
        );
        let mut apis = REMOVED_APIS.iter();
        let api = apis.find(|api| api.api_version == api_version && api.kinds.contains(&kind))?;
        let place = document.root.get("apiVersion").unwrap_or(&document.root);
        let message = format!(
            "{kind} {:?}: Kubernetes {} removed API version {api_version}: use {}",
            document.name(),
            api.removed_in,
            api.replacement
        );
        Some(self.problem_at(Node::location(place), message))
    }
}
