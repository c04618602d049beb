//! A session that is about to end, and the data that goes with it.

use super::deleting::Doomed;
use super::starting::Ahead;
use super::stopping::Present;
use session_engine::reconcile::losses;
use session_model::objects::resource::PERSISTENT_VOLUME_CLAIM;

/// A session that is about to end, and what becomes of its data, an object each.
#[derive(Clone, Debug)]
pub struct EndingSession {
    /// Its name.
    pub name: String,
    /// What is lost, with nothing to bring it back.
    pub destroyed: Vec<String>,
    /// What goes once a snapshot of it is ready, with the name of the snapshot where it is known.
    pub saved: Vec<String>,
}

impl EndingSession {
    /// A session that is stopped: its Pods go.
    pub fn stopped(present: &Present) -> Self {
        let losses = losses(&present.session, &present.live);
        Self {
            name: present.name().to_owned(),
            destroyed: losses.iter().map(ToString::to_string).collect(),
            saved: Vec::new(),
        }
    }

    /// A session that is started, if its template no longer has a Pod that runs; `None` where nothing is lost.
    pub fn started(ahead: &Ahead) -> Option<Self> {
        let losses = ahead.losses();
        (!losses.is_empty()).then(|| Self {
            name: ahead.present.name().to_owned(),
            destroyed: losses.iter().map(ToString::to_string).collect(),
            saved: Vec::new(),
        })
    }

    /// A session that is deleted: its Pods go, and its claims by its data policy.
    pub fn deleted(doomed: &Doomed) -> Self {
        let first = doomed.snapshot().map_or_else(
            || "a snapshot is ready first".to_owned(),
            |set| format!("snapshot {set} is ready first"),
        );
        let saved = doomed.saved();
        Self {
            name: doomed.name().to_owned(),
            destroyed: doomed.destroyed(),
            saved: saved
                .iter()
                .map(|claim| format!("{}: {first}", claim_word(claim)))
                .collect(),
        }
    }
}

/// A claim as it is named to people.
pub fn claim_word(claim: &str) -> String {
    format!("{}/{claim}", PERSISTENT_VOLUME_CLAIM.singular())
}
