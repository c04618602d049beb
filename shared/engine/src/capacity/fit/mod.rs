//! How many more sessions fit: by ResourceQuotas, and by the nodes as the Kubernetes scheduler counts them.
//!
//! ```text
//! objects of one session ─► admit_objects ─► find_quota_rooms ─────────────────────────────────────────┐
//!                       └─► expand_pods ──► build_scheduling ─► place_sessions ─► describe_nodes ─────► Fit
//!                          nodes, Pods ─► ClusterNodes ┘        filter, score
//! ```
//!
//! The count by quotas is arithmetic. The count by nodes is that of the scheduler's default profile (Kubernetes 1.36), which takes the Pods one after
//! the other in the order in which sessions create them:
//!
//! - If all Pods of a session request the same, may go to the same nodes and have no rules about each other, the count does not depend on the nodes
//!   that are chosen: it is the sum over the nodes. This is so for every session of one Pod without affinity.
//! - Else the nodes are chosen as the scheduler scores them. Where it chooses at random among nodes with the same points and these are not
//!   alike, all choices are followed, and the count is a range if they lead to different ones (`least`, `most`). With very many choices
//!   only some are followed (`proven` is false).
//!
//! Not counted: Pods of lower priority that the scheduler would evict, volumes that a node may still attach, devices of resource claims, and what an
//! autoscaler would add.

mod admitted_pods;
mod cluster_nodes;
mod filter;
mod image_score;
mod load;
mod node_room;
mod placement;
mod pod_rules;
mod quota_room;
mod scheduling;
mod scheduling_builder;
mod score;
mod selector;
mod volume_reach;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;
use session_model::objects::Untyped;
use session_model::objects::pods::pod_labels;
use session_model::quantity::Quantity;

pub use admitted_pods::Admission;
pub use node_room::{NodeAmount, NodeLimit, NodeRoom};
pub use quota_room::{QuotaRoom, QuotaRooms};
pub use scheduling::Exclusion;
pub use volume_reach::VolumeFacts;

use self::admitted_pods::{AdmittedPod, admit_objects, expand_pods};
use self::cluster_nodes::ClusterNodes;
use self::placement::place_sessions;
use self::quota_room::{complete_claims, find_quota_rooms};
use self::scheduling_builder::{PodPair, SchedulingContext, build_scheduling};
use crate::capacity::demand::{pod_count, sum_quota_demand};

/// Label with a namespace's name, which the API server keeps.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// What the count is computed from. A list that may not be read is `None`, and what depends on it is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct FitInput<'a> {
    /// Namespace of the sessions.
    pub namespace: &'a str,
    /// Objects of one session as they are sent, and the Session itself.
    pub objects: &'a [Value],
    /// The same objects for a session of another name, so that rules between Pods of different sessions are seen; the same as `objects` if no more
    /// than one session is asked for.
    pub other_session: &'a [Value],
    /// LimitRanges and RuntimeClasses.
    pub admission: Admission<'a>,
    /// ResourceQuotas of the namespace.
    pub quotas: Option<&'a [Value]>,
    /// Nodes, and the Pods of all namespaces.
    pub nodes: Option<(&'a [Value], &'a [Value])>,
    /// Namespaces, if affinity selects Pods by their labels; else empty.
    pub namespaces: &'a [Value],
    /// Claims and StorageClasses.
    pub volumes: VolumeFacts<'a>,
    /// Number of sessions at which counting ends; `None` for all that fit.
    pub limit: Option<u64>,
    /// Number of sessions up to which nodes are counted even if quotas allow fewer, so that both can be told.
    pub wanted: u64,
}

/// How many sessions fit, and why no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// What one session takes, keyed as in a ResourceQuota: `requests.cpu`.
    pub demand: BTreeMap<String, Quantity>,
    /// By quota; `None` if quotas are not known.
    pub quotas: Option<QuotaRooms>,
    /// By nodes; `None` if they are not known, or if a session has no Pods.
    pub nodes: Option<NodeRoom>,
}

/// A number of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FitCount {
    /// Sessions that fit in any case.
    pub least: u64,
    /// Sessions that fit at best, depending on which of equal nodes the scheduler chooses.
    pub most: u64,
    /// False if another count is possible.
    pub proven: bool,
}

impl Fit {
    /// Returns how many sessions fit by all that is known; `None` if nothing limits them.
    pub fn count(&self) -> Option<FitCount> {
        let by_quota = self.quota_count();
        let by_nodes = self.nodes.as_ref();
        let by_nodes = by_nodes.filter(|room| !room.limited || by_quota.is_none());
        let room = match by_nodes {
            None => return by_quota.map(FitCount::exactly),
            Some(room) => room,
        };
        let quota = by_quota.unwrap_or(u64::MAX);
        Some(FitCount {
            least: room.least.min(quota),
            most: room.most.min(quota),
            proven: room.proven || room.least >= quota,
        })
    }

    /// Returns how many sessions fit by quotas; `None` if none of them counts anything of a session.
    pub fn quota_count(&self) -> Option<u64> {
        let rooms = self.quotas.as_ref()?.rooms.iter();
        rooms.map(|room| room.fits).min()
    }
}

impl FitCount {
    /// Returns a count that is certain.
    pub const fn exactly(count: u64) -> Self {
        Self {
            least: count,
            most: count,
            proven: true,
        }
    }
}

/// Returns the Pods of one session that run at the same time, each with its workload (`Deployment/web`) and its spec as it is admitted.
pub fn expanded_pods(input: &FitInput<'_>) -> Vec<(String, Value)> {
    let pods = expand_pods(input.objects, &input.admission).into_iter();
    pods.map(|pod| (pod.workload, pod.fields.into())).collect()
}

/// Returns the claims of one session: its own, and those that are made for its Pods.
pub fn expanded_claims(input: &FitInput<'_>) -> Vec<Value> {
    let objects = complete_claims(input.objects.to_vec(), input.volumes.default_class());
    let mut claims = Vec::new();
    for object in objects {
        let templates = Untyped(&object).items_at("/spec/volumeClaimTemplates");
        for claim in templates {
            claims.extend((0..pod_count(&object)).map(|_| claim.0.clone()));
        }
        if Untyped(&object).kind() == "PersistentVolumeClaim" {
            claims.push(object);
        }
    }
    claims
}

/// Counts how many more sessions fit.
pub fn compute_fit(input: &FitInput<'_>) -> Fit {
    let objects = admit_objects(input.objects, &input.admission);
    let objects = complete_claims(objects, input.volumes.default_class());
    let quotas = input
        .quotas
        .map(|quotas| find_quota_rooms(&objects, quotas));
    let mut fit = Fit {
        demand: sum_quota_demand(&objects),
        quotas,
        nodes: None,
    };
    let by_quota = fit.quota_count().unwrap_or(u64::MAX);
    let limit = by_quota.max(input.wanted);
    let limit = limit.min(input.limit.unwrap_or(u64::MAX));
    // One more than the quota allows shows whether the nodes bind, too.
    fit.nodes = count_by_nodes(input, limit.saturating_add(1));
    fit
}

fn count_by_nodes(input: &FitInput<'_>, limit: u64) -> Option<NodeRoom> {
    let (nodes, pods) = input.nodes?;
    let own = expand_pods(input.objects, &input.admission);
    let other = expand_pods(input.other_session, &input.admission);
    if own.is_empty() {
        return None;
    }
    let pairs = own.iter().enumerate().map(|(index, pod)| PodPair {
        own: pod,
        other: other.get(index).unwrap_or(pod),
        selectors: spread_selectors(pod, input.objects),
    });
    let pairs: Vec<PodPair<'_>> = pairs.collect();
    let cluster = ClusterNodes::new(nodes, pods);
    let labels_of = |name: &str| {
        let mut namespaces = input.namespaces.iter();
        let found = namespaces.find(|namespace| Untyped(namespace).name() == name);
        let labels = found.and_then(|namespace| namespace.pointer("/metadata/labels"));
        let mut labels: BTreeMap<String, String> = labels
            .and_then(|labels| Untyped(labels).read())
            .unwrap_or_default();
        labels.insert(NAMESPACE_NAME.into(), name.to_owned());
        labels
    };
    let context = SchedulingContext {
        namespace: input.namespace,
        labels_of: &labels_of,
        unreachable_volume: &|pod, node| input.volumes.find_unreachable(pod, node),
    };
    let scheduling = build_scheduling(&pairs, &cluster.nodes, &context);
    let placement = place_sessions(&scheduling, limit);
    Some(node_room::describe_nodes(
        &scheduling,
        &cluster.nodes,
        &placement,
        cluster.waiting,
    ))
}

/// Returns true if neither a taint nor a cordon, nor the Pod's nodeSelector and affinity, keep the Pod away from the node.
pub(crate) fn is_open_to(spec: &PodSpec, node: &Node) -> bool {
    selector::matches_node(spec, node) && selector::untolerated_taint(spec, node).is_none()
}

/// Returns the selectors of the Pod's workload and of Services of the session that select it: the scheduler spreads Pods by them.
fn spread_selectors(pod: &AdmittedPod, objects: &[Value]) -> Vec<LabelSelector> {
    let of_object = |object: &Value| -> Option<LabelSelector> {
        let (kind, name) = (Untyped(object).kind(), Untyped(object).name());
        if kind == "Service" {
            let labels: BTreeMap<String, String> =
                Untyped(object.pointer("/spec/selector")?).read()?;
            let selects = |(key, value): (&String, &String)| pod.labels.get(key) == Some(value);
            return (!labels.is_empty() && labels.iter().all(selects)).then(|| LabelSelector {
                match_labels: Some(labels),
                ..LabelSelector::default()
            });
        }
        let spreads = matches!(kind, "Deployment" | "ReplicaSet" | "StatefulSet");
        let own =
            spreads && pod.workload == format!("{kind}/{name}") && pod_labels(object).is_some();
        Untyped(object.pointer("/spec/selector").filter(|_| own)?).read()
    };
    objects.iter().filter_map(of_object).collect()
}

#[cfg(test)]
mod tests;
