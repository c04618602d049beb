//! What would make a cause finer, as plain data: `cluster/` reads it when a person is to be told, and only then.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::Value;

use super::Cause;
use super::claim::CLAIM_NOT_FOUND;
use super::quota::{pod_resources, quantity};
use session_model::objects::conditions::condition;
use session_model::objects::resource::{annotation, label as label_of, text};
use session_model::quantity::Quantity;

/// Nodes that are shown one by one.
const NODES_SHOWN: usize = 4;

/// Something to read before a person is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The last lines of a container's log.
    Log {
        /// The Pod.
        pod: String,
        /// The container.
        container: String,
        /// Of the container before this one.
        previous: bool,
    },
    /// All nodes, for a Pod that none of them takes.
    Nodes(Room),
    /// One node, for a Pod whose node does not answer.
    Node {
        /// Its name.
        name: String,
    },
    /// The Pods on a node that would be large enough.
    Load {
        /// The node.
        node: String,
        /// What is wanted.
        room: Room,
        /// What the node has of it, by resource.
        has: BTreeMap<String, Quantity>,
    },
    /// A claim.
    Claim {
        /// Its name.
        name: String,
    },
    /// All StorageClasses.
    StorageClasses,
    /// The CSIDriver of a provisioner.
    Driver {
        /// The provisioner.
        name: String,
    },
    /// ResourceQuotas of the namespace.
    Quotas,
    /// LimitRanges of the namespace.
    LimitRanges,
}

/// What a Pod wants of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// The Pod.
    pub pod: String,
    /// Resources that some nodes have too little of.
    pub short: Vec<String>,
    /// What it requests, by resource.
    pub asked: BTreeMap<String, Quantity>,
    /// Its nodeSelector.
    pub selector: BTreeMap<String, String>,
    /// Whether taints are in the way.
    pub tainted: bool,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Objects; none where there is no such object.
    Objects(Vec<Value>),
    /// Lines of text.
    Lines(Vec<String>),
    /// It could not be seen, and why: `you may not list nodes`.
    Unseen(String),
}

impl Ask {
    /// What it is about, for people: `nodes`, `log of container "main"`.
    pub fn subject(&self) -> String {
        match self {
            Ask::Log { container, .. } => format!("log of container {container:?}"),
            Ask::Nodes(_) => "nodes".into(),
            Ask::Node { name } => format!("node {name:?}"),
            Ask::Load { node, .. } => format!("Pods on node {node:?}"),
            Ask::Claim { name } => format!("claim {name:?}"),
            Ask::StorageClasses => "StorageClasses".into(),
            Ask::Driver { name } => format!("CSIDriver {name:?}"),
            Ask::Quotas => "quotas".into(),
            Ask::LimitRanges => "LimitRanges".into(),
        }
    }
}

/// The cause with what was found out. Its `asks` are what the answers made worth asking.
pub fn refine(mut cause: Cause, answers: &[(Ask, Answer)]) -> Cause {
    cause.asks.clear();
    for (ask, answer) in answers {
        match answer {
            Answer::Unseen(why) => cause
                .evidence
                .push(format!("not seen: {} ({why})", ask.subject())),
            Answer::Lines(lines) => log(&mut cause, ask, lines),
            Answer::Objects(objects) => add(&mut cause, ask, objects),
        }
    }
    cause
}

fn log(cause: &mut Cause, ask: &Ask, lines: &[String]) {
    if lines.is_empty() {
        cause.evidence.push(format!("{}: empty", ask.subject()));
        return;
    }
    cause
        .evidence
        .push(format!("{}, its last lines:", ask.subject()));
    cause
        .evidence
        .extend(lines.iter().map(|line| format!("  {line}")));
}

fn add(cause: &mut Cause, ask: &Ask, objects: &[Value]) {
    match ask {
        Ask::Log { .. } => {}
        Ask::Nodes(room) => nodes(cause, room, objects),
        Ask::Node { name } => cause.evidence.push(match objects.first() {
            Some(node) => describe_node(node),
            None => format!("node {name:?}: does not exist"),
        }),
        Ask::Load { node, room, has } => cause.evidence.push(load(node, room, has, objects)),
        Ask::Claim { .. } if objects.is_empty() && cause.reason == CLAIM_NOT_FOUND => {}
        Ask::Claim { name } => cause.evidence.push(match objects.first() {
            Some(claim) => describe_claim(claim),
            None => format!("claim {name:?}: does not exist"),
        }),
        Ask::StorageClasses => storage_classes(cause, objects),
        Ask::Driver { name } if objects.is_empty() => cause.evidence.push(format!(
            "no CSI driver {name:?} is installed; a provisioner of another kind would need none"
        )),
        Ask::Driver { name } => cause
            .evidence
            .push(format!("CSI driver {name:?} is installed")),
        Ask::Quotas => cause.evidence.extend(objects.iter().map(describe_quota)),
        Ask::LimitRanges => cause.evidence.extend(objects.iter().map(describe_limits)),
    }
}

fn nodes(cause: &mut Cause, room: &Room, nodes: &[Value]) {
    for (label, value) in &room.selector {
        let has = |node: &&Value| label_of(node, label) == Some(value.as_str());
        let count = nodes.iter().filter(has).count();
        cause.evidence.push(format!(
            "{count} of {} nodes have label {label}={value}",
            nodes.len()
        ));
    }
    for resource in &room.short {
        sizes(cause, room, resource, nodes);
    }
    if room.tainted {
        let tainted = nodes.iter().filter_map(|node| {
            let taints = node.pointer("/spec/taints")?.as_array()?;
            let taints: Vec<String> = taints.iter().map(taint).collect();
            (!taints.is_empty()).then(|| {
                format!(
                    "node {:?}: taint {}",
                    text(node, "/metadata/name"),
                    taints.join(", ")
                )
            })
        });
        cause
            .evidence
            .extend(some(tainted.collect(), "tainted nodes"));
    }
}

fn describe_node(node: &Value) -> String {
    let ready = condition(node, "Ready");
    let name = text(node, "/metadata/name");
    match ready {
        Some(ready) => format!(
            "node {name:?}: Ready is {} since {}: {}",
            text(ready, "/status"),
            text(ready, "/lastTransitionTime"),
            text(ready, "/message")
        ),
        None => format!("node {name:?}: says nothing of being ready"),
    }
}

fn taint(taint: &Value) -> String {
    let value = text(taint, "/value");
    let equals = if value.is_empty() { "" } else { "=" };
    format!(
        "{}{equals}{value}:{}",
        text(taint, "/key"),
        text(taint, "/effect")
    )
}

/// What nodes have of a resource, the largest first; what is used of it is asked where it would be enough.
fn sizes(cause: &mut Cause, room: &Room, resource: &str, nodes: &[Value]) {
    let mut sizes: Vec<(Quantity, &str)> = nodes
        .iter()
        .filter_map(|node| {
            let amount = node.pointer("/status/allocatable")?.get(resource)?;
            Some((quantity(amount)?, text(node, "/metadata/name")))
        })
        .filter(|(amount, _)| !amount.is_zero())
        .collect();
    sizes.sort_by_key(|(amount, name)| (Reverse(*amount), *name));
    let Some((largest, _)) = sizes.first() else {
        // Where no node is seen, nothing is known of what nodes offer.
        if !nodes.is_empty() {
            cause.evidence.push(format!("no node offers {resource}"));
            // Only what a device plugin brings has a domain in its name.
            let plugin = if resource.contains('/') {
                ", or have its device plugin installed"
            } else {
                ""
            };
            cause.remedy = Some(format!("add a node that offers {resource}{plugin}"));
        }
        return;
    };
    let asked = room.asked.get(resource).copied().unwrap_or(Quantity::ZERO);
    if *largest < asked {
        cause.remedy = Some(format!(
            "ask for less: no node has more than {largest} {resource}, {asked} is requested"
        ));
    }
    let mut lines = Vec::new();
    for (amount, node) in &sizes {
        let loads = cause.asks.len();
        if *amount >= asked && loads < NODES_SHOWN {
            cause.asks.push(Ask::Load {
                node: (*node).to_owned(),
                room: room.clone(),
                has: BTreeMap::from([(resource.to_owned(), *amount)]),
            });
        } else {
            lines.push(format!("node {node:?}: {amount} {resource} in all"));
        }
    }
    cause.evidence.extend(some(lines, "nodes"));
}

fn some(mut lines: Vec<String>, what: &str) -> Vec<String> {
    let more = lines.len().saturating_sub(NODES_SHOWN);
    if more > 0 {
        lines.truncate(NODES_SHOWN);
        lines.push(format!("and {more} more {what}"));
    }
    lines
}

fn load(node: &str, room: &Room, has: &BTreeMap<String, Quantity>, pods: &[Value]) -> String {
    let figures = has.iter().map(|(resource, has)| {
        let mut used = Quantity::ZERO;
        for spec in pods.iter().filter_map(|pod| pod.get("spec")?.as_object()) {
            if let Some(amount) = pod_resources(spec).get(&format!("requests.{resource}")) {
                used = used.plus(amount);
            }
        }
        let asked = room.asked.get(resource).copied().unwrap_or(Quantity::ZERO);
        format!("Pods there have taken {used} of {has} {resource}, {asked} more is requested")
    });
    let figures: Vec<String> = figures.collect();
    format!("node {node:?}: {}", figures.join(", "))
}

fn describe_claim(claim: &Value) -> String {
    let class = match claim
        .pointer("/spec/storageClassName")
        .and_then(Value::as_str)
    {
        None => "no StorageClass".to_owned(),
        Some("") => "StorageClass \"\" (none, on purpose)".to_owned(),
        Some(class) => format!("StorageClass {class:?}"),
    };
    let modes = claim.pointer("/spec/accessModes").and_then(Value::as_array);
    let modes: Vec<&str> = modes
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    format!(
        "claim {:?}: {}, {class}, {} {}",
        text(claim, "/metadata/name"),
        text(claim, "/status/phase"),
        text(claim, "/spec/resources/requests/storage"),
        modes.join(",")
    )
}

fn storage_classes(cause: &mut Cause, classes: &[Value]) {
    let is_default = |class: &Value| {
        annotation(class, "storageclass.kubernetes.io/is-default-class") == Some("true")
    };
    let names: Vec<String> = classes
        .iter()
        .map(|class| {
            let mark = if is_default(class) { " (default)" } else { "" };
            format!("{}{mark}", text(class, "/metadata/name"))
        })
        .collect();
    let default = if classes.iter().any(is_default) {
        ""
    } else {
        "; none is the default"
    };
    cause.evidence.push(match names.as_slice() {
        [] => "the cluster has no StorageClass".to_owned(),
        names => format!("StorageClasses: {}{default}", names.join(", ")),
    });
}

fn describe_quota(quota: &Value) -> String {
    let hard = quota.pointer("/status/hard").and_then(Value::as_object);
    let figures = hard.into_iter().flatten().map(|(name, hard)| {
        let used = quota
            .pointer("/status/used")
            .and_then(|used| used.get(name));
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!(
            "{name} {} of {}",
            used.map(word).unwrap_or_default(),
            word(hard)
        )
    });
    let figures: Vec<String> = figures.collect();
    format!(
        "quota {:?}: {} used",
        text(quota, "/metadata/name"),
        figures.join(", ")
    )
}

fn describe_limits(range: &Value) -> String {
    let limits = range.pointer("/spec/limits").and_then(Value::as_array);
    let parts = limits.into_iter().flatten().map(|limit| {
        let bounds = ["min", "max"].into_iter().filter_map(|bound| {
            let amounts = limit.get(bound)?.as_object()?;
            let amounts: Vec<String> = amounts
                .iter()
                .map(|(name, amount)| format!("{name} {}", amount.as_str().unwrap_or_default()))
                .collect();
            Some(format!("{bound} {}", amounts.join(", ")))
        });
        let bounds: Vec<String> = bounds.collect();
        format!("{} {}", text(limit, "/type"), bounds.join(", "))
    });
    let parts: Vec<String> = parts.collect();
    format!(
        "LimitRange {:?}: {}",
        text(range, "/metadata/name"),
        parts.join("; ")
    )
}
