//! Target state and phase of a session.

use jiff::Timestamp;

use super::workload_state::WorkloadState;
use crate::diagnosis::Cause;
use session_model::api::{DesiredState, OnExpiry, Phase, Session};

/// The target state of a session: its desired state, with expiry and deletion taken into account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetState {
    /// The workload runs.
    Running,
    /// The workload is removed and the data kept.
    Stopped {
        /// If true, the sync hook is not run.
        skip_sync: bool,
    },
    /// The session is deleted; only data that the data policy keeps remains.
    Deleted {
        /// If true, the sync hook is not run.
        skip_sync: bool,
    },
}

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

/// Returns the target state of `session` at `now`.
pub fn target_state(session: &Session, now: Timestamp) -> TargetState {
    let skip_sync = is_sync_skipped(session);
    if session.is_being_deleted() {
        return TargetState::Deleted { skip_sync };
    }
    let on_expiry = session
        .applied()
        .and_then(|applied| applied.on_expiry)
        .unwrap_or_default();
    if is_expired(session, now) && !is_start_requested(session) {
        return match on_expiry {
            OnExpiry::Stop => TargetState::Stopped { skip_sync },
            OnExpiry::Delete => TargetState::Deleted { skip_sync },
        };
    }
    match session.spec.state {
        Some(DesiredState::Stopped) => TargetState::Stopped { skip_sync },
        _ => TargetState::Running,
    }
}

/// Returns true if the session is annotated to end without its sync hook.
fn is_sync_skipped(session: &Session) -> bool {
    session
        .metadata
        .annotations
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key(session_model::labels::SKIP_SYNC))
}

/// Returns true if a new start is requested: `spec.startRequest` is newer than `status.startRequest`, which the last start
/// recorded. A Session without a request (from `kubectl apply`) counts as requested once, at its creation.
pub fn is_start_requested(session: &Session) -> bool {
    let answered = session
        .status
        .as_ref()
        .and_then(|status| status.start_request.as_deref());
    let made = session.applied().is_some();
    match (session.spec.start_request.as_deref(), answered) {
        (None, _) => !made,
        (Some(_), None) => true,
        (Some(asked), Some(answered)) => {
            match (asked.parse::<Timestamp>(), answered.parse::<Timestamp>()) {
                (Ok(asked), Ok(answered)) => asked > answered,
                // Not RFC 3339: only a difference can be seen, not the order.
                _ => asked != answered,
            }
        }
    }
}

/// Returns the time at which a start that began at `start` expires; `None` for never.
pub fn expiry_time(start: Timestamp, lifetime: Option<std::time::Duration>) -> Option<Timestamp> {
    start.checked_add(lifetime?).ok()
}

/// Returns true if `status.expiresAt` is not after `now`.
pub fn is_expired(session: &Session, now: Timestamp) -> bool {
    let expires = session.expires_at();
    expires
        .and_then(|at| at.parse::<Timestamp>().ok())
        .is_some_and(|at| at <= now)
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
        (WorkloadState::Lost, _) => phase_reason(
            Phase::Failed,
            "PodLost",
            "the Pod was deleted or its node was lost",
        ),
        (WorkloadState::NotReady(finding), _) => {
            let message = format!("{} {}", finding.stage.as_str(), finding.object);
            let message = if finding.detail.is_empty() {
                message
            } else {
                format!("{message}: {}", finding.detail)
            };
            phase_reason(Phase::Pending, "NotReady", &message)
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

fn phase_reason(phase: Phase, reason: &str, message: &str) -> PhaseReason {
    PhaseReason {
        phase,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}
