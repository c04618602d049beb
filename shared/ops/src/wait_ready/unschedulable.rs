//! Reads of a wait about a Pod without a node: the claim that is missing may exist by now, and a node may have the labels that the
//! Pod requires.

use super::session_events::SCALE_UP;
use super::{AwaitedWorkloads, ReadinessWatch};
use session_engine::diagnosis::{CLAIM_NOT_FOUND, Fact, FactQuery, is_node_selector_unmatched};
use session_engine::reconcile::WorkloadState;
use session_model::objects::resource::PERSISTENT_VOLUME_CLAIM;

impl ReadinessWatch<'_> {
    /// True if the scheduler reports a missing claim that exists: the scheduler has not seen the new claim yet, and will
    /// retry. True for a quota that the caller waits for.
    pub(super) async fn is_premature(&self, state: &WorkloadState) -> bool {
        let WorkloadState::Unrecoverable(cause) = state else {
            return false;
        };
        if self.awaited == AwaitedWorkloads::AllInRoom && cause.reason == "QuotaExceeded" {
            return true;
        }
        let Some(FactQuery::PersistentVolumeClaim { name }) = cause.queries.first() else {
            return false;
        };
        let claim = (self.cluster).get(&PERSISTENT_VOLUME_CLAIM, self.namespace, name);
        cause.reason == CLAIM_NOT_FOUND && matches!(claim.await, Ok(Some(_)))
    }

    /// Returns true if no node has the labels that the Pod's nodeSelector requires: the wait ends although the session starts when
    /// a node gets them. False while a cluster autoscaler has said that it adds a node. Nodes are listed once in a wait.
    pub(super) async fn is_selector_unmatched(&mut self, state: &WorkloadState) -> bool {
        let WorkloadState::NotReady(finding) = state else {
            return false;
        };
        let mut queries = finding.cause().into_iter().flat_map(|cause| &cause.queries);
        let query = queries.find(
            |query| matches!(query, FactQuery::Nodes(room) if !room.node_selector.is_empty()),
        );
        let Some(query) = query.filter(|_| !self.has_listed_nodes) else {
            return false;
        };
        self.has_listed_nodes = true;
        if self.events.contains_key(SCALE_UP) {
            return false;
        }
        match self.cluster.get_fact(self.namespace, query).await {
            Fact::Objects(nodes) => is_node_selector_unmatched(query, &nodes),
            Fact::Lines(_) | Fact::Unavailable(_) => false,
        }
    }
}
