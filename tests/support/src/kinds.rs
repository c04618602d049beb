//! The resource types the fake serves, and how a path names one.

use crate::request::decode;

/// A resource type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
}

impl Kind {
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

/// What sessions are made of: `apiVersion kind plural`, `-` at the end for cluster-scoped types.
const SERVED: &str = "v1 Namespace namespaces -
v1 Pod pods
v1 Event events
v1 Secret secrets
v1 ConfigMap configmaps
v1 Service services
v1 ServiceAccount serviceaccounts
v1 PersistentVolumeClaim persistentvolumeclaims
v1 PersistentVolume persistentvolumes -
v1 ResourceQuota resourcequotas
v1 LimitRange limitranges
v1 Node nodes -
apps/v1 Deployment deployments
apps/v1 StatefulSet statefulsets
apps/v1 DaemonSet daemonsets
apps/v1 ReplicaSet replicasets
batch/v1 Job jobs
batch/v1 CronJob cronjobs
networking.k8s.io/v1 Ingress ingresses
networking.k8s.io/v1 IngressClass ingressclasses -
networking.k8s.io/v1 NetworkPolicy networkpolicies
storage.k8s.io/v1 StorageClass storageclasses -
autoscaling/v2 HorizontalPodAutoscaler horizontalpodautoscalers
policy/v1 PodDisruptionBudget poddisruptionbudgets
coordination.k8s.io/v1 Lease leases
rbac.authorization.k8s.io/v1 Role roles
rbac.authorization.k8s.io/v1 RoleBinding rolebindings
rbac.authorization.k8s.io/v1 ClusterRole clusterroles -
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings -
apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions -
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy validatingadmissionpolicies -
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings -
streaming.platform/v1 Session sessions
streaming.platform/v1 SessionTemplate sessiontemplates -";

/// All types served from the start.
pub(crate) fn served() -> Vec<Kind> {
    SERVED
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            kind(words[0], words[1], words[2], words.len() == 3)
        })
        .collect()
}

pub(crate) fn kind(api_version: &str, name: &str, plural: &str, namespaced: bool) -> Kind {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Kind {
        group: group.into(),
        version: version.into(),
        kind: name.into(),
        plural: plural.into(),
        namespaced,
    }
}

/// What a path points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) api_version: String,
    /// Empty for all namespaces and for cluster-scoped types.
    pub(crate) namespace: String,
    /// Empty for the group itself (discovery).
    pub(crate) plural: String,
    /// Empty for a collection.
    pub(crate) name: String,
    /// Empty for the object itself.
    pub(crate) subresource: String,
}

/// Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`; `None` for every other path.
pub(crate) fn place(path: &str) -> Option<Place> {
    let parts: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (api_version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ((*version).to_owned(), rest),
        ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", _, "status" | "finalize"] | ["namespaces"] | ["namespaces", _] => ("", rest),
        ["namespaces", namespace, rest @ ..] => (*namespace, rest),
        _ => ("", rest),
    };
    let at = |index: usize| rest.get(index).copied().unwrap_or_default().to_owned();
    Some(Place {
        api_version,
        namespace: namespace.to_owned(),
        plural: at(0),
        name: at(1),
        subresource: at(2),
    })
}
