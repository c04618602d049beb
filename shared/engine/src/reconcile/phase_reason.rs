//! Phase of a session, with its reason.

use super::target_state::{TargetState, is_start_requested};
use super::workload_state::WorkloadState;
use crate::diagnosis::Cause;
use session_model::api::{DesiredState, Phase, PrimaryRef, Session};
use session_model::objects::pods::WORKLOAD_KINDS;

/// Phase of a session with its reason and message, as the Ready condition has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseReason {
    /// The phase.
    pub phase: Phase,
    /// Reason for programs: Ready, Completed, Error, PodLost, …; empty where the phase alone is enough.
    pub reason: String,
    /// One line for the user; may be empty.
    pub message: String,
}

/// Returns the phase of a session now, as every verb shows it. Expiry alone changes nothing: an expired session is what its workload
/// is until somebody stops or deletes it.
pub fn current_phase(session: &Session, state: &WorkloadState) -> PhaseReason {
    let wanted = match session.spec.state {
        Some(DesiredState::Stopped) => TargetState::Stopped { skip_sync: true },
        _ => TargetState::Running,
    };
    decide_phase(session, wanted, state)
}

/// Returns the phase of a session from its target state and the state of its workload.
pub fn decide_phase(session: &Session, wanted: TargetState, state: &WorkloadState) -> PhaseReason {
    if matches!(wanted, TargetState::Deleted { .. }) || session.is_being_deleted() {
        return phase_reason(Phase::Terminating, "", "");
    }
    match (state, wanted) {
        (WorkloadState::NoWorkload | WorkloadState::Lost, TargetState::Stopped { .. }) => {
            recorded_phase(session)
        }
        (WorkloadState::NoWorkload, _) if is_start_requested(session) => phase_reason(
            Phase::Pending,
            "NotStarted",
            "no workload has been created yet",
        ),
        (WorkloadState::NoWorkload, _) => recorded_phase(session),
        (WorkloadState::Lost, _) => phase_reason(Phase::Failed, "PodLost", &lost_message(session)),
        (WorkloadState::NotReady(finding), _) => {
            let message = format!("{} {}", finding.stage.as_str(), finding.object);
            let message = if finding.detail.is_empty() {
                message
            } else {
                format!("{message}: {}", finding.detail)
            };
            // That it is not ready, the phase says already.
            let reason = finding.cause().map(|cause| cause.reason.as_str());
            let reason = reason.filter(|reason| !reason.is_empty());
            phase_reason(Phase::Pending, reason.unwrap_or("NotReady"), &message)
        }
        (
            WorkloadState::Unrecoverable(Cause {
                reason, message, ..
            }),
            _,
        ) => phase_reason(Phase::Failed, reason, message),
        (WorkloadState::Ready { .. }, _) => phase_reason(Phase::Running, "Ready", ""),
        (WorkloadState::Terminated { code: 0, .. }, _) => {
            phase_reason(Phase::Stopped, "Completed", "ended with exit code 0")
        }
        (WorkloadState::Terminated { reason, detail, .. }, _) => {
            phase_reason(Phase::Failed, reason, detail)
        }
    }
}

/// Returns the phase of a session without a workload: the recorded one if it failed or stopped before its workload was removed,
/// else plain `stopped`.
fn recorded_phase(session: &Session) -> PhaseReason {
    match (session.phase(), session.condition("Ready")) {
        (Some(Phase::Failed), Some(condition)) => {
            phase_reason(Phase::Failed, &condition.reason, &condition.message)
        }
        (Some(Phase::Stopped), Some(condition)) => {
            phase_reason(Phase::Stopped, &condition.reason, &condition.message)
        }
        _ => phase_reason(Phase::Stopped, "Stopped", ""),
    }
}

/// Returns why a session may have no Pods: an object of a custom kind goes with its CustomResourceDefinition, too.
fn lost_message(session: &Session) -> String {
    let primary = session.primary();
    match primary.filter(|primary| !WORKLOAD_KINDS.contains(&primary.kind.as_str())) {
        Some(PrimaryRef { kind, name, .. }) => format!(
            "the Pods of {kind} {name:?} are gone: the object, its kind or the Pods were deleted, or the node was lost"
        ),
        None => "the Pod was deleted or its node was lost".to_owned(),
    }
}

fn phase_reason(phase: Phase, reason: &str, message: &str) -> PhaseReason {
    PhaseReason {
        phase,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}
