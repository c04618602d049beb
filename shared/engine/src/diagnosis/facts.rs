//! Facts merged into a cause. The cluster client reads them only when a cause is about to be shown; [`refine`] adds them to it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, PodSpec};
use k8s_openapi::api::storage::v1::StorageClass;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Cause;
use super::claim_failure::CLAIM_NOT_FOUND;
use super::claim_holder;
use super::crash::{NODE_MEMORY_REMEDY, NODE_OUT_OF_MEMORY};
use super::download_failure::add_download_failure;
use super::fact_lines::{
    describe_claim, describe_endpoints, describe_limit_range, describe_node, describe_quota,
    format_taint, log_lines,
};
use super::fact_query::{Fact, FactQuery, PodRequests};
use super::image_parameters::add_image_parameters;
use super::image_pull::PLATFORM_REMEDY;
use super::placeholder::{add_placeholder, is_plain_exit};
use crate::capacity::amount_text::format_amount;
use crate::capacity::demand::{parse_amount, pod_resources};
use crate::capacity::fit::is_open_to;
use session_model::objects::Untyped;
use session_model::objects::metadata::name_of;
use session_model::quantity::Quantity;

/// Nodes that are listed one by one; the rest are counted.
const MAX_NODES_SHOWN: usize = 4;

/// Annotation of the StorageClass that is the default.
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// Adds facts to a cause: evidence, and a better remedy where they allow one. The returned cause has new queries where the
/// facts make further reads worthwhile.
pub fn refine(mut cause: Cause, answers: &[(FactQuery, Fact)]) -> Cause {
    cause.queries.clear();
    for (ask, answer) in answers {
        match answer {
            // A correction that most users may not read, and a remedy: their absence says nothing about the cause.
            Fact::Unavailable(_)
                if matches!(
                    ask,
                    FactQuery::NodeMemory { .. }
                        | FactQuery::ImageParameters { .. }
                        | FactQuery::SessionParameters { .. }
                ) => {}
            Fact::Unavailable(why) => cause
                .evidence
                .push(format!("{}: not available ({why})", ask.subject())),
            Fact::Lines(lines) => add_log_lines(&mut cause, ask, lines),
            Fact::Objects(objects) => add_objects(&mut cause, ask, objects),
        }
    }
    add_placeholder(&mut cause, answers);
    cause
}

fn add_log_lines(cause: &mut Cause, ask: &FactQuery, lines: &[String]) {
    let Some(last) = lines.last() else {
        cause.evidence.push(format!("{}: empty", ask.subject()));
        return;
    };
    if is_plain_exit(&cause.reason) {
        if is_exec_format_error(last) {
            cause.reason = "ExecFormatError".to_owned();
            cause.message += ": its program is not built for the node's platform, or is a script without a #! line";
            cause.remedy = Some(PLATFORM_REMEDY.to_owned());
        } else if let FactQuery::Log { urls, .. } = ask {
            add_download_failure(cause, lines, urls);
        }
    }
    cause.evidence.extend(log_lines(&ask.subject(), lines));
}

/// Returns true for the runtime's line about a program that the node's kernel cannot run: `exec /app: exec format error`.
fn is_exec_format_error(line: &str) -> bool {
    line.starts_with("exec ") && line.trim_end().ends_with(": exec format error")
}

fn add_objects(cause: &mut Cause, ask: &FactQuery, objects: &[Value]) {
    match ask {
        // Judged together with the log.
        FactQuery::Log { .. } | FactQuery::SessionParameters { .. } => {}
        FactQuery::Nodes(room) => add_nodes(cause, room, &read_all(objects)),
        FactQuery::Node { name } => cause.evidence.push(match read_all(objects).first() {
            Some(node) => describe_node(node),
            None => format!("node {name:?}: does not exist"),
        }),
        FactQuery::NodeMemory { limit, .. } => add_node_memory(cause, limit, &read_all(objects)),
        FactQuery::PodsOnNode { node, room, has } => cause
            .evidence
            .push(describe_node_load(node, room, has, objects)),
        FactQuery::PersistentVolumeClaim { .. }
            if objects.is_empty() && cause.reason == CLAIM_NOT_FOUND => {}
        FactQuery::PersistentVolumeClaim { name } => {
            cause.evidence.push(match read_all(objects).first() {
                Some(claim) => describe_claim(claim),
                None => format!("claim {name:?}: does not exist"),
            })
        }
        FactQuery::ClaimHolders { .. } => claim_holder::add_holders(cause, ask, objects),
        FactQuery::ImageParameters { .. } => add_image_parameters(cause, ask, objects),
        FactQuery::StorageClasses => add_storage_classes(cause, &read_all(objects)),
        FactQuery::CsiDriver { name } if objects.is_empty() => cause.evidence.push(format!(
            "CSI driver {name:?} is not installed; only CSI provisioners need one"
        )),
        FactQuery::CsiDriver { name } => cause
            .evidence
            .push(format!("CSI driver {name:?} is installed")),
        FactQuery::ResourceQuotas => cause
            .evidence
            .extend(read_all(objects).iter().map(describe_quota)),
        FactQuery::LimitRanges => cause
            .evidence
            .extend(read_all(objects).iter().map(describe_limit_range)),
        FactQuery::EndpointSlices { service } => cause
            .evidence
            .extend(describe_endpoints(service, &read_all(objects))),
    }
}

/// Corrects the cause of a container with a memory limit if its node ran out of memory: one that has a memory shortage, or less
/// memory than the limit.
fn add_node_memory(cause: &mut Cause, limit: &str, nodes: &[Node]) {
    let Some(node) = nodes.first() else {
        return;
    };
    let status = node.status.as_ref();
    let pressed = status.is_some_and(|status| {
        let mut conditions = status.conditions.iter().flatten();
        conditions.any(|one| one.type_ == "MemoryPressure" && one.status == "True")
    });
    let has = status.and_then(|status| Some(status.allocatable.as_ref()?.get("memory")?.0.clone()));
    let bytes = |text: &str| text.parse::<Quantity>().ok();
    let is_smaller = has.as_deref().is_some_and(
        |has| matches!((bytes(has), bytes(limit)), (Some(has), Some(limit)) if has <= limit),
    );
    if !pressed && !is_smaller {
        return;
    }
    let name = name_of(&node.metadata);
    let old = format!("for exceeding its memory limit of {limit}");
    let new =
        format!("because node {name:?} ran out of memory, not for its memory limit of {limit}");
    cause.reason = NODE_OUT_OF_MEMORY.into();
    cause.message = cause.message.replace(&old, &new);
    cause.remedy = Some(NODE_MEMORY_REMEDY.into());
    let shortage = if pressed {
        ", MemoryPressure is True"
    } else {
        ""
    };
    let has = has.unwrap_or_else(|| "unknown".into());
    cause
        .evidence
        .push(format!("node {name:?}: allocatable memory {has}{shortage}"));
}

/// Reads objects as their type. One that is not of it adds no evidence.
fn read_all<T: DeserializeOwned>(objects: &[Value]) -> Vec<T> {
    let read = |object| Untyped(object).read();
    objects.iter().filter_map(read).collect()
}

fn add_nodes(cause: &mut Cause, room: &PodRequests, nodes: &[Node]) {
    for (label, value) in &room.node_selector {
        let has = |node: &&Node| {
            let labels = node.metadata.labels.as_ref();
            labels.and_then(|labels| labels.get(label)) == Some(value)
        };
        let count = nodes.iter().filter(has).count();
        cause.evidence.push(format!(
            "{count} of {} nodes have label {label}={value}",
            nodes.len()
        ));
    }
    for resource in &room.insufficient {
        add_node_sizes(cause, room, resource, nodes);
    }
    if room.has_untolerated_taints {
        let tainted = nodes.iter().filter_map(|node| {
            let taints = node.spec.as_ref()?.taints.as_ref()?;
            let taints: Vec<String> = taints.iter().map(format_taint).collect();
            (!taints.is_empty()).then(|| {
                format!(
                    "node {:?}: taint {}",
                    name_of(&node.metadata),
                    taints.join(", ")
                )
            })
        });
        cause
            .evidence
            .extend(limit_lines(tainted.collect(), "tainted nodes"));
    }
}

/// Adds the allocatable amount of each node, largest first. For nodes that would be large enough it asks for their Pods
/// instead, to tell how much is in use. Nodes that the Pod may not use are named, and count for nothing.
fn add_node_sizes(cause: &mut Cause, room: &PodRequests, resource: &str, nodes: &[Node]) {
    let spec: PodSpec = Untyped(&room.placement).read().unwrap_or_default();
    let mut sizes: Vec<(bool, Quantity, &str)> = nodes
        .iter()
        .filter_map(|node| {
            let amount = node.status.as_ref()?.allocatable.as_ref()?.get(resource)?;
            let is_open = is_open_to(&spec, node);
            Some((is_open, parse_amount(amount)?, name_of(&node.metadata)))
        })
        .filter(|(_, amount, _)| !amount.is_zero())
        .collect();
    sizes.sort_by_key(|(is_open, amount, name)| (Reverse(*is_open), Reverse(*amount), *name));
    if sizes.is_empty() {
        add_missing_resource(cause, resource, nodes);
        return;
    }
    let asked = room
        .requested
        .get(resource)
        .copied()
        .unwrap_or(Quantity::ZERO);
    let text = |amount: &Quantity| format_amount(resource, amount);
    if let Some((true, largest, _)) = sizes.first()
        && *largest < asked
    {
        let all_open = sizes.iter().all(|(is_open, ..)| *is_open);
        let which = if all_open {
            ""
        } else {
            " that the Pod may use"
        };
        cause.remedy = Some(format!(
            "request less: no node{which} has more than {} {resource}, {} requested",
            text(largest),
            text(&asked)
        ));
    }
    let mut lines = Vec::new();
    for (is_open, amount, node) in &sizes {
        let loads = cause.queries.len();
        if *is_open && *amount >= asked && loads < MAX_NODES_SHOWN {
            cause.queries.push(FactQuery::PodsOnNode {
                node: (*node).to_owned(),
                room: room.clone(),
                has: BTreeMap::from([(resource.to_owned(), *amount)]),
            });
        } else {
            let closed = match is_open {
                true => "",
                false => ", closed to the Pod by a taint, a cordon or its selector",
            };
            lines.push(format!(
                "node {node:?}: {} {resource} allocatable{closed}",
                text(amount)
            ));
        }
    }
    cause.evidence.extend(limit_lines(lines, "nodes"));
}

/// Adds that none of the nodes offers the resource. An empty list proves nothing: the caller may have seen no node.
fn add_missing_resource(cause: &mut Cause, resource: &str, nodes: &[Node]) {
    if nodes.is_empty() {
        return;
    }
    cause.evidence.push(format!("no node offers {resource}"));
    // Resources of device plugins, and only those, have a domain in their name.
    let plugin = if resource.contains('/') {
        ", or install its device plugin"
    } else {
        ""
    };
    cause.remedy = Some(format!("add a node that offers {resource}{plugin}"));
}

fn limit_lines(mut lines: Vec<String>, what: &str) -> Vec<String> {
    let more = lines.len().saturating_sub(MAX_NODES_SHOWN);
    if more > 0 {
        lines.truncate(MAX_NODES_SHOWN);
        lines.push(format!("and {more} more {what}"));
    }
    lines
}

fn describe_node_load(
    node: &str,
    room: &PodRequests,
    has: &BTreeMap<String, Quantity>,
    pods: &[Value],
) -> String {
    let figures = has.iter().map(|(resource, has)| {
        let mut used = Quantity::ZERO;
        for spec in pods.iter().filter_map(|pod| pod.get("spec")?.as_object()) {
            if let Some(amount) = pod_resources(spec).get(&format!("requests.{resource}")) {
                used = used.add(amount);
            }
        }
        let asked = room
            .requested
            .get(resource)
            .copied()
            .unwrap_or(Quantity::ZERO);
        let text = |amount: &Quantity| format_amount(resource, amount);
        format!(
            "its Pods request {} of {} {resource}, {} more needed",
            text(&used),
            text(has),
            text(&asked)
        )
    });
    let figures: Vec<String> = figures.collect();
    format!("node {node:?}: {}", figures.join(", "))
}

fn add_storage_classes(cause: &mut Cause, classes: &[StorageClass]) {
    let is_default = |class: &StorageClass| {
        let annotations = class.metadata.annotations.as_ref();
        let mark = annotations.and_then(|all| all.get(DEFAULT_CLASS));
        mark.is_some_and(|mark| mark == "true")
    };
    let names: Vec<String> = classes
        .iter()
        .map(|class| {
            let mark = if is_default(class) { " (default)" } else { "" };
            format!("{}{mark}", name_of(&class.metadata))
        })
        .collect();
    let default = if classes.iter().any(is_default) {
        ""
    } else {
        "; no default"
    };
    cause.evidence.push(match names.as_slice() {
        [] => "the cluster has no StorageClass".to_owned(),
        names => format!("StorageClasses: {}{default}", names.join(", ")),
    });
}
