//! Port forwarder for the session, which follows the session from one Pod to its successor.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use session_shared::Pod;
use session_shared::client::forward::FindPod;
use session_shared::client::forward::ForwardEvent;
use session_shared::client::forward::Forwarder;
use session_shared::client::{Backoff, ListOptions, Scope, WatchChange, timed_out};
use session_shared::failure::{self, FailureKind};
use session_shared::objects::Untyped;
use session_shared::objects::conditions::{has_condition, is_ready};
use session_shared::objects::pod_ports::{declares_port, find_service_target, resolve_port};
use session_shared::objects::resource::{POD, SERVICE, SESSION};
use session_shared::ops::pod_selector;
use session_shared::ops::session_objects::session_selector;
use session_shared::ops::{Cluster, ContainerTarget, ObservedSession};
use session_shared::reconcile::is_primary_pod;
use session_shared::report::console::Console;
use session_shared::verb::Environment;
use tokio::sync::mpsc;

use crate::intent::Intent;
use crate::ready_session;

/// Receiver of the forwarder's events.
pub(crate) type ForwardEvents = mpsc::UnboundedReceiver<ForwardEvent>;

/// Minimum and maximum pause between two searches for the Pod.
const SEARCH_PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(30)];

/// Returns the Pod at `place`, by default the primary one.
///
/// # Errors
/// No Pod, or no such container.
pub(crate) fn require_pod<'a>(
    intent: &Intent,
    observed: &'a ObservedSession,
    place: &ContainerTarget,
) -> Result<&'a Pod> {
    let found = observed.choose_container(place)?;
    let (pod, _) = found.ok_or_else(|| anyhow!("session \"{}\" has no Pod", intent.name))?;
    Ok(pod)
}

/// Returns the number of the Pod's port that `word` means. A number or name that no container declares may be one of a Service of
/// the session, which leads to another number; that is noted.
///
/// # Errors
/// An unknown port name; a port that is declared for another protocol only; refusals of the server other than Forbidden.
pub(crate) async fn resolve_remote_port(
    cluster: &Cluster,
    observed: &ObservedSession,
    pod: &Pod,
    word: &str,
    console: &mut Console,
) -> Result<u16> {
    let resolved = resolve_port(pod, word);
    if declares_port(pod, word) {
        return resolved;
    }
    let select = session_selector(observed.name());
    let scope = Scope::Namespace(observed.namespace());
    let mut services = match cluster.list(&SERVICE, scope, &select).await {
        // The number is the Pod's then.
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            if resolved.is_err() {
                console.note("ports of Services not checked: no permission to list services");
            }
            return resolved;
        }
        other => other?.items,
    };
    services.retain(|service| Untyped(service).is_owned_by(observed.uid()));
    match find_service_target(&services, pod, word) {
        Some((target, service)) => {
            if target.to_string() != word {
                console.note(&format!(
                    "forwarding to port {target}, as service/{service} maps {word}"
                ));
            }
            Ok(target)
        }
        None => resolved,
    }
}

/// Returns a forwarder to that Pod and its successors, with the receiver of its events.
///
/// # Errors
/// Those of `require_pod`.
pub(crate) fn new_forwarder(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    place: &ContainerTarget,
    environment: &Environment,
) -> Result<(Forwarder, ForwardEvents)> {
    let find = pod_finder(cluster, intent, observed, place)?;
    let aside = environment.console.stderr_handle();
    let (sender, events) = mpsc::unbounded_channel();
    let forwarder = cluster
        .new_forwarder(find)
        .on_event(move |event| match event {
            // Only a trace for debugging, printed at once.
            ForwardEvent::Fallback { why } => aside.trace(
                4,
                &format!("port-forward: {why}; falling back to v4.channel.k8s.io"),
            ),
            // The receiver is dropped only when the command ends.
            event => drop(sender.send(event)),
        });
    Ok((forwarder, events))
}

/// Search for the Pod after the connection to the previous one was lost.
#[derive(Clone)]
struct PodSearch {
    cluster: Cluster,
    intent: Intent,
    /// Workload and container given by flags or the method.
    place: ContainerTarget,
    /// The Pods that may be the session's.
    select: ListOptions,
    is_primary: bool,
}

/// Returns a function that finds the Pod: the known one on the first call, later a ready one that is not being deleted,
/// waiting at most for the command's time limit.
fn pod_finder(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    place: &ContainerTarget,
) -> Result<FindPod> {
    let pod = require_pod(intent, observed, place)?;
    let search = PodSearch {
        cluster: cluster.clone(),
        intent: intent.clone(),
        place: place.clone(),
        select: pod_selector(&observed.session),
        is_primary: is_primary_pod(pod),
    };
    let known = Mutex::new(pod.metadata.name.clone());
    Ok(Arc::new(move || {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner).take();
        let search = search.clone();
        async move {
            let pod = match known {
                Some(pod) => pod,
                None => search.wait_pod().await?,
            };
            Ok((search.cluster.namespace().to_owned(), pod))
        }
        .boxed()
    }))
}

impl PodSearch {
    async fn wait_pod(&self) -> Result<String> {
        let begun = Instant::now();
        let mut known = HashSet::new();
        let [first, longest] = SEARCH_PAUSES;
        let mut backoff = Backoff::between(first, longest);
        loop {
            if let Some(pod) = self.find_ready(&mut known).await? {
                return Ok(pod);
            }
            let left = self.intent.limit.saturating_sub(begun.elapsed());
            let change = async {
                backoff.pause().await;
                self.wait_change(&known).await
            };
            match tokio::time::timeout(left, change).await {
                Ok(true) => backoff.reset(),
                Ok(false) => {}
                Err(_) => return Err(timed_out(&SESSION, self.intent.name.as_str())),
            }
        }
    }

    /// Returns the Pod if it is ready. Adds other ready Pods to `known`.
    async fn find_ready(&self, known: &mut HashSet<String>) -> Result<Option<String>> {
        let (namespace, name) = (self.cluster.namespace(), self.intent.name.as_str());
        let mut observed = self.cluster.observe_session(namespace, name).await?;
        if let Some(error) =
            ready_session::unrecoverable_error(&self.cluster, &self.intent, &observed)
        {
            return Err(error);
        }
        let pods = &mut observed.live.pods;
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none() && is_ready(pod));
        let found = observed.choose_container(&self.place).ok().flatten();
        let is_named = self.place != ContainerTarget::default();
        let found = found.filter(|(pod, _)| is_named || is_primary_pod(pod) == self.is_primary);
        if let Some((pod, _)) = found {
            return Ok(pod.metadata.name.clone());
        }
        let uids = observed
            .live
            .pods
            .iter()
            .map(|pod| pod.metadata.uid.clone());
        known.extend(uids.flatten());
        Ok(None)
    }

    /// Waits until a Pod that is not known is ready. Returns false if the watch ends first.
    async fn wait_change(&self, known: &HashSet<String>) -> bool {
        let scope = Scope::Namespace(self.cluster.namespace());
        let mut changes = self.cluster.watch(&POD, scope, &self.select, None, false);
        while let Some(Ok(change)) = changes.next().await {
            let (WatchChange::Added(pod) | WatchChange::Modified(pod)) = change else {
                continue;
            };
            let uid = Untyped(&pod).uid();
            if uid.is_some_and(|uid| !known.contains(uid)) && is_ready_and_stays(&pod) {
                return true;
            }
        }
        false
    }
}

fn is_ready_and_stays(pod: &Value) -> bool {
    has_condition(pod, "Ready", "True") && pod["metadata"]["deletionTimestamp"].is_null()
}
