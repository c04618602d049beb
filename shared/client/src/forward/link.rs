//! A connection to a Pod that is restored whenever it is lost, with growing pauses, until an error is permanent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures::StreamExt;
use serde_json::Value;
use tokio::sync::watch;

use super::connection::{Connection, Limits, OnFailure, Retired};
use super::fallback::Plain;
use super::negotiate::{Negotiated, negotiate};
use super::{FindPod, PortStream, Told};
use crate::{Backoff, Change, Cluster, Place, Selection};
use session_model::failure::{self, FailureKind};
use session_model::objects::resource::{POD, string_at};

/// First and longest pause between attempts; a local connection waits ten seconds for a new connection to the Pod.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);
/// Lifetime after which a connection counts as successful and the pauses start from the beginning.
const GOOD: Duration = Duration::from_secs(5);
/// Time after a loss in which refusals and missing Pods are retried: a server that has just started may refuse what it
/// allowed before, and may not list a Pod yet.
const UNSETTLED: Duration = Duration::from_secs(15);

/// The current way of opening streams to the Pod.
#[derive(Clone)]
pub(super) enum Way {
    /// All streams share one connection.
    Spdy(Arc<Connection>),
    /// Each stream has a connection of its own.
    Plain(Arc<Plain>),
}

/// The state of the connection to the Pod.
#[derive(Clone)]
pub(super) enum State {
    /// Being established.
    Down,
    /// Established.
    Up(Way),
    /// Failed for good.
    Failed(Arc<Ending>),
}

/// The permanent error.
pub(super) struct Ending {
    text: String,
    error: Mutex<Option<anyhow::Error>>,
}

impl Ending {
    /// Returns the error itself to the first caller, and its text to the others.
    pub(super) fn error(&self) -> anyhow::Error {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.take().unwrap_or_else(|| anyhow!(self.text.clone()))
    }
}

/// State shared by a [`Forwarder`](super::Forwarder) and the task that maintains the connection.
pub(super) struct Link {
    pub(super) cluster: Cluster,
    pub(super) find: FindPod,
    pub(super) tell: OnceLock<Arc<dyn Fn(Told) + Send + Sync>>,
    pub(super) state: watch::Sender<State>,
    /// True while local ports are served: many streams are expected, so the Pod is watched.
    pub(super) is_serving: watch::Sender<bool>,
    /// True once a connection was established.
    pub(super) was_up: AtomicBool,
}

/// A Pod and the transport to it.
struct Found {
    namespace: String,
    pod: String,
    way: Way,
}

impl Link {
    /// Reports an event to the registered callback.
    pub(super) fn tell(&self, told: Told) {
        if let Some(tell) = self.tell.get() {
            tell(told);
        }
    }

    /// Finds the Pod and establishes a transport to it.
    async fn connect(self: &Arc<Self>) -> Result<Found> {
        let (namespace, pod) = (self.find)().await?;
        let link = Arc::downgrade(self);
        let failed: OnFailure = Arc::new(move |port, message| {
            if let Some(link) = link.upgrade() {
                link.tell(Told::Refused { port, message });
            }
        });
        let way = match negotiate(&self.cluster, &namespace, &pod).await? {
            Negotiated::Spdy(socket) => {
                Way::Spdy(Connection::over(*socket, Limits::default(), failed)?)
            }
            Negotiated::Refused(why) => {
                self.tell(Told::Fallback { why });
                let plain = Plain::new(&self.cluster, &namespace, &pod, failed);
                Way::Plain(Arc::new(plain))
            }
        };
        Ok(Found {
            namespace,
            pod,
            way,
        })
    }

    /// Maintains the connection until an error is permanent.
    pub(super) async fn keep(self: Arc<Self>) {
        let mut lost: Option<Instant> = None;
        let mut backoff = Backoff::between(FIRST, LONGEST);
        loop {
            let error = match self.connect().await {
                Ok(found) => {
                    self.was_up.store(true, Ordering::Relaxed);
                    if lost.take().is_some() {
                        let pod = found.pod.clone();
                        self.tell(Told::Back { pod });
                    }
                    let begun = Instant::now();
                    self.state.send_replace(State::Up(found.way.clone()));
                    let end = self.until_retired(&found).await;
                    self.state.send_replace(State::Down);
                    if begun.elapsed() > GOOD {
                        backoff.reset();
                    }
                    if let Retired::Lost(why) = end {
                        lost = Some(Instant::now());
                        self.tell(Told::Lost { why });
                    }
                    None
                }
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                if !self.was_up.load(Ordering::Relaxed) || !is_passing(&error, lost) {
                    let text = format!("{error:#}");
                    let error = Mutex::new(Some(error));
                    let ending = Arc::new(Ending { text, error });
                    self.state.send_replace(State::Failed(ending));
                    return;
                }
                if lost.is_none() {
                    lost = Some(Instant::now());
                    let why = format!("{error:#}");
                    self.tell(Told::Lost { why });
                }
            }
            backoff.pause().await;
        }
    }

    /// Waits until the transport accepts no more streams or its Pod is being deleted.
    async fn until_retired(&self, found: &Found) -> Retired {
        let retired = async {
            match &found.way {
                Way::Spdy(connection) => connection.retired().await,
                Way::Plain(plain) => plain.retired().await,
            }
        };
        let gone = async {
            // Cannot fail: `self` holds the sender.
            let _ = self
                .is_serving
                .subscribe()
                .wait_for(|serving| *serving)
                .await;
            self.until_gone(&found.namespace, &found.pod).await
        };
        tokio::select! {
            why = retired => why,
            why = gone => {
                // Existing streams may still complete.
                if let Way::Spdy(connection) = &found.way {
                    connection.retire();
                }
                Retired::Lost(why)
            }
        }
    }

    /// Waits until the Pod is deleted, has terminated or was replaced, and returns the reason. Never returns if the Pod
    /// may not be watched; the next stream then finds out.
    async fn until_gone(&self, namespace: &str, pod: &str) -> String {
        let mut seen = Seen::default();
        let mut backoff = Backoff::default();
        let select = Selection::with_fields(format!("metadata.name={pod}"));
        loop {
            let place = Place::Namespace(namespace);
            let mut changes = self.cluster.watch(&POD, place, &select, None, false);
            while let Some(change) = changes.next().await {
                match change {
                    Ok(change) => {
                        if let Some(why) = seen.gone(&change) {
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
struct Seen {
    uid: String,
    /// The Pod was already being deleted when the watch began: nobody knew a better one.
    was_going: bool,
}

impl Seen {
    /// Returns the reason why the Pod is unusable after a change; `None` if it still is usable.
    fn gone(&mut self, change: &Change) -> Option<&'static str> {
        let pod = match change {
            Change::Added(pod) | Change::Modified(pod) => pod,
            Change::Deleted(_) => return Some("was deleted"),
            Change::Bookmark(_) | Change::Anew => return None,
        };
        let uid = string_at(pod, "/metadata/uid");
        let is_going = !pod["metadata"]["deletionTimestamp"].is_null();
        if self.uid.is_empty() {
            uid.clone_into(&mut self.uid);
            self.was_going = is_going;
        }
        if self.uid != uid {
            return Some("was replaced");
        }
        if is_going && !self.was_going {
            return Some("is being deleted");
        }
        has_ended(pod).then_some("has ended")
    }
}

fn has_ended(pod: &Value) -> bool {
    matches!(string_at(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// True if retrying may help.
fn is_passing(error: &anyhow::Error, lost: Option<Instant>) -> bool {
    let Some(failure) = failure::find_failure(error) else {
        return false;
    };
    match failure.kind {
        FailureKind::Unreachable | FailureKind::ConnectionRefused | FailureKind::TooManyRequests | FailureKind::OtherStatus => true,
        FailureKind::NotFound | FailureKind::ResourceTypeNotFound | FailureKind::Forbidden | FailureKind::Unauthorized => {
            lost.is_none_or(|since| since.elapsed() < UNSETTLED)
        }
        _ => false,
    }
}

impl Way {
    /// Checks that a stream to a port can be opened, if that is not known yet.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub(super) async fn prepare(&self, port: u16) -> Result<()> {
        match self {
            Self::Spdy(_) => Ok(()),
            Self::Plain(plain) => plain.prepare(port).await,
        }
    }

    /// Opens a stream; `None` if the caller has to wait for a new connection. `ahead` is true if more streams are
    /// expected.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub(super) async fn open(&self, port: u16, ahead: bool) -> Result<Option<Box<dyn PortStream>>> {
        match self {
            Self::Spdy(connection) => {
                // A blocked connection would make the new stream wait, too.
                if connection.is_held_up() {
                    connection.retire();
                    return Ok(None);
                }
                match connection.open(port) {
                    Ok(stream) => Ok(Some(Box::new(stream))),
                    Err(error) if error.kind() == std::io::ErrorKind::NotConnected => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
            Self::Plain(plain) => match plain.open(port, ahead).await {
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
#[path = "link_tests.rs"]
mod tests;
