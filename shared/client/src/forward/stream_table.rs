//! The streams of one connection and the frames queued for sending. No I/O happens here: tasks and streams access it
//! under a lock.
//!
//! Kubernetes' implementation has no flow control, so the limits are the client's alone: beyond [`UNREAD_MAX`] unread
//! bytes of a stream the connection is not read further, and beyond [`QUEUED_MAX`] bytes a stream's writer waits.
//!
//! [`UNREAD_MAX`]: super::stream_state::UNREAD_MAX
//! [`QUEUED_MAX`]: super::stream_state::QUEUED_MAX

use std::collections::{HashMap, VecDeque};
use std::io;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use super::frame::{self, Frame};
use super::header_compressor::HeaderCompressor;
use super::stream_state::{StreamRead, StreamState};

/// Most bytes kept of an error stream's text.
const ERROR_TEXT_MAX: usize = 16 * 1024;
/// Most answers queued at a time; requests beyond them are not answered.
const QUEUED_ANSWERS_MAX: usize = 16;
/// Highest stream number: the next pair would not fit into 31 bits.
const LAST_STREAM: u32 = 0x7fff_fff0;

/// All streams of a connection.
#[derive(Debug)]
pub(super) struct StreamTable {
    streams: HashMap<u32, StreamState>,
    /// Text received on the error streams.
    errors: HashMap<u32, ErrorText>,
    queue: VecDeque<QueuedFrame>,
    compressor: HeaderCompressor,
    next_stream: u32,
    next_request: u64,
    next_ping: u32,
    answers: usize,
    /// Reason of the connection's end; `None` while it is open.
    close_reason: Option<String>,
    /// True if new streams are refused; existing ones continue.
    pub(super) refuses_streams: bool,
    /// Time since which the network blocks sending.
    pub(super) writing_since: Option<Instant>,
    /// Time since which an unread stream blocks the others.
    pub(super) blocked_since: Option<Instant>,
}

/// The text received on an error stream, and the data stream it concerns.
#[derive(Debug)]
struct ErrorText {
    stream: u32,
    text: Vec<u8>,
}

#[derive(Debug)]
struct QueuedFrame {
    owner: FrameOwner,
    frame: Bytes,
}

/// The owner of a queued frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrameOwner {
    /// A data stream, with the number of bytes.
    Stream(u32, usize),
    /// The answer to a request of the server.
    Answer,
    /// A frame that opens or resets a stream.
    Control,
}

/// The result of receiving a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReceiveOutcome {
    /// The frame was processed.
    Accepted,
    /// The frame did not fit: this stream must be read first.
    StreamFull(u32),
    /// The server could not serve a port.
    PortFailed { port: u16, message: String },
    /// The server accepts no more streams.
    GoAway(String),
}

impl StreamTable {
    /// Creates an empty table.
    ///
    /// # Errors
    /// A header compressor that cannot be created.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            streams: HashMap::new(),
            errors: HashMap::new(),
            queue: VecDeque::new(),
            compressor: HeaderCompressor::new()?,
            next_stream: 1,
            next_request: 0,
            next_ping: 1,
            answers: 0,
            close_reason: None,
            refuses_streams: false,
            writing_since: None,
            blocked_since: None,
        })
    }

    /// Opens an error stream, which is closed for writing at once, and a data stream to a port; returns the data stream's
    /// number. There is no need to wait for the server's replies: it processes a stream's frames in order.
    ///
    /// # Errors
    /// An error of kind `NotConnected` if a new connection is needed.
    pub(super) fn open_streams(&mut self, port: u16) -> io::Result<u32> {
        self.refuses_streams |= self.next_stream > LAST_STREAM;
        if self.refuses_streams {
            let why = self
                .close_reason
                .as_deref()
                .unwrap_or("the connection accepts no more streams");
            return Err(io::Error::new(io::ErrorKind::NotConnected, why));
        }
        let (error, data) = (self.next_stream, self.next_stream + 2);
        let (number, request) = (port.to_string(), self.next_request.to_string());
        for (stream, kind) in [(error, "error"), (data, "data")] {
            let headers = [
                ("streamtype", kind),
                ("port", &*number),
                ("requestid", &*request),
            ];
            let block = self.compressor.compress(&headers)?;
            self.push(FrameOwner::Control, frame::syn_stream(stream, &block));
            if stream == error {
                self.push(FrameOwner::Control, frame::data(error, b"", true));
            }
        }
        self.next_stream += 4;
        self.next_request += 1;
        let said = ErrorText {
            stream: data,
            text: Vec::new(),
        };
        self.errors.insert(error, said);
        self.streams.insert(data, StreamState::new(port));
        Ok(data)
    }

    /// Processes a received frame.
    pub(super) fn receive(&mut self, incoming: &Frame) -> ReceiveOutcome {
        match incoming {
            Frame::Data { stream, bytes, fin } => return self.receive_data(*stream, bytes, *fin),
            Frame::Reply { stream, fin: true } => {
                return self.receive_data(*stream, &Bytes::new(), true);
            }
            Frame::RstStream { stream, .. } => return self.receive_reset(*stream),
            Frame::SynStream { stream, .. } => {
                self.queue_answer(frame::rst_stream(*stream, frame::REFUSED_STREAM));
            }
            // The server's pings have even numbers; answers to ours are odd.
            Frame::Ping(id) if id % 2 == 0 => self.queue_answer(frame::ping(*id)),
            Frame::GoAway { status } => {
                self.refuses_streams = true;
                return ReceiveOutcome::GoAway(format!(
                    "the server is closing the connection (GOAWAY {status})"
                ));
            }
            Frame::Ping(_) | Frame::Reply { .. } | Frame::Ignored => {}
        }
        ReceiveOutcome::Accepted
    }

    fn receive_data(&mut self, id: u32, bytes: &Bytes, fin: bool) -> ReceiveOutcome {
        if let Some(said) = self.errors.get_mut(&id) {
            let room = ERROR_TEXT_MAX.saturating_sub(said.text.len());
            said.text.extend(bytes.iter().take(room));
            return if fin {
                self.finish_error_stream(id)
            } else {
                ReceiveOutcome::Accepted
            };
        }
        match self.streams.get_mut(&id) {
            Some(lane) if lane.is_full(bytes.len()) => return ReceiveOutcome::StreamFull(id),
            Some(lane) => lane.receive(bytes, fin),
            // The stream was dropped; its remaining data is ignored.
            None => {}
        }
        ReceiveOutcome::Accepted
    }

    fn receive_reset(&mut self, id: u32) -> ReceiveOutcome {
        if self.errors.contains_key(&id) {
            return self.finish_error_stream(id);
        }
        if let Some(lane) = self.streams.get_mut(&id) {
            lane.fail(
                io::ErrorKind::ConnectionReset,
                "the server reset the stream",
            );
        }
        ReceiveOutcome::Accepted
    }

    /// Handles the end of an error stream.
    fn finish_error_stream(&mut self, id: u32) -> ReceiveOutcome {
        let said = self.errors.remove(&id);
        let Some((lane, said)) =
            said.and_then(|said| Some((self.streams.get_mut(&said.stream)?, said)))
        else {
            return ReceiveOutcome::Accepted;
        };
        if said.text.is_empty() {
            lane.close_port(None);
            return ReceiveOutcome::Accepted;
        }
        let message = String::from_utf8_lossy(&said.text).trim().to_owned();
        lane.close_port(Some(&message));
        ReceiveOutcome::PortFailed {
            port: lane.port,
            message,
        }
    }

    /// Returns the next frame to send.
    pub(super) fn next_frame(&mut self) -> Option<Bytes> {
        let next = self.queue.pop_front()?;
        match next.owner {
            FrameOwner::Control => {}
            FrameOwner::Answer => self.answers = self.answers.saturating_sub(1),
            FrameOwner::Stream(id, length) => {
                if let Some(lane) = self.streams.get_mut(&id) {
                    lane.release(length);
                }
            }
        }
        Some(next.frame)
    }

    /// Queues a ping, unless too many answers are already queued.
    pub(super) fn queue_ping(&mut self) {
        self.queue_answer(frame::ping(self.next_ping));
        self.next_ping = (self.next_ping + 2) & LAST_STREAM | 1;
    }

    /// Reads from a stream.
    pub(super) fn read(&mut self, id: u32, waker: &Waker) -> StreamRead {
        match self.streams.get_mut(&id) {
            Some(lane) => lane.read(waker),
            None => StreamRead::Failed(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Returns one stream.
    pub(super) fn stream_mut(&mut self, id: u32) -> Option<&mut StreamState> {
        self.streams.get_mut(&id)
    }

    /// Queues a piece of `bytes` and returns its length; `None` if the queue is full, with the waker stored.
    ///
    /// # Errors
    /// A stream that has failed or was closed for writing.
    pub(super) fn write(
        &mut self,
        id: u32,
        bytes: &[u8],
        waker: &Waker,
    ) -> io::Result<Option<usize>> {
        let lane = self.streams.get_mut(&id);
        let lane = lane.ok_or(io::ErrorKind::NotConnected)?;
        let length = lane.reserve(bytes.len(), waker)?;
        if let Some(piece) = length.and_then(|length| bytes.get(..length)) {
            self.push(
                FrameOwner::Stream(id, piece.len()),
                frame::data(id, piece, false),
            );
        }
        Ok(length)
    }

    /// Closes a stream for writing; reading continues.
    pub(super) fn close_write(&mut self, id: u32) {
        if self
            .streams
            .get_mut(&id)
            .is_some_and(StreamState::close_write)
        {
            self.push(FrameOwner::Stream(id, 0), frame::data(id, b"", true));
        }
    }

    /// Drops a stream. Bytes written before it was closed for writing are still sent.
    pub(super) fn drop_stream(&mut self, id: u32) {
        let Some(lane) = self.streams.remove(&id) else {
            return;
        };
        if !lane.is_write_closed {
            self.remove_queued(id);
        }
        if lane.is_open() {
            self.push(FrameOwner::Control, frame::rst_stream(id, frame::CANCEL));
        }
    }

    /// Fails one stream on both sides and returns its port.
    pub(super) fn fail_stream(&mut self, id: u32, message: &str) -> Option<u16> {
        let lane = self.streams.get_mut(&id)?;
        lane.drop_unread();
        lane.fail(io::ErrorKind::TimedOut, message);
        let port = lane.port;
        self.remove_queued(id);
        self.push(FrameOwner::Control, frame::rst_stream(id, frame::CANCEL));
        Some(port)
    }

    fn remove_queued(&mut self, id: u32) {
        self.queue
            .retain(|queued| !matches!(queued.owner, FrameOwner::Stream(of, _) if of == id));
    }

    /// Closes the connection and every stream that has not ended.
    pub(super) fn close(&mut self, why: &str) {
        self.close_reason.get_or_insert_with(|| why.to_owned());
        self.refuses_streams = true;
        self.queue.clear();
        self.errors.clear();
        for lane in self.streams.values_mut() {
            lane.connection_lost(why);
        }
    }

    /// True if frames are queued.
    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Number of streams in use.
    pub(super) fn stream_count(&self) -> usize {
        self.streams.len()
    }

    fn queue_answer(&mut self, frame: Bytes) {
        if self.answers < QUEUED_ANSWERS_MAX {
            self.answers += 1;
            self.push(FrameOwner::Answer, frame);
        }
    }

    fn push(&mut self, of: FrameOwner, frame: Bytes) {
        if self.close_reason.is_none() {
            self.queue.push_back(QueuedFrame { owner: of, frame });
        }
    }
}

#[cfg(test)]
#[path = "stream_table_tests.rs"]
mod tests;
