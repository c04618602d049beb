//! A connection to a Pod that is restored whenever it is lost, with growing pauses, until an error is permanent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures::StreamExt;
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::forward_event::ForwardEvent;
use super::mux_connection::{CloseReason, MuxConnection, MuxLimits, PortFailureHandler};
use super::negotiate::{Negotiation, negotiate};
use super::port_stream::PortStream;
use super::single_stream_forward::SingleStreamForward;
use super::spdy_stream::SpdyStream;
use crate::{Backoff, Cluster, ListOptions, Scope, WatchChange};
use session_model::failure::{self, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::pods::has_pod_ended;
use session_model::objects::resource::POD;

/// First and longest pause between attempts; a local connection waits ten seconds for a new connection to the Pod.
const INITIAL_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// Lifetime after which a connection counts as successful and the pauses start from the beginning.
const STABLE_AFTER: Duration = Duration::from_secs(5);
/// Time after a loss in which refusals and missing Pods are retried: a server that has just started may refuse what it
/// allowed before, and may not list a Pod yet.
const RETRY_REFUSALS_FOR: Duration = Duration::from_secs(15);

/// Finds the Pod to forward to, as (namespace, name). Called for every new connection; the callback may wait until there
/// is a Pod and must give up by itself.
pub type FindPod = Arc<dyn Fn() -> BoxFuture<'static, Result<(String, String)>> + Send + Sync>;

/// The current way of opening streams to the Pod.
#[derive(Clone)]
pub(super) enum Transport {
    /// All streams share one connection.
    Multiplexed(Arc<MuxConnection>),
    /// Each stream has a connection of its own.
    SingleStream(Arc<SingleStreamForward>),
}

/// The state of the connection to the Pod.
#[derive(Clone)]
pub(super) enum ConnectionState {
    /// Being established.
    Connecting,
    /// Established.
    Connected(Transport),
    /// Failed for good.
    Failed(Arc<PermanentError>),
}

/// The permanent error.
pub(super) struct PermanentError {
    text: String,
    error: Mutex<Option<anyhow::Error>>,
}

impl PermanentError {
    /// Returns the error itself to the first caller, and its text to the others.
    pub(super) fn take(&self) -> anyhow::Error {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.take().unwrap_or_else(|| anyhow!(self.text.clone()))
    }
}

/// State shared by a [`Forwarder`](super::Forwarder) and the task that maintains the connection.
pub(super) struct PodConnection {
    pub(super) cluster: Cluster,
    pub(super) find_pod: FindPod,
    pub(super) on_event: OnceLock<Arc<dyn Fn(ForwardEvent) + Send + Sync>>,
    pub(super) state: watch::Sender<ConnectionState>,
    /// True while local ports are served: many streams are expected, so the Pod is watched.
    pub(super) is_serving: watch::Sender<bool>,
    /// True once a connection was established.
    pub(super) was_connected: AtomicBool,
}

/// A Pod and the transport to it.
struct ConnectedPod {
    namespace: String,
    pod: String,
    transport: Transport,
}

impl PodConnection {
    /// Reports an event to the registered callback.
    pub(super) fn emit(&self, told: ForwardEvent) {
        if let Some(tell) = self.on_event.get() {
            tell(told);
        }
    }

    /// Finds the Pod and establishes a transport to it.
    async fn connect(self: &Arc<Self>) -> Result<ConnectedPod> {
        let (namespace, pod) = (self.find_pod)().await?;
        let link = Arc::downgrade(self);
        let failed: PortFailureHandler = Arc::new(move |port, message| {
            if let Some(link) = link.upgrade() {
                link.emit(ForwardEvent::StreamFailed { port, message });
            }
        });
        let way = match negotiate(&self.cluster, &namespace, &pod).await? {
            Negotiation::Upgraded(socket) => {
                Transport::Multiplexed(MuxConnection::new(*socket, MuxLimits::default(), failed)?)
            }
            Negotiation::Unsupported(why) => {
                self.emit(ForwardEvent::Fallback { why });
                let plain = SingleStreamForward::new(&self.cluster, &namespace, &pod, failed);
                Transport::SingleStream(Arc::new(plain))
            }
        };
        Ok(ConnectedPod {
            namespace,
            pod,
            transport: way,
        })
    }

    /// Maintains the connection until an error is permanent.
    pub(super) async fn maintain(self: Arc<Self>) {
        let mut lost: Option<Instant> = None;
        let mut backoff = Backoff::between(INITIAL_PAUSE, MAX_PAUSE);
        loop {
            let error = match self.connect().await {
                Ok(found) => {
                    self.was_connected.store(true, Ordering::Relaxed);
                    if lost.take().is_some() {
                        let pod = found.pod.clone();
                        self.emit(ForwardEvent::Reconnected { pod });
                    }
                    let begun = Instant::now();
                    self.state
                        .send_replace(ConnectionState::Connected(found.transport.clone()));
                    let end = self.wait_closed(&found).await;
                    self.state.send_replace(ConnectionState::Connecting);
                    if begun.elapsed() > STABLE_AFTER {
                        backoff.reset();
                    }
                    if let CloseReason::Lost(why) = end {
                        lost = Some(Instant::now());
                        self.emit(ForwardEvent::Disconnected { why });
                    }
                    None
                }
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                if !self.was_connected.load(Ordering::Relaxed) || !is_transient(&error, lost) {
                    let text = format!("{error:#}");
                    let error = Mutex::new(Some(error));
                    let ending = Arc::new(PermanentError { text, error });
                    self.state.send_replace(ConnectionState::Failed(ending));
                    return;
                }
                if lost.is_none() {
                    lost = Some(Instant::now());
                    let why = format!("{error:#}");
                    self.emit(ForwardEvent::Disconnected { why });
                }
            }
            backoff.pause().await;
        }
    }

    /// Waits until the transport accepts no more streams or its Pod is being deleted.
    async fn wait_closed(&self, found: &ConnectedPod) -> CloseReason {
        let retired = async {
            match &found.transport {
                Transport::Multiplexed(connection) => connection.wait_closed().await,
                Transport::SingleStream(plain) => plain.wait_closed().await,
            }
        };
        let gone = async {
            // Cannot fail: `self` holds the sender.
            let _ = self
                .is_serving
                .subscribe()
                .wait_for(|serving| *serving)
                .await;
            self.wait_pod_unusable(&found.namespace, &found.pod).await
        };
        tokio::select! {
            why = retired => why,
            why = gone => {
                // Existing streams may still complete.
                if let Transport::Multiplexed(connection) = &found.transport {
                    connection.refuse_streams();
                }
                CloseReason::Lost(why)
            }
        }
    }

    /// Waits until the Pod is deleted, has terminated or was replaced, and returns the reason. Never returns if the Pod
    /// may not be watched; the next stream then finds out.
    async fn wait_pod_unusable(&self, namespace: &str, pod: &str) -> String {
        let mut seen = WatchedPod::default();
        let mut backoff = Backoff::default();
        let select = ListOptions::with_fields(format!("metadata.name={pod}"));
        loop {
            let scope = Scope::Namespace(namespace);
            let mut changes = self.cluster.watch(&POD, scope, &select, None, false);
            while let Some(change) = changes.next().await {
                match change {
                    Ok(change) => {
                        if let Some(why) = seen.unusable_reason(&change) {
                            return format!("pod {pod:?} {why}");
                        }
                    }
                    Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                        return std::future::pending().await;
                    }
                    Err(_) => break,
                }
            }
            backoff.pause().await;
        }
    }
}

/// The state of the watched Pod.
#[derive(Debug, Default)]
struct WatchedPod {
    uid: String,
    /// The Pod was already being deleted when the watch began: nobody knew a better one.
    was_terminating: bool,
}

impl WatchedPod {
    /// Returns the reason why the Pod is unusable after a change; `None` if it still is usable.
    fn unusable_reason(&mut self, change: &WatchChange) -> Option<&'static str> {
        let pod = match change {
            WatchChange::Added(pod) | WatchChange::Modified(pod) => pod,
            WatchChange::Deleted(_) => return Some("was deleted"),
            WatchChange::Bookmark(_) | WatchChange::Restarted => return None,
        };
        let is_going = Untyped(pod).is_terminating();
        if self.uid.is_empty() {
            self.uid = Untyped(pod).uid()?.to_owned();
            self.was_terminating = is_going;
        }
        if !Untyped(pod).has_uid(&self.uid) {
            return Some("was replaced");
        }
        if is_going && !self.was_terminating {
            return Some("is being deleted");
        }
        has_pod_ended(pod).then_some("has ended")
    }
}

/// True if retrying may help.
fn is_transient(error: &anyhow::Error, lost: Option<Instant>) -> bool {
    let Some(failure) = failure::find_failure(error) else {
        return false;
    };
    match failure.kind {
        FailureKind::Unreachable
        | FailureKind::ConnectionRefused
        | FailureKind::TooManyRequests
        | FailureKind::OtherStatus => true,
        FailureKind::NotFound
        | FailureKind::ResourceTypeNotFound
        | FailureKind::Forbidden
        | FailureKind::Unauthorized => {
            lost.is_none_or(|since| since.elapsed() < RETRY_REFUSALS_FOR)
        }
        _ => false,
    }
}

impl Transport {
    /// Checks that a stream to a port can be opened, if that is not known yet.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub(super) async fn check_port(&self, port: u16) -> Result<()> {
        match self {
            Self::Multiplexed(_) => Ok(()),
            Self::SingleStream(plain) => plain.open_spare(port).await,
        }
    }

    /// Opens a stream; `None` if the caller has to wait for a new connection. `ahead` is true if more streams are
    /// expected.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub(super) async fn open_stream(
        &self,
        port: u16,
        ahead: bool,
    ) -> Result<Option<Box<dyn PortStream>>> {
        match self {
            Self::Multiplexed(connection) => {
                // A blocked connection would make the new stream wait, too.
                if connection.is_blocked() {
                    connection.refuse_streams();
                    return Ok(None);
                }
                match SpdyStream::open(connection, port) {
                    Ok(stream) => Ok(Some(Box::new(stream))),
                    Err(error) if error.kind() == std::io::ErrorKind::NotConnected => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
            Self::SingleStream(plain) => match plain.open_stream(port, ahead).await {
                Ok(stream) => Ok(Some(Box::new(stream))),
                Err(error)
                    if failure::has_kind(&error, FailureKind::Unreachable)
                        || failure::has_kind(&error, FailureKind::ConnectionRefused) =>
                {
                    Ok(None)
                }
                Err(error) => Err(error),
            },
        }
    }
}

#[cfg(test)]
#[path = "pod_connection_tests.rs"]
mod tests;
