//! State of a session's workload, computed from its live objects and their events.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::diagnosis::{Cause, Finding, Prognosis, inspect_missing_pods, inspect_pod};
use session_model::api::{DesiredState, Session};
use session_model::objects::Untyped;
use session_model::objects::pods::pod_metadata_paths;

use super::live_objects::{LiveObjects, is_primary_pod, owner_uids};
use super::target_state::is_start_requested;

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

/// Returns the state of the session's workload. Events that were not read only make causes less specific.
pub fn assess_workload(session: &Session, live: &LiveObjects) -> WorkloadState {
    let uid = session.uid();
    let pods: Vec<&Pod> = live
        .own_pods(uid)
        // A Pod that is being deleted says nothing about the session.
        .filter(|pod| is_primary_pod(pod) && pod.metadata.deletion_timestamp.is_none())
        .collect();
    let pods = live.prefer_recorded(session, pods);
    if pods.is_empty() {
        return assess_without_pods(session, live, uid);
    }
    let wanted = wanted_replicas(session, live);
    let findings: Vec<(&Pod, Finding)> = pods
        .iter()
        .map(|pod| (*pod, inspect_pod(pod, &live.events)))
        .collect();
    let ready = findings
        .iter()
        .filter(|(_, finding)| finding.prognosis == Prognosis::Ready)
        .count();
    if ready >= wanted
        && let Some((pod, _)) = findings
            .iter()
            .find(|(_, finding)| finding.prognosis == Prognosis::Ready)
    {
        return WorkloadState::Ready {
            pod: pod.metadata.name.clone().unwrap_or_default(),
        };
    }
    // Fewer Pods than wanted and no cause among them: the workload's events may have one.
    let missing = (pods.len() < wanted).then(|| assess_without_pods(session, live, uid));
    if let Some(missing) = missing.filter(|missing| missing.cause().is_some())
        && findings
            .iter()
            .all(|(_, finding)| finding.cause().is_none())
    {
        return missing;
    }
    decisive_state(findings)
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
                pod: pod.metadata.name.clone().unwrap_or_default(),
                code,
                reason,
                detail: finding.detail,
                cause: finding.problem,
            },
            Prognosis::Waiting | Prognosis::Ready => WorkloadState::NotReady(finding),
        },
    }
}

/// Returns the number of ready Pods that make the session ready: the workload's current replica count, which an autoscaler may
/// have changed since the start; else the recorded one; at least 1.
fn wanted_replicas(session: &Session, live: &LiveObjects) -> usize {
    let applied = session.applied();
    let count = applied.and_then(|applied| {
        let primary = applied.primary.as_ref()?;
        let key = format!("{}/{}", primary.kind, primary.name);
        let counts = live.replica_counts(session.uid());
        let recorded = || applied.replicas.get(&key).copied();
        counts.get(&key).copied().or_else(recorded)
    });
    usize::try_from(count.unwrap_or(1)).unwrap_or(1).max(1)
}

fn assess_without_pods(session: &Session, live: &LiveObjects, uid: &str) -> WorkloadState {
    let applied = session.applied();
    let primary = applied.and_then(|applied| applied.primary.as_ref());
    let is_primary = |object: &&Value| {
        let named = primary
            .is_none_or(|p| p.kind == Untyped(object).kind() && p.name == Untyped(object).name());
        named
            && owner_uids(object).any(|owner| owner == uid)
            && !pod_metadata_paths(Untyped(object).kind()).is_empty()
    };
    let rests =
        |object: &&Value| object.pointer("/spec/replicas").and_then(Value::as_i64) == Some(0);
    let at_rest = live
        .owners
        .iter()
        .filter(is_primary)
        .any(|object| rests(&object));
    match live
        .owners
        .iter()
        .filter(is_primary)
        .find(|object| !rests(object))
    {
        Some(workload) => {
            let finding = inspect_missing_pods(workload, &live.events);
            match &finding.prognosis {
                Prognosis::Unrecoverable(cause) => WorkloadState::Unrecoverable(cause.clone()),
                _ => WorkloadState::NotReady(finding),
            }
        }
        // Removed by a stop.
        None if at_rest || session.spec.state == Some(DesiredState::Stopped) => {
            WorkloadState::NoWorkload
        }
        None if applied.is_some_and(|applied| applied.primary.is_some())
            && !is_start_requested(session) =>
        {
            WorkloadState::Lost
        }
        None => WorkloadState::NoWorkload,
    }
}
