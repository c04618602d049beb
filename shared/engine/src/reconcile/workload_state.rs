//! State of a session's workload.

use k8s_openapi::api::core::v1::Pod;

use crate::diagnosis::{Cause, Finding, Prognosis};
use session_model::objects::metadata::name_of;

/// State of the primary workload of a session.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkloadState {
    /// No workload: not created yet, or removed by a stop.
    NoWorkload,
    /// Created by this start and gone since: the Pod was deleted or evicted, or its node was lost.
    Lost,
    /// Not ready, but may still become ready.
    NotReady(Finding),
    /// Cannot become ready unless somebody changes something.
    Unrecoverable(Cause),
    /// As many Pods ready as the workload wants.
    Ready {
        /// Name of a ready Pod, the one that `connect` enters.
        pod: String,
    },
    /// Terminated by itself.
    Terminated {
        /// Name of the Pod.
        pod: String,
        /// Exit code.
        code: i32,
        /// Reason in the kubelet's status: Completed, Error, OOMKilled.
        reason: String,
        /// One line for the user.
        detail: String,
        /// Cause; `None` for exit code 0.
        cause: Option<Cause>,
    },
}

impl WorkloadState {
    /// Returns the cause of not being ready; `None` where nothing is wrong or nothing is known.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            WorkloadState::Unrecoverable(cause) => Some(cause),
            WorkloadState::NotReady(finding) => finding.cause(),
            WorkloadState::Terminated { cause, .. } => cause.as_ref(),
            WorkloadState::NoWorkload | WorkloadState::Lost | WorkloadState::Ready { .. } => None,
        }
    }

    /// Returns the same cause as [`WorkloadState::cause`], to be refined in place.
    pub fn cause_mut(&mut self) -> Option<&mut Cause> {
        match self {
            WorkloadState::Unrecoverable(cause) => Some(cause),
            WorkloadState::NotReady(finding) => finding.cause_mut(),
            WorkloadState::Terminated { cause, .. } => cause.as_mut(),
            WorkloadState::NoWorkload | WorkloadState::Lost | WorkloadState::Ready { .. } => None,
        }
    }
}

/// Returns the state by the Pod that most needs attention: unrecoverable, then terminated, then the one in the earliest stage.
pub(super) fn decisive_state(mut findings: Vec<(&Pod, Finding)>) -> WorkloadState {
    findings.sort_by_key(|(_, finding)| match &finding.prognosis {
        Prognosis::Unrecoverable(_) => (0, finding.stage),
        Prognosis::Ended { .. } => (1, finding.stage),
        Prognosis::Waiting => (2, finding.stage),
        Prognosis::Ready => (3, finding.stage),
    });
    match findings.into_iter().next() {
        None => WorkloadState::NoWorkload,
        Some((pod, finding)) => match finding.prognosis.clone() {
            Prognosis::Unrecoverable(cause) => WorkloadState::Unrecoverable(cause),
            Prognosis::Ended { code, reason } => WorkloadState::Terminated {
                pod: name_of(&pod.metadata).to_owned(),
                code,
                reason,
                detail: finding.detail,
                cause: finding.problem,
            },
            Prognosis::Waiting | Prognosis::Ready => WorkloadState::NotReady(finding),
        },
    }
}
