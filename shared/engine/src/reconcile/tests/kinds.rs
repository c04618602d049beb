//! Stop, start and state of primary workloads that are neither Pod, StatefulSet nor Deployment.

use serde_json::json;

use super::*;
use session_model::objects::ResourceType;

const STOP: TargetState = TargetState::Stopped { skip_sync: true };

/// Returns a session whose last start made one workload.
fn made(primary: Value, replicas: Value) -> Session {
    let object = json!({ "apiVersion": "x", "kind": primary["kind"], "name": "w", "uid": "W" });
    session(
        json!({ "startRequest": "2026-01-01T11:00:00Z" }),
        json!({ "startRequest": "2026-01-01T11:00:00Z", "applied": {
            "primary": primary, "replicas": replicas, "objects": [object] } }),
    )
}

/// Returns the same session with a newer start request.
fn started_again(mut session: Session) -> Session {
    session.spec.start_request = Some("2026-01-01T12:00:00Z".to_owned());
    session
}

fn owned(kind: &str, fields: Value) -> Value {
    let mut object = json!({ "apiVersion": "batch/v1", "kind": kind, "metadata": { "name": "w", "uid": "W", "ownerReferences":
        [{ "apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "S" }] } });
    session_model::objects::json_merge::merge(&mut object, &fields);
    object
}

fn pod_of_workload(name: &str, status: Value) -> k8s_openapi::api::core::v1::Pod {
    serde_json::from_value(json!({
        "metadata": { "name": name, "uid": name, "ownerReferences": [
            { "apiVersion": "batch/v1", "kind": "Job", "name": "w", "uid": "W", "controller": true }] },
        "spec": { "restartPolicy": "Never", "containers": [] }, "status": status,
    }))
    .unwrap()
}

fn running() -> Value {
    json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] })
}

fn exited(code: i32) -> Value {
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    json!({ "phase": phase, "containerStatuses": [{ "name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": { "terminated": { "exitCode": code, "reason": "Error" } } }] })
}

fn job_session() -> Session {
    made(json!({ "kind": "Job", "name": "w" }), json!({}))
}

fn job(fields: Value, pods: Vec<k8s_openapi::api::core::v1::Pod>) -> LiveObjects {
    let mut pods = pods;
    for pod in &mut pods {
        let labels = pod.metadata.labels.get_or_insert_default();
        labels.insert(labels::PRIMARY.to_owned(), "true".to_owned());
    }
    LiveObjects {
        owners: vec![owned("Job", fields)],
        pods,
        ..LiveObjects::default()
    }
}

fn job_start() -> RenderedStart {
    let mut start = start();
    start.rendering.objects = vec![
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "w" }, "spec": { "template": {} } }),
    ];
    start.rendering.primary = PrimaryRef {
        kind: "Job".into(),
        name: "w".into(),
        ..PrimaryRef::default()
    };
    start
}

fn finished(condition: &str) -> Value {
    json!({ "status": { "conditions": [{ "type": condition, "status": "True", "reason": "BackoffLimitExceeded", "message": "too many" }] } })
}

#[test]
fn a_job_is_suspended_and_its_ended_pods_go_with_it() {
    let live = job(
        json!({}),
        vec![
            pod_of_workload("old", exited(1)),
            pod_of_workload("new", running()),
        ],
    );
    let plan = reconcile(&job_session(), STOP, None, &live, now()).plan;
    assert_eq!(
        words(&plan),
        [
            "patch Job \"w\"",
            "delete Pod \"old\"",
            "wait until Pod \"old\", Pod \"new\" is deleted"
        ]
    );
    let Step::Patch { patch, .. } = &plan.stages[0][0] else {
        panic!("no patch")
    };
    assert_eq!(*patch, json!({ "spec": { "suspend": true } }));
    let rests = job(json!({ "spec": { "suspend": true } }), vec![]);
    assert!(
        reconcile(&job_session(), STOP, None, &rests, now())
            .plan
            .is_empty()
    );
    let done = job(
        finished("Complete"),
        vec![pod_of_workload("old", exited(0))],
    );
    let plan = reconcile(&job_session(), STOP, None, &done, now()).plan;
    assert_eq!(words(&plan)[0], "delete Job \"w\"");
}

#[test]
fn a_suspended_job_is_resumed_and_an_ended_one_is_made_anew() {
    let (session, start) = (started_again(job_session()), job_start());
    let plan = |live: &LiveObjects| {
        reconcile(&session, TargetState::Running, Some(&start), live, now()).plan
    };
    let resumed = plan(&job(json!({ "spec": { "suspend": true } }), vec![]));
    let Step::Apply { object, .. } = &resumed.stages[0][0] else {
        panic!("{:?}", words(&resumed))
    };
    assert_eq!(object["spec"]["suspend"], json!(false));
    let mut ended = job(finished("Failed"), vec![pod_of_workload("old", exited(1))]);
    // A start also reads it by name.
    ended.by_name.push(NamedObject {
        resource: session_model::objects::resource::JOB.clone(),
        object: ended.owners[0].clone(),
    });
    assert_eq!(
        words(&plan(&ended)),
        [
            "delete Job \"w\"",
            "wait until Job \"w\" is deleted",
            "wait until Pod \"old\" is deleted",
            "create Job \"w\""
        ]
    );
    let runs = job(json!({}), vec![pod_of_workload("new", running())]);
    assert_eq!(words(&plan(&runs)), ["keep Job \"w\""]);
}

#[test]
fn a_job_has_ended_only_when_no_pod_replaces_the_failed_one() {
    let state = |fields: Value, pods| assess_workload(&job_session(), &job(fields, pods));
    let failed = || vec![pod_of_workload("old", exited(3))];
    assert!(matches!(
        state(json!({}), failed()),
        WorkloadState::NotReady(_)
    ));
    let both = [failed(), vec![pod_of_workload("new", running())]].concat();
    assert!(matches!(state(json!({}), both), WorkloadState::Ready { pod } if pod == "new"));
    let last = json!({ "spec": { "backoffLimit": 0 } });
    assert!(matches!(
        state(last, failed()),
        WorkloadState::Terminated { code: 3, .. }
    ));
    let success = [failed(), vec![pod_of_workload("new", exited(0))]].concat();
    assert!(matches!(
        state(json!({}), success),
        WorkloadState::Terminated { code: 0, .. }
    ));
    // Its Pods may be gone.
    let gone = state(finished("Failed"), vec![]);
    let WorkloadState::Terminated {
        code,
        reason,
        detail,
        ..
    } = &gone
    else {
        panic!("{gone:?}")
    };
    assert_eq!(
        (*code, reason.as_str(), detail.as_str()),
        (1, "BackoffLimitExceeded", "job \"w\" too many")
    );
    assert_eq!(
        state(json!({ "spec": { "suspend": true } }), vec![]),
        WorkloadState::NoWorkload
    );
}

/// Returns a custom workload with one Pod that has no label, at the end of a chain of owners.
fn sandbox(fields: Value, replicas: Option<i32>) -> LiveObjects {
    let object = owned("Sandbox", fields);
    let resource = ResourceType {
        group: "agents.x-k8s.io".into(),
        version: "v1".into(),
        kind: "Sandbox".into(),
        plural: "sandboxes".into(),
        namespaced: true,
    };
    let between = |name: &str, kind: &str, owner: &str| {
        json!({ "apiVersion": "agents.x-k8s.io/v1", "kind": kind, "metadata": { "name": name, "uid": name, "ownerReferences":
            [{ "apiVersion": "x/v1", "kind": "X", "name": owner, "uid": owner, "controller": true }] } })
    };
    let mut pod = pod_of_workload("p", running());
    pod.metadata.owner_references.as_mut().unwrap()[0].uid = "third".into();
    LiveObjects {
        owners: vec![
            object.clone(),
            between("third", "C", "second"),
            between("second", "B", "first"),
            between("first", "A", "W"),
        ],
        pods: vec![pod],
        custom: Some(CustomWorkload {
            resource,
            object,
            replicas,
        }),
        ..LiveObjects::default()
    }
}

fn patched() -> Value {
    json!({ "kind": "Sandbox", "name": "w", "stop": { "spec": { "mode": "Off!" } }, "start": { "spec": { "mode": "On!" } } })
}

fn sandbox_start(primary: &Value) -> RenderedStart {
    let mut start = start();
    start.rendering.objects = vec![
        json!({ "apiVersion": "agents.x-k8s.io/v1", "kind": "Sandbox", "metadata": { "name": "w" }, "spec": { "size": 1 } }),
    ];
    start.rendering.primary = serde_json::from_value(primary.clone()).unwrap();
    start
}

#[test]
fn pods_of_a_custom_kind_are_found_at_any_depth() {
    let session = made(patched(), json!({}));
    let live = sandbox(json!({ "spec": { "mode": "On!" } }), None).attribute(&session);
    assert_eq!(live.own_pods(session.uid()).count(), 1);
    assert!(matches!(assess_workload(&session, &live), WorkloadState::Ready { pod } if pod == "p"));
}

#[test]
fn a_custom_kind_is_stopped_and_started_by_its_authors_patches() {
    let session = made(patched(), json!({}));
    let live = sandbox(json!({ "spec": { "mode": "On!" } }), None).attribute(&session);
    let plan = reconcile(&session, STOP, None, &live, now()).plan;
    let Step::Patch {
        patch, resource, ..
    } = &plan.stages[0][0]
    else {
        panic!("{:?}", words(&plan))
    };
    assert_eq!(
        (&patch["spec"]["mode"], &*resource.plural),
        (&json!("Off!"), "sandboxes")
    );
    let mut rests = sandbox(json!({ "spec": { "mode": "Off!" } }), None);
    rests.pods.clear();
    assert_eq!(assess_workload(&session, &rests), WorkloadState::NoWorkload);
    assert!(
        reconcile(&session, STOP, None, &rests, now())
            .plan
            .is_empty()
    );
    let (again, start) = (started_again(session), sandbox_start(&patched()));
    let plan = reconcile(&again, TargetState::Running, Some(&start), &rests, now()).plan;
    let Step::Apply { object, .. } = &plan.stages[0][0] else {
        panic!("{:?}", words(&plan))
    };
    assert_eq!(object["spec"], json!({ "size": 1, "mode": "On!" }));
}

#[test]
fn a_custom_kind_is_scaled_to_0_and_to_the_count_it_had() {
    let primary = json!({ "kind": "Sandbox", "name": "w" });
    let session = made(primary.clone(), json!({ "Sandbox/w": 3 }));
    let live = sandbox(json!({}), Some(3)).attribute(&session);
    assert_eq!(
        live.replica_counts(session.uid()),
        [("Sandbox/w".to_owned(), 3)].into()
    );
    let plan = reconcile(&session, STOP, None, &live, now()).plan;
    assert!(
        matches!(&plan.stages[0][0], Step::Scale { replicas: 0, .. }),
        "{:?}",
        words(&plan)
    );
    let mut rests = sandbox(json!({}), Some(0));
    rests.pods.clear();
    let (again, start) = (started_again(session), sandbox_start(&primary));
    let plan = reconcile(&again, TargetState::Running, Some(&start), &rests, now()).plan;
    let last = plan.steps().last();
    assert!(
        matches!(last, Some(Step::Scale { replicas: 3, .. })),
        "{:?}",
        words(&plan)
    );
}

#[test]
fn an_object_of_a_custom_kind_that_is_not_the_sessions_is_left_alone() {
    let session = made(patched(), json!({}));
    let mut live = sandbox(json!({ "spec": { "mode": "On!" } }), None);
    live.owners[0]["metadata"]["ownerReferences"] = json!([]);
    live.custom.as_mut().unwrap().object = live.owners[0].clone();
    let live = live.attribute(&session);
    let plan = reconcile(&session, STOP, None, &live, now()).plan;
    assert!(plan.is_empty(), "{:?}", words(&plan));
}

#[test]
fn a_check_of_its_author_decides_when_a_custom_kind_is_ready() {
    let mut primary = patched();
    primary["ready"] = json!({ "condition": "Ready" });
    let session = made(primary, json!({}));
    let state = |status: &str| {
        let fields = json!({ "status": { "conditions": [{ "type": "Ready", "status": status }] } });
        assess_workload(&session, &sandbox(fields, None).attribute(&session))
    };
    assert!(matches!(state("True"), WorkloadState::Ready { .. }));
    let WorkloadState::NotReady(finding) = state("False") else {
        panic!("ready by its Pod")
    };
    assert_eq!(
        (finding.object.as_str(), finding.detail.as_str()),
        ("sandbox/w", "condition Ready is False")
    );
}
