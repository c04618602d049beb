//! Resource types.

use std::borrow::Cow;
use std::fmt;

pub use crate::api::ObjectRef;

/// A resource type as the API server serves it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceType {
    /// API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// Version: `v1`.
    pub version: Cow<'static, str>,
    /// Kind: `Session`.
    pub kind: Cow<'static, str>,
    /// Plural, as in URLs: `sessions`.
    pub plural: Cow<'static, str>,
    /// True if the objects are in a Namespace.
    pub namespaced: bool,
}

impl ResourceType {
    /// Returns a resource type. Types that a server may lack are not among those of [`ResourceType::find_known`].
    pub const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
        namespaced: bool,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
            plural: Cow::Borrowed(plural),
            namespaced,
        }
    }

    /// Returns group and version: `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Returns lower-case kind and group, as kubectl prints them in result lines: `session.streaming.platform`, `pod`.
    pub fn singular(&self) -> String {
        let kind = self.kind.to_lowercase();
        if self.group.is_empty() {
            kind
        } else {
            format!("{kind}.{}", self.group)
        }
    }

    /// Returns plural and group, as in messages of the server: `sessions.streaming.platform`, `pods`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_string()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// Returns the type of a plural that this program knows, with or without its group: `pods`, `sessions.streaming.platform`, `deployments`.
    pub fn find_by_plural(plural: &str) -> Option<&'static ResourceType> {
        let mut known = KNOWN.iter().copied();
        known.find(|known| known.plural == plural || known.qualified() == plural)
    }

    /// Returns the type of a kind that this program knows, without a request; `None` for all others, which have to be discovered.
    pub fn find_known(api_version: &str, kind: &str) -> Option<&'static ResourceType> {
        KNOWN
            .iter()
            .copied()
            .find(|known| known.kind == kind && known.api_version() == api_version)
    }
}

/// Resource of a ResourceQuota that counts the sessions of a namespace, stopped ones included.
pub const SESSION_COUNT: &str = "count/sessions.streaming.platform";

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.qualified())
    }
}

macro_rules! known_types {
    ($($(#[$doc:meta])* $name:ident = $group:literal $version:literal $kind:literal $plural:literal $namespaced:literal;)*) => {
        $($(#[$doc])* pub static $name: ResourceType = ResourceType::new($group, $version, $kind, $plural, $namespaced);)*
        static KNOWN: &[&ResourceType] = &[$(&$name),*];
    };
}

known_types! {
    /// Session.
    SESSION = "streaming.platform" "v1" "Session" "sessions" true;
    /// SessionTemplate.
    SESSION_TEMPLATE = "streaming.platform" "v1" "SessionTemplate" "sessiontemplates" false;
    /// CustomResourceDefinition.
    CUSTOM_RESOURCE_DEFINITION = "apiextensions.k8s.io" "v1" "CustomResourceDefinition" "customresourcedefinitions" false;
    /// ValidatingAdmissionPolicy, from Kubernetes 1.30 on.
    VALIDATING_ADMISSION_POLICY = "admissionregistration.k8s.io" "v1" "ValidatingAdmissionPolicy" "validatingadmissionpolicies" false;
    /// ValidatingAdmissionPolicyBinding, from Kubernetes 1.30 on.
    VALIDATING_ADMISSION_POLICY_BINDING = "admissionregistration.k8s.io" "v1" "ValidatingAdmissionPolicyBinding" "validatingadmissionpolicybindings" false;
    /// Namespace.
    NAMESPACE = "" "v1" "Namespace" "namespaces" false;
    /// Pod.
    POD = "" "v1" "Pod" "pods" true;
    /// Event.
    EVENT = "" "v1" "Event" "events" true;
    /// Secret.
    SECRET = "" "v1" "Secret" "secrets" true;
    /// ConfigMap.
    CONFIG_MAP = "" "v1" "ConfigMap" "configmaps" true;
    /// Service.
    SERVICE = "" "v1" "Service" "services" true;
    /// ServiceAccount.
    SERVICE_ACCOUNT = "" "v1" "ServiceAccount" "serviceaccounts" true;
    /// PersistentVolumeClaim.
    PERSISTENT_VOLUME_CLAIM = "" "v1" "PersistentVolumeClaim" "persistentvolumeclaims" true;
    /// PersistentVolume.
    PERSISTENT_VOLUME = "" "v1" "PersistentVolume" "persistentvolumes" false;
    /// ResourceQuota.
    RESOURCE_QUOTA = "" "v1" "ResourceQuota" "resourcequotas" true;
    /// LimitRange.
    LIMIT_RANGE = "" "v1" "LimitRange" "limitranges" true;
    /// EndpointSlice.
    ENDPOINT_SLICE = "discovery.k8s.io" "v1" "EndpointSlice" "endpointslices" true;
    /// ReplicationController.
    REPLICATION_CONTROLLER = "" "v1" "ReplicationController" "replicationcontrollers" true;
    /// Node.
    NODE = "" "v1" "Node" "nodes" false;
    /// Deployment.
    DEPLOYMENT = "apps" "v1" "Deployment" "deployments" true;
    /// StatefulSet.
    STATEFUL_SET = "apps" "v1" "StatefulSet" "statefulsets" true;
    /// DaemonSet.
    DAEMON_SET = "apps" "v1" "DaemonSet" "daemonsets" true;
    /// ReplicaSet.
    REPLICA_SET = "apps" "v1" "ReplicaSet" "replicasets" true;
    /// Job.
    JOB = "batch" "v1" "Job" "jobs" true;
    /// CronJob.
    CRON_JOB = "batch" "v1" "CronJob" "cronjobs" true;
    /// Ingress.
    INGRESS = "networking.k8s.io" "v1" "Ingress" "ingresses" true;
    /// VolumeSnapshot, where the cluster has snapshots.
    VOLUME_SNAPSHOT = "snapshot.storage.k8s.io" "v1" "VolumeSnapshot" "volumesnapshots" true;
    /// VolumeSnapshotContent, where the cluster has snapshots.
    VOLUME_SNAPSHOT_CONTENT = "snapshot.storage.k8s.io" "v1" "VolumeSnapshotContent" "volumesnapshotcontents" false;
    /// VolumeSnapshotClass, where the cluster has snapshots.
    VOLUME_SNAPSHOT_CLASS = "snapshot.storage.k8s.io" "v1" "VolumeSnapshotClass" "volumesnapshotclasses" false;
    /// IngressClass.
    INGRESS_CLASS = "networking.k8s.io" "v1" "IngressClass" "ingressclasses" false;
    /// NetworkPolicy.
    NETWORK_POLICY = "networking.k8s.io" "v1" "NetworkPolicy" "networkpolicies" true;
    /// RuntimeClass.
    RUNTIME_CLASS = "node.k8s.io" "v1" "RuntimeClass" "runtimeclasses" false;
    /// StorageClass.
    STORAGE_CLASS = "storage.k8s.io" "v1" "StorageClass" "storageclasses" false;
    /// CSIDriver.
    CSI_DRIVER = "storage.k8s.io" "v1" "CSIDriver" "csidrivers" false;
    /// HorizontalPodAutoscaler.
    HORIZONTAL_POD_AUTOSCALER = "autoscaling" "v2" "HorizontalPodAutoscaler" "horizontalpodautoscalers" true;
    /// PodDisruptionBudget.
    POD_DISRUPTION_BUDGET = "policy" "v1" "PodDisruptionBudget" "poddisruptionbudgets" true;
    /// Lease.
    LEASE = "coordination.k8s.io" "v1" "Lease" "leases" true;
    /// Role.
    ROLE = "rbac.authorization.k8s.io" "v1" "Role" "roles" true;
    /// RoleBinding.
    ROLE_BINDING = "rbac.authorization.k8s.io" "v1" "RoleBinding" "rolebindings" true;
    /// ClusterRole.
    CLUSTER_ROLE = "rbac.authorization.k8s.io" "v1" "ClusterRole" "clusterroles" false;
    /// ClusterRoleBinding.
    CLUSTER_ROLE_BINDING = "rbac.authorization.k8s.io" "v1" "ClusterRoleBinding" "clusterrolebindings" false;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_named_as_kubectl_names_it() {
        assert_eq!(SESSION.singular(), "session.streaming.platform");
        assert_eq!(POD.singular(), "pod");
        assert_eq!(SESSION.qualified(), "sessions.streaming.platform");
        assert_eq!(SESSION_COUNT, format!("count/{}", SESSION.qualified()));
        for plural in ["deployments", "deployments.apps"] {
            assert_eq!(ResourceType::find_by_plural(plural), Some(&DEPLOYMENT));
        }
        assert_eq!(
            ResourceType::find_known("apps/v1", "StatefulSet"),
            Some(&STATEFUL_SET)
        );
        assert_eq!(
            ResourceType::find_known("apps/v1beta1", "StatefulSet"),
            None
        );
    }
}
