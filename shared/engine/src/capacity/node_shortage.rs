//! Why no node takes the Pods of a session now, in words with the figures of the nodes.

use std::collections::BTreeMap;

use serde_json::Value;
use session_model::objects::overrides::is_gpu_resource;
use session_model::quantity::Quantity;

use super::amount_text::format_amount;
use super::fit::{Admission, Exclusion, FitInput, NodeAmount, NodeLimit, NodeRoom, compute_fit};

/// Most nodes that are named with their figures.
const SHOWN_NODES: usize = 3;

/// Taints that the node controller sets and takes away again.
const PASSING_TAINT: &str = "node.kubernetes.io/";

/// The Pods of a session, and the nodes that would have to take them.
#[derive(Clone, Copy, Debug)]
pub struct NodeDemand<'a> {
    /// Namespace of the session.
    pub namespace: &'a str,
    /// Objects of the session.
    pub objects: &'a [Value],
    /// LimitRanges of the namespace.
    pub limit_ranges: &'a [Value],
    /// Nodes.
    pub nodes: &'a [Value],
}

/// Why no node takes the Pods of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeShortage {
    /// The shortage with its figures.
    pub message: String,
    /// True if the nodes that there are can take the Pods later, as they are.
    pub may_pass: bool,
}

/// Figures that decide: all that a node has, or what is free of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Allocatable,
    Free,
}

impl NodeDemand<'_> {
    /// Returns the names of the nodes that can take a Pod of the session if they are empty; `None` if the session has no Pods.
    pub fn suitable_nodes(&self) -> Option<Vec<String>> {
        let takes_one = |node: &NodeLimit| {
            let mut amounts = node.amounts.iter();
            node.excluded.is_none() && amounts.all(|amount| amount.fits != Some(0))
        };
        let room = self.place(&[])?;
        let nodes = room.nodes.into_iter().filter(takes_one);
        Some(nodes.map(|node| node.name).collect())
    }

    /// Returns why the session's Pods fit on no node; `None` if they may fit. Without `pods`, the Pods of all namespaces, only nodes that are
    /// too small for them whatever runs there are told.
    pub fn find_shortage(&self, pods: Option<&[Value]>) -> Option<NodeShortage> {
        let empty = self.place(&[])?;
        let now = pods.and_then(|pods| self.place(pods));
        let never = is_full(&empty);
        if !never && !now.as_ref().is_some_and(is_full) {
            return None;
        }
        let measure = match never {
            true => Measure::Allocatable,
            false => Measure::Free,
        };
        let room = now.as_ref().unwrap_or(&empty);
        Some(NodeShortage {
            message: describe_shortage(room, measure, now.is_some()),
            may_pass: !never || empty.nodes.iter().any(may_open),
        })
    }

    fn place(&self, pods: &[Value]) -> Option<NodeRoom> {
        let admission = Admission {
            limit_ranges: self.limit_ranges,
            ..Admission::default()
        };
        let fit = compute_fit(&FitInput {
            namespace: self.namespace,
            objects: self.objects,
            other_session: self.objects,
            admission,
            nodes: Some((self.nodes, pods)),
            limit: Some(1),
            ..FitInput::default()
        });
        fit.nodes
    }
}

/// Returns true if the session fits whatever the scheduler chooses on no node.
fn is_full(room: &NodeRoom) -> bool {
    room.most == 0 && room.proven
}

/// Returns true if a node that takes no Pod may take some later.
fn may_open(node: &NodeLimit) -> bool {
    match &node.excluded {
        Some(Exclusion::Taint(taint)) => taint.starts_with(PASSING_TAINT),
        Some(Exclusion::Cordoned | Exclusion::HostPort | Exclusion::AntiAffinity) => true,
        _ => false,
    }
}

fn describe_shortage(room: &NodeRoom, measure: Measure, is_free_known: bool) -> String {
    let nodes = room.nodes.iter();
    let open: Vec<&NodeLimit> = nodes.filter(|node| node.excluded.is_none()).collect();
    let closed = describe_closed(&room.nodes);
    if open.is_empty() {
        return format!("no node takes the Pod: {closed}");
    }
    let resources = open.iter().flat_map(|node| &node.amounts);
    let mut texts: Vec<String> = Vec::new();
    for resource in resources.map(|amount| amount.resource.as_str()) {
        let text = describe_resource(&open, resource, measure, is_free_known);
        texts.extend(text.filter(|text| !texts.contains(text)));
    }
    if texts.is_empty() {
        texts.push(describe_nodes(room, &open, measure));
    }
    if !closed.is_empty() {
        texts.push(closed);
    }
    texts.join("; ")
}

/// Returns the text of a resource of which no open node has enough.
fn describe_resource(
    open: &[&NodeLimit],
    resource: &str,
    measure: Measure,
    is_free_known: bool,
) -> Option<String> {
    let amounts = open.iter().map(|node| {
        let mut amounts = node.amounts.iter();
        Some((*node, amounts.find(|amount| amount.resource == resource)?))
    });
    let amounts: Vec<(&NodeLimit, &NodeAmount)> = amounts.collect::<Option<_>>()?;
    let available = |amount: &NodeAmount| match measure {
        Measure::Allocatable => amount.allocatable,
        Measure::Free => free(amount),
    };
    let (node, best) = amounts.iter().max_by_key(|(_, amount)| available(amount))?;
    let need = best.need?;
    if available(best) >= need {
        return None;
    }
    let format = |amount: &Quantity| format_amount(resource, amount);
    let (most, left) = (format(&best.allocatable), format(&free(best)));
    let (need, name) = (format(&need), resource_words(resource));
    Some(match measure {
        Measure::Allocatable if best.allocatable.is_zero() => {
            format!("no node has {name}: {need} requested")
        }
        Measure::Allocatable if is_free_known => {
            format!("no node has {need} {name}: the largest has {most}, {left} of them free")
        }
        Measure::Allocatable => format!("no node has {need} {name}: the largest has {most}"),
        Measure::Free if resource == "pods" => {
            format!(
                "no node takes one more Pod: node {:?} has {most} of {most}",
                node.name
            )
        }
        Measure::Free => format!(
            "no node has {need} {name} free: the most is {left} of {most}, on node {:?}",
            node.name
        ),
    })
}

fn free(amount: &NodeAmount) -> Quantity {
    let used = amount.used.multiply(-1);
    amount.allocatable.add(&used).max(Quantity::ZERO)
}

fn count_nodes(nodes: usize) -> String {
    match nodes == 1 {
        true => "1 node".to_owned(),
        false => format!("{nodes} nodes"),
    }
}

fn resource_words(resource: &str) -> String {
    match is_gpu_resource(resource) {
        true => format!("GPUs ({resource})"),
        false => resource.to_owned(),
    }
}

/// Returns the figures of nodes each of which lacks something else.
fn describe_nodes(room: &NodeRoom, open: &[&NodeLimit], measure: Measure) -> String {
    if let Some(workload) = &room.refused {
        let short = room.shortages.iter();
        let short: Vec<String> = short
            .map(|(resource, nodes)| format!("{resource} on {}", count_nodes(*nodes)))
            .collect();
        return format!(
            "no node has room for a Pod of {workload}: not enough {}",
            short.join(", ")
        );
    }
    let (word, figure): (_, fn(&NodeAmount) -> Quantity) = match measure {
        Measure::Allocatable => ("has", |amount| amount.allocatable),
        Measure::Free => ("has free", free),
    };
    let amounts = |node: &NodeLimit, figure: fn(&NodeAmount) -> Quantity| {
        let amounts = node
            .amounts
            .iter()
            .filter(|amount| amount.resource != "pods");
        let amounts = amounts.map(|amount| {
            let resource = &amount.resource;
            format!("{resource} {}", format_amount(resource, &figure(amount)))
        });
        amounts.collect::<Vec<_>>().join(", ")
    };
    let shown = open.iter().take(SHOWN_NODES);
    let mut nodes: Vec<String> = shown
        .map(|node| format!("node {:?} {word} {}", node.name, amounts(node, figure)))
        .collect();
    if open.len() > SHOWN_NODES {
        nodes.push(match open.len() - SHOWN_NODES {
            1 => "and 1 more node".to_owned(),
            more => format!("and {more} more nodes"),
        });
    }
    let need = open
        .first()
        .map(|node| amounts(node, |amount| amount.need.unwrap_or(Quantity::ZERO)));
    let need = need.unwrap_or_default();
    format!("no node {word} {need} together: {}", nodes.join("; "))
}

/// Returns why nodes take no Pod of the session, with their numbers; empty if all nodes take some.
fn describe_closed(nodes: &[NodeLimit]) -> String {
    let mut counts: BTreeMap<&Exclusion, usize> = BTreeMap::new();
    for excluded in nodes.iter().filter_map(|node| node.excluded.as_ref()) {
        *counts.entry(excluded).or_default() += 1;
    }
    let total = nodes.len();
    let texts = counts.into_iter().map(|(excluded, count)| {
        let reason = match excluded {
            Exclusion::OtherNode => "are not the node that the Pod names".to_owned(),
            Exclusion::Cordoned => "are cordoned".to_owned(),
            Exclusion::Taint(taint) => {
                format!("have taint {taint}, which the Pod does not tolerate")
            }
            Exclusion::Selector => "do not match the Pod's node selector or affinity".to_owned(),
            Exclusion::Volume(_) => "cannot reach a volume of the Pod".to_owned(),
            Exclusion::HostPort => "have a Pod on a host port that this one takes".to_owned(),
            Exclusion::AntiAffinity => "have a Pod that keeps others away".to_owned(),
        };
        format!("{count} of {total} nodes {reason}")
    });
    texts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
#[path = "node_shortage_tests.rs"]
mod tests;
