//! Tests of Pod diagnosis in every stage.

use super::*;
use serde_json::{Value, json};

use crate::diagnosis::inspect_missing_pods;

fn pod(status: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": "p", "uid": "u" },
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "main" }] },
        "status": status,
    }))
    .unwrap()
}

fn scheduled(rest: Value) -> Pod {
    let mut status =
        json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "True" }] });
    status
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    pod(status)
}

fn container(state: Value) -> Value {
    json!({ "name": "main", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state })
}

fn event(reason: &str, message: &str) -> EventNote {
    EventNote {
        object_uid: Some("u".into()),
        reason: reason.into(),
        message: message.into(),
        ..EventNote::default()
    }
}

#[test]
fn the_stages_of_a_pod_in_their_order() {
    let unscheduled = pod(json!({ "conditions": [
        { "type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu." }] }));
    let found = inspect_pod(&unscheduled, &[]);
    assert_eq!(
        (found.stage, found.prognosis),
        (WaitStage::Scheduling, Prognosis::Waiting)
    );
    assert!(found.detail.contains("without enough free cpu"));

    let waiting = container(json!({ "waiting": { "reason": "ContainerCreating" } }));
    let creating = scheduled(json!({ "containerStatuses": [waiting] }));
    assert_eq!(
        inspect_pod(&creating, &[event("Pulling", "Pulling image \"i\"")]).stage,
        WaitStage::Pulling
    );
    assert_eq!(
        inspect_pod(&creating, &[event("Pulled", "x")]).stage,
        WaitStage::Starting
    );

    let running = scheduled(json!({ "containerStatuses": [container(json!({ "running": {} }))] }));
    let found = inspect_pod(
        &running,
        &[event("Unhealthy", "Readiness probe failed: 500")],
    );
    assert_eq!(found.stage, WaitStage::Probing);
    assert_eq!(
        found.detail,
        "container \"main\" of pod \"p\" runs, but its readiness probe fails: 500"
    );

    let ready =
        pod(json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }));
    assert_eq!(inspect_pod(&ready, &[]).prognosis, Prognosis::Ready);
}

#[test]
fn a_pod_that_ended_says_how() {
    let ended = pod(json!({ "phase": "Failed",
        "containerStatuses": [container(json!({ "terminated": { "exitCode": 7, "reason": "Error" } }))] }));
    assert_eq!(
        inspect_pod(&ended, &[]).prognosis,
        Prognosis::Ended {
            code: 7,
            reason: "Error".into()
        }
    );
    let evicted = pod(
        json!({ "phase": "Failed", "reason": "Evicted", "message": "The node was low on memory." }),
    );
    let found = inspect_pod(&evicted, &[]);
    assert_eq!(
        found.prognosis,
        Prognosis::Ended {
            code: 1,
            reason: "Evicted".into()
        }
    );
    assert_eq!(found.detail, "The node was low on memory.");
}

/// The scheduler may see a Pod of a StatefulSet before it sees the claim that was made just before.
#[test]
fn a_claim_that_a_statefulset_makes_is_waited_for() {
    let message = "0/1 nodes are available: persistentvolumeclaim \"data-p\" not found.";
    let mut pod = pod(
        json!({ "conditions": [{ "type": "PodScheduled", "status": "False", "message": message }] }),
    );
    assert!(matches!(
        inspect_pod(&pod, &[]).prognosis,
        Prognosis::Unrecoverable(_)
    ));
    let owner =
        json!([{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "w", "uid": "w" }]);
    pod.metadata.owner_references = serde_json::from_value(owner).unwrap();
    let found = inspect_pod(&pod, &[]);
    assert_eq!(found.prognosis, Prognosis::Waiting);
    assert!(found.detail.contains("\"data-p\""), "{}", found.detail);
}

#[test]
fn a_failed_init_container_is_hopeless_only_where_it_is_not_restarted() {
    let init = container(json!({ "terminated": { "exitCode": 2 } }));
    let mut failed = scheduled(json!({ "initContainerStatuses": [init] }));
    let Prognosis::Unrecoverable(cause) = inspect_pod(&failed, &[]).prognosis else {
        panic!("not hopeless")
    };
    assert_eq!(
        cause.message,
        "init container \"main\" of pod \"p\" ended with exit code 2"
    );
    failed.spec.as_mut().unwrap().restart_policy = Some("Always".into());
    let again = inspect_pod(&failed, &[]);
    assert_eq!(again.prognosis, Prognosis::Waiting);
    assert!(again.problem.is_some());
}

#[test]
fn a_workload_without_pods_is_explained_by_its_own_events_only() {
    let workload = json!({ "kind": "Deployment",
        "metadata": { "name": "w", "uid": "d", "creationTimestamp": "2026-01-01T00:00:05Z" } });
    let event = |name: &str, time: &str| EventNote {
        object_kind: "ReplicaSet".into(),
        object_name: name.into(),
        reason: "FailedCreate".into(),
        message: "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0".into(),
        time: time.into(),
        ..EventNote::default()
    };
    let verdict = |event| inspect_missing_pods(&workload, &[event]).prognosis;
    assert!(matches!(
        verdict(event("w-5d4", "2026-01-01T00:00:06Z")),
        Prognosis::Unrecoverable(_)
    ));
    assert_eq!(
        verdict(event("other-5d4", "2026-01-01T00:00:06Z")),
        Prognosis::Waiting
    );
    assert_eq!(
        verdict(event("w-5d4", "2026-01-01T00:00:04Z")),
        Prognosis::Waiting
    );
}

#[test]
fn a_claims_trouble_is_told_to_the_pod_that_mounts_it() {
    let mut waiting = pod(json!({ "conditions": [
        { "type": "PodScheduled", "status": "False", "message": "pod has unbound immediate PersistentVolumeClaims" }] }));
    let trouble = EventNote {
        object_kind: "PersistentVolumeClaim".into(),
        object_name: "home".into(),
        is_warning: true,
        message: "storageclass \"x\" not found".into(),
        ..EventNote::default()
    };
    let other = inspect_pod(&waiting, std::slice::from_ref(&trouble));
    assert_eq!(other.cause().unwrap().reason, "Unbound");
    waiting.spec.as_mut().unwrap().volumes = serde_json::from_value(json!([
        { "name": "v", "persistentVolumeClaim": { "claimName": "home" } }]))
    .unwrap();
    let found = inspect_pod(&waiting, &[trouble]);
    assert_eq!(found.stage, WaitStage::Binding);
    assert!(
        found.detail.starts_with("claim \"home\" of pod \"p\" "),
        "{}",
        found.detail
    );
}

#[test]
fn a_pod_on_its_way_out_is_not_ready() {
    let mut leaving =
        pod(json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }));
    leaving.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            "2026-01-01T00:00:00Z".parse().unwrap(),
        ));
    assert_eq!(inspect_pod(&leaving, &[]).stage, WaitStage::Terminating);
}

/// A Pod with the native sidecar `proxy`, of this status, and a container that waits for it.
fn with_sidecar(status: Value) -> Pod {
    let waiting = container(json!({ "waiting": { "reason": "PodInitializing" } }));
    let mut pod = serde_json::to_value(scheduled(json!({
        "initContainerStatuses": [status], "containerStatuses": [waiting],
    })))
    .unwrap();
    pod["spec"]["initContainers"] = json!([{ "name": "proxy", "restartPolicy": "Always" }]);
    serde_json::from_value(pod).unwrap()
}

fn sidecar(state: Value, ready: bool, restarts: i32) -> Value {
    json!({ "name": "proxy", "image": "i", "imageID": "", "ready": ready, "started": ready, "restartCount": restarts,
        "state": state })
}

#[test]
fn a_sidecar_whose_startup_probe_fails_is_named_while_it_holds_the_pod() {
    let holding = with_sidecar(sidecar(json!({ "running": {} }), false, 0));
    let found = inspect_pod(&holding, &[event("Unhealthy", "Startup probe failed: 503")]);
    assert_eq!(
        (found.stage, found.detail.as_str()),
        (
            WaitStage::Probing,
            "sidecar container \"proxy\" of pod \"p\" runs, but its startup probe fails: 503"
        )
    );
    let silent = inspect_pod(&holding, &[]);
    assert_eq!(silent.detail, "sidecar container \"proxy\" is not ready");
    // In a Pod that restarts no container, a sidecar is restarted nevertheless.
    let ended = json!({ "terminated": { "exitCode": 1, "reason": "Error" } });
    let ended = inspect_pod(&with_sidecar(sidecar(ended, false, 0)), &[]);
    assert_eq!(ended.prognosis, Prognosis::Waiting, "{}", ended.detail);
}

#[test]
fn a_sidecar_that_is_not_ready_is_named_when_all_containers_are() {
    let mut pod = serde_json::to_value(with_sidecar(
        json!({ "name": "proxy", "image": "i", "imageID": "", "ready": false,
        "started": true, "restartCount": 0, "state": { "running": {} } }),
    ))
    .unwrap();
    pod["status"]["containerStatuses"] = json!([{ "name": "main", "image": "i", "imageID": "", "ready": true,
        "restartCount": 0, "state": { "running": {} } }]);
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let mut failed = event("Unhealthy", "Readiness probe failed: 500");
    failed.field_path = "spec.initContainers{proxy}".into();
    assert_eq!(
        inspect_pod(&pod, &[failed]).detail,
        "sidecar container \"proxy\" of pod \"p\" runs, but its readiness probe fails: 500"
    );
}
