//! A session that is about to end, and the data that goes with it.

use super::deletion::Deletion;
use super::start_plan::StartPlan;
use crate::observed_session::ObservedSession;
use jiff::Timestamp;
use session_engine::reconcile::{TargetState, find_claim_losses, find_losses};
use session_model::objects::resource::PERSISTENT_VOLUME_CLAIM;

/// A session that is about to end and the data it loses or saves, one entry an object.
#[derive(Clone, Debug)]
pub struct SessionLosses {
    /// Name of the session.
    pub name: String,
    /// Data that is destroyed and cannot be restored.
    pub destroyed: Vec<String>,
    /// Claims that are deleted once their snapshot is ready, with the snapshot's name if it is known.
    pub saved: Vec<String>,
}

impl SessionLosses {
    /// Returns a session that loses no data: only the work in it is interrupted.
    pub fn none(observed: &ObservedSession) -> Self {
        Self {
            name: observed.name().to_owned(),
            destroyed: Vec::new(),
            saved: Vec::new(),
        }
    }

    /// Returns the losses of a stop: data that ends with the Pods, and claims that go with a workload which can only be deleted.
    pub fn of_stop(observed: &ObservedSession) -> Self {
        Self {
            name: observed.name().to_owned(),
            destroyed: stop_losses(observed),
            saved: Vec::new(),
        }
    }

    /// Returns the losses of a start that deletes what the template no longer contains: running Pods, workloads with claims of their
    /// own; `None` if nothing is lost.
    pub fn of_start(start_plan: &StartPlan) -> Option<Self> {
        let destroyed = start_plan.losses();
        (!destroyed.is_empty()).then(|| Self {
            name: start_plan.observed.name().to_owned(),
            destroyed,
            saved: Vec::new(),
        })
    }

    /// Returns the losses of a deletion: data that ends with the Pods, claims as the data policy says, and those that go with their
    /// owners under every policy.
    pub fn of_deletion(deletion: &Deletion) -> Self {
        let first = deletion.snapshot_name().map_or_else(
            || "deleted when a snapshot is ready".to_owned(),
            |set| format!("deleted when snapshot {set} is ready"),
        );
        let saved = deletion.snapshot_claims();
        Self {
            name: deletion.name().to_owned(),
            destroyed: deletion.destroyed_data(),
            saved: saved
                .iter()
                .map(|claim| format!("{}: {first}", claim_word(claim)))
                .collect(),
        }
    }
}

/// Returns all data that a stop destroys, one entry an object.
pub fn stop_losses(observed: &ObservedSession) -> Vec<String> {
    // Neither the hook nor the time of a stop changes what it deletes.
    let target = TargetState::Stopped { skip_sync: true };
    let plan = observed.plan(target, None, Timestamp::UNIX_EPOCH);
    let pods = find_losses(&observed.session, &observed.live).into_iter();
    let claims = find_claim_losses(&plan, &observed.live).into_iter();
    let pods = pods.map(|loss| loss.to_string());
    pods.chain(claims.map(ToString::to_string)).collect()
}

/// Returns a claim's name as messages show it: `persistentvolumeclaim/NAME`.
pub fn claim_word(claim: &str) -> String {
    format!("{}/{claim}", PERSISTENT_VOLUME_CLAIM.singular())
}
