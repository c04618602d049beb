//! State of the workloads of a start other than the primary one: a wait for the start ends only when they are ready, too.
//!
//! ```text
//! live.workloads − primary − those that want no Pod ─► Pods of each, inspected ─► the first that is not ready: WorkloadState
//! ```

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::job_state::{assess_job, is_success, job_spec};
use super::live_objects::{LiveObjects, is_primary_pod};
use super::workload_state::{WorkloadState, decisive_state};
use crate::diagnosis::{Finding, Prognosis, inspect_missing_pods, inspect_pod};
use session_model::api::Session;
use session_model::objects::pods::replica_count;
use session_model::objects::{ObjectRef, Untyped};

/// Returns the state of a workload of the session, other than its primary one, that is not ready: one that cannot become ready
/// comes first, then one that ended, then one that may still become ready. `None` where all are ready.
///
/// A Job is ready when it is complete, and a Pod without a controller when it is ready or completed. A CronJob, a suspended Job
/// and a workload with 0 replicas want no Pod; a DaemonSet wants those that its controller has made.
pub fn find_unready_workload(session: &Session, live: &LiveObjects) -> Option<WorkloadState> {
    let uid = session.uid();
    let primary = session.primary();
    let is_primary = |workload: &ObjectRef| {
        primary.is_some_and(|p| p.kind == workload.kind && p.name == workload.name)
    };
    let workloads = live.workloads(uid).into_iter();
    let states = workloads
        .filter(|workload| !is_primary(workload))
        .filter_map(|workload| assess_other(&workload, live, uid));
    states.min_by_key(|state| match state {
        WorkloadState::Unrecoverable(_) => 0,
        WorkloadState::Terminated { .. } => 1,
        _ => 2,
    })
}

/// Returns the state of one workload; `None` where it is ready or wants no Pod.
fn assess_other(
    workload: &ObjectRef,
    live: &LiveObjects,
    uid: Option<&str>,
) -> Option<WorkloadState> {
    let object = live
        .owners
        .iter()
        .find(|object| Untyped(object).has_uid(&workload.uid));
    let own: Vec<&Pod> = live
        .own_pods(uid)
        .filter(|pod| {
            let top = live.workload_of(pod, uid);
            top.is_some_and(|top| top.is_same_object(workload))
        })
        .collect();
    if own.iter().any(|pod| is_primary_pod(pod)) {
        return None;
    }
    let is_job = workload.kind == "Job";
    // A Pod on its way out says nothing of the workload, but a Job counts it as done.
    let pods = own.iter().filter(|pod| {
        let finding = || inspect_pod(pod, &live.events).prognosis;
        pod.metadata.deletion_timestamp.is_none() || (is_job && is_success(&finding()))
    });
    let pods: Vec<&Pod> = pods.copied().collect();
    let wanted = wanted_pods(&workload.kind, object, pods.len());
    let mut findings: Vec<(&Pod, Finding)> = pods
        .into_iter()
        .map(|pod| (pod, inspect_pod(pod, &live.events)))
        .collect();
    let done = findings.iter().filter(|(_, finding)| {
        let ended = is_success(&finding.prognosis);
        match workload.kind.as_str() {
            "Job" => ended,
            "Pod" => ended || finding.prognosis == Prognosis::Ready,
            _ => finding.prognosis == Prognosis::Ready,
        }
    });
    if done.count() >= wanted {
        return None;
    }
    if is_job {
        return Some(assess_job(&workload.name, object, findings));
    }
    let count = findings.len();
    findings.retain(|(_, finding)| finding.prognosis != Prognosis::Ready);
    if findings.is_empty() || (count < wanted && findings.iter().all(|(_, f)| f.cause().is_none()))
    {
        return object.map(|object| missing_pods_state(object, live));
    }
    Some(decisive_state(findings))
}

/// Returns the number of Pods that have to be ready, or complete for a Job.
fn wanted_pods(kind: &str, object: Option<&Value>, present: usize) -> usize {
    let wanted = match kind {
        "CronJob" => Some(0),
        "DaemonSet" => return present,
        "Job" => object.and_then(job_spec).and_then(|job| {
            let rests = job.suspend == Some(true) || job.parallelism == Some(0);
            if rests { Some(0) } else { job.completions }
        }),
        _ => object.and_then(replica_count),
    };
    usize::try_from(wanted.unwrap_or(1)).unwrap_or(0)
}

fn missing_pods_state(object: &Value, live: &LiveObjects) -> WorkloadState {
    let mut finding = inspect_missing_pods(object, &live.events);
    match &finding.prognosis {
        Prognosis::Unrecoverable(cause) => WorkloadState::Unrecoverable(cause.clone()),
        _ => {
            if finding.detail.is_empty() {
                finding.detail = "fewer Pods than replicas".to_owned();
            }
            WorkloadState::NotReady(finding)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use session_model::labels;

    fn session() -> Session {
        serde_json::from_value(json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": { "name": "a", "namespace": "ns", "uid": "S" },
            "spec": { "userId": "alice" },
            "status": { "phase": "pending", "applied": { "primary": { "kind": "Pod", "name": "web" } } },
        }))
        .unwrap()
    }

    fn owned(kind: &str, name: &str, spec: Value) -> Value {
        json!({ "apiVersion": "v1", "kind": kind, "spec": spec, "metadata": { "name": name, "uid": name,
            "ownerReferences": [{ "apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "S" }] } })
    }

    fn pod_of(kind: &str, workload: &str, name: &str, status: Value) -> Pod {
        let labels = match workload {
            "web" => json!({ labels::PRIMARY: "true" }),
            _ => json!({}),
        };
        serde_json::from_value(json!({
            "metadata": { "name": name, "uid": format!("uid-{name}"), "labels": labels, "ownerReferences": [
                { "apiVersion": "v1", "kind": kind, "name": workload, "uid": workload, "controller": true }] },
            "spec": { "containers": [{ "name": "main" }], "restartPolicy": "Never" }, "status": status,
        }))
        .unwrap()
    }

    fn ready() -> Value {
        json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] })
    }

    fn ended(code: i32) -> Value {
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        json!({ "phase": phase, "containerStatuses": [{ "name": "main", "image": "i", "imageID": "", "ready": false,
            "restartCount": 0, "state": { "terminated": { "exitCode": code, "reason": "Error" } } }] })
    }

    fn waiting(reason: &str) -> Value {
        json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "True" }],
            "containerStatuses": [{ "name": "main", "image": "r.example.com/i:1", "imageID": "", "ready": false,
                "restartCount": 0, "state": { "waiting": { "reason": reason, "message": "r.example.com/i:1: not found" } } }] })
    }

    fn found(owners: Vec<Value>, pods: Vec<Pod>) -> Option<WorkloadState> {
        let live = LiveObjects {
            pods,
            owners,
            ..LiveObjects::default()
        };
        find_unready_workload(&session(), &live)
    }

    #[test]
    fn a_deployment_is_ready_with_all_its_replicas() {
        let set = |spec| vec![owned("StatefulSet", "db", spec)];
        let two = || set(json!({ "replicas": 2 }));
        let pod = |name: &str, status| pod_of("StatefulSet", "db", name, status);
        assert_eq!(found(set(json!({ "replicas": 0 })), vec![]), None);
        let both = vec![pod("db-0", ready()), pod("db-1", ready())];
        assert_eq!(found(two(), both), None);
        let Some(WorkloadState::NotReady(finding)) = found(two(), vec![pod("db-0", ready())])
        else {
            panic!("one of two is not enough")
        };
        assert_eq!(finding.object, "statefulset/db");
        let broken = vec![pod("db-0", ready()), pod("db-1", waiting("ErrImagePull"))];
        let Some(WorkloadState::Unrecoverable(cause)) = found(two(), broken) else {
            panic!("an image that is not there")
        };
        assert!(
            cause.message.contains("of pod \"db-1\""),
            "{}",
            cause.message
        );
    }

    #[test]
    fn a_job_counts_when_it_is_complete() {
        let job = |spec| vec![owned("Job", "setup", spec)];
        let pod = |name: &str, status| pod_of("Job", "setup", name, status);
        let is_waited = |spec, pods| match found(job(spec), pods) {
            Some(WorkloadState::NotReady(finding)) => Some(finding),
            None => None,
            other => panic!("{other:?}"),
        };
        let runs = is_waited(json!({}), vec![pod("setup-a", ready())]).unwrap();
        assert_eq!(
            (runs.object.as_str(), runs.detail.as_str()),
            ("job/setup", "not complete yet")
        );
        assert_eq!(is_waited(json!({}), vec![pod("setup-a", ended(0))]), None);
        assert_eq!(is_waited(json!({ "suspend": true }), vec![]), None);
        let done = vec![pod("setup-a", ended(0))];
        assert!(is_waited(json!({ "completions": 2 }), done).is_some());
        let again = is_waited(json!({ "backoffLimit": 1 }), vec![pod("setup-a", ended(3))]);
        assert!(again.unwrap().problem.is_some());
        let spec = json!({ "backoffLimit": 0 });
        let failed = found(job(spec), vec![pod("setup-a", ended(3))]);
        assert!(
            matches!(failed, Some(WorkloadState::Terminated { code: 3, .. })),
            "{failed:?}"
        );
    }

    #[test]
    fn what_wants_no_pod_and_the_primary_workload_are_not_waited_for() {
        let cron = owned("CronJob", "nightly", json!({}));
        let daemon = owned("DaemonSet", "agent", json!({}));
        let web = owned("Pod", "web", json!({}));
        assert_eq!(found(vec![cron, daemon, web], vec![]), None);
    }

    #[test]
    fn the_worst_workload_is_named() {
        let owners = vec![
            owned("Deployment", "api", json!({})),
            owned("StatefulSet", "db", json!({})),
        ];
        let pods = vec![pod_of(
            "StatefulSet",
            "db",
            "db-0",
            waiting("InvalidImageName"),
        )];
        let worst = found(owners, pods);
        assert!(
            matches!(worst, Some(WorkloadState::Unrecoverable(_))),
            "{worst:?}"
        );
    }
}
