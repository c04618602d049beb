//! After the session was made: waiting until it is ready, and its status.

use std::time::Duration;

use crate::Cluster;
use crate::wait::Waited;
use anyhow::{Result, anyhow};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use session_client::Write;
use session_client::interrupt::{Interrupt, interrupted};
use session_client::timed_out;
use session_engine::reconcile::{Seen, Start, Wanted, record, standing};
use session_model::api::{Phase, Session};
use session_model::failure::hinted;
use session_model::objects::endpoint::endpoint;
use session_model::objects::resource::SESSION;
use session_model::progress::{Event, Sink};

/// A session whose objects have been made.
#[derive(Debug)]
pub struct Made {
    /// The Session as the server has it.
    pub session: Session,
    /// The same with every field.
    pub object: Value,
    /// What was started.
    pub start: Start,
    /// Its objects as the server returned them; none where a controller makes them.
    pub objects: Vec<Value>,
    /// Whether a controller makes them.
    pub controller: bool,
}

/// Where a wait tells of its progress, what ends it early, and its clock.
pub struct Waiting<'a> {
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
    /// Where progress goes.
    pub sink: &'a mut dyn Sink,
    /// The time now.
    pub now: &'a dyn Fn() -> Timestamp,
}

impl std::fmt::Debug for Waiting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiting")
    }
}

/// Waits until the session is ready, and writes down how it stands; its endpoint, if it has one.
///
/// # Errors
/// When the session does not get ready in time: it is kept.
pub async fn ready(
    cluster: &Cluster,
    made: &Made,
    limit: Duration,
    write: &Write,
    run: &mut Waiting<'_>,
) -> Result<Option<String>> {
    // Ctrl-C leaves a session that comes up by itself: it is told how to go on, not just ended.
    let _guard = run.interrupt.guard()?;
    if made.controller {
        return await_controller(cluster, made, limit, run).await;
    }
    let owners = made.objects.clone();
    let waited = cluster
        .wait_ready(
            namespace(made),
            &made.session,
            owners,
            limit,
            run.interrupt,
            run.sink,
        )
        .await;
    run.sink.tell(Event::Done);
    match waited? {
        Waited::Settled { seen, pod } => {
            let endpoint =
                write_down(cluster, made, &seen, pod.as_deref(), write, (run.now)()).await?;
            match *seen {
                Seen::Ready { .. } => Ok(endpoint),
                seen => Err(not_ready(made, &seen)),
            }
        }
        Waited::TimedOut(seen) => {
            let error = timed_out(&SESSION, name(made));
            let error = match seen.cause() {
                Some(cause) => cause.behind(error),
                None => hinted(error, last_seen(&seen)),
            };
            Err(look_and_delete(error, made, &seen))
        }
        Waited::Interrupted(seen) => {
            let message = format!(
                "session {:?} was made and goes on coming up; {}",
                name(made),
                last_seen(&seen)
            );
            Err(look_and_delete(hinted(interrupted(), message), made, &seen))
        }
    }
}

fn name(made: &Made) -> &str {
    made.start.belonging.session.as_str()
}

fn namespace(made: &Made) -> &str {
    made.start.belonging.namespace.as_str()
}

/// The endpoint of its objects, if they have one; `node_address` stands for that of a NodePort.
pub fn made_endpoint(made: &Made, node_address: Option<&str>) -> Option<String> {
    endpoint(&made.objects, node_address)
}

async fn write_down(
    cluster: &Cluster,
    made: &Made,
    seen: &Seen,
    pod: Option<&Pod>,
    write: &Write,
    now: Timestamp,
) -> Result<Option<String>> {
    let node = pod.and_then(|pod| pod.spec.as_ref()?.node_name.clone());
    let address = pod.and_then(|pod| pod.status.as_ref()?.host_ip.clone());
    let pod = pod.and_then(|pod| pod.metadata.name.clone());
    let endpoint = made_endpoint(made, address.as_deref());
    let stands = standing(&made.session, Wanted::Running, seen);
    let mut patch = record::stands(
        &made.session,
        &stands,
        pod.as_deref(),
        node.as_deref(),
        endpoint.as_deref(),
        now,
    );
    patch["metadata"]["uid"] = made.session.metadata.uid.clone().into();
    cluster
        .merge_patch(
            &SESSION,
            namespace(made),
            name(made),
            Some("status"),
            &patch,
            write,
        )
        .await?;
    Ok(endpoint)
}

/// A controller makes the objects and writes the status: its phase is what is waited for.
async fn await_controller(
    cluster: &Cluster,
    made: &Made,
    limit: Duration,
    run: &mut Waiting<'_>,
) -> Result<Option<String>> {
    let settled = cluster
        .wait_phase(
            namespace(made),
            &made.session,
            limit,
            run.interrupt,
            run.sink,
        )
        .await;
    run.sink.tell(Event::Done);
    let session = settled?;
    let status = session.status.unwrap_or_default();
    if status.phase == Some(Phase::Running) {
        return Ok(status.endpoint);
    }
    let ready = status
        .conditions
        .iter()
        .find(|condition| condition.r#type == "Ready");
    let why = ready
        .map(|condition| format!(": {}: {}", condition.reason, condition.message))
        .unwrap_or_default();
    let error = anyhow!("session {:?} did not get ready{why}", name(made));
    Err(look_and_delete(error, made, &Seen::NoWorkload))
}

fn last_seen(seen: &Seen) -> String {
    match seen {
        Seen::NotReady(finding) if finding.detail.is_empty() => {
            format!("{}: {}", finding.stage.word(), finding.object)
        }
        Seen::NotReady(finding) => format!(
            "{}: {}: {}",
            finding.stage.word(),
            finding.object,
            finding.detail
        ),
        Seen::Hopeless(cause) => cause.message.clone(),
        Seen::Ended { pod, detail, .. } => format!("pod {pod:?}: {detail}"),
        Seen::Ready { pod } => format!("pod {pod:?} is ready"),
        Seen::NoWorkload | Seen::Lost => "no Pod has been seen yet".to_owned(),
    }
}

fn not_ready(made: &Made, seen: &Seen) -> anyhow::Error {
    let what = format!("session {:?} did not get ready", name(made));
    let error = match seen.cause() {
        Some(cause) => cause.failing(&what),
        None => anyhow!("{what}: {}", last_seen(seen)),
    };
    look_and_delete(error, made, seen)
}

/// The session is kept: how to look at it, and how to be rid of it.
fn look_and_delete(error: anyhow::Error, made: &Made, seen: &Seen) -> anyhow::Error {
    let (name, namespace) = (name(made), namespace(made));
    let look = match seen {
        // What a container said before it ended is more than a status knows. Which one it was may be an init container.
        Seen::Ended { .. } => format!("logs {name} -n {namespace} --all-containers"),
        _ => format!("status {name} -n {namespace}"),
    };
    let error = hinted(error, format!("look at it: kubectl session {look}"));
    hinted(
        error,
        format!("delete it: kubectl session delete {name} -n {namespace}"),
    )
}
