//! Workloads section of a report: workloads, their Pods and containers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use session_shared::Pod;
use session_shared::api::{ObjectRef, Session};
use session_shared::client::{NodeUsage, PodUsage};
use session_shared::k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use session_shared::k8s_openapi::api::core::v1::{Container, ContainerStatus};
use session_shared::k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use session_shared::k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use session_shared::objects::Untyped;
use session_shared::objects::conditions::is_ready;
use session_shared::objects::metadata::{name_of, uid_of};
use session_shared::objects::pods::replica_count;
use session_shared::quantity::format_bytes;
use session_shared::reconcile::{LiveObjects, is_primary_pod};

/// A workload of the session with its Pods.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkloadReport {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// True for the workload that `connect` enters.
    pub(crate) primary: bool,
    /// Wanted number of Pods; `None` for a Pod.
    pub(crate) replicas: Option<i64>,
    pub(crate) ready: Option<i64>,
    pub(crate) pods: Vec<PodReport>,
}

/// One Pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodReport {
    pub(crate) name: String,
    /// Phase, or a more specific reason: Evicted, Terminating.
    pub(crate) status: String,
    pub(crate) ready: bool,
    pub(crate) node: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) qos: Option<String>,
    pub(crate) created: Option<String>,
    pub(crate) used: Option<PodUsageReport>,
    /// Init containers first.
    pub(crate) containers: Vec<ContainerReport>,
}

/// Current usage of a Pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodUsageReport {
    pub(crate) cpu: Option<String>,
    pub(crate) memory: Option<String>,
}

/// One container.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerReport {
    pub(crate) name: String,
    pub(crate) init: bool,
    pub(crate) image: String,
    /// running, waiting or terminated.
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) exit_code: Option<i64>,
    /// Time since which the container is in this state, RFC 3339.
    pub(crate) since: Option<String>,
    pub(crate) ready: bool,
    pub(crate) restarts: i64,
    /// Last termination.
    pub(crate) last: Option<TerminationReport>,
    pub(crate) requests: BTreeMap<String, String>,
    pub(crate) limits: BTreeMap<String, String>,
}

/// A termination of a container.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TerminationReport {
    pub(crate) reason: Option<String>,
    pub(crate) exit_code: i64,
    pub(crate) finished: Option<String>,
}

/// Computes the workloads section of a report, the primary workload first.
pub(crate) fn workload_reports(
    session: &Session,
    live: &LiveObjects,
    usage: &[NodeUsage],
) -> Vec<WorkloadReport> {
    let uid = session.uid();
    let mut found: Vec<(ObjectRef, WorkloadReport)> = Vec::new();
    for workload in live.workloads(uid) {
        // The same object may be listed more than once.
        if !found
            .iter()
            .any(|(known, _)| known.is_same_object(&workload))
        {
            let made = workload_without_pods(&workload, live);
            found.push((workload, made));
        }
    }
    for pod in live.own_pods(uid) {
        let Some(owner) = live.workload_of(pod, uid) else {
            continue;
        };
        if let Some((_, workload)) = found
            .iter_mut()
            .find(|(known, _)| known.is_same_object(&owner))
        {
            workload.primary |= is_primary_pod(pod);
            workload.pods.push(pod_report(pod, usage));
        }
    }
    let mut all: Vec<WorkloadReport> = found.into_iter().map(|(_, workload)| workload).collect();
    let primary = session.primary();
    for workload in &mut all {
        workload.primary |=
            primary.is_some_and(|p| p.kind == workload.kind && p.name == workload.name);
        workload
            .pods
            .sort_by(|one, other| one.name.cmp(&other.name));
    }
    all.sort_by(|one, other| {
        (!one.primary, &one.kind, &one.name).cmp(&(!other.primary, &other.kind, &other.name))
    });
    all
}

fn workload_without_pods(workload: &ObjectRef, live: &LiveObjects) -> WorkloadReport {
    let object = live
        .owners
        .iter()
        .find(|object| Untyped(object).has_uid(&workload.uid));
    let replicas = object.and_then(replica_count).map(i64::from);
    WorkloadReport {
        kind: workload.kind.clone(),
        name: workload.name.clone(),
        primary: false,
        // The server omits a count of zero.
        ready: replicas.map(|_| object.and_then(ready_replicas).map_or(0, i64::from)),
        replicas,
        pods: Vec::new(),
    }
}

fn ready_replicas(workload: &Value) -> Option<i32> {
    let workload = Untyped(workload);
    match workload.kind() {
        "StatefulSet" => workload.read::<StatefulSet>()?.status?.ready_replicas,
        "Deployment" => workload.read::<Deployment>()?.status?.ready_replicas,
        "ReplicaSet" => workload.read::<ReplicaSet>()?.status?.ready_replicas,
        _ => None,
    }
}

fn pod_report(pod: &Pod, usage: &[NodeUsage]) -> PodReport {
    let (metadata, state) = (&pod.metadata, pod.status.as_ref());
    let reason = state.and_then(|state| state.reason.clone());
    let status = match (&metadata.deletion_timestamp, reason) {
        (Some(_), _) => "Terminating".to_owned(),
        (None, Some(reason)) => reason,
        (None, None) => {
            let phase = state.and_then(|state| state.phase.clone());
            phase.unwrap_or_else(|| "Unknown".into())
        }
    };
    let mut used = usage.iter().flat_map(|node| &node.pods);
    let used = used.find(|used| Some(used.uid.as_str()) == uid_of(metadata));
    PodReport {
        name: name_of(metadata).to_owned(),
        status,
        ready: is_ready(pod),
        node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        ip: state.and_then(|state| state.pod_ip.clone()),
        qos: state.and_then(|state| state.qos_class.clone()),
        created: time_text(metadata.creation_timestamp.as_ref()),
        used: used.and_then(pod_usage),
        containers: container_reports(pod),
    }
}

fn pod_usage(used: &PodUsage) -> Option<PodUsageReport> {
    (used.cpu_milli.is_some() || used.memory.is_some()).then(|| PodUsageReport {
        cpu: used.cpu_milli.map(|milli| format!("{milli}m")),
        memory: used.memory.map(format_bytes),
    })
}

fn container_reports(pod: &Pod) -> Vec<ContainerReport> {
    let Some(spec) = &pod.spec else {
        return Vec::new();
    };
    let state = pod.status.as_ref();
    let init = state.and_then(|state| state.init_container_statuses.as_deref());
    let main = state.and_then(|state| state.container_statuses.as_deref());
    let report = |container: &Container, statuses: Option<&[ContainerStatus]>, init| {
        let mut statuses = statuses.unwrap_or_default().iter();
        let status = statuses.find(|status| status.name == container.name);
        container_report(container, status, init)
    };
    let before = spec.init_containers.iter().flatten();
    let before = before.map(|container| report(container, init, true));
    let beside = spec.containers.iter();
    let beside = beside.map(|container| report(container, main, false));
    before.chain(beside).collect()
}

fn container_report(
    spec: &Container,
    status: Option<&ContainerStatus>,
    init: bool,
) -> ContainerReport {
    let state = status.and_then(|status| status.state.as_ref());
    let running = state.and_then(|state| state.running.as_ref());
    let ended = state.and_then(|state| state.terminated.as_ref());
    let waiting = state.and_then(|state| state.waiting.as_ref());
    let last = status.and_then(|status| status.last_state.as_ref()?.terminated.as_ref());
    let resources = spec.resources.as_ref();
    ContainerReport {
        name: spec.name.clone(),
        init,
        image: spec.image.clone().unwrap_or_default(),
        state: match (running, ended) {
            (Some(_), _) => "running".into(),
            (None, Some(_)) => "terminated".into(),
            (None, None) => "waiting".into(),
        },
        reason: ended
            .and_then(|ended| ended.reason.clone())
            .or_else(|| waiting?.reason.clone()),
        exit_code: ended.map(|ended| i64::from(ended.exit_code)),
        since: running
            .and_then(|running| time_text(running.started_at.as_ref()))
            .or_else(|| time_text(ended?.finished_at.as_ref())),
        ready: status.is_some_and(|status| status.ready),
        restarts: status.map_or(0, |status| i64::from(status.restart_count)),
        last: last.map(|last| TerminationReport {
            reason: last.reason.clone(),
            exit_code: i64::from(last.exit_code),
            finished: time_text(last.finished_at.as_ref()),
        }),
        requests: amounts(resources.and_then(|resources| resources.requests.as_ref())),
        limits: amounts(resources.and_then(|resources| resources.limits.as_ref())),
    }
}

fn amounts(amounts: Option<&BTreeMap<String, Quantity>>) -> BTreeMap<String, String> {
    let amounts = amounts.into_iter().flatten();
    amounts
        .map(|(resource, amount)| (resource.clone(), amount.0.clone()))
        .collect()
}

/// Returns a time as the API server writes it.
fn time_text(time: Option<&Time>) -> Option<String> {
    time.map(|time| time.0.to_string())
}
