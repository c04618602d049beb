//! The streams of one connection and the frames queued for sending. No I/O happens here: tasks and streams access it
//! under a lock.
//!
//! Kubernetes' implementation has no flow control, so the limits are the client's alone: beyond [`UNREAD_MAX`] unread bytes of
//! a stream the connection is not read further, and beyond [`QUEUED_MAX`] bytes a stream's writer waits.
//!
//! [`UNREAD_MAX`]: super::stream_state::UNREAD_MAX
//! [`QUEUED_MAX`]: super::stream_state::QUEUED_MAX

use std::collections::{HashMap, VecDeque};
use std::io;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use super::frame::{self, Frame};
use super::header::HeaderCompressor;
use super::lane::{StreamState, StreamRead};

/// Most bytes kept of an error stream's text.
const SAID: usize = 16 * 1024;
/// Most answers queued at a time; requests beyond them are not answered.
const ANSWERS: usize = 16;
/// Highest stream number: the next pair would not fit into 31 bits.
const LAST: u32 = 0x7fff_fff0;

/// All streams of a connection.
#[derive(Debug)]
pub(super) struct Table {
    lanes: HashMap<u32, StreamState>,
    /// Text received on the error streams.
    errors: HashMap<u32, Said>,
    queue: VecDeque<Queued>,
    compressor: HeaderCompressor,
    next_stream: u32,
    next_request: u64,
    next_ping: u32,
    answers: usize,
    /// Reason of the connection's end; `None` while it is open.
    end: Option<String>,
    /// True if new streams are refused; existing ones continue.
    pub(super) is_retired: bool,
    /// Time since which the network blocks sending.
    pub(super) writing_since: Option<Instant>,
    /// Time since which an unread stream blocks the others.
    pub(super) holding_since: Option<Instant>,
}

/// The text received on an error stream, and the data stream it concerns.
#[derive(Debug)]
struct Said {
    about: u32,
    text: Vec<u8>,
}

#[derive(Debug)]
struct Queued {
    of: Of,
    frame: Bytes,
}

/// The owner of a queued frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// A data stream, with the number of bytes.
    Lane(u32, usize),
    /// The answer to a request of the server.
    Answer,
    /// A frame that opens or resets a stream.
    Control,
}

/// The result of receiving a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// The frame was processed.
    Taken,
    /// The frame did not fit: this stream must be read first.
    Full(u32),
    /// The server could not serve a port.
    PortFailed { port: u16, message: String },
    /// The server accepts no more streams.
    Retired(String),
}

impl Table {
    /// Creates an empty table.
    ///
    /// # Errors
    /// A header compressor that cannot be created.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            lanes: HashMap::new(),
            errors: HashMap::new(),
            queue: VecDeque::new(),
            compressor: HeaderCompressor::new()?,
            next_stream: 1,
            next_request: 0,
            next_ping: 1,
            answers: 0,
            end: None,
            is_retired: false,
            writing_since: None,
            holding_since: None,
        })
    }

    /// Opens an error stream, which is closed for writing at once, and a data stream to a port; returns the data stream's
    /// number. There is no need to wait for the server's replies: it processes a stream's frames in order.
    ///
    /// # Errors
    /// An error of kind `NotConnected` if a new connection is needed.
    pub(super) fn open(&mut self, port: u16) -> io::Result<u32> {
        self.is_retired |= self.next_stream > LAST;
        if self.is_retired {
            let why = self
                .end
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
            self.push(Of::Control, frame::syn_stream(stream, &block));
            if stream == error {
                self.push(Of::Control, frame::data(error, b"", true));
            }
        }
        self.next_stream += 4;
        self.next_request += 1;
        let said = Said {
            about: data,
            text: Vec::new(),
        };
        self.errors.insert(error, said);
        self.lanes.insert(data, StreamState::new(port));
        Ok(data)
    }

    /// Processes a received frame.
    pub(super) fn receive(&mut self, incoming: &Frame) -> Received {
        match incoming {
            Frame::Data { stream, bytes, fin } => return self.data(*stream, bytes, *fin),
            Frame::Reply { stream, fin: true } => {
                return self.data(*stream, &Bytes::new(), true);
            }
            Frame::RstStream { stream, .. } => return self.reset(*stream),
            Frame::SynStream { stream, .. } => {
                self.answer(frame::rst_stream(*stream, frame::REFUSED_STREAM));
            }
            // The server's pings have even numbers; answers to ours are odd.
            Frame::Ping(id) if id % 2 == 0 => self.answer(frame::ping(*id)),
            Frame::GoAway { status } => {
                self.is_retired = true;
                return Received::Retired(format!(
                    "the server is closing the connection (GOAWAY {status})"
                ));
            }
            Frame::Ping(_) | Frame::Reply { .. } | Frame::Ignored => {}
        }
        Received::Taken
    }

    fn data(&mut self, id: u32, bytes: &Bytes, fin: bool) -> Received {
        if let Some(said) = self.errors.get_mut(&id) {
            let room = SAID.saturating_sub(said.text.len());
            said.text.extend(bytes.iter().take(room));
            return if fin {
                self.error_ended(id)
            } else {
                Received::Taken
            };
        }
        match self.lanes.get_mut(&id) {
            Some(lane) if lane.is_full(bytes.len()) => return Received::Full(id),
            Some(lane) => lane.receive(bytes, fin),
            // The stream was dropped; its remaining data is ignored.
            None => {}
        }
        Received::Taken
    }

    fn reset(&mut self, id: u32) -> Received {
        if self.errors.contains_key(&id) {
            return self.error_ended(id);
        }
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.fail(
                io::ErrorKind::ConnectionReset,
                "the server reset the stream",
            );
        }
        Received::Taken
    }

    /// Handles the end of an error stream.
    fn error_ended(&mut self, id: u32) -> Received {
        let said = self.errors.remove(&id);
        let Some((lane, said)) =
            said.and_then(|said| Some((self.lanes.get_mut(&said.about)?, said)))
        else {
            return Received::Taken;
        };
        if said.text.is_empty() {
            lane.close_port(None);
            return Received::Taken;
        }
        let message = String::from_utf8_lossy(&said.text).trim().to_owned();
        lane.close_port(Some(&message));
        Received::PortFailed {
            port: lane.port,
            message,
        }
    }

    /// Returns the next frame to send.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let next = self.queue.pop_front()?;
        match next.of {
            Of::Control => {}
            Of::Answer => self.answers = self.answers.saturating_sub(1),
            Of::Lane(id, length) => {
                if let Some(lane) = self.lanes.get_mut(&id) {
                    lane.release(length);
                }
            }
        }
        Some(next.frame)
    }

    /// Queues a ping, unless too many answers are already queued.
    pub(super) fn ping(&mut self) {
        self.answer(frame::ping(self.next_ping));
        self.next_ping = (self.next_ping + 2) & LAST | 1;
    }

    /// Reads from a stream.
    pub(super) fn read(&mut self, id: u32, waker: &Waker) -> StreamRead {
        match self.lanes.get_mut(&id) {
            Some(lane) => lane.read(waker),
            None => StreamRead::Failed(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Returns one stream.
    pub(super) fn lane(&mut self, id: u32) -> Option<&mut StreamState> {
        self.lanes.get_mut(&id)
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
        let lane = self.lanes.get_mut(&id);
        let lane = lane.ok_or(io::ErrorKind::NotConnected)?;
        let length = lane.reserve(bytes.len(), waker)?;
        if let Some(piece) = length.and_then(|length| bytes.get(..length)) {
            self.push(Of::Lane(id, piece.len()), frame::data(id, piece, false));
        }
        Ok(length)
    }

    /// Closes a stream for writing; reading continues.
    pub(super) fn finish(&mut self, id: u32) {
        if self.lanes.get_mut(&id).is_some_and(StreamState::close_write) {
            self.push(Of::Lane(id, 0), frame::data(id, b"", true));
        }
    }

    /// Drops a stream. Bytes written before it was closed for writing are still sent.
    pub(super) fn forget(&mut self, id: u32) {
        let Some(lane) = self.lanes.remove(&id) else {
            return;
        };
        if !lane.is_write_closed {
            self.unqueue(id);
        }
        if lane.is_open() {
            self.push(Of::Control, frame::rst_stream(id, frame::CANCEL));
        }
    }

    /// Fails one stream on both sides and returns its port.
    pub(super) fn fail(&mut self, id: u32, message: &str) -> Option<u16> {
        let lane = self.lanes.get_mut(&id)?;
        lane.drop_unread();
        lane.fail(io::ErrorKind::TimedOut, message);
        let port = lane.port;
        self.unqueue(id);
        self.push(Of::Control, frame::rst_stream(id, frame::CANCEL));
        Some(port)
    }

    fn unqueue(&mut self, id: u32) {
        self.queue
            .retain(|queued| !matches!(queued.of, Of::Lane(of, _) if of == id));
    }

    /// Closes the connection and every stream that has not ended.
    pub(super) fn close(&mut self, why: &str) {
        self.end.get_or_insert_with(|| why.to_owned());
        self.is_retired = true;
        self.queue.clear();
        self.errors.clear();
        for lane in self.lanes.values_mut() {
            lane.connection_lost(why);
        }
    }

    /// True if frames are queued.
    pub(super) fn has_work(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Number of streams in use.
    pub(super) fn count(&self) -> usize {
        self.lanes.len()
    }

    fn answer(&mut self, frame: Bytes) {
        if self.answers < ANSWERS {
            self.answers += 1;
            self.push(Of::Answer, frame);
        }
    }

    fn push(&mut self, of: Of, frame: Bytes) {
        if self.end.is_none() {
            self.queue.push_back(Queued { of, frame });
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
