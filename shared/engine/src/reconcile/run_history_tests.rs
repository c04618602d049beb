//! Tests of the record after starts, waits and stops, as each way a run can end leaves the session.

use super::*;
use crate::diagnosis::EventNote;
use crate::reconcile::status_patch::add_usage;
use serde_json::json;
use session_model::api::IntOrString;

const STARTED: &str = "2026-03-01T08:00:00Z";

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn session(usage: Value) -> Session {
    serde_json::from_value(json!({
        "metadata": {"name": "a", "uid": "s"}, "spec": {"userId": "a"},
        "status": {"phase": "running", "usage": usage,
            "applied": {"primary": {"kind": "Pod", "name": "p"}, "objects": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}]},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": "",
                "lastTransitionTime": "2026-03-01T08:00:30Z"}]},
    }))
    .unwrap()
}

fn running() -> Session {
    session(json!({"current": {"startTime": STARTED, "cpu": "1", "storage": "10Gi"}}))
}

fn live(phase: &str, status: &Value) -> LiveObjects {
    let mut status = status.clone();
    status["phase"] = phase.into();
    let pod = json!({"metadata": {"name": "p", "uid": "u", "creationTimestamp": STARTED,
            "labels": {"streaming.platform/primary": "true"},
            "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "s"}]},
        "spec": {"containers": [{"name": "m", "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}}}]},
        "status": status});
    LiveObjects {
        pods: vec![serde_json::from_value(pod).unwrap()],
        ..LiveObjects::default()
    }
}

fn ended() -> LiveObjects {
    let end = json!({"terminated": {"exitCode": 0, "finishedAt": "2026-03-01T11:00:00Z"}});
    let status = json!({"containerStatuses": [{"name": "m", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": end}]});
    live("Succeeded", &status)
}

/// Returns the end of the first run, and whether it is unknown.
fn end_of(usage: &SessionUsage) -> (Option<&str>, bool) {
    let run = &usage.runs[0];
    (run.end_time.as_deref(), run.end_unknown == Some(true))
}

#[test]
fn a_stop_ends_a_running_session_now() {
    let usage = usage_after_stop(&running(), &live("Running", &json!({})), now());
    assert_eq!(end_of(&usage), (Some("2026-03-01T12:00:00Z"), false));
    assert_eq!(usage.current, None);
}

#[test]
fn a_session_that_ended_by_itself_ends_when_its_pod_finished_whoever_notices() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}});
    let stopped = usage_after_stop(&running(), &ended(), now());
    let started = usage_after_start(&running(), &ended(), &[pod], now());
    let state = assess_workload(&running(), &ended());
    let settled = usage_after_settling(&running(), &state, &ended(), now());
    for usage in [&stopped, &started, &settled] {
        assert_eq!(end_of(usage), (Some("2026-03-01T11:00:00Z"), false));
    }
    assert_eq!(started.current.unwrap().start_time, "2026-03-01T12:00:00Z");
}

#[test]
fn a_pod_that_vanished_counts_to_what_is_known() {
    let mut live = LiveObjects::default();
    let usage = usage_after_stop(&running(), &live, now());
    assert_eq!(end_of(&usage), (Some("2026-03-01T08:00:30Z"), true));
    live.events.push(EventNote {
        object_uid: Some("u".into()),
        reason: "Killing".into(),
        time: "2026-03-01T09:30:00Z".into(),
        ..EventNote::default()
    });
    let usage = usage_after_stop(&running(), &live, now());
    assert_eq!(end_of(&usage), (Some("2026-03-01T09:30:00Z"), false));
}

#[test]
fn a_stop_that_was_interrupted_ended_when_it_was_requested() {
    let mut session = running();
    session.spec.state = Some(DesiredState::Stopped);
    let fields = json!([{"manager": "m", "operation": "Update", "time": "2026-03-01T08:00:00Z", "subresource": "status",
            "fieldsV1": {"f:status": {}}},
        {"manager": "m", "operation": "Update", "time": "2026-03-01T10:15:00Z", "fieldsV1": {"f:spec": {"f:state": {}}}}]);
    session.metadata.managed_fields = serde_json::from_value(fields).unwrap();
    let usage = usage_after_stop(&session, &LiveObjects::default(), now());
    assert_eq!(end_of(&usage), (Some("2026-03-01T10:15:00Z"), false));
}

#[test]
fn a_run_that_a_killed_client_did_not_record_counts_from_its_pod() {
    let usage = usage_after_stop(&session(json!({})), &live("Running", &json!({})), now());
    assert_eq!(usage.runs[0].start_time, STARTED);
    assert_eq!(usage.runs[0].cpu, Some(IntOrString::Text("250m".into())));
    assert_eq!(end_of(&usage), (Some("2026-03-01T12:00:00Z"), false));
    // A Pod of the run before that is still being deleted is not another run.
    let mut going = live("Running", &json!({}));
    going.pods[0].metadata.deletion_timestamp = going.pods[0].metadata.creation_timestamp.clone();
    let usage = usage_after_stop(&session(json!({})), &going, now());
    assert_eq!(usage, SessionUsage::default());
}

#[test]
fn a_start_that_finishes_a_killed_one_goes_on_with_its_run() {
    let live = live("Running", &json!({}));
    let mut pod = serde_json::to_value(&live.pods[0]).unwrap();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
        "spec": {"resources": {"requests": {"storage": "5Gi"}}}});
    let usage = usage_after_start(&session(json!({})), &live, &[pod, claim], now());
    assert_eq!(
        json!(usage),
        json!({"current": {"startTime": STARTED, "cpu": "250m", "memory": "1Gi", "storage": "5Gi"}})
    );
}

#[test]
fn a_start_records_what_its_objects_request() {
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "w"}, "spec": {"replicas": 2,
        "template": {"spec": {"containers": [{"name": "m", "resources": {"limits": {"cpu": "500m", "nvidia.com/gpu": 1}}}]}},
        "volumeClaimTemplates": [{"spec": {"resources": {"requests": {"storage": "5Gi"}}}}]}});
    let usage = usage_after_start(&session(json!({})), &LiveObjects::default(), &[set], now());
    assert_eq!(
        json!(usage),
        json!({"current": {"startTime": "2026-03-01T12:00:00Z", "cpu": "1", "gpu": "2", "storage": "10Gi"}})
    );
}

#[test]
fn a_wait_records_what_the_server_made_of_the_pods() {
    let state = WorkloadState::Ready { pod: "p".into() };
    let usage = usage_after_settling(&running(), &state, &live("Running", &json!({})), now());
    assert_eq!(
        json!(usage),
        json!({"current": {"startTime": STARTED, "cpu": "250m", "memory": "1Gi", "storage": "10Gi"}})
    );
}

#[test]
fn a_patch_holds_what_changed_and_removes_what_is_gone() {
    let mut patch = json!({});
    add_usage(&mut patch, &running(), &recorded_usage(&running()));
    assert_eq!(patch, json!({}));
    let usage = usage_after_stop(&running(), &live("Running", &json!({})), now());
    add_usage(&mut patch, &running(), &usage);
    assert_eq!(
        patch["status"]["usage"],
        json!({"current": null, "runs": [
        {"startTime": STARTED, "endTime": "2026-03-01T12:00:00Z", "cpu": "1", "storage": "10Gi"}]})
    );
    let mut smaller = recorded_usage(&running());
    smaller.current.as_mut().unwrap().cpu = None;
    add_usage(&mut patch, &running(), &smaller);
    assert_eq!(
        patch["status"]["usage"]["current"],
        json!({"startTime": STARTED, "cpu": null, "storage": "10Gi"})
    );
}
