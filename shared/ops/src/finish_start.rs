//! The end of a create or start: waits until the session is ready and writes its status.

use std::time::Duration;

use crate::Cluster;
use crate::controller::Driver;
use crate::wait_error::{AwaitedSession, wait_error};
use crate::wait_ready::{AwaitedWorkloads, WaitContext, WaitOutcome};
use anyhow::{Result, anyhow};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use session_client::{WriteOptions, parse_object};
use session_engine::diagnosis::{Cause, Remedy, RemedyFacts, failed_init_container, find_remedies};
use session_engine::reconcile::{
    LiveObjects, RenderedStart, TargetState, WorkloadState, assess_workload, decide_phase,
    is_primary_pod, status_patch, usage_after_settling,
};
use session_model::api::{Phase, Session, SessionUsage};
use session_model::encode::shell;
use session_model::failure::with_hint;
use session_model::objects::endpoint::session_endpoint;
use session_model::progress::ProgressEvent;

/// A session whose objects have been created, or requested from a controller.
#[derive(Debug)]
pub struct Started {
    /// The Session as the server returned it.
    pub session: Session,
    /// The Session with every field.
    pub object: Value,
    /// The rendered start.
    pub start: RenderedStart,
    /// The objects as the server returned them; none if a controller creates them.
    pub objects: Vec<Value>,
    /// The process that creates the objects.
    pub driver: Driver,
    /// The workloads to wait for.
    pub awaited: AwaitedWorkloads,
}

/// A session that has become ready, as the wait and its last write have returned it.
#[derive(Debug)]
pub struct ReadySession {
    /// The session's endpoint, if it has one.
    pub endpoint: Option<String>,
    /// The Session with every field.
    pub object: Value,
    /// Its Pods and their owners as far as the wait has seen them; `None` if a controller made them.
    pub live: Option<LiveObjects>,
}

/// Waits until the session is ready and writes the status.
///
/// # Errors
/// The session fails, or does not become ready within `limit`; it is kept.
pub async fn wait_session_ready(
    cluster: &Cluster,
    started: &Started,
    limit: Duration,
    write: &WriteOptions,
    run: &mut WaitContext<'_>,
) -> Result<ReadySession> {
    // After Ctrl-C the session continues to start: the error has to say how to inspect or delete it.
    let _guard = run.interrupt.guard()?;
    if started.driver.is_controller() {
        return wait_by_controller(cluster, started, limit, run).await;
    }
    let (session, owners) = (&started.session, started.objects.clone());
    let (namespace, awaited) = (namespace_of(started), started.awaited);
    let waited = cluster
        .wait_ready(namespace, session, owners, awaited, limit, run)
        .await;
    run.sink.tell(ProgressEvent::Done);
    let outcome = waited?;
    let written = match &outcome {
        WaitOutcome::Settled { state, pod, live } => {
            let (primary, pod) = primary_state(session, state, pod.as_deref(), live);
            let now = (run.now)();
            let usage = usage_after_settling(session, state, live, now);
            let why = state.cause();
            let status =
                write_settled_status(cluster, started, (&primary, pod, why), &usage, write, now);
            Some(status.await?)
        }
        WaitOutcome::TimedOut(state) => {
            write_diagnosis(cluster, session, state, write, (run.now)()).await;
            None
        }
        WaitOutcome::Interrupted(_) => None,
    };
    match (outcome, written) {
        (WaitOutcome::Settled { state, live, .. }, Some((endpoint, object)))
            if matches!(*state, WorkloadState::Ready { .. }) =>
        {
            Ok(ReadySession {
                endpoint,
                object,
                live: Some(*live),
            })
        }
        (outcome, _) => Err(wait_error(&outcome, started)),
    }
}

/// Returns the state that the status tells, and its Pod: those of the primary workload, also where another one is why the start failed.
fn primary_state<'a>(
    session: &Session,
    state: &WorkloadState,
    pod: Option<&'a Pod>,
    live: &'a LiveObjects,
) -> (WorkloadState, Option<&'a Pod>) {
    let primary = assess_workload(session, live);
    let WorkloadState::Ready { pod: name } = &primary else {
        return (state.clone(), pod);
    };
    let mut pods = live.pods.iter();
    let pod = pods.find(|pod| pod.metadata.name.as_ref() == Some(name));
    (primary, pod)
}

fn session_name_of(started: &Started) -> &str {
    started.start.ownership.session.as_str()
}

fn namespace_of(started: &Started) -> &str {
    started.start.ownership.namespace.as_str()
}

/// The endpoint of its objects, if they have one; `node_address` stands for that of a NodePort.
pub fn started_endpoint(started: &Started, node_address: Option<&str>) -> Option<String> {
    session_endpoint(&started.objects, node_address)
}

/// Writes why the session was not ready in time, for those who may not read its Pods. Whoever waited is told all the same.
async fn write_diagnosis(
    cluster: &Cluster,
    session: &Session,
    state: &WorkloadState,
    write: &WriteOptions,
    now: Timestamp,
) {
    if let Some(cause) = state.cause() {
        let mut patch = json!({});
        status_patch::set_diagnosis(&mut patch, session, Some(cause), now);
        let written = cluster.patch_status(session, patch, write);
        // The error of the wait is what counts.
        drop(cluster.read_after_wait(written).await);
    }
}

/// Writes phase, Pod, node, endpoint, cause and the record of runs after the end of a wait. Returns the endpoint and the Session.
async fn write_settled_status(
    cluster: &Cluster,
    started: &Started,
    (state, pod, cause): (&WorkloadState, Option<&Pod>, Option<&Cause>),
    usage: &SessionUsage,
    write: &WriteOptions,
    now: Timestamp,
) -> Result<(Option<String>, Value)> {
    let node = pod.and_then(|pod| pod.spec.as_ref()?.node_name.clone());
    let address = pod.and_then(|pod| pod.status.as_ref()?.host_ip.clone());
    let pod = pod.and_then(|pod| pod.metadata.name.clone());
    let endpoint = started_endpoint(started, address.as_deref());
    let stands = decide_phase(&started.session, TargetState::Running, state);
    let mut patch = status_patch::phase_status(
        &started.session,
        &stands,
        pod.as_deref(),
        node.as_deref(),
        endpoint.as_deref(),
        now,
    );
    status_patch::add_usage(&mut patch, &started.session, usage);
    status_patch::set_diagnosis(&mut patch, &started.session, cause, now);
    let object = cluster.patch_status(&started.session, patch, write).await?;
    Ok((endpoint, object))
}

/// Waits for the phase that the controller writes.
async fn wait_by_controller(
    cluster: &Cluster,
    started: &Started,
    limit: Duration,
    run: &mut WaitContext<'_>,
) -> Result<ReadySession> {
    let settled = cluster
        .wait_phase(
            namespace_of(started),
            &started.session,
            limit,
            run.interrupt,
            run.sink,
        )
        .await;
    run.sink.tell(ProgressEvent::Done);
    let object = settled?;
    let session: Session = parse_object(object.clone())?;
    if session.phase() == Some(Phase::Running) {
        return Ok(ReadySession {
            endpoint: session.status.and_then(|status| status.endpoint),
            object,
            live: None,
        });
    }
    let why = session
        .condition("Ready")
        .map(|condition| format!(": {}: {}", condition.reason, condition.message))
        .unwrap_or_default();
    let what = format!(
        "session {:?} did not become ready",
        session_name_of(started)
    );
    let error = match session.diagnosis() {
        Some(record) => Cause::from_record(record).to_error(&what),
        None => anyhow!("{what}{why}"),
    };
    let state = WorkloadState::NoWorkload;
    Err(with_inspect_hints(error, started, &state, None))
}

fn describe_state(state: &WorkloadState) -> String {
    match state {
        WorkloadState::NotReady(finding) if finding.detail.is_empty() => {
            format!("{}: {}", finding.stage.as_str(), finding.object)
        }
        WorkloadState::NotReady(finding) => format!(
            "{}: {}: {}",
            finding.stage.as_str(),
            finding.object,
            finding.detail
        ),
        WorkloadState::Unrecoverable(cause) => cause.message.clone(),
        WorkloadState::Terminated { pod, detail, .. } if pod.is_empty() => detail.clone(),
        WorkloadState::Terminated { pod, detail, .. } => format!("pod {pod:?}: {detail}"),
        WorkloadState::Ready { pod } => format!("pod {pod:?} is ready"),
        WorkloadState::NoWorkload | WorkloadState::Lost => "no Pod yet".to_owned(),
    }
}

impl AwaitedSession for Started {
    fn name(&self) -> &str {
        session_name_of(self)
    }

    fn not_ready_error(&self, state: &WorkloadState, live: &LiveObjects) -> anyhow::Error {
        let what = format!("session {:?} did not become ready", self.name());
        let error = match state.cause() {
            Some(cause) => cause.to_error(&what),
            None => anyhow!("{what}: {}", describe_state(state)),
        };
        let logs = match state {
            WorkloadState::Terminated { pod, .. } => logs_command(self, pod, live),
            _ => None,
        };
        with_inspect_hints(error, self, state, logs)
    }

    fn describe(&self, state: &WorkloadState) -> String {
        describe_state(state)
    }

    fn with_inspect_hints(&self, error: anyhow::Error, state: &WorkloadState) -> anyhow::Error {
        with_inspect_hints(error, self, state, None)
    }

    fn with_interrupt_hints(&self, error: anyhow::Error, state: &WorkloadState) -> anyhow::Error {
        let message = format!(
            "session {:?} continues to start; last state: {}",
            self.name(),
            describe_state(state)
        );
        with_inspect_hints(with_hint(error, message), self, state, None)
    }
}

/// Returns the `logs` command that shows why a Pod ended: of its workload, where that is not the primary one, and of the init
/// container that failed, else of all containers. `None` for a Pod that its node terminated, which has no logs.
fn logs_command(started: &Started, pod: &str, live: &LiveObjects) -> Option<String> {
    let mut pods = live.pods.iter();
    let pod = pods.find(|one| one.metadata.name.as_deref() == Some(pod))?;
    if pod
        .status
        .as_ref()
        .is_some_and(|status| status.reason.is_some())
    {
        return None;
    }
    let workload = live.workload_of(pod, started.session.uid());
    let workload = workload.filter(|_| !is_primary_pod(pod)).map(|workload| {
        let name = shell::quote_word(&workload.name);
        format!(" {}/{name}", workload.kind.to_lowercase())
    });
    let container = match failed_init_container(pod) {
        Some(name) => format!("-c {}", shell::quote_word(name)),
        None => "--all-containers".to_owned(),
    };
    let (name, namespace) = (session_name_of(started), namespace_of(started));
    let workload = workload.unwrap_or_default();
    Some(format!("logs {name}{workload} -n {namespace} {container}"))
}

/// Adds hints how to inspect, repair and delete a session that is kept although it is not ready. The log of an ended container
/// says more than the status.
fn with_inspect_hints(
    error: anyhow::Error,
    started: &Started,
    state: &WorkloadState,
    logs: Option<String>,
) -> anyhow::Error {
    let (name, namespace) = (session_name_of(started), namespace_of(started));
    let has_logs = logs.is_some();
    let look = logs.unwrap_or_else(|| format!("status {name} -n {namespace}"));
    let error = with_hint(
        error,
        format!("inspect the session: kubectl session {look}"),
    );
    let target = TargetState::Running;
    let phase = match state {
        // A controller or the timeout has ended the wait: what is there is not known here.
        WorkloadState::NoWorkload => Phase::Failed,
        _ => decide_phase(&started.session, target, state).phase,
    };
    let live = LiveObjects {
        data: started.objects.clone(),
        ..LiveObjects::default()
    };
    let facts = RemedyFacts::new(&started.session, &live, state);
    let mut remedies = find_remedies(phase, state, &facts);
    // The first hint says how to look at it.
    remedies.retain(|remedy| remedy.verb != "status" && !(has_logs && remedy.verb == "logs"));
    if !remedies.iter().any(Remedy::is_deletion) {
        remedies.push(Remedy::deletion(&facts));
    }
    let hints = remedies.iter().map(|remedy| remedy.hint(name, namespace));
    hints.fold(error, with_hint)
}
