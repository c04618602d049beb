//! The end of a create or start: waits until the session is ready, writes the status, and prints how to connect. Never prints
//! secret values.

use std::time::Duration;

use crate::api::{Phase, Session};
use crate::cluster::interrupt::interrupted;
use crate::cluster::wait::{Waited, timed_out};
use crate::cluster::{Cluster, Write};
use crate::failure::hinted;
use crate::names::parameters_secret;
use crate::objects::endpoint::endpoint;
use crate::objects::resource::SESSION;
use crate::progress::{Event, Sink};
use crate::reconcile::{Seen, Start, Wanted, record, standing};
use crate::report::console::Console;
use crate::report::mutation::Mutations;
use crate::verb::Ground;
use anyhow::{Result, anyhow};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

/// A session whose objects have been created, or requested from a controller.
#[derive(Debug)]
pub struct Made {
    /// The Session as the server returned it.
    pub session: Session,
    /// The Session with every field.
    pub object: Value,
    /// The rendered start.
    pub start: Start,
    /// The objects as the server returned them; none if a controller creates them.
    pub objects: Vec<Value>,
    /// True if a controller creates the objects.
    pub controller: bool,
}

/// Prints the result line or the object on standard output, and warnings on standard error. `word` is `created`, `started` or the
/// like.
///
/// # Errors
/// Standard output is closed.
pub fn made(
    made: &Made,
    word: &str,
    mutations: &mut Mutations,
    console: &mut Console,
) -> Result<()> {
    for warning in &made.start.rendering.warnings {
        console.warn(warning);
    }
    console.out(&mutations.done(&made.object, word)?)
}

/// Waits until the session is ready if `wait` has a timeout, writes the status, and prints how to connect.
///
/// # Errors
/// The session does not become ready; it is kept.
pub async fn settle(
    cluster: &Cluster,
    made: Made,
    wait: Option<Duration>,
    write: &Write,
    ground: &mut Ground,
) -> Result<()> {
    if write.dry_run {
        return Ok(());
    }
    let endpoint = match wait {
        Some(limit) => ready(cluster, &made, limit, write, ground).await?,
        None => made_endpoint(&made, None),
    };
    tell(&made, endpoint, &mut ground.console);
    Ok(())
}

/// Waits until the session is ready and writes the status. Returns the session's endpoint, if it has one.
///
/// # Errors
/// The session fails, or does not become ready within `limit`; it is kept.
pub async fn ready(
    cluster: &Cluster,
    made: &Made,
    limit: Duration,
    write: &Write,
    ground: &mut Ground,
) -> Result<Option<String>> {
    // After Ctrl-C the session continues to start: the error has to say how to inspect or delete it.
    let _guard = ground.interrupt.guard()?;
    if made.controller {
        return await_controller(cluster, made, limit, ground).await;
    }
    let (namespace, interrupt) = (namespace(made), ground.interrupt.clone());
    let waited = {
        let mut sink = ground.console.progress();
        let owners = made.objects.clone();
        let waited = cluster
            .wait_ready(
                namespace,
                &made.session,
                owners,
                limit,
                &interrupt,
                &mut sink,
            )
            .await;
        sink.tell(Event::Done);
        waited?
    };
    match waited {
        Waited::Settled { seen, pod } => {
            let endpoint = write_down(cluster, made, &seen, pod.as_deref(), write, ground).await?;
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
                "session {:?} continues to start; last state: {}",
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

fn made_endpoint(made: &Made, node_address: Option<&str>) -> Option<String> {
    endpoint(&made.objects, node_address)
}

async fn write_down(
    cluster: &Cluster,
    made: &Made,
    seen: &Seen,
    pod: Option<&Pod>,
    write: &Write,
    ground: &Ground,
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
        ground.now(),
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

/// Waits for the phase that the controller writes. Returns the endpoint from the status.
async fn await_controller(
    cluster: &Cluster,
    made: &Made,
    limit: Duration,
    ground: &mut Ground,
) -> Result<Option<String>> {
    let interrupt = ground.interrupt.clone();
    let mut sink = ground.console.progress();
    let settled = cluster
        .wait_phase(namespace(made), &made.session, limit, &interrupt, &mut sink)
        .await;
    sink.tell(Event::Done);
    drop(sink);
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
    let error = anyhow!("session {:?} did not become ready{why}", name(made));
    Err(look_and_delete(error, made, &Seen::NoWorkload))
}

/// Prints endpoint, commands to connect and delete, and commands that read the secret parameters, all on standard error, so that
/// scripts are not disturbed.
fn tell(made: &Made, endpoint: Option<String>, console: &mut Console) {
    if console.is_quiet() {
        return;
    }
    let (name, namespace) = (name(made), namespace(made));
    if let Some(endpoint) = endpoint {
        console.err_line(&format!("endpoint: {endpoint}"));
    }
    console.err_line(&format!(
        "connect: kubectl session connect {name} -n {namespace}"
    ));
    let secret = parameters_secret(made.start.belonging.session.as_str());
    for parameter in made.start.rendering.secrets.keys() {
        console.err_line(&format!(
            "{parameter}: kubectl get secret {secret} -n {namespace} -o jsonpath='{{.data.{parameter}}}' | base64 -d"
        ));
    }
    console.err_line(&format!(
        "delete: kubectl session delete {name} -n {namespace}"
    ));
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
        Seen::NoWorkload | Seen::Lost => "no Pod yet".to_owned(),
    }
}

fn not_ready(made: &Made, seen: &Seen) -> anyhow::Error {
    let what = format!("session {:?} did not become ready", name(made));
    let error = match seen.cause() {
        Some(cause) => cause.failing(&what),
        None => anyhow!("{what}: {}", last_seen(seen)),
    };
    look_and_delete(error, made, seen)
}

/// Adds hints how to inspect and delete a session that is kept although it is not ready.
fn look_and_delete(error: anyhow::Error, made: &Made, seen: &Seen) -> anyhow::Error {
    let (name, namespace) = (name(made), namespace(made));
    let look = match seen {
        // The log of an ended container says more than the status; it may be an init container's.
        Seen::Ended { .. } => format!("logs {name} -n {namespace} --all-containers"),
        _ => format!("status {name} -n {namespace}"),
    };
    let error = hinted(
        error,
        format!("inspect the session: kubectl session {look}"),
    );
    hinted(
        error,
        format!("delete the session: kubectl session delete {name} -n {namespace}"),
    )
}
