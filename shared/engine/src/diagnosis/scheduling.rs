//! Reasons why a Pod fits on no node, read from the scheduler's message.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use serde_json::Value;

use super::Cause;
use super::claim_holder;
use super::fact_query::{FactQuery, PodRequests};
use crate::capacity::amount_text::format_amount;
use crate::capacity::demand::pod_resources;
use session_model::objects::Untyped;
use session_model::objects::metadata::name_of;
use session_model::quantity::Quantity;

/// Reads the scheduler's message about a Pod that fits on no node. The Pod may fit later without any change: nodes are added,
/// by an autoscaler for example, and other Pods end.
pub(super) fn unschedulable_cause(pod: &Pod, message: &str) -> Cause {
    let name = name_of(&pod.metadata);
    let asked = pod_requests(pod);
    if message.contains("no nodes available to schedule pods") {
        return scheduling_cause(name, "the cluster has no nodes", "add a node", Vec::new());
    }
    let (total, reasons) = parse_reasons(message);
    if reasons.is_empty() {
        let mut unknown = scheduling_cause(
            name,
            "the scheduler gives an unknown reason",
            "",
            Vec::new(),
        );
        unknown.remedy = None;
        return unknown;
    }
    let mut hurdles: Vec<(usize, UnschedulableReason)> = reasons
        .iter()
        .map(|(count, reason)| (*count, UnschedulableReason::parse(reason)))
        .collect();
    hurdles.sort_by_key(|(_, hurdle)| hurdle.rank());
    let told: Vec<String> = hurdles
        .iter()
        .map(|(count, hurdle)| format!("{count} of {total} nodes {}", hurdle.describe(&asked)))
        .collect();
    let short = hurdles.iter().filter_map(|(_, hurdle)| match hurdle {
        UnschedulableReason::Insufficient(resource) => Some(resource.clone()),
        _ => None,
    });
    let room = PodRequests {
        pod: name.to_owned(),
        insufficient: short.collect(),
        requested: asked.clone(),
        node_selector: node_selector(pod),
        placement: placement(pod),
        has_untolerated_taints: hurdles
            .iter()
            .any(|(_, hurdle)| *hurdle == UnschedulableReason::Taint),
    };
    // The remedy of the first reason is not always the right one: a tainted node may lack a label, too.
    let remedies: Vec<String> = hurdles
        .iter()
        .take(2)
        .map(|(_, hurdle)| hurdle.remedy(pod))
        .collect();
    let remedy = remedies.join("; or ");
    let mut queries = vec![FactQuery::Nodes(room)];
    let is_held = |(_, hurdle): &(usize, _)| *hurdle == UnschedulableReason::ClaimInUse;
    if hurdles.iter().any(is_held) {
        queries.insert(0, claim_holder::holders_query(pod));
    }
    scheduling_cause(name, &told.join(", "), &remedy, queries)
}

/// Returns true where a Pod waits for labels of a node, and no node has them all: without a new node or label it stays
/// unscheduled. False where no node was seen.
pub fn is_node_selector_unmatched(query: &FactQuery, nodes: &[Value]) -> bool {
    let FactQuery::Nodes(room) = query else {
        return false;
    };
    let has_all = |node: &Value| {
        let node = Untyped(node);
        let mut wanted = room.node_selector.iter();
        wanted.all(|(label, value)| node.label(label) == Some(value.as_str()))
    };
    !room.node_selector.is_empty() && !nodes.is_empty() && !nodes.iter().any(has_all)
}

fn scheduling_cause(pod: &str, why: &str, remedy: &str, asks: Vec<FactQuery>) -> Cause {
    Cause {
        reason: "Unschedulable".into(),
        message: format!("no node fits pod {pod:?}: {why}"),
        remedy: Some(remedy.to_owned()),
        queries: asks,
        ..Cause::default()
    }
}

/// A reason why a Pod does not fit on some of the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum UnschedulableReason {
    Insufficient(String),
    TooManyPods,
    NoMatchingVolume,
    VolumeUnreachable,
    ClaimInUse,
    NodeSelector,
    HostPorts,
    PodAffinity,
    Cordoned,
    Taint,
    Other(String),
}

impl UnschedulableReason {
    fn parse(reason: &str) -> Self {
        if let Some(resource) = reason.strip_prefix("Insufficient ") {
            return Self::Insufficient(resource.to_owned());
        }
        let says = |word: &str| reason.contains(word);
        if says("Too many pods") {
            Self::TooManyPods
        } else if says("available persistent volumes to bind") {
            Self::NoMatchingVolume
        } else if says("PersistentVolume's node affinity")
            || says("volume zone")
            // Before Kubernetes 1.35.
            || says("volume node affinity")
        {
            Self::VolumeUnreachable
        } else if says("ReadWriteOncePod access mode") {
            Self::ClaimInUse
        } else if says("node affinity/selector") {
            Self::NodeSelector
        } else if says("free ports") {
            Self::HostPorts
        } else if says("affinity rules") || says("topology spread") {
            Self::PodAffinity
        } else if says("were unschedulable") {
            Self::Cordoned
        } else if says("taint") {
            Self::Taint
        } else {
            Self::Other(reason.to_owned())
        }
    }

    /// Returns the sort order: reasons that a user can act on first. The taint of a control plane is rarely the problem.
    fn rank(&self) -> usize {
        match self {
            Self::Insufficient(resource) if resource.contains('/') => 0,
            Self::Insufficient(_) => 1,
            Self::NoMatchingVolume | Self::VolumeUnreachable | Self::ClaimInUse => 2,
            Self::HostPorts => 3,
            Self::NodeSelector => 4,
            Self::PodAffinity | Self::TooManyPods => 5,
            Self::Other(_) => 6,
            Self::Cordoned => 7,
            Self::Taint => 8,
        }
    }

    fn describe(&self, asked: &BTreeMap<String, Quantity>) -> String {
        match self {
            Self::Insufficient(resource) => match asked.get(resource) {
                Some(amount) => format!(
                    "without enough free {resource} ({} requested)",
                    format_amount(resource, amount)
                ),
                None => format!("without enough free {resource}"),
            },
            Self::TooManyPods => "at the limit of Pods".into(),
            Self::NoMatchingVolume => "without an available volume for its claims".into(),
            Self::VolumeUnreachable => "unable to reach its volume".into(),
            Self::ClaimInUse => {
                "closed to it, because another Pod holds its ReadWriteOncePod claim".into()
            }
            Self::NodeSelector => {
                "without the labels that its nodeSelector or affinity requires".into()
            }
            Self::HostPorts => "with its host ports already in use".into(),
            Self::PodAffinity => "excluded by its Pod affinity or spread rules".into(),
            Self::Cordoned => "cordoned".into(),
            Self::Taint => "with a taint that it does not tolerate".into(),
            Self::Other(reason) => format!("({reason})"),
        }
    }

    fn remedy(&self, pod: &Pod) -> String {
        match self {
            Self::Insufficient(resource) => format!(
                "request less {resource}, delete sessions that are no longer needed, or add a node"
            ),
            Self::TooManyPods => "delete sessions that are no longer needed, or add a node".into(),
            Self::NoMatchingVolume => {
                "create a volume that fits the claim, or use a StorageClass that provisions one"
                    .into()
            }
            Self::VolumeUnreachable => {
                "free capacity on a node that can reach the volume, or use another claim".into()
            }
            Self::ClaimInUse => claim_holder::release_remedy(pod),
            Self::NodeSelector => "change the nodeSelector or affinity, or label a node; the session starts when a node has the labels".into(),
            Self::HostPorts => "remove the hostPort, or use another one".into(),
            Self::PodAffinity => {
                "change the affinity or topology spread rules, or add a node".into()
            }
            Self::Cordoned => "uncordon a node: kubectl uncordon NODE".into(),
            Self::Taint => {
                "add a toleration for the taint, or remove the taint from the node".into()
            }
            Self::Other(_) => "check the message of the scheduler".into(),
        }
    }
}

/// Reads `0/3 nodes are available: 2 Insufficient cpu, 1 node(s) … . preemption: …` as the number of nodes and, for each reason,
/// the count of nodes and the text.
fn parse_reasons(message: &str) -> (usize, Vec<(usize, &str)>) {
    let Some((head, rest)) = message.split_once(" nodes are available: ") else {
        return (0, Vec::new());
    };
    let total = head.rsplit('/').next().and_then(|count| count.parse().ok());
    let own = rest
        .split(". ")
        .next()
        .unwrap_or(rest)
        .trim_end_matches('.');
    let counted = own.split(", ").filter_map(|part| {
        let (count, reason) = part.split_once(' ')?;
        Some((count.parse().ok()?, reason))
    });
    (total.unwrap_or_default(), counted.collect())
}

/// Returns what the Pod requests, by resource.
fn pod_requests(pod: &Pod) -> BTreeMap<String, Quantity> {
    let spec = pod
        .spec
        .as_ref()
        .and_then(|spec| serde_json::to_value(spec).ok());
    let Some(Value::Object(spec)) = spec else {
        return BTreeMap::new();
    };
    let all = pod_resources(&spec).into_iter();
    all.filter_map(|(name, amount)| Some((name.strip_prefix("requests.")?.to_owned(), amount)))
        .collect()
}

/// Returns the fields of the Pod's spec that close nodes to it.
fn placement(pod: &Pod) -> Value {
    let spec = pod.spec.clone().unwrap_or_default();
    let kept = PodSpec {
        node_selector: spec.node_selector,
        affinity: spec.affinity,
        tolerations: spec.tolerations,
        ..PodSpec::default()
    };
    serde_json::to_value(kept).unwrap_or_default()
}

fn node_selector(pod: &Pod) -> BTreeMap<String, String> {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.node_selector.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Pod {
        serde_json::from_value(
            json!({ "metadata": { "name": "x" }, "spec": { "containers": [
            { "name": "main", "resources": { "requests": { "cpu": "64" } } }] } }),
        )
        .unwrap()
    }

    #[test]
    fn every_nodes_reason_is_told_the_most_telling_first() {
        let cause = unschedulable_cause(
            &pod(),
            "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
        );
        assert_eq!(
            cause.message,
            "no node fits pod \"x\": 1 of 3 nodes without enough free cpu (64 requested), 2 of 3 nodes with a taint that it does not tolerate"
        );
        assert!(cause.remedy.unwrap().starts_with("request less cpu"));
    }

    #[test]
    fn a_selector_is_hopeless_only_where_nodes_were_seen_and_none_matches() {
        let query = |selector: Value| {
            let mut pod = pod();
            let spec = pod.spec.as_mut().unwrap();
            spec.node_selector = serde_json::from_value(selector).unwrap();
            let message =
                "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
            unschedulable_cause(&pod, message).queries.remove(0)
        };
        let node = |labels: Value| json!({ "metadata": { "name": "n", "labels": labels } });
        let ssd = query(json!({ "disk": "ssd", "zone": "a" }));
        assert!(is_node_selector_unmatched(
            &ssd,
            &[node(json!({ "disk": "ssd" }))]
        ));
        let both = node(json!({ "disk": "ssd", "zone": "a" }));
        assert!(!is_node_selector_unmatched(&ssd, &[both]));
        assert!(!is_node_selector_unmatched(&ssd, &[]));
        assert!(!is_node_selector_unmatched(
            &query(json!({})),
            &[node(json!({}))]
        ));
    }

    #[test]
    fn older_servers_name_the_taint() {
        let (total, found) = parse_reasons(
            "0/1 nodes are available: 1 node(s) had untolerated taint {a.example.com/b: c}.",
        );
        assert_eq!((total, found.len()), (1, 1));
        assert_eq!(
            UnschedulableReason::parse(found[0].1),
            UnschedulableReason::Taint
        );
    }

    #[test]
    fn what_is_not_known_is_said_to_be() {
        let cause = unschedulable_cause(&pod(), "something new");
        assert!(
            cause
                .message
                .ends_with("the scheduler gives an unknown reason")
        );
        assert_eq!(cause.remedy, None);
    }
}
