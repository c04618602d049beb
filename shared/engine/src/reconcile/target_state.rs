//! Target state of a session.

use jiff::Timestamp;

use session_model::api::{DesiredState, OnExpiry, Session};

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
