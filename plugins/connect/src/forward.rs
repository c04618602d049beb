//! Ports of this machine that lead into the session, for as long as the user wants.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use session_shared::cluster::forward::{FindPod, Listener, Told};
use session_shared::cluster::{Change, Cluster, Place, Present, Selection, wait};
use session_shared::failure::hinted;
use session_shared::labels;
use session_shared::objects::resource::{POD, SESSION, text};
use session_shared::reconcile::is_primary;
use session_shared::report::console::Console;
use session_shared::verb::Ground;
use tokio::sync::mpsc;

use crate::intent::Intent;
use crate::ports::Forward;
use crate::{plan, reach, rights};

/// Between two looks for the Pod, at least so long.
const PAUSE: Duration = Duration::from_millis(200);

/// Takes the local ports that are known without asking the cluster, so that one that is in use is told at once.
///
/// # Errors
/// A port that cannot be had, and the way out.
pub(crate) async fn take(forwards: &[Forward]) -> Result<Vec<Vec<Listener>>> {
    let mut taken = Vec::new();
    for forward in forwards {
        taken.push(match forward.known_local() {
            Some(local) => listen(forward, local).await?,
            None => Vec::new(),
        });
    }
    Ok(taken)
}

/// Forwards until there is no session to forward to.
///
/// # Errors
/// What the server refuses; a port that there is not; a session that ends.
pub(crate) async fn run(
    cluster: &Cluster,
    intent: &Intent,
    present: &Present,
    forwards: &[Forward],
    taken: Vec<Vec<Listener>>,
    ground: &mut Ground,
) -> Result<()> {
    let container = intent.container.as_deref();
    let (pod, _) = plan::pod(present, container)?
        .ok_or_else(|| anyhow!("session \"{}\" has no Pod", intent.name))?;
    let mut ports = Vec::new();
    for (forward, listeners) in forwards.iter().zip(taken) {
        let remote = plan::port(pod, &forward.remote)?;
        let listeners = if listeners.is_empty() {
            listen(forward, remote).await?
        } else {
            listeners
        };
        ports.extend(listeners.into_iter().map(|listener| (listener, remote)));
    }
    let find = finder(cluster, intent, present, ground)?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let forwarder = cluster.forwarder(find).telling(move |event| {
        // Nobody to tell means that we are ending.
        let _ = tell.send(event);
    });
    let ready = forwarder.ready().await;
    ready.map_err(|error| rights::explain(error, cluster, "pods/portforward"))?;
    let console = &mut ground.console;
    for (listener, remote) in &ports {
        console.line(&format!(
            "Forwarding from {} -> {remote}",
            listener.address()
        ))?;
    }
    let mut serving = std::pin::pin!(forwarder.serve(ports));
    loop {
        tokio::select! {
            ended = &mut serving => return ended,
            Some(event) = told.recv() => say(event, console)?,
        }
    }
}

/// As kubectl says it, where kubectl says anything.
fn say(told: Told, console: &mut Console) -> Result<()> {
    match told {
        Told::Accepted { local } => {
            return console.line(&format!("Handling connection for {local}"));
        }
        Told::Refused { port, message } => {
            let message = message.trim();
            if message.contains("connection refused") {
                console.err_line(&format!(
                    "error: failed to forward to port {port}: nothing listens on it in the Pod"
                ));
                console.trace(4, message);
            } else {
                console.err_line(&format!(
                    "error: failed to forward to port {port}: {message}"
                ));
            }
        }
        Told::Lost { why } => console.err_line(&format!(
            "Lost connection to the Pod: {why}. The local ports stay open while it is looked for"
        )),
        Told::Back { pod } => console.err_line(&format!("Forwarding again, to pod {pod:?}")),
        Told::Fallback { why } => console.trace(
            4,
            &format!("port-forward: {why}; falling back to v4.channel.k8s.io"),
        ),
    }
    Ok(())
}

/// Takes a port at every address of a forward.
async fn listen(forward: &Forward, mut local: u16) -> Result<Vec<Listener>> {
    let mut listeners: Vec<Listener> = Vec::new();
    let mut failed = None;
    for address in &forward.addresses {
        match Listener::bind(*address, local).await {
            Ok(listener) => {
                // The other addresses get the same port.
                local = listener.address().port();
                listeners.push(listener);
            }
            Err(error) => failed = Some(unavailable(*address, local, &forward.remote, &error)),
        }
    }
    // `localhost` is at home where either of its addresses is.
    match failed {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

fn unavailable(address: IpAddr, local: u16, remote: &str, error: &io::Error) -> anyhow::Error {
    let place = SocketAddr::new(address, local);
    let free = format!("take another local port: --port-forward :{remote} picks a free one");
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let error = anyhow!("failed to listen on {place}: the port is in use");
            hinted(error, free)
        }
        io::ErrorKind::PermissionDenied => {
            let error = anyhow!("failed to listen on {place}: permission denied");
            hinted(error, free)
        }
        io::ErrorKind::AddrNotAvailable => {
            anyhow!("failed to listen on {place}: this machine has no such address")
        }
        _ => anyhow!("failed to listen on {place}: {error}"),
    }
}

/// What is looked for when the Pod has to be found again.
#[derive(Clone)]
struct Search {
    cluster: Cluster,
    intent: Intent,
    is_primary: bool,
    clock: Arc<dyn Fn() -> session_shared::Timestamp + Send + Sync>,
}

/// Gives the Pod that is known the first time. From then on it waits until there is one that is ready and stays, at most as
/// long as a session is waited for.
fn finder(
    cluster: &Cluster,
    intent: &Intent,
    present: &Present,
    ground: &Ground,
) -> Result<FindPod> {
    let (pod, _) = plan::pod(present, intent.container.as_deref())?
        .ok_or_else(|| anyhow!("session \"{}\" has no Pod", intent.name))?;
    let search = Search {
        cluster: cluster.clone(),
        intent: intent.clone(),
        is_primary: is_primary(pod),
        clock: Arc::new(ground.clock()),
    };
    let known = Mutex::new(pod.metadata.name.clone());
    Ok(Arc::new(move || {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner).take();
        let search = search.clone();
        async move {
            let pod = match known {
                Some(pod) => pod,
                None => search.pod().await?,
            };
            Ok((search.cluster.namespace().to_owned(), pod))
        }
        .boxed()
    }))
}

impl Search {
    async fn pod(&self) -> Result<String> {
        let begun = Instant::now();
        let mut known = HashSet::new();
        loop {
            if let Some(pod) = self.look(&mut known).await? {
                return Ok(pod);
            }
            let left = self.intent.limit.saturating_sub(begun.elapsed());
            let change = tokio::time::timeout(left, self.change(&known)).await;
            if change.is_err() {
                return Err(wait::timed_out(&SESSION, self.intent.name.as_str()));
            }
        }
    }

    /// The Pod, if it is there and ready. Ready ones that are not it are `known` from then on.
    async fn look(&self, known: &mut HashSet<String>) -> Result<Option<String>> {
        let (namespace, name) = (self.cluster.namespace(), self.intent.name.as_str());
        let mut present = self.cluster.present(namespace, name).await?;
        let now = (self.clock)();
        if let Some(error) = reach::hopeless(&self.cluster, &self.intent, &present, now) {
            return Err(error);
        }
        let pods = &mut present.live.pods;
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none() && plan::is_ready(pod));
        let container = self.intent.container.as_deref();
        let found = plan::pod(&present, container).ok().flatten();
        let found =
            found.filter(|(pod, _)| container.is_some() || is_primary(pod) == self.is_primary);
        if let Some((pod, _)) = found {
            return Ok(pod.metadata.name.clone());
        }
        let uids = present.live.pods.iter().map(|pod| pod.metadata.uid.clone());
        known.extend(uids.flatten());
        Ok(None)
    }

    /// Waits until a Pod is ready that is not known.
    async fn change(&self, known: &HashSet<String>) {
        tokio::time::sleep(PAUSE).await;
        let select = Selection::labelled(format!("{}={}", labels::SESSION, self.intent.name));
        let place = Place::Namespace(self.cluster.namespace());
        let mut changes = self.cluster.watch(&POD, place, &select, None, false);
        while let Some(Ok(change)) = changes.next().await {
            let (Change::Added(pod) | Change::Modified(pod)) = change else {
                continue;
            };
            if !known.contains(text(&pod, "/metadata/uid")) && is_ready_and_stays(&pod) {
                return;
            }
        }
    }
}

fn is_ready_and_stays(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let is_ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    is_ready && pod["metadata"]["deletionTimestamp"].is_null()
}
