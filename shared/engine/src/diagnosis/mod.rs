//! Diagnosis of a session that is not ready: which stage its Pods have reached, whether they can still become ready, and
//! the cause, evidence and remedy where they cannot. Pure: everything comes in as data, and nothing here sends a request.
//!
//! ```text
//! Pod, Events ───────► pod (container, image, crash, probe, volume, claim, scheduling, ended)
//! workload, Events ──► missing_pods (refusal)
//!                        │
//!                        ▼
//!                      Finding: stage, prognosis, cause
//!                        │ Cause.queries: read by the cluster client, only when the cause is about to be shown
//!                        ▼
//! (FactQuery, Fact) ─► refine ─► Cause ─► lines or error (cause_text)
//! ```
//!
//! Beside this path: `stability` judges a Pod that is Ready but may crash again, `deletion_blocker` says what keeps a deleted
//! object, `remedy` names the commands that repair a session, `quota`, `missing_class` and `pod_security` check objects before they are created, `pod_resize` and `expansion` read the progress of a
//! Pod's resize and of a claim's expansion.

mod cause_text;
mod claim_failure;
mod claim_holder;
mod container_facts;
mod crash;
mod deletion_blocker;
mod disruption;
mod download_failure;
mod event;
mod eviction;
pub mod expansion;
mod fact_lines;
mod fact_query;
mod facts;
mod gates;
mod image_parameters;
mod image_pull;
pub mod ingress_conflict;
mod init_container;
mod lifecycle_hook;
pub mod limit_violation;
mod message_text;
pub mod missing_class;
mod missing_pods;
mod missing_reference;
mod placeholder;
mod pod;
pub mod pod_resize;
pub mod pod_security;
mod probe;
pub mod quota;
mod record;
mod refusal;
mod rejection;
mod remedy;
mod scale_up;
mod scheduling;
mod service;
mod stability;
mod start_error;
mod terminated_pod;
mod volume_failure;

pub use claim_failure::CLAIM_NOT_FOUND;
pub use deletion_blocker::find_deletion_blocker;
pub use event::EventNote;
pub use fact_query::{Fact, FactQuery, PodRequests};
pub use facts::refine;
pub use init_container::failed_init_container;
pub use missing_pods::inspect_missing_pods;
pub use pod::{claim_names, inspect_pod};
pub use refusal::{Refusal, parse_refusal};
pub use remedy::{Remedy, RemedyFacts, find_remedies};
pub use scheduling::is_node_selector_unmatched;
pub use service::{find_service_cause, matches_selector};
pub use stability::check_stability;

use session_model::progress::WaitStage;

/// The diagnosis of one Pod, or of a workload that has no Pod yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stage that is in progress.
    pub stage: WaitStage,
    /// The object as `kind/name` in lower case: `pod/x`.
    pub object: String,
    /// One line about the stage; may be empty.
    pub detail: String,
    /// The outlook for somebody who waits for the Pod.
    pub prognosis: Prognosis,
    /// The cause of a delay that may still pass, or of a failed end. `None` for a Pod that only takes its time or is ready, and
    /// for one that cannot become ready: its cause is in `verdict`.
    pub problem: Option<Cause>,
}

impl Finding {
    /// Returns the cause of not being ready, from the prognosis or else of the delay; `None` where nothing is wrong.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.prognosis {
            Prognosis::Unrecoverable(cause) => Some(cause),
            _ => self.problem.as_ref(),
        }
    }

    /// Returns the same cause as [`Finding::cause`], to be refined in place.
    pub fn cause_mut(&mut self) -> Option<&mut Cause> {
        match &mut self.prognosis {
            Prognosis::Unrecoverable(cause) => Some(cause),
            _ => self.problem.as_mut(),
        }
    }
}

/// The outlook of a Pod for somebody who waits for it to become ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prognosis {
    /// Not ready, but may still become ready.
    Waiting,
    /// Ready.
    Ready,
    /// Terminated, and not restarted.
    Ended {
        /// Exit code of the container that decided the result; at least 1 for a Pod that its node terminated.
        code: i32,
        /// Reason in the kubelet's status: Completed, Error, OOMKilled; may be empty.
        reason: String,
    },
    /// Cannot become ready unless somebody changes the Pod or the cluster.
    Unrecoverable(Cause),
}

/// One reason why a session does not become ready, in words for the user, with its evidence and remedy.
///
/// Constructed with `..Cause::default()`, so that a new field changes no caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// Reason for programs, Kubernetes' own where there is one: ErrImageNeverPull, CrashLoopBackOff, FailedCreate.
    pub reason: String,
    /// One line that names the object and the problem, without a full stop.
    pub message: String,
    /// The facts behind the message, one line each, the most specific first: a container's state, an event with its count and
    /// age, the last lines of a log, the capacity of nodes.
    pub evidence: Vec<String>,
    /// Hint for the user; `None` where none is known.
    pub remedy: Option<String>,
    /// Parameters that the image comes from, as `NAME=VALUE` for `--set`; read by a query.
    pub image_values: Vec<String>,
    /// Facts worth reading before the cause is shown. `Cluster::explain` reads them and adds them to the evidence.
    pub queries: Vec<FactQuery>,
}

#[cfg(test)]
mod tests;
