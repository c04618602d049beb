//! The time since which a session is in its phase: that of the change, never that of the start.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use session_model::api::{Phase, Session};
use session_model::objects::conditions::pod_condition;

use super::live_objects::{LiveObjects, is_primary_pod};
use super::target_state::is_start_requested;
use super::workload_state::WorkloadState;

/// Reasons of the events that tell the end of a Pod that is gone.
const END_EVENTS: [&str; 5] = [
    "Killing",
    "Evicted",
    "Preempted",
    "TaintManagerEviction",
    "NodeNotReady",
];

/// Returns the time since which the session is in `phase`: of its deletion, of the end of a container, of a condition or an event.
/// `None` where nothing in the cluster tells it.
pub fn phase_since(
    session: &Session,
    live: &LiveObjects,
    state: &WorkloadState,
    phase: Phase,
) -> Option<Timestamp> {
    if let Some(time) = &session.metadata.deletion_timestamp {
        return Some(time.0);
    }
    let pod = |name: &str| {
        let mut pods = live.pods.iter();
        pods.find(|pod| pod.metadata.name.as_deref() == Some(name))
    };
    let primary = || {
        let mut pods = live.own_pods(session.uid());
        pods.find(|pod| is_primary_pod(pod))
    };
    let recorded = || recorded_since(session, phase);
    match state {
        WorkloadState::Ready { pod: name } => pod(name).and_then(ready_since).or_else(recorded),
        WorkloadState::Terminated { pod: name, .. } => {
            let ended = || lost_since(session, live);
            pod(name)
                .and_then(end_time)
                .or_else(recorded)
                .or_else(ended)
        }
        WorkloadState::Unrecoverable(_) => primary().and_then(failed_since).or_else(recorded),
        WorkloadState::NotReady(_) => {
            let unready = |pod: &Pod| ready_since(pod).or(created(pod));
            primary()
                .and_then(unready)
                .or_else(recorded)
                .or_else(|| requested(session))
        }
        WorkloadState::Lost => recorded().or_else(|| lost_since(session, live)),
        WorkloadState::NoWorkload if is_start_requested(session) => {
            requested(session).or_else(recorded)
        }
        WorkloadState::NoWorkload => recorded(),
    }
}

/// Returns the last transition of the recorded Ready condition, if the status records this phase.
fn recorded_since(session: &Session, phase: Phase) -> Option<Timestamp> {
    let ready = session.condition("Ready");
    let ready = ready.filter(|_| session.phase() == Some(phase))?;
    ready.last_transition_time.parse().ok()
}

/// Returns the time at which a start was requested: that of the Session's creation if none was requested since.
fn requested(session: &Session) -> Option<Timestamp> {
    let asked = session.spec.start_request.as_deref();
    let asked = asked.and_then(|asked| asked.parse().ok());
    asked.or_else(|| Some(session.metadata.creation_timestamp.as_ref()?.0))
}

/// Returns the last transition time of a Pod's Ready condition.
fn ready_since(pod: &Pod) -> Option<Timestamp> {
    time(&pod_condition(pod, "Ready")?.last_transition_time)
}

pub(super) fn created(pod: &Pod) -> Option<Timestamp> {
    time(&pod.metadata.creation_timestamp)
}

/// Returns the time since which a Pod cannot become ready: of the last end of a container, or of the last change of readiness.
fn failed_since(pod: &Pod) -> Option<Timestamp> {
    container_ends(pod)
        .max(ready_since(pod))
        .or_else(|| created(pod))
}

/// Returns the time at which an ended Pod ended: of its last container, else, for an eviction, of the disruption.
pub(super) fn end_time(pod: &Pod) -> Option<Timestamp> {
    let disrupted = || time(&pod_condition(pod, "DisruptionTarget")?.last_transition_time);
    container_ends(pod)
        .or_else(disrupted)
        .or_else(|| ready_since(pod))
}

/// Returns the last end of a container of the Pod, init containers included.
fn container_ends(pod: &Pod) -> Option<Timestamp> {
    let status = pod.status.as_ref()?;
    let init = status.init_container_statuses.iter().flatten();
    let all = init.chain(status.container_statuses.iter().flatten());
    all.filter_map(container_end).max()
}

fn container_end(status: &ContainerStatus) -> Option<Timestamp> {
    let ends = [&status.state, &status.last_state];
    let ends = ends.into_iter().filter_map(|state| {
        let end = state.as_ref()?.terminated.as_ref()?;
        time(&end.finished_at)
    });
    ends.max()
}

/// Returns the time at which the Pods of the last start ended, from the events that are still there of them.
pub(super) fn lost_since(session: &Session, live: &LiveObjects) -> Option<Timestamp> {
    let recorded = session.applied().map(|applied| applied.objects.as_slice());
    let recorded = recorded.unwrap_or_default();
    let ends = live.events.iter().filter(|event| {
        END_EVENTS.contains(&event.reason.as_str())
            && recorded.iter().any(|object| event.is_about(object.uid()))
    });
    ends.filter_map(|event| event.time.parse().ok()).max()
}

fn time(time: &Option<Time>) -> Option<Timestamp> {
    time.as_ref().map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Cause, EventNote};
    use serde_json::{Value, json};

    fn session(phase: &str, applied: bool) -> Session {
        serde_json::from_value(json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": "a", "uid": "s", "creationTimestamp": "2026-03-01T09:00:00Z"},
            "spec": {"userId": "a", "startRequest": "2026-03-01T09:30:00Z"},
            "status": {"phase": phase, "startTime": "2026-03-01T10:00:00Z",
                "startRequest": applied.then_some("2026-03-01T09:30:00Z"),
                "applied": applied.then(|| json!({"primary": {"kind": "Pod", "name": "p"},
                    "objects": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}]})),
                "conditions": [{"type": "Ready", "status": "False", "reason": "x", "message": "",
                    "lastTransitionTime": "2026-03-01T10:30:00Z"}]},
        }))
        .unwrap()
    }

    fn live(status: Value) -> LiveObjects {
        let pod = json!({"metadata": {"name": "p", "uid": "u", "creationTimestamp": "2026-03-01T10:00:00Z",
            "labels": {"streaming.platform/primary": "true"},
            "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "s"}]},
            "status": status});
        LiveObjects {
            pods: vec![serde_json::from_value(pod).unwrap()],
            ..LiveObjects::default()
        }
    }

    fn since(
        session: &Session,
        live: &LiveObjects,
        state: &WorkloadState,
        phase: Phase,
    ) -> Option<String> {
        phase_since(session, live, state, phase).map(|at| at.to_string())
    }

    fn terminated() -> WorkloadState {
        WorkloadState::Terminated {
            pod: "p".into(),
            code: 1,
            reason: String::new(),
            detail: String::new(),
            cause: None,
        }
    }

    const READY: &str = "2026-03-01T10:00:05Z";

    fn conditions() -> Value {
        json!([{"type": "Ready", "status": "False", "lastTransitionTime": READY}])
    }

    #[test]
    fn an_ended_pod_tells_the_end_of_its_container() {
        let end = json!({"terminated": {"exitCode": 1, "finishedAt": "2026-03-01T11:00:00Z"}});
        let live = live(
            json!({"conditions": conditions(), "containerStatuses": [{"name": "m", "image": "", "imageID": "",
            "ready": false, "restartCount": 0, "state": end}]}),
        );
        let session = session("running", true);
        let found = since(&session, &live, &terminated(), Phase::Failed);
        assert_eq!(found.as_deref(), Some("2026-03-01T11:00:00Z"));
    }

    #[test]
    fn an_evicted_pod_without_an_ended_container_tells_the_disruption() {
        let live = live(
            json!({"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": READY},
            {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": "2026-03-01T11:05:00Z"}]}),
        );
        let session = session("running", true);
        let found = since(&session, &live, &terminated(), Phase::Failed);
        assert_eq!(found.as_deref(), Some("2026-03-01T11:05:00Z"));
    }

    #[test]
    fn a_crash_loop_has_failed_since_its_last_end_and_a_pull_since_it_is_not_ready() {
        let state = WorkloadState::Unrecoverable(Cause::default());
        let status = |last: Value| {
            json!({"conditions": conditions(), "containerStatuses": [{"name": "m", "image": "", "imageID": "",
            "ready": false, "restartCount": 4, "lastState": last}]})
        };
        let ended = json!({"terminated": {"exitCode": 1, "finishedAt": "2026-03-01T11:58:00Z"}});
        let session = session("running", true);
        let found = |last| since(&session, &live(status(last)), &state, Phase::Failed);
        assert_eq!(found(ended).as_deref(), Some("2026-03-01T11:58:00Z"));
        assert_eq!(found(json!({})).as_deref(), Some(READY));
    }

    #[test]
    fn a_lost_session_never_tells_its_start() {
        let mut live = LiveObjects::default();
        let (state, phase) = (WorkloadState::Lost, Phase::Failed);
        assert_eq!(since(&session("running", true), &live, &state, phase), None);
        let recorded = since(&session("failed", true), &live, &state, phase);
        assert_eq!(recorded.as_deref(), Some("2026-03-01T10:30:00Z"));
        live.events.push(EventNote {
            object_uid: Some("u".into()),
            reason: "Killing".into(),
            time: "2026-03-01T11:11:00Z".into(),
            ..EventNote::default()
        });
        let told = since(&session("running", true), &live, &state, phase);
        assert_eq!(told.as_deref(), Some("2026-03-01T11:11:00Z"));
    }

    #[test]
    fn without_a_workload_the_request_or_the_recorded_change_counts() {
        let (live, state) = (LiveObjects::default(), WorkloadState::NoWorkload);
        let asked = since(&session("pending", false), &live, &state, Phase::Pending);
        assert_eq!(asked.as_deref(), Some("2026-03-01T09:30:00Z"));
        let stopped = since(&session("stopped", true), &live, &state, Phase::Stopped);
        assert_eq!(stopped.as_deref(), Some("2026-03-01T10:30:00Z"));
        let scaled = since(&session("running", true), &live, &state, Phase::Stopped);
        assert_eq!(scaled, None);
    }
}
