//! The verdict on a session as it is shown: phase and reason, which the engine decides, and kubectl's word for its Pod. Pure.
//!
//! ```text
//! row of the Session, rows of its Pods ─► SessionPods::certain_state ─┐
//! ObservedSession, where that leaves doubt ───────────────────────────┴► current_phase ─► PhaseReason ─► Verdict
//! ```

use serde_json::{Value, json};

use super::last_write::is_status_outdated;
use super::pod_rows::{PodRow, SessionPods};
use crate::observed_session::ObservedSession;
use session_client::parse_object;
use session_engine::reconcile::{PhaseReason, WorkloadState, current_phase};
use session_model::api::{Phase, Session};
use session_model::objects::Untyped;
use session_model::objects::metadata::uid_of;
use session_model::objects::table::{Row, Table};

/// Phase, reason and Pod of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The same as in `status` and for `connect`.
    pub standing: PhaseReason,
    /// Text of column PHASE: kubectl's word for the Pod where it says more than the phase.
    pub word: String,
    /// Name of the Pod; `None` without one.
    pub pod: Option<String>,
    /// Name of the Pod's node.
    pub node: Option<String>,
    /// True for a session that has lost its Pod, or whose deletion has not come to the Session yet.
    pub is_lost: bool,
}

/// The result of reading one session.
#[derive(Debug)]
pub(super) enum Reading {
    Found(Box<ObservedSession>),
    /// Deleted since.
    Gone,
    /// The caller may not read it, or it is invalid.
    Unreadable,
}

impl Verdict {
    /// Judges a session by its row and the rows of its Pods. `None` where they leave doubt, so that the session must be read.
    pub(super) fn certain(row: &Row, columns: &Table, pods: &SessionPods) -> Option<Self> {
        let recorded = recorded_phase(row, columns);
        let session = parse_session(&row.object, recorded);
        let claiming = pods.claiming_pods(&row.object);
        if session.is_none() || pods.is_unlistable {
            return Some(Self::recorded(row, columns, &claiming));
        }
        let session = session.filter(|session| {
            session.is_being_deleted() || !claiming.is_empty() || !is_status_outdated(&row.object)
        })?;
        let state = match session.is_being_deleted() {
            true => WorkloadState::NoWorkload,
            false => pods.certain_state(&row.object, recorded)?,
        };
        let standing = current_phase(&session, &state);
        Some(Self::new(standing, &state, &claiming))
    }

    /// Judges a session by what was read of it.
    pub(super) fn from_reading(
        reading: &Reading,
        row: &Row,
        columns: &Table,
        pods: &SessionPods,
    ) -> Self {
        let claiming = pods.claiming_pods(&row.object);
        match reading {
            Reading::Found(observed) => {
                let uids = observed.own_pods().filter_map(|pod| uid_of(&pod.metadata));
                let uids: Vec<&str> = uids.collect();
                let is_own =
                    |pod: &&PodRow| pod.uid.as_deref().is_some_and(|uid| uids.contains(&uid));
                let own: Vec<&PodRow> = claiming.into_iter().filter(is_own).collect();
                let standing = current_phase(&observed.session, &observed.state);
                Self::new(standing, &observed.state, &own)
            }
            Reading::Gone => Self::gone(),
            Reading::Unreadable => Self::recorded(row, columns, &claiming),
        }
    }

    /// A session that no longer exists: as with kubectl, it is printed once more.
    pub fn gone() -> Self {
        let standing = phase_alone(Phase::Terminating);
        Self::new(standing, &WorkloadState::NoWorkload, &[])
    }

    /// A session of which only the status is known.
    fn recorded(row: &Row, columns: &Table, pods: &[&PodRow]) -> Self {
        let deleting = Untyped(&row.object).str_at("/metadata/deletionTimestamp");
        let phase = match deleting {
            Some(_) => Phase::Terminating,
            None => recorded_phase(row, columns).unwrap_or(Phase::Pending),
        };
        Self::new(phase_alone(phase), &WorkloadState::NoWorkload, pods)
    }

    fn new(standing: PhaseReason, state: &WorkloadState, pods: &[&PodRow]) -> Self {
        let pod = deciding_pod(&standing, state, pods);
        Self {
            word: shown_word(&standing, pod),
            pod: pod.map(|pod| pod.name.clone()),
            node: pod.and_then(|pod| pod.node.clone()),
            is_lost: *state == WorkloadState::Lost && pod.is_none(),
            standing,
        }
    }
}

fn phase_alone(phase: Phase) -> PhaseReason {
    PhaseReason {
        phase,
        reason: String::new(),
        message: String::new(),
    }
}

/// Returns the phase in a session's status.
fn recorded_phase(row: &Row, columns: &Table) -> Option<Phase> {
    let cell = columns
        .column_index("PHASE")
        .and_then(|at| row.cells.get(at)?.as_str());
    let word = cell.or(Untyped(&row.object).str_at("/status/phase"))?;
    Phase::ALL.into_iter().find(|phase| phase.as_str() == word)
}

/// Parses the Session. Of metadata alone, a session is made that is as its recorded phase says.
fn parse_session(object: &Value, recorded: Option<Phase>) -> Option<Session> {
    if object.get("spec").is_some() {
        return parse_object(object.clone()).ok();
    }
    let metadata = Untyped(object);
    let stopped = recorded == Some(Phase::Stopped);
    let partial = json!({
        "metadata": { "name": metadata.name(), "namespace": metadata.namespace(), "uid": metadata.uid(),
            "deletionTimestamp": metadata.str_at("/metadata/deletionTimestamp") },
        "spec": { "userId": "", "state": if stopped { "stopped" } else { "running" } },
        "status": { "phase": recorded },
    });
    parse_object(partial).ok()
}

/// Returns the Pod that the phase is about: the one that the state names, else one with the word of the reason, else one that is not
/// ready.
fn deciding_pod<'a>(
    standing: &PhaseReason,
    state: &WorkloadState,
    pods: &[&'a PodRow],
) -> Option<&'a PodRow> {
    let named = match state {
        WorkloadState::Ready { pod } | WorkloadState::Terminated { pod, .. } => Some(pod.as_str()),
        WorkloadState::NotReady(finding) => finding.object.strip_prefix("pod/"),
        _ => None,
    };
    let find = |wanted: &dyn Fn(&PodRow) -> bool| pods.iter().copied().find(|pod| wanted(pod));
    find(&|pod| named == Some(pod.name.as_str()))
        .or_else(|| find(&|pod| pod.word == standing.reason))
        .or_else(|| find(&|pod| !pod.is_ready && !pod.is_terminating()))
        .or_else(|| pods.first().copied())
}

/// Returns the text of column PHASE.
fn shown_word(standing: &PhaseReason, pod: Option<&PodRow>) -> String {
    let phase = standing.phase.as_str();
    let terminating = pod.is_some_and(PodRow::is_terminating);
    match standing.phase {
        Phase::Terminating => "Terminating".to_owned(),
        Phase::Running => phase.to_owned(),
        _ if terminating => "Terminating".to_owned(),
        Phase::Stopped => phase.to_owned(),
        Phase::Pending | Phase::Failed => {
            let word = pod.map(|pod| pod.word.as_str());
            let word = word.filter(|word| says_more_than_phase(word));
            let reason = Some(standing.reason.as_str());
            let reason =
                reason.filter(|reason| standing.phase == Phase::Failed && !reason.is_empty());
            word.or(reason).unwrap_or(phase).to_owned()
        }
    }
}

/// Returns true for a word of kubectl that names a trouble. `Init:0/2` is the number of init containers that have ended.
fn says_more_than_phase(word: &str) -> bool {
    let usual = [
        "",
        "Running",
        "Pending",
        "ContainerCreating",
        "PodInitializing",
        "NotReady",
        "Completed",
        "Succeeded",
    ];
    let is_init_progress = word
        .strip_prefix("Init:")
        .is_some_and(|rest| rest.contains('/'));
    !usual.contains(&word) && !is_init_progress
}
