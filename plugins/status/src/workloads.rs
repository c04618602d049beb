//! Workloads section of a report: workloads, their Pods and containers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use session_shared::Pod;
use session_shared::api::{ObjectRef, Session};
use session_shared::client::{NodeUsage, PodUsage};
use session_shared::objects::conditions::has_condition;
use session_shared::objects::resource::string_at;
use session_shared::quantity::format_bytes;
use session_shared::reconcile::{LiveObjects, is_primary_pod};

use crate::text_at::text_at;

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

/// Computes the workloads section of a report, the primary workload first. `raw` are the Pods of `live` with every field.
pub(crate) fn workload_reports(
    session: &Session,
    live: &LiveObjects,
    raw: &[Value],
    usage: &[NodeUsage],
) -> Vec<WorkloadReport> {
    let uid = session.uid();
    let mut found: Vec<(ObjectRef, WorkloadReport)> = Vec::new();
    for workload in live.workloads(uid) {
        // The same object may be listed more than once.
        if !found.iter().any(|(known, _)| known.uid == workload.uid) {
            let made = workload_without_pods(&workload, live);
            found.push((workload, made));
        }
    }
    for pod in live.own_pods(uid) {
        let Some(owner) = live.workload_of(pod, uid) else {
            continue;
        };
        let own = pod.metadata.uid.as_deref().unwrap_or_default();
        let Some(object) = raw
            .iter()
            .find(|object| string_at(object, "/metadata/uid") == own)
        else {
            continue;
        };
        if let Some((_, workload)) = found.iter_mut().find(|(known, _)| known.uid == owner.uid) {
            workload.primary |= is_primary_pod(pod);
            workload.pods.push(pod_report(pod, object, usage));
        }
    }
    let mut all: Vec<WorkloadReport> = found.into_iter().map(|(_, workload)| workload).collect();
    let primary = session
        .applied()
        .and_then(|applied| applied.primary.as_ref());
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
        .find(|object| string_at(object, "/metadata/uid") == workload.uid);
    let number = |pointer: &str| object.and_then(|object| object.pointer(pointer)?.as_i64());
    let replicas = number("/spec/replicas");
    WorkloadReport {
        kind: workload.kind.clone(),
        name: workload.name.clone(),
        primary: false,
        // The server omits a count of zero.
        ready: replicas.map(|_| number("/status/readyReplicas").unwrap_or(0)),
        replicas,
        pods: Vec::new(),
    }
}

fn pod_report(pod: &Pod, object: &Value, usage: &[NodeUsage]) -> PodReport {
    let status = match (
        &pod.metadata.deletion_timestamp,
        text_at(object, "/status/reason"),
    ) {
        (Some(_), _) => "Terminating".to_owned(),
        (None, Some(reason)) => reason,
        (None, None) => text_at(object, "/status/phase").unwrap_or_else(|| "Unknown".into()),
    };
    let ready = has_condition(object, "Ready", "True");
    let uid = string_at(object, "/metadata/uid");
    let used = usage
        .iter()
        .flat_map(|node| &node.pods)
        .find(|used| used.uid == uid);
    PodReport {
        name: string_at(object, "/metadata/name").to_owned(),
        status,
        ready,
        node: text_at(object, "/spec/nodeName"),
        ip: text_at(object, "/status/podIP"),
        qos: text_at(object, "/status/qosClass"),
        created: text_at(object, "/metadata/creationTimestamp"),
        used: used.and_then(pod_usage),
        containers: container_reports(object),
    }
}

fn pod_usage(used: &PodUsage) -> Option<PodUsageReport> {
    (used.cpu_milli.is_some() || used.memory.is_some()).then(|| PodUsageReport {
        cpu: used.cpu_milli.map(|milli| format!("{milli}m")),
        memory: used.memory.map(format_bytes),
    })
}

fn container_reports(pod: &Value) -> Vec<ContainerReport> {
    let kinds = [
        (
            "/spec/initContainers",
            "/status/initContainerStatuses",
            true,
        ),
        ("/spec/containers", "/status/containerStatuses", false),
    ];
    let mut found = Vec::new();
    for (specs, statuses, init) in kinds {
        let list = |pointer: &str| {
            pod.pointer(pointer)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        for spec in list(specs) {
            let name = string_at(spec, "/name");
            let status = list(statuses).find(|status| string_at(status, "/name") == name);
            found.push(container_report(spec, status.unwrap_or(&Value::Null), init));
        }
    }
    found
}

fn container_report(spec: &Value, status: &Value, init: bool) -> ContainerReport {
    let states = status["state"].as_object();
    let (state, detail) = states
        .and_then(|states| states.iter().find(|(_, detail)| !detail.is_null()))
        .map_or(("waiting", &Value::Null), |(state, detail)| {
            (state.as_str(), detail)
        });
    let map = |pointer: &str| {
        let map = spec.pointer(pointer).and_then(Value::as_object);
        let entries = map.into_iter().flatten();
        entries
            .map(|(key, value)| (key.clone(), quantity_text(value)))
            .collect()
    };
    let last = &status["lastState"]["terminated"];
    ContainerReport {
        name: string_at(spec, "/name").to_owned(),
        init,
        image: string_at(spec, "/image").to_owned(),
        state: state.to_owned(),
        reason: text_at(detail, "/reason"),
        exit_code: detail["exitCode"].as_i64(),
        since: text_at(detail, "/startedAt")
            .filter(|_| state == "running")
            .or_else(|| text_at(detail, "/finishedAt")),
        ready: status["ready"] == true,
        restarts: status["restartCount"].as_i64().unwrap_or(0),
        last: last["exitCode"]
            .as_i64()
            .map(|exit_code| TerminationReport {
                reason: text_at(last, "/reason"),
                exit_code,
                finished: text_at(last, "/finishedAt"),
            }),
        requests: map("/resources/requests"),
        limits: map("/resources/limits"),
    }
}

/// Returns a quantity, which may be a string or a number, as text.
fn quantity_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
