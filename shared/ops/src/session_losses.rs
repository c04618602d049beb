//! A session that is about to end, and the data that goes with it.

use super::deletion::Deletion;
use super::start_plan::StartPlan;
use crate::observed_session::ObservedSession;
use session_engine::reconcile::find_losses;
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
    /// Returns the losses of a stop: data that ends with the Pods.
    pub fn of_stop(observed: &ObservedSession) -> Self {
        let losses = find_losses(&observed.session, &observed.live);
        Self {
            name: observed.name().to_owned(),
            destroyed: losses.iter().map(ToString::to_string).collect(),
            saved: Vec::new(),
        }
    }

    /// Returns the losses of a start that deletes running Pods the template no longer contains; `None` if nothing is lost.
    pub fn of_start(start_plan: &StartPlan) -> Option<Self> {
        let losses = start_plan.losses();
        (!losses.is_empty()).then(|| Self {
            name: start_plan.observed.name().to_owned(),
            destroyed: losses.iter().map(ToString::to_string).collect(),
            saved: Vec::new(),
        })
    }

    /// Returns the losses of a deletion: data that ends with the Pods, and claims as the data policy says.
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

/// Returns a claim's name as messages show it: `persistentvolumeclaim/NAME`.
pub fn claim_word(claim: &str) -> String {
    format!("{}/{claim}", PERSISTENT_VOLUME_CLAIM.singular())
}
