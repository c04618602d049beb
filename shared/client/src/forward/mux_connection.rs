//! A multiplexed connection to a Pod: a reading and a writing task around the [`StreamTable`].
//!
//! [`StreamTable`]: super::stream_table::StreamTable

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

use super::frame::{Frame, FrameDecoder};
use super::stream_table::{ReceiveOutcome, StreamTable};

/// Interval of pings; kubectl's.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct MuxLimits {
    /// Silence, despite pings, after which the connection is considered lost.
    idle_timeout: Duration,
    /// Blockage after which new streams get another connection.
    stall_threshold: Duration,
    /// Time after which an unread stream that blocks the others is closed.
    reader_timeout: Duration,
}

impl Default for MuxLimits {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(30),
            stall_threshold: Duration::from_secs(1),
            reader_timeout: Duration::from_secs(30),
        }
    }
}

/// The reason why a connection accepts no more streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The connection was lost, or the server is closing it.
    Lost(String),
    /// The client wants a new connection.
    ByClient,
}

/// Parts of error messages that concern a single stream of a working connection. Any other message may mean that the
/// connection leads to the network of a deleted Pod, so that the next stream needs a new connection.
const STREAM_ERROR_PARTS: &[&str] = &[
    "connection refused",
    "reset by peer",
    "broken pipe",
    "timeout",
];

/// The client's side of a connection. Dropping it ends its tasks.
#[derive(Debug)]
pub(super) struct MuxConnection {
    shared: Arc<MuxState>,
    _tasks: JoinSet<()>,
}

/// State shared by the tasks and the streams.
#[derive(Debug)]
pub(super) struct MuxState {
    table: Mutex<StreamTable>,
    /// Notified when frames are queued.
    work: Notify,
    /// Notified when a full stream was read.
    room: Notify,
    limits: MuxLimits,
    /// The reason why no more streams are accepted; `None` while they are.
    close_reason: watch::Sender<Option<CloseReason>>,
}

impl MuxState {
    /// Locks the table of streams.
    pub(super) fn table(&self) -> MutexGuard<'_, StreamTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the writing task.
    pub(super) fn wake_writer(&self) {
        self.work.notify_one();
    }

    /// Wakes the reading task.
    pub(super) fn wake_reader(&self) {
        self.room.notify_one();
    }

    fn refuse_streams(&self, why: CloseReason) {
        self.table().refuses_streams = true;
        self.close_reason.send_if_modified(|reason| {
            let is_first = reason.is_none();
            reason.get_or_insert(why);
            is_first
        });
    }

    fn close(&self, why: &str) {
        self.table().close(why);
        self.refuse_streams(CloseReason::Lost(why.to_owned()));
        self.wake_writer();
    }
}

/// Called with a port that could not be served and the server's message.
pub(super) type PortFailureHandler = Arc<dyn Fn(u16, String) + Send + Sync>;

impl MuxConnection {
    /// Starts SPDY/3.1 over `socket`.
    ///
    /// # Errors
    /// A header compressor that cannot be created.
    pub(super) fn new<S>(
        socket: WebSocketStream<S>,
        limits: MuxLimits,
        failed: PortFailureHandler,
    ) -> io::Result<Arc<Self>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shared = Arc::new(MuxState {
            table: Mutex::new(StreamTable::new()?),
            work: Notify::new(),
            room: Notify::new(),
            limits,
            close_reason: watch::Sender::new(None),
        });
        let (sink, source) = socket.split();
        let mut tasks = JoinSet::new();
        tasks.spawn(write(shared.clone(), sink));
        tasks.spawn(read(shared.clone(), source, failed));
        Ok(Arc::new(Self {
            shared,
            _tasks: tasks,
        }))
    }

    /// Refuses new streams; existing ones continue.
    pub(super) fn refuse_streams(&self) {
        self.shared.refuse_streams(CloseReason::ByClient);
    }

    /// True while an unread stream or the network blocks the connection.
    pub(super) fn is_blocked(&self) -> bool {
        let table = self.shared.table();
        let patience = self.shared.limits.stall_threshold;
        let long = |since: Option<Instant>| since.is_some_and(|since| since.elapsed() > patience);
        long(table.writing_since) || long(table.blocked_since)
    }

    /// Waits until no more streams are accepted, and returns the reason.
    pub(super) async fn wait_closed(&self) -> CloseReason {
        let mut seen = self.shared.close_reason.subscribe();
        let why = seen.wait_for(Option::is_some).await;
        // Cannot fail: `self` holds the sender for as long as this runs.
        why.ok()
            .and_then(|why| why.clone())
            .unwrap_or(CloseReason::ByClient)
    }

    /// Returns the state shared with the streams.
    pub(super) fn shared(&self) -> &MuxState {
        &self.shared
    }

    /// Number of streams in use.
    #[cfg(test)]
    pub(super) fn stream_count(&self) -> usize {
        self.shared.table().stream_count()
    }
}

/// Sends queued frames and pings.
async fn write<S>(shared: Arc<MuxState>, mut sink: SplitSink<WebSocketStream<S>, Message>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut pings = tokio::time::interval(PING_INTERVAL);
    pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    pings.reset();
    loop {
        let sent = send_all(&shared, &mut sink).await;
        shared.table().writing_since = None;
        if let Err(error) = sent {
            return shared.close(&lost_reason(&error));
        }
        tokio::select! {
            () = shared.work.notified() => {}
            _ = pings.tick() => {
                // The API server answers the WebSocket ping, the node behind it the SPDY ping.
                shared.table().queue_ping();
                if let Err(error) = sink.feed(Message::Ping(Bytes::new())).await {
                    return shared.close(&lost_reason(&error));
                }
            }
        }
    }
}

/// Sends all queued frames, then flushes the socket.
async fn send_all<S>(
    shared: &MuxState,
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
) -> tungstenite::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(frame) = next(shared) {
        sink.feed(Message::Binary(frame)).await?;
    }
    sink.flush().await
}

fn next(shared: &MuxState) -> Option<Bytes> {
    let mut table = shared.table();
    table.writing_since = Some(Instant::now());
    table.next_frame()
}

/// Receives frames until the connection ends.
async fn read<S>(
    shared: Arc<MuxState>,
    mut source: SplitStream<WebSocketStream<S>>,
    failed: PortFailureHandler,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut decoder = FrameDecoder::default();
    let silence = shared.limits.idle_timeout;
    loop {
        let message = match tokio::time::timeout(silence, source.next()).await {
            Ok(message) => message,
            // While sending is blocked, pings are too: the kernel decides whether the peer is alive.
            Err(_) if shared.table().writing_since.is_some() => continue,
            Err(_) => {
                let seconds = silence.as_secs();
                return shared.close(&format!("no data from the server for {seconds} s"));
            }
        };
        let mut bytes = match message {
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(said))) => {
                let why = said.map(|said| said.reason.to_string()).unwrap_or_default();
                let why = if why.is_empty() {
                    "the server closed the connection"
                } else {
                    &why
                };
                return shared.close(why);
            }
            Some(Ok(_)) => {
                return shared.close("the server sent a text message instead of a binary one");
            }
            Some(Err(error)) => return shared.close(&lost_reason(&error)),
            None => return shared.close("the server closed the connection"),
        };
        loop {
            match decoder.next_frame(&mut bytes) {
                Ok(None) => break,
                Ok(Some(incoming)) => process_frame(&shared, &incoming, &failed).await,
                Err(malformed) => {
                    return shared.close(&format!("the server sent {}", malformed.0));
                }
            }
        }
    }
}

/// Processes one frame, waiting until its stream has room.
async fn process_frame(shared: &MuxState, incoming: &Frame, failed: &PortFailureHandler) {
    loop {
        let received = shared.table().receive(incoming);
        match received {
            ReceiveOutcome::StreamFull(stream) => wait_for_room(shared, stream, failed).await,
            ReceiveOutcome::Accepted => break,
            ReceiveOutcome::PortFailed { port, message } => {
                if !STREAM_ERROR_PARTS
                    .iter()
                    .any(|words| message.contains(words))
                {
                    shared.refuse_streams(CloseReason::ByClient);
                }
                failed(port, message);
                break;
            }
            ReceiveOutcome::GoAway(why) => {
                shared.refuse_streams(CloseReason::Lost(why));
                break;
            }
        }
    }
    let mut table = shared.table();
    table.blocked_since = None;
    let is_answer = table.has_queued();
    drop(table);
    if is_answer {
        shared.wake_writer();
    }
}

/// Waits until the stream is read, or closes it when it has blocked the others for too long.
async fn wait_for_room(shared: &MuxState, stream: u32, failed: &PortFailureHandler) {
    let since = *shared
        .table()
        .blocked_since
        .get_or_insert_with(Instant::now);
    let left = shared.limits.reader_timeout.saturating_sub(since.elapsed());
    if tokio::time::timeout(left, shared.room.notified())
        .await
        .is_ok()
    {
        return;
    }
    let mut table = shared.table();
    // A single stream blocks nobody.
    if table.stream_count() > 1 {
        let message = format!(
            "closed a connection that blocked the others: not read for {} s",
            shared.limits.reader_timeout.as_secs()
        );
        let port = table.fail_stream(stream, &message);
        drop(table);
        if let Some(port) = port {
            failed(port, message);
        }
    } else {
        table.blocked_since = None;
    }
}

/// Returns a short reason for a lost connection.
fn lost_reason(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            "the server closed the connection".to_owned()
        }
        tungstenite::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection".to_owned()
        }
        tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => "the server closed the connection".to_owned(),
        error => error.to_string(),
    }
}

#[cfg(test)]
#[path = "mux_connection_tests.rs"]
mod tests;
