//! After the session was made: waiting, and what the user is told. The password itself is told nowhere.

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

/// Prints the one line, or the object, that standard output has; `word` says what was done, `created` or `started`.
///
/// # Errors
/// When it cannot be printed.
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

/// Waits `wait` if it was asked to, writes down how the session stands, and tells how to go on.
///
/// # Errors
/// When the session does not get ready: it is kept.
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

/// Waits until the session is ready, and writes down how it stands; its endpoint, if it has one.
///
/// # Errors
/// When the session does not get ready in time: it is kept.
pub async fn ready(
    cluster: &Cluster,
    made: &Made,
    limit: Duration,
    write: &Write,
    ground: &mut Ground,
) -> Result<Option<String>> {
    // Ctrl-C leaves a session that comes up by itself: it is told how to go on, not just ended.
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

/// A controller makes the objects and writes the status: its phase is what is waited for.
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
    let error = anyhow!("session {:?} did not get ready{why}", name(made));
    Err(look_and_delete(error, made, &Seen::NoWorkload))
}

/// What to do with a session that is ready: all of it on standard error, where no script trips over it.
fn tell(made: &Made, endpoint: Option<String>, console: &mut Console) {
    if console.is_quiet() {
        return;
    }
    let (name, namespace) = (name(made), namespace(made));
    if let Some(endpoint) = endpoint {
        console.err_line(&format!("endpoint: {endpoint}"));
    }
    console.err_line(&format!(
        "enter it: kubectl session connect {name} -n {namespace}"
    ));
    let secret = parameters_secret(made.start.belonging.session.as_str());
    for parameter in made.start.rendering.secrets.keys() {
        console.err_line(&format!(
            "{parameter}: kubectl get secret {secret} -n {namespace} -o jsonpath='{{.data.{parameter}}}' | base64 -d"
        ));
    }
    console.err_line(&format!(
        "delete it: kubectl session delete {name} -n {namespace}"
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
