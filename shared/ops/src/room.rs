//! Room for the objects of a start: what the ResourceQuotas of the namespace leave, and what is free on the nodes.
//!
//! ```text
//! objects ─► RoomRequest ─► read ─► RoomFacts ─► find_shortage ─► refused, or waited for (room_wait)
//! the server's refusal of a write ─► refused_start_error: reads as the check does
//! ```

use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use crate::checked_list::{CheckedList, list_if_needed, note_unchecked};
use crate::room_nodes::NodeFacts;
use session_client::{ObjectList, Scope};
use session_engine::capacity::limit_range::apply_limit_defaults;
use session_engine::capacity::node_shortage::{NodeDemand, NodeShortage};
use session_engine::diagnosis::quota::{
    QuotaShortfall, find_quota_shortfalls, find_unset_resources, shortfall_cause,
};
use session_engine::diagnosis::{Cause, limit_violation, parse_refusal};
use session_model::failure::{find_failure, with_hint};
use session_model::objects::pods::pod_spec;
use session_model::objects::resource::{LIMIT_RANGE, NODE, RESOURCE_QUOTA};
use session_model::progress::{ProgressEvent, ProgressSink};

/// Hint for a session that fits on no node now.
const FULL_NODES_REMEDY: &str =
    "request less, stop sessions that are not needed now, or ask an administrator for another node";

/// Hint for a session that fits on no node, whatever runs there.
const UNFIT_NODES_REMEDY: &str = "request less, change node selector, affinity or tolerations, or ask an administrator for another node";

/// Objects that a start is about to create, as far as they take room.
#[derive(Clone, Debug)]
pub struct RoomRequest {
    session: String,
    namespace: String,
    objects: Vec<Value>,
}

/// The room that a start needs, and what there was when it was checked.
#[derive(Clone, Debug)]
pub struct CheckedRoom {
    /// The request.
    pub request: RoomRequest,
    /// The facts.
    pub facts: RoomFacts,
}

/// What is there and what is taken; `None` for what the caller may not read or what is not needed.
#[derive(Clone, Debug, Default)]
pub struct RoomFacts {
    /// ResourceQuotas of the namespace.
    pub quotas: Option<Arc<ObjectList>>,
    /// LimitRanges of the namespace.
    pub limit_ranges: Option<Arc<ObjectList>>,
    /// Nodes; `None` also if there are none, as in a cluster whose pools are at 0, and if quotas are short already.
    pub nodes: Option<NodeFacts>,
    /// True if the caller may not list nodes.
    pub nodes_forbidden: bool,
}

/// What is missing for a request.
#[derive(Clone, Debug)]
pub enum RoomShortage {
    /// Quotas with too little left.
    Quotas(Vec<QuotaShortfall>),
    /// Nodes with too little free.
    Nodes(NodeShortage),
}

impl RoomShortage {
    /// Returns true if room may come by waiting: the request is not more than there is in all.
    pub fn may_pass(&self) -> bool {
        match self {
            RoomShortage::Quotas(exceeded) => !exceeded.iter().any(QuotaShortfall::exceeds_hard),
            RoomShortage::Nodes(shortage) => shortage.may_pass,
        }
    }

    /// Returns what is short, without its figures.
    pub(crate) fn subject(&self) -> String {
        let of_quota = |exceeded: &QuotaShortfall| {
            let figures = exceeded.figures.iter();
            let resources: Vec<&str> = figures.map(|one| one.resource.as_str()).collect();
            format!("{} {}", exceeded.quota, resources.join(" "))
        };
        match self {
            RoomShortage::Quotas(exceeded) => {
                exceeded.iter().map(of_quota).collect::<Vec<_>>().join("; ")
            }
            RoomShortage::Nodes(_) => "nodes".to_owned(),
        }
    }

    /// Returns the shortage with its figures and its remedy.
    pub fn cause(&self) -> Cause {
        match self {
            RoomShortage::Quotas(exceeded) => shortfall_cause(exceeded).unwrap_or_default(),
            RoomShortage::Nodes(shortage) => Cause {
                reason: "Unschedulable".to_owned(),
                message: shortage.message.clone(),
                remedy: Some(
                    match shortage.may_pass {
                        true => FULL_NODES_REMEDY,
                        false => UNFIT_NODES_REMEDY,
                    }
                    .to_owned(),
                ),
                ..Cause::default()
            },
        }
    }
}

impl RoomRequest {
    /// Creates the request of a session for objects that do not exist yet.
    pub fn new(session: &str, namespace: &str, objects: Vec<Value>) -> Self {
        Self {
            session: session.to_owned(),
            namespace: namespace.to_owned(),
            objects,
        }
    }

    /// Returns the name of the session.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Returns the namespace of the session.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the objects.
    pub fn objects(&self) -> &[Value] {
        &self.objects
    }

    /// Returns the objects with the requests and limits that LimitRanges give them.
    pub(crate) fn objects_with_defaults(&self, facts: &RoomFacts) -> Vec<Value> {
        facts.with_defaults(&self.objects)
    }

    /// Reads what the check needs, all at the same time. What the caller may not read is named in a note.
    ///
    /// # Errors
    /// Other refusals of the server.
    pub async fn read(&self, cluster: &Cluster, sink: &mut dyn ProgressSink) -> Result<RoomFacts> {
        RoomFacts::read(cluster, &self.namespace, &self.objects, sink).await
    }

    /// Returns what is missing for the objects. Nodes that an autoscaler may add are not missing.
    pub fn find_shortage(&self, facts: &RoomFacts) -> Option<RoomShortage> {
        let exceeded = facts.find_quota_shortfalls(&self.objects);
        if !exceeded.is_empty() {
            return Some(RoomShortage::Quotas(exceeded));
        }
        let nodes = facts.nodes.as_ref().filter(|nodes| !nodes.has_autoscaler)?;
        let demand = facts.node_demand(&self.namespace, &self.objects);
        nodes.find_shortage(demand).map(RoomShortage::Nodes)
    }

    /// Checks that there is room.
    ///
    /// # Errors
    /// What is missing, with its figures.
    pub fn require_room(&self, facts: &RoomFacts) -> Result<()> {
        match self.find_shortage(facts) {
            Some(shortage) => Err(self.shortage_error(shortage)),
            None => Ok(()),
        }
    }

    /// Returns the error of a start for which there is no room.
    pub(crate) fn shortage_error(&self, shortage: RoomShortage) -> anyhow::Error {
        shortage_error(&self.session, shortage)
    }
}

impl RoomFacts {
    /// Reads the facts for `objects`, as [`RoomRequest::read`] does.
    pub(crate) async fn read(
        cluster: &Cluster,
        namespace: &str,
        objects: &[Value],
        sink: &mut dyn ProgressSink,
    ) -> Result<Self> {
        let (here, concerned) = (Scope::Namespace(namespace), !objects.is_empty());
        let has_pods = objects.iter().any(|object| pod_spec(object).is_some());
        let (quotas, limit_ranges, nodes) = futures::try_join!(
            // Also for a start that makes nothing new: quotas hold the budgets of running hours.
            list_if_needed(cluster, &RESOURCE_QUOTA, here, true),
            list_if_needed(cluster, &LIMIT_RANGE, here, concerned),
            list_if_needed(cluster, &NODE, Scope::Cluster, has_pods),
        )?;
        let checks = [
            (&quotas, "quotas", "list them"),
            (&limit_ranges, "LimitRanges", "list them"),
        ];
        note_unchecked(&checks, sink);
        let mut facts = Self {
            quotas: quotas.into_list(),
            limit_ranges: limit_ranges.into_list(),
            nodes: None,
            nodes_forbidden: matches!(nodes, CheckedList::Forbidden),
        };
        let mut nodes = nodes.into_list().unwrap_or_default();
        // A node whose kubelet has not reported yet has no figures, not even of Pods.
        let has_figures = |node: &Value| node.pointer("/status/allocatable/pods").is_some();
        if !nodes.items.iter().all(has_figures) {
            Arc::make_mut(&mut nodes).items.retain(has_figures);
        }
        let nodes = Some(nodes).filter(|nodes| !nodes.items.is_empty());
        if let Some(nodes) = nodes.filter(|_| facts.find_quota_shortfalls(objects).is_empty()) {
            let demand = facts.node_demand(namespace, objects);
            let nodes = NodeFacts::read(cluster, demand, nodes).await?;
            if nodes.has_autoscaler
                && let Some(shortage) = nodes.find_shortage(demand)
            {
                let message = shortage.message;
                sink.tell(ProgressEvent::Note(format!(
                    "{message}; the session stays pending until the cluster has another node"
                )));
            }
            facts.nodes = Some(nodes);
        }
        Ok(facts)
    }

    fn find_quota_shortfalls(&self, objects: &[Value]) -> Vec<QuotaShortfall> {
        match &self.quotas {
            Some(quotas) => find_quota_shortfalls(&self.with_defaults(objects), &quotas.items),
            None => Vec::new(),
        }
    }

    /// Returns the demand of objects, without nodes.
    fn node_demand<'a>(&'a self, namespace: &'a str, objects: &'a [Value]) -> NodeDemand<'a> {
        NodeDemand {
            namespace,
            objects,
            limit_ranges: self.limit_ranges(),
            nodes: &[],
        }
    }
}

impl RoomFacts {
    /// Returns why the server would refuse the objects however much room there is: bounds of a LimitRange, or values that a quota counts
    /// and the Pod does not set.
    pub(crate) fn find_refusal(&self, objects: &[Value]) -> Option<Cause> {
        // Without the LimitRanges, their defaults are unknown.
        let ranges = self.limit_ranges.as_ref()?;
        let objects = self.with_defaults(objects);
        limit_violation::find_limit_refusal(&objects, &ranges.items)
            .or_else(|| find_unset_resources(&objects, &self.quotas.as_ref()?.items))
    }

    /// Returns the objects with the requests and limits that LimitRanges give them.
    fn with_defaults(&self, objects: &[Value]) -> Vec<Value> {
        let mut objects = objects.to_vec();
        apply_limit_defaults(&mut objects, self.limit_ranges());
        objects
    }

    fn limit_ranges(&self) -> &[Value] {
        let ranges = self.limit_ranges.as_ref();
        ranges.map_or(&[], |ranges| &ranges.items)
    }
}

/// A start for which there is no room.
#[derive(Debug)]
struct ShortageError {
    session: String,
    shortage: RoomShortage,
}

impl fmt::Display for ShortageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.shortage.cause().message;
        write!(f, "cannot start session {:?}: {message}", self.session)
    }
}

impl std::error::Error for ShortageError {}

/// Returns the error of a start for which there is no room, from the check or from the server's refusal.
fn shortage_error(session: &str, shortage: RoomShortage) -> anyhow::Error {
    let remedy = shortage.cause().remedy;
    let error = anyhow::Error::new(ShortageError {
        session: session.to_owned(),
        shortage,
    });
    match remedy {
        Some(remedy) => with_hint(error, remedy),
        None => error,
    }
}

/// Adds the hint to wait for room, for verbs that can, to an error about room that may come.
pub fn offer_wait(error: anyhow::Error) -> anyhow::Error {
    match find_refused_shortage(&error) {
        Some(shortage) if shortage.may_pass() => {
            with_hint(error, "add --wait-for-room to wait until there is room")
        }
        _ => error,
    }
}

/// Returns what is missing, if the start was refused for that.
pub(crate) fn find_refused_shortage(error: &anyhow::Error) -> Option<&RoomShortage> {
    let mut causes = error.chain();
    let refused = causes.find_map(|cause| cause.downcast_ref::<ShortageError>())?;
    Some(&refused.shortage)
}

/// Returns the error of a start that is refused because of `cause`.
pub(crate) fn refusal_error(session: &str, cause: Cause) -> anyhow::Error {
    let message = cause.message;
    let error = anyhow::anyhow!("cannot start session {session:?}: {message}");
    match cause.remedy {
        Some(remedy) => with_hint(error, remedy),
        None => error,
    }
}

/// Returns the error of a start whose write the server refused because of a quota or a LimitRange, in the words of the check before the
/// first write; others as they are.
pub fn refused_start_error(session: &str, namespace: &str, error: anyhow::Error) -> anyhow::Error {
    let Some(failure) = find_failure(&error) else {
        return error;
    };
    if let Some(exceeded) = QuotaShortfall::parse(&failure.message) {
        return shortage_error(session, RoomShortage::Quotas(vec![exceeded]));
    }
    match parse_refusal(&failure.message, namespace) {
        Some(found) if matches!(found.reason, "QuotaNeedsResources" | "LimitRange") => {
            let cause = Cause {
                message: found.message,
                remedy: Some(found.remedy),
                ..Cause::default()
            };
            refusal_error(session, cause)
        }
        _ => error,
    }
}
