//! Facts that make a cause more specific: queries and their results, in plain data.

use std::collections::BTreeMap;

use serde_json::Value;

use session_model::quantity::Quantity;

/// A read that would add evidence to a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactQuery {
    /// Last lines of a container's log.
    Log {
        /// Name of the Pod.
        pod: String,
        /// Name of the container.
        container: String,
        /// If true, the log of the container's previous run.
        previous: bool,
        /// URLs in the container's command, arguments and environment.
        urls: Vec<String>,
        /// The container's variable whose value was left to be replaced.
        reminder: Option<String>,
    },
    /// All nodes, for a Pod that fits on none of them.
    Nodes(PodRequests),
    /// One node, for a Pod whose node no longer responds.
    Node {
        /// Name of the node.
        name: String,
    },
    /// The memory of a node on which a container with a memory limit was killed.
    NodeMemory {
        /// Name of the node.
        name: String,
        /// Memory limit of the container.
        limit: String,
    },
    /// Pods on a node that would be large enough if it were empty.
    PodsOnNode {
        /// Name of the node.
        node: String,
        /// Requirements of the Pod that does not fit.
        room: PodRequests,
        /// Allocatable amount of the node, by resource.
        has: BTreeMap<String, Quantity>,
    },
    /// One PersistentVolumeClaim.
    PersistentVolumeClaim {
        /// Name of the claim.
        name: String,
    },
    /// Pods of the namespace, to find those that hold the claims of one that waits.
    ClaimHolders {
        /// Name of the Pod that waits.
        pod: String,
        /// Its session; `None` where it is none's.
        session: Option<String>,
        /// Names of its claims.
        claims: Vec<String>,
    },
    /// All StorageClasses.
    StorageClasses,
    /// The CSIDriver of a provisioner.
    CsiDriver {
        /// Name of the provisioner.
        name: String,
    },
    /// ResourceQuotas of the namespace.
    ResourceQuotas,
    /// LimitRanges of the namespace.
    LimitRanges,
    /// EndpointSlices of a Service.
    EndpointSlices {
        /// Name of the Service.
        service: String,
    },
    /// The session of a Pod, for values of its parameters that were left to be replaced.
    SessionParameters {
        /// Name of the session.
        session: String,
    },
    /// The session of a Pod and its template, for the parameters in the image of a container.
    ImageParameters {
        /// Name of the session.
        session: String,
        /// Name of the container.
        container: String,
    },
}

/// Requirements of a Pod that must be met by a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodRequests {
    /// Name of the Pod.
    pub pod: String,
    /// Resources that the scheduler found insufficient on at least one node.
    pub insufficient: Vec<String>,
    /// Requested amount, by resource.
    pub requested: BTreeMap<String, Quantity>,
    /// The Pod's nodeSelector.
    pub node_selector: BTreeMap<String, String>,
    /// The fields of the Pod's spec that close nodes to it: nodeSelector, affinity and tolerations.
    pub placement: Value,
    /// True if the scheduler named taints that the Pod does not tolerate.
    pub has_untolerated_taints: bool,
}

/// The result of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Objects; empty where the object does not exist.
    Objects(Vec<Value>),
    /// Lines of a log.
    Lines(Vec<String>),
    /// The read failed, with the reason for the user.
    Unavailable(String),
}

impl FactQuery {
    /// Returns the subject of the query for messages: `nodes`, `log of container "main"`.
    pub fn subject(&self) -> String {
        match self {
            FactQuery::Log { container, .. } => format!("log of container {container:?}"),
            FactQuery::Nodes(_) => "nodes".into(),
            FactQuery::Node { name } | FactQuery::NodeMemory { name, .. } => {
                format!("node {name:?}")
            }
            FactQuery::PodsOnNode { node, .. } => format!("Pods on node {node:?}"),
            FactQuery::PersistentVolumeClaim { name } => format!("claim {name:?}"),
            FactQuery::ClaimHolders { .. } => "Pods with the same claims".into(),
            FactQuery::StorageClasses => "StorageClasses".into(),
            FactQuery::CsiDriver { name } => format!("CSIDriver {name:?}"),
            FactQuery::ResourceQuotas => "quotas".into(),
            FactQuery::LimitRanges => "LimitRanges".into(),
            FactQuery::EndpointSlices { service } => {
                format!("EndpointSlices of service {service:?}")
            }
            FactQuery::SessionParameters { session } => format!("session {session:?}"),
            FactQuery::ImageParameters { session, .. } => {
                format!("template of session {session:?}")
            }
        }
    }
}
