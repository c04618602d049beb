//! Assessment of a session's primary workload from its live objects and their events.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::diagnosis::{Finding, Prognosis, inspect_missing_pods, inspect_pod};
use session_model::api::{DesiredState, PrimaryRef, Session, replicas_key};
use session_model::objects::metadata::name_of;
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::{ObjectRef, Untyped};
use session_model::progress::WaitStage;

use super::custom_workload::Readiness;
use super::job_state::{assess_job, ended_job};
use super::live_objects::{LiveObjects, is_primary_pod};
use super::target_state::is_start_requested;
use super::workload_state::{WorkloadState, decisive_state};

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
    let primary = session.primary();
    if let Some(state) = primary.and_then(|primary| state_by_check(primary, live, &findings)) {
        return state;
    }
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
            pod: name_of(&pod.metadata).to_owned(),
        };
    }
    if let Some(job) = primary.filter(|primary| primary.kind == "Job") {
        let mut owners = live.owners.iter();
        let object = owners.find(|object| has_kind_and_name(object, "Job", &job.name));
        return assess_job(&job.name, object, findings);
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

/// Returns the state of a primary workload by its author's check of readiness; `None` where it has no check: its Pods tell.
fn state_by_check(
    primary: &PrimaryRef,
    live: &LiveObjects,
    findings: &[(&Pod, Finding)],
) -> Option<WorkloadState> {
    let custom = live.custom.as_ref()?;
    let missing = match custom.readiness(primary) {
        Readiness::OfPods => return None,
        Readiness::Ready => {
            let by_need = |(_, finding): &&(&Pod, Finding)| match finding.prognosis {
                Prognosis::Ready => 0,
                Prognosis::Waiting => 1,
                Prognosis::Unrecoverable(_) | Prognosis::Ended { .. } => 2,
            };
            let (pod, _) = findings.iter().min_by_key(by_need)?;
            return Some(WorkloadState::Ready {
                pod: pod.metadata.name.clone()?,
            });
        }
        Readiness::Missing(missing) => missing,
    };
    let by_pods = decisive_state(findings.to_vec());
    if !matches!(by_pods, WorkloadState::NotReady(_)) || by_pods.cause().is_some() {
        return Some(by_pods);
    }
    let object = custom.reference();
    Some(WorkloadState::NotReady(Finding {
        stage: WaitStage::Probing,
        object: format!("{}/{}", object.kind.to_lowercase(), object.name),
        detail: missing,
        prognosis: Prognosis::Waiting,
        problem: None,
    }))
}

/// Returns the number of ready Pods that make the session ready: the workload's current replica count, which an autoscaler may
/// have changed since the start; else the recorded one; at least 1.
fn wanted_replicas(session: &Session, live: &LiveObjects) -> usize {
    let applied = session.applied();
    let count = applied.and_then(|applied| {
        let PrimaryRef { kind, name, .. } = applied.primary.as_ref()?;
        let counts = live.replica_counts(session.uid());
        let current = counts.get(&replicas_key(kind, name)).copied();
        current.or_else(|| applied.replicas_of(kind, name))
    });
    usize::try_from(count.unwrap_or(1)).unwrap_or(1).max(1)
}

fn assess_without_pods(session: &Session, live: &LiveObjects, uid: Option<&str>) -> WorkloadState {
    let primary = session.primary();
    let is_primary = |object: &&Value| {
        let is_named = primary.is_none_or(|p| has_kind_and_name(object, &p.kind, &p.name));
        is_named
            && Untyped(object).is_owned_by(uid)
            && live.makes_pods(&ObjectRef::from_object(object))
    };
    let own: Vec<&Value> = live.owners.iter().filter(is_primary).collect();
    if let Some(state) = own.iter().find_map(|object| ended_job(object)) {
        return state;
    }
    let (at_rest, wanting): (Vec<&Value>, Vec<&Value>) = own
        .into_iter()
        .partition(|object| live.is_at_rest(object, primary));
    match wanting.first() {
        Some(workload) => {
            let finding = inspect_missing_pods(workload, &live.events);
            match &finding.prognosis {
                Prognosis::Unrecoverable(cause) => WorkloadState::Unrecoverable(cause.clone()),
                _ => WorkloadState::NotReady(finding),
            }
        }
        // Removed by a stop.
        None if !at_rest.is_empty() || session.spec.state == Some(DesiredState::Stopped) => {
            WorkloadState::NoWorkload
        }
        None if primary.is_some() && !is_start_requested(session) => WorkloadState::Lost,
        None => WorkloadState::NoWorkload,
    }
}
