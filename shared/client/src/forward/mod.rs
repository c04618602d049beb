//! Port forwarding to a Pod over kubectl's protocol: SPDY/3.1 inside a WebSocket, one connection for all streams.
//!
//! ```text
//! Forwarder ─► PodConnection: finds the Pod, negotiates, reconnects
//!                ├─ Transport::Multiplexed ─ MuxConnection ─ StreamTable ─ StreamState      SpdyStream
//!                │                           tasks           frames queued   one stream     AsyncRead + AsyncWrite
//!                └─ Transport::SingleStream ─ SingleStreamForward                           SingleStream
//! LocalListener ─► Forwarder::serve_ports       everything worth reporting: ForwardEvent
//! ```
//!
//! A [`Forwarder`] stands for one Pod of a session, whichever that is at the time: the Pod is looked up for each new
//! connection.

mod forward_event;
pub mod frame;
mod header_compressor;
mod local_listener;
mod mux_connection;
mod negotiate;
mod pod_connection;
mod port_stream;
mod single_stream_forward;
mod spdy_stream;
mod stream_state;
mod stream_table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Cluster;
use pod_connection::{ConnectionState, PodConnection};
use session_model::failure::{Failure, FailureKind};

pub use forward_event::ForwardEvent;
pub use local_listener::LocalListener;
pub use pod_connection::FindPod;
pub use port_stream::PortStream;

/// Time that a new stream waits for a lost connection to be restored.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A forwarder to the ports of a Pod. Clones share one connection.
#[derive(Clone)]
pub struct Forwarder {
    connection: Arc<PodConnection>,
    /// The task that maintains the connection; ends with the last clone.
    keeper: Arc<Mutex<JoinSet<()>>>,
}

impl Cluster {
    /// Creates a forwarder to the Pod that `find` returns. Sends nothing yet.
    pub fn new_forwarder(&self, find: FindPod) -> Forwarder {
        Forwarder {
            connection: Arc::new(PodConnection {
                cluster: self.clone(),
                find_pod: find,
                on_event: OnceLock::new(),
                state: watch::Sender::new(ConnectionState::Connecting),
                is_serving: watch::Sender::new(false),
                was_connected: AtomicBool::new(false),
            }),
            keeper: Arc::default(),
        }
    }
}

impl Forwarder {
    /// Registers a callback for events. Only the first one registered counts. It must not block.
    #[must_use]
    pub fn on_event(self, tell: impl Fn(ForwardEvent) + Send + Sync + 'static) -> Self {
        let _first_stays = self.connection.on_event.set(Arc::new(tell));
        self
    }

    /// Establishes the connection, if there is none. Over the older protocol, which has one connection per stream, the
    /// first stream to `port` is opened.
    ///
    /// # Errors
    /// As [`open_stream`](Self::open_stream).
    pub async fn connect(&self, port: u16) -> Result<()> {
        self.ensure_maintained();
        let mut states = self.connection.state.subscribe();
        loop {
            let state = states.borrow_and_update().clone();
            match state {
                ConnectionState::Connected(way) => return way.check_port(port).await,
                ConnectionState::Failed(ending) => return Err(ending.take()),
                ConnectionState::Connecting => {}
            }
            states.changed().await?;
        }
    }

    /// Opens a stream to a port of the Pod. All streams share one connection, which the first one establishes. If the
    /// connection was lost, the stream waits up to 10 s until it is restored.
    ///
    /// # Errors
    /// A Failure: whatever the server refuses; kind Server if WebSockets do not get through; kind Unreachable if the
    /// connection is not restored; and the errors of finding the Pod. A port without a listener shows only when the
    /// stream is read.
    pub async fn open_stream(&self, port: u16) -> Result<Box<dyn PortStream>> {
        self.ensure_maintained();
        let mut states = self.connection.state.subscribe();
        let is_serving = *self.connection.is_serving.borrow();
        let mut deadline = None;
        loop {
            let state = states.borrow_and_update().clone();
            match state {
                ConnectionState::Connected(way) => {
                    if let Some(stream) = way.open_stream(port, is_serving).await? {
                        return Ok(stream);
                    }
                    deadline.get_or_insert_with(|| Instant::now() + RECONNECT_TIMEOUT);
                }
                ConnectionState::Failed(ending) => return Err(ending.take()),
                // For the first connection, the callback that finds the Pod limits the wait.
                ConnectionState::Connecting if self.was_up() => {
                    deadline.get_or_insert_with(|| Instant::now() + RECONNECT_TIMEOUT);
                }
                ConnectionState::Connecting => {}
            }
            let Some(deadline) = deadline else {
                states.changed().await?;
                continue;
            };
            match tokio::time::timeout_at(deadline, states.changed()).await {
                Ok(changed) => changed?,
                Err(_) => return Err(not_restored_error()),
            }
        }
    }

    fn was_up(&self) -> bool {
        self.connection.was_connected.load(Ordering::Relaxed)
    }

    /// Starts the task that maintains the connection, unless it is running.
    fn ensure_maintained(&self) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if keeper.is_empty() {
            keeper.spawn(self.connection.clone().maintain());
        }
    }
}

fn not_restored_error() -> anyhow::Error {
    let seconds = RECONNECT_TIMEOUT.as_secs();
    let message = format!("the connection to the pod was not restored within {seconds} s");
    Failure::client_side(FailureKind::Unreachable, message).into()
}
