//! The record of a session's runs after a start, a wait and a stop, from its objects. Pure.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::assess_workload::assess_workload;
use super::live_objects::{LiveObjects, is_terminated};
use super::phase_since::{created, end_time, lost_since};
use super::workload_state::WorkloadState;
use crate::capacity::demand::sum_quota_demand;
use crate::capacity::run_hours::RunEnd;
use crate::capacity::run_record::{
    RunAmounts, begin_run, correct_amounts, end_run, recorded_usage,
};
use session_model::api::{DesiredState, Session, SessionUsage};
use session_model::quantity::Quantity;

/// Returns the record after a start that has made `objects`; `live` is what was there before it.
pub fn usage_after_start(
    session: &Session,
    live: &LiveObjects,
    objects: &[Value],
    now: Timestamp,
) -> SessionUsage {
    let mut usage = recorded_usage(session);
    match run_end(session, live) {
        RunEnd::Lasts => {}
        end => end_run(&mut usage, end, now),
    }
    let amounts = RunAmounts::of_demand(&sum_quota_demand(objects));
    // Its claims are those of this start, which so goes on with the run and does not divide it.
    begin_unrecorded_run(&mut usage, session, live, amounts.storage);
    begin_run(&mut usage, &amounts, now);
    usage
}

/// Returns the record after a wait: what the Pods request as the server and controllers have made them, or the end of a run that ended
/// by itself.
pub fn usage_after_settling(
    session: &Session,
    state: &WorkloadState,
    live: &LiveObjects,
    now: Timestamp,
) -> SessionUsage {
    let mut usage = recorded_usage(session);
    match run_end(session, live) {
        RunEnd::Lasts if matches!(state, WorkloadState::Ready { .. }) => {
            correct_amounts(&mut usage, &run_amounts(running_pods(session, live)));
        }
        RunEnd::Lasts => {}
        end => end_run(&mut usage, end, now),
    }
    usage
}

/// Returns the record after a stop; `live` is what was there before it.
pub fn usage_after_stop(session: &Session, live: &LiveObjects, now: Timestamp) -> SessionUsage {
    let mut usage = recorded_usage(session);
    begin_unrecorded_run(&mut usage, session, live, None);
    end_run(&mut usage, run_end(session, live), now);
    usage
}

/// Begins the run of Pods that no status tells: the client was killed between the start and its status. `storage` is what its claims
/// request, if that is known.
fn begin_unrecorded_run(
    usage: &mut SessionUsage,
    session: &Session,
    live: &LiveObjects,
    storage: Option<Quantity>,
) {
    // A Pod that is being deleted belongs to the run before.
    let pods = || {
        let pods = running_pods(session, live);
        pods.filter(|pod| pod.metadata.deletion_timestamp.is_none())
    };
    let last = usage.runs.last();
    let last = last.and_then(|run| run.end_time.as_ref()?.parse().ok());
    let began = pods().filter_map(created).min();
    if let (None, Some(began)) = (&usage.current, began) {
        let amounts = RunAmounts {
            storage,
            ..run_amounts(pods())
        };
        begin_run(usage, &amounts, Some(began).max(last).unwrap_or(began));
    }
}

/// Returns what Pods request together. Claims are not the Pods'.
pub fn run_amounts<'a>(pods: impl Iterator<Item = &'a Pod>) -> RunAmounts {
    let pods: Vec<Value> = pods
        .filter_map(|pod| {
            let mut pod = serde_json::to_value(pod).ok()?;
            pod["kind"] = "Pod".into();
            Some(pod)
        })
        .collect();
    let amounts = RunAmounts::of_demand(&sum_quota_demand(&pods));
    RunAmounts {
        storage: None,
        ..amounts
    }
}

fn running_pods<'a>(
    session: &'a Session,
    live: &'a LiveObjects,
) -> impl Iterator<Item = &'a Pod> + 'a {
    let own = live.own_pods(session.uid());
    own.filter(|pod| !is_terminated(pod))
}

/// Returns how the run goes on that the status records as current.
fn run_end(session: &Session, live: &LiveObjects) -> RunEnd {
    let over = matches!(
        assess_workload(session, live),
        WorkloadState::Terminated { .. } | WorkloadState::Lost | WorkloadState::NoWorkload
    );
    if !over {
        return RunEnd::Lasts;
    }
    match pods_end(live.own_pods(session.uid())) {
        Some(end) => end,
        None => match lost_since(session, live) {
            Some(at) => RunEnd::At(at),
            None => vanished_end(session),
        },
    }
}

/// Returns how the run of these Pods goes on: to the end of the last one if all have ended. `None` without Pods.
pub fn pods_end<'a>(pods: impl Iterator<Item = &'a Pod>) -> Option<RunEnd> {
    let mut last = None;
    for pod in pods {
        if !is_terminated(pod) {
            return Some(RunEnd::Lasts);
        }
        last = last.max(end_time(pod).or_else(|| created(pod)));
    }
    last.map(RunEnd::At)
}

/// Returns the end of a run whose Pods are gone: when a stop that was interrupted had been requested, else some time after the session
/// was last known to run, when it became ready or started.
pub fn vanished_end(session: &Session) -> RunEnd {
    if let Some(at) = stop_requested(session) {
        return RunEnd::At(at);
    }
    let ready = session.condition("Ready");
    let ready = ready.filter(|condition| condition.status == "True");
    let ready = ready.and_then(|condition| condition.last_transition_time.parse().ok());
    let usage = session.usage();
    let started = usage.and_then(|usage| usage.current.as_ref()?.start_time.parse().ok());
    RunEnd::After(ready.max(started).unwrap_or(Timestamp::MIN))
}

/// Returns when `spec.state: stopped` was written, which a stop does before it removes the workload, by the server's managedFields.
fn stop_requested(session: &Session) -> Option<Timestamp> {
    if session.spec.state != Some(DesiredState::Stopped) {
        return None;
    }
    let mut entries = session.metadata.managed_fields.iter().flatten();
    let entry = entries.find(|entry| {
        let fields = entry.fields_v1.as_ref();
        fields.is_some_and(|fields| fields.0.pointer("/f:spec/f:state").is_some())
    });
    entry?.time.as_ref().map(|time| time.0)
}

#[cfg(test)]
#[path = "run_history_tests.rs"]
mod tests;
