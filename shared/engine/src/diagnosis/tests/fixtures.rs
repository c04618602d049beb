//! Builders of Pods, workloads and events for the cases.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::diagnosis::{
    EventNote, Fact, FactQuery, Finding, inspect_missing_pods, inspect_pod, refine,
};
use session_model::labels;

/// Returns a Pod with a node, a claim and a memory limit.
pub(in crate::diagnosis) fn pod(status: Value, change: impl Fn(&mut Value)) -> Pod {
    let mut pod = json!({
        "metadata": { "name": "p", "uid": "u" },
        "spec": {
            "nodeName": "n",
            "containers": [{ "name": "main", "resources": { "limits": { "memory": "20Mi" } } }],
            "initContainers": [{ "name": "prep" }],
            "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "home" } }],
        },
        "status": status,
    });
    change(&mut pod);
    serde_json::from_value(pod).unwrap()
}

pub(in crate::diagnosis) fn scheduled(rest: Value) -> Value {
    let mut status =
        json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "True" }] });
    let fields = rest.as_object().unwrap().clone();
    status.as_object_mut().unwrap().extend(fields);
    status
}

pub(in crate::diagnosis) fn container(state: Value, last: Value, restarts: i32) -> Value {
    json!({ "name": "main", "image": "r.example.com/i:1", "imageID": "", "ready": false, "restartCount": restarts,
        "state": state, "lastState": last })
}

pub(super) fn waiting(reason: &str, message: &str) -> Finding {
    let state = json!({ "waiting": { "reason": reason, "message": message } });
    let last = json!({ "terminated": { "exitCode": 3, "reason": "Error" } });
    let status = scheduled(json!({ "containerStatuses": [container(state, last, 4)] }));
    inspect_pod(&pod(status, |_| {}), &[])
}

pub(in crate::diagnosis) fn ended(
    code: i32,
    reason: &str,
    message: &str,
    events: &[EventNote],
) -> Finding {
    let state = json!({ "terminated": { "exitCode": code, "reason": reason, "message": message } });
    let status = scheduled(json!({ "containerStatuses": [container(state, json!({}), 1)] }));
    inspect_pod(&pod(status, |_| {}), events)
}

/// Returns the finding for a crash loop without a last termination state.
pub(super) fn crash_unsaid() -> Finding {
    let state = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
    let status = scheduled(json!({ "containerStatuses": [container(state, json!({}), 4)] }));
    inspect_pod(&pod(status, |_| {}), &[])
}

/// Returns the finding for a container that the kubelet stopped without a reason, in a Pod with restart policy Never.
pub(super) fn stopped(before: &[EventNote]) -> Finding {
    let state = json!({ "terminated": { "exitCode": 137, "reason": "Error" } });
    let mut status = scheduled(json!({ "containerStatuses": [container(state, json!({}), 0)] }));
    status["phase"] = "Failed".into();
    let pod = pod(status, |pod| pod["spec"]["restartPolicy"] = "Never".into());
    let mut told = before.to_vec();
    told.push(event("Killing", "Stopping container main"));
    inspect_pod(&pod, &told)
}

/// Returns the finding for a container without a memory limit that was killed because its node ran out of memory.
pub(super) fn unlimited() -> Finding {
    let state = json!({ "terminated": { "exitCode": 137, "reason": "OOMKilled" } });
    let status = scheduled(json!({ "containerStatuses": [container(state, json!({}), 1)] }));
    let pod = pod(status, |pod| {
        pod["spec"]["containers"][0]["resources"] = json!({});
    });
    inspect_pod(&pod, &[])
}

pub(in crate::diagnosis) fn event(reason: &str, message: &str) -> EventNote {
    EventNote {
        object_uid: Some("u".into()),
        reason: reason.into(),
        message: message.into(),
        is_warning: true,
        ..EventNote::default()
    }
}

pub(super) fn told(events: &[EventNote]) -> Finding {
    inspect_pod(&pod(scheduled(json!({})), |_| {}), events)
}

pub(super) fn running(events: &[EventNote]) -> Finding {
    let status = scheduled(
        json!({ "containerStatuses": [container(json!({ "running": {} }), json!({}), 0)] }),
    );
    inspect_pod(&pod(status, |_| {}), events)
}

pub(in crate::diagnosis) fn unscheduled(message: &str, events: &[EventNote]) -> Finding {
    let status = json!({ "phase": "Pending", "conditions": [
        { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message }] });
    inspect_pod(&pod(status, |_| {}), events)
}

/// Returns the finding for a Pod whose scheduler does not run.
pub(super) fn unseen_by_scheduler() -> Finding {
    let name = |pod: &mut Value| pod["spec"]["schedulerName"] = "other".into();
    inspect_pod(&pod(json!({ "phase": "Pending" }), name), &[])
}

/// Returns the finding for a Pod with ready containers and a readiness gate in that state.
pub(super) fn behind_gate(condition: Value) -> Finding {
    let mut main = container(json!({ "running": {} }), json!({}), 0);
    main["ready"] = true.into();
    let mut status = scheduled(json!({ "containerStatuses": [main] }));
    let conditions = status["conditions"].as_array_mut().unwrap();
    conditions
        .push(json!({ "type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady" }));
    conditions.extend(condition.as_object().map(|_| condition.clone()));
    let gate = json!([{ "conditionType": "example.com/traffic" }]);
    let pod = pod(status, |pod| pod["spec"]["readinessGates"] = gate.clone());
    inspect_pod(&pod, &[])
}

/// Returns the finding for a Pod that is not to be scheduled yet.
pub(super) fn gated(gates: Value) -> Finding {
    let status = json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False",
        "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates" }] });
    let pod = pod(status, |pod| pod["spec"]["schedulingGates"] = gates.clone());
    inspect_pod(&pod, &[])
}

pub(super) fn nodes(reasons: &str) -> Finding {
    unscheduled(
        &format!("0/1 nodes are available: {reasons}. preemption: 0/1 nodes are available: 1 No."),
        &[],
    )
}

/// Returns the finding for a Pod that fits on no node, and the cluster autoscaler's event.
pub(super) fn scale_up(reason: &str, message: &str) -> Finding {
    let scheduler =
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No.";
    unscheduled(scheduler, &[event(reason, message)])
}

/// Returns the finding for a Pod that something other than its session deletes.
pub(super) fn disrupted(reason: &str, message: &str) -> Finding {
    let status = json!({ "phase": "Running", "conditions": [
        { "type": "DisruptionTarget", "status": "True", "reason": reason, "message": message }] });
    let deleted = |pod: &mut Value| {
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    };
    inspect_pod(&pod(status, deleted), &[])
}

pub(super) fn claim(reason: &str, message: &str) -> Finding {
    let event = EventNote {
        object_kind: "PersistentVolumeClaim".into(),
        object_name: "home".into(),
        ..event(reason, message)
    };
    unscheduled(
        "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
        &[event],
    )
}

pub(super) fn refused(message: &str) -> Finding {
    let set = json!({ "kind": "StatefulSet", "metadata": { "name": "p", "namespace": "ns", "uid": "u" } });
    inspect_missing_pods(&set, &[event("FailedCreate", message)])
}

pub(in crate::diagnosis) fn down(reason: &str, message: &str) -> Finding {
    let status = json!({ "phase": "Failed", "reason": reason, "message": message });
    inspect_pod(&pod(status, |_| {}), &[])
}

pub(super) fn init(policy: &str, code: i32) -> Finding {
    let mut init = container(
        json!({ "terminated": { "exitCode": code, "reason": "Error" } }),
        json!({}),
        0,
    );
    init["name"] = "prep".into();
    let status = scheduled(json!({ "initContainerStatuses": [init] }));
    inspect_pod(
        &pod(status, |pod| pod["spec"]["restartPolicy"] = policy.into()),
        &[],
    )
}

pub(super) fn sidecar(events: &[EventNote]) -> Finding {
    let mut proxy = container(json!({ "running": {} }), json!({}), 0);
    proxy["name"] = "proxy".into();
    let status = scheduled(json!({ "initContainerStatuses": [proxy] }));
    let init = json!([{ "name": "proxy", "restartPolicy": "Always" }]);
    let pod = pod(status, |pod| {
        pod["spec"]["initContainers"] = init.clone();
    });
    inspect_pod(&pod, events)
}

/// Returns the finding for a sidecar that has started and is not ready.
pub(super) fn unready_sidecar() -> Finding {
    let mut side = container(json!({ "running": {} }), json!({}), 0);
    side["name"] = "proxy".into();
    side["started"] = true.into();
    let mut main = container(json!({ "running": {} }), json!({}), 0);
    main["ready"] = true.into();
    let status = json!({ "initContainerStatuses": [side], "containerStatuses": [main] });
    let failed = EventNote {
        field_path: "spec.initContainers{proxy}".into(),
        ..event(
            "Unhealthy",
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
        )
    };
    let sidecars = json!([{ "name": "proxy", "restartPolicy": "Always" }]);
    let pod = pod(scheduled(status), |pod| {
        pod["spec"]["initContainers"] = sidecars.clone();
    });
    inspect_pod(&pod, &[failed])
}

pub(super) fn with_login(message: &str) -> Finding {
    let state = json!({ "waiting": { "reason": "ErrImagePull", "message": message } });
    let status = scheduled(json!({ "containerStatuses": [container(state, json!({}), 0)] }));
    let secrets = json!([{ "name": "login" }]);
    inspect_pod(
        &pod(status, |pod| {
            pod["spec"]["imagePullSecrets"] = secrets.clone();
        }),
        &[],
    )
}

pub(super) const DENIED: &str = "pull access denied, repository does not exist or may require authorization: authorization failed";

/// Returns the finding for an init container whose log has these lines.
pub(super) fn init_log(lines: &[&str]) -> Finding {
    with_log(init("Always", 6), lines)
}

/// Returns the finding after the container's log was read.
pub(super) fn with_log(mut finding: Finding, lines: &[&str]) -> Finding {
    let cause = finding.cause_mut().unwrap();
    let log = cause.queries.iter();
    let log = log.filter(|query| matches!(query, FactQuery::Log { .. }));
    let lines = Fact::Lines(lines.iter().map(|line| (*line).to_owned()).collect());
    let answers: Vec<_> = log.map(|query| (query.clone(), lines.clone())).collect();
    *cause = refine(cause.clone(), &answers);
    finding
}

/// Returns the finding for a container that ended, in a Pod with other fields.
pub(in crate::diagnosis) fn ended_in(change: impl Fn(&mut Value)) -> Finding {
    let state = json!({ "terminated": { "exitCode": 1, "reason": "Error" } });
    let status = scheduled(json!({ "containerStatuses": [container(state, json!({}), 1)] }));
    inspect_pod(&pod(status, change), &[])
}

/// Returns the finding for a container that ended, in a session with a parameter that was left to be replaced.
pub(super) fn placeholder_parameter() -> Finding {
    let mut finding = ended_in(|pod| {
        pod["metadata"]["labels"] = json!({ labels::SESSION: "alice" });
    });
    let cause = finding.cause_mut().unwrap();
    let session = FactQuery::SessionParameters {
        session: "alice".into(),
    };
    assert!(cause.queries.contains(&session));
    let object = json!({ "metadata": { "name": "alice", "namespace": "ns" },
        "spec": { "parameters": { "A": "x", "JWT_SECRET": "CHANGE_ME" } } });
    let log = cause.queries.iter();
    let log = log.filter(|query| matches!(query, FactQuery::Log { .. }));
    let mut answers = vec![(session, Fact::Objects(vec![object]))];
    answers.extend(log.map(|log| (log.clone(), Fact::Lines(Vec::new()))));
    *cause = refine(cause.clone(), &answers);
    finding
}

/// Returns the finding for a sidecar that is restarted, because its startup probe fails.
pub(super) fn stopped_sidecar() -> Finding {
    let state = json!({ "terminated": { "exitCode": 143, "reason": "Error" } });
    let mut proxy = container(json!({ "running": {} }), state, 2);
    proxy["name"] = "proxy".into();
    let status = scheduled(json!({ "initContainerStatuses": [proxy] }));
    let failed = "Startup probe failed: dial tcp 10.1.2.3:15021: connect: connection refused";
    let about = |reason: &str, message: &str| EventNote {
        field_path: "spec.initContainers{proxy}".into(),
        ..event(reason, message)
    };
    let sidecars = json!([{ "name": "proxy", "restartPolicy": "Always" }]);
    let pod = pod(status, |pod| {
        pod["spec"]["initContainers"] = sidecars.clone();
    });
    let killed = "Init container proxy failed startup probe, will be restarted";
    inspect_pod(
        &pod,
        &[about("Unhealthy", failed), about("Killing", killed)],
    )
}
