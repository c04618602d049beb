//! Ways into the ports of a Pod, over kubectl's own protocol: SPDY/3.1 inside a WebSocket, one connection for all streams.
//!
//! A [`Forwarder`] stands for one Pod of a session, whichever that is at the time: it is looked for when a connection is made,
//! and again after one was lost.

mod connection;
mod fallback;
pub mod frame;
mod header;
mod lane;
mod link;
mod listen;
mod negotiate;
mod stream;
mod table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Result;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Cluster;
use link::{Link, State};
use session_model::failure::{Failure, Kind};

pub use listen::Listener;

/// Finds the Pod to forward to, as (namespace, name). It is asked for every new upgraded connection: it may wait until there
/// is one, and must give up by itself.
pub type FindPod = Arc<dyn Fn() -> BoxFuture<'static, Result<(String, String)>> + Send + Sync>;

/// A stream to a port of a Pod. Shutting it down tells the other side that no more will come, and reading goes on.
pub trait PortStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> PortStream for T {}

/// Once a connection was there, a stream waits so long for the next one.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the user is to hear of. No text has a newline at its end; all of it may come from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A local connection was accepted on this port.
    Accepted {
        /// The local port.
        local: u16,
    },
    /// A connection to a port of the Pod came to nothing, or broke. Others go on.
    Refused {
        /// The port of the Pod.
        port: u16,
        /// Why, in the server's words or ours.
        message: String,
    },
    /// There is no way to the Pod any more. Told once; another one is looked for.
    Lost {
        /// Why.
        why: String,
    },
    /// There is one again.
    Back {
        /// Name of the Pod it leads to.
        pod: String,
    },
    /// The server does not know the protocol: the older one is taken.
    Fallback {
        /// How that showed.
        why: String,
    },
}

/// A way into the ports of a Pod. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Forwarder {
    link: Arc<Link>,
    /// The task that keeps the way up, and ends with the last clone.
    keeper: Arc<Mutex<JoinSet<()>>>,
}

impl Cluster {
    /// A way into the ports of the Pod that `find` finds. Sends nothing yet.
    pub fn forwarder(&self, find: FindPod) -> Forwarder {
        Forwarder {
            link: Arc::new(Link {
                cluster: self.clone(),
                find,
                tell: OnceLock::new(),
                state: watch::Sender::new(State::Down),
                is_serving: watch::Sender::new(false),
                was_up: AtomicBool::new(false),
            }),
            keeper: Arc::default(),
        }
    }
}

impl Forwarder {
    /// Tells `tell` of everything from now on; the first one stays. It must not block.
    #[must_use]
    pub fn telling(self, tell: impl Fn(Told) + Send + Sync + 'static) -> Self {
        let _first_stays = self.link.tell.set(Arc::new(tell));
        self
    }

    /// Makes the connection, if there is none; over the older protocol, which has one for each stream, the first one to
    /// `port`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn ready(&self, port: u16) -> Result<()> {
        self.keep_up();
        let mut states = self.link.state.subscribe();
        loop {
            let state = states.borrow_and_update().clone();
            match state {
                State::Up(way) => return way.prepare(port).await,
                State::Failed(ending) => return Err(ending.error()),
                State::Down => {}
            }
            states.changed().await?;
        }
    }

    /// Opens a stream to a port of the Pod. All streams share one connection; the first one makes it. Where it was lost, the
    /// stream waits up to 10 s for the next one.
    ///
    /// # Errors
    /// A Failure: what the server refuses, Unreachable where nothing lets WebSockets through, or where the connection does not
    /// come back; what finding the Pod says. A port that nobody listens on shows only when the stream is read.
    pub async fn open(&self, port: u16) -> Result<Box<dyn PortStream>> {
        self.keep_up();
        let mut states = self.link.state.subscribe();
        let is_serving = *self.link.is_serving.borrow();
        let mut deadline = None;
        loop {
            let state = states.borrow_and_update().clone();
            match state {
                State::Up(way) => {
                    if let Some(stream) = way.open(port, is_serving).await? {
                        return Ok(stream);
                    }
                    deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
                }
                State::Failed(ending) => return Err(ending.error()),
                // While the first connection is made, whoever finds the Pod says how long that may take.
                State::Down if self.was_up() => {
                    deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
                }
                State::Down => {}
            }
            let Some(deadline) = deadline else {
                states.changed().await?;
                continue;
            };
            match tokio::time::timeout_at(deadline, states.changed()).await {
                Ok(changed) => changed?,
                Err(_) => return Err(not_back()),
            }
        }
    }

    fn was_up(&self) -> bool {
        self.link.was_up.load(Ordering::Relaxed)
    }

    /// Starts the task that keeps the way up.
    fn keep_up(&self) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if keeper.is_empty() {
            keeper.spawn(self.link.clone().keep());
        }
    }
}

fn not_back() -> anyhow::Error {
    let seconds = PATIENCE.as_secs();
    let message = format!("the connection to the pod did not come back within {seconds} s");
    Failure::local(Kind::Unreachable, message).into()
}
