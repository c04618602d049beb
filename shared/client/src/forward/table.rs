//! The streams of one connection and what waits to be sent. No input, no output: tasks and streams look in here.
//!
//! Kubernetes' side knows no windows, so bounds are ours alone: a stream keeps [`HELD`] bytes that nobody has read, and then
//! the connection is not read further; it queues [`QUEUED`] bytes, and then its writer waits.
//!
//! [`HELD`]: super::lane::HELD
//! [`QUEUED`]: super::lane::QUEUED

use std::collections::{HashMap, VecDeque};
use std::io;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use super::frame::{self, Incoming};
use super::header::Compressor;
use super::lane::{Lane, Read};

/// Of what the other side says of a failed stream, so much is kept.
const SAID: usize = 16 * 1024;
/// Answers that may wait to be sent; a side that asks for more is not answered.
const ANSWERS: usize = 16;
/// The last stream: the next pair would not fit into 31 bits.
const LAST: u32 = 0x7fff_fff0;

/// All streams of a connection.
#[derive(Debug)]
pub(super) struct Table {
    lanes: HashMap<u32, Lane>,
    /// What the error streams have said.
    errors: HashMap<u32, Said>,
    queue: VecDeque<Queued>,
    compressor: Compressor,
    next_stream: u32,
    next_request: u64,
    next_ping: u32,
    answers: usize,
    /// Why there is no connection any more.
    end: Option<String>,
    /// It takes no new streams; those that it has go on.
    pub(super) is_retired: bool,
    /// Since when the network does not take what we send.
    pub(super) writing_since: Option<Instant>,
    /// Since when a stream that nobody reads holds up the others.
    pub(super) holding_since: Option<Instant>,
}

/// What an error stream has said so far, and about which data stream.
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

/// Whose a queued frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// A data stream's, with so many bytes.
    Lane(u32, usize),
    /// An answer to something the other side asked.
    Answer,
    /// What opens and gives up streams.
    Control,
}

/// What follows from something that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// Nothing more.
    Taken,
    /// It did not fit: this stream must be read first.
    Full(u32),
    /// The other side could not serve a port.
    Failed { port: u16, message: String },
    /// The other side takes no more streams.
    Retired(String),
}

impl Table {
    /// An empty one.
    ///
    /// # Errors
    /// If headers cannot be compressed.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            lanes: HashMap::new(),
            errors: HashMap::new(),
            queue: VecDeque::new(),
            compressor: Compressor::new()?,
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

    /// Opens an error stream, which we end at once, and a data stream to a port: the data stream's number. Nothing waits for
    /// the other side's replies: it takes a stream's frames in the order they were sent.
    ///
    /// # Errors
    /// `NotConnected` where another connection has to be made.
    pub(super) fn open(&mut self, port: u16) -> io::Result<u32> {
        self.is_retired |= self.next_stream > LAST;
        if self.is_retired {
            let why = self.end.as_deref().unwrap_or("it takes no more streams");
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
            let block = self.compressor.block(&headers)?;
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
        self.lanes.insert(data, Lane::new(port));
        Ok(data)
    }

    /// Takes in what the other side says.
    pub(super) fn receive(&mut self, incoming: &Incoming) -> Received {
        match incoming {
            Incoming::Data { stream, bytes, fin } => return self.data(*stream, bytes, *fin),
            Incoming::Replied { stream, fin: true } => {
                return self.data(*stream, &Bytes::new(), true);
            }
            Incoming::Reset { stream, .. } => return self.reset(*stream),
            Incoming::Opened { stream, .. } => {
                self.answer(frame::rst_stream(*stream, frame::REFUSED_STREAM));
            }
            // Its own have even numbers; ours come back.
            Incoming::Ping(id) if id % 2 == 0 => self.answer(frame::ping(*id)),
            Incoming::GoAway { status } => {
                self.is_retired = true;
                return Received::Retired(format!("the server closes it (GOAWAY {status})"));
            }
            Incoming::Ping(_) | Incoming::Replied { .. } | Incoming::Ignored => {}
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
            Some(lane) => lane.take(bytes, fin),
            // Given up by us: what was on its way is nobody's.
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
                "the server gave the stream up",
            );
        }
        Received::Taken
    }

    /// The error stream has said all it had to say.
    fn error_ended(&mut self, id: u32) -> Received {
        let said = self.errors.remove(&id);
        let Some((lane, said)) =
            said.and_then(|said| Some((self.lanes.get_mut(&said.about)?, said)))
        else {
            return Received::Taken;
        };
        if said.text.is_empty() {
            lane.over(None);
            return Received::Taken;
        }
        let message = String::from_utf8_lossy(&said.text).trim().to_owned();
        lane.over(Some(&message));
        Received::Failed {
            port: lane.port,
            message,
        }
    }

    /// The next frame to be sent.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let next = self.queue.pop_front()?;
        match next.of {
            Of::Control => {}
            Of::Answer => self.answers = self.answers.saturating_sub(1),
            Of::Lane(id, length) => {
                if let Some(lane) = self.lanes.get_mut(&id) {
                    lane.sent(length);
                }
            }
        }
        Some(next.frame)
    }

    /// Asks the other side for a sign of life, unless it has not even taken the last such questions.
    pub(super) fn ping(&mut self) {
        self.answer(frame::ping(self.next_ping));
        self.next_ping = (self.next_ping + 2) & LAST | 1;
    }

    /// Reads a stream.
    pub(super) fn read(&mut self, id: u32, waker: &Waker) -> Read {
        match self.lanes.get_mut(&id) {
            Some(lane) => lane.read(waker),
            None => Read::Fault(io::ErrorKind::NotConnected.into()),
        }
    }

    /// One stream.
    pub(super) fn lane(&mut self, id: u32) -> Option<&mut Lane> {
        self.lanes.get_mut(&id)
    }

    /// Queues a piece of `bytes`: how much; `None`, and the waker is left.
    ///
    /// # Errors
    /// A stream that has failed, or that was ended.
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

    /// We send no more on a stream; reading goes on.
    pub(super) fn finish(&mut self, id: u32) {
        if self.lanes.get_mut(&id).is_some_and(Lane::finish) {
            self.push(Of::Lane(id, 0), frame::data(id, b"", true));
        }
    }

    /// Nobody needs a stream any more. What was written before it was ended is still sent.
    pub(super) fn forget(&mut self, id: u32) {
        let Some(lane) = self.lanes.remove(&id) else {
            return;
        };
        if !lane.we_ended {
            self.unqueue(id);
        }
        if lane.is_open() {
            self.push(Of::Control, frame::rst_stream(id, frame::CANCEL));
        }
    }

    /// Fails one stream, on both sides: its port.
    pub(super) fn fail(&mut self, id: u32, message: &str) -> Option<u16> {
        let lane = self.lanes.get_mut(&id)?;
        lane.clear();
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

    /// The connection is gone, and with it every stream that had not ended.
    pub(super) fn close(&mut self, why: &str) {
        self.end.get_or_insert_with(|| why.to_owned());
        self.is_retired = true;
        self.queue.clear();
        self.errors.clear();
        for lane in self.lanes.values_mut() {
            lane.cut(why);
        }
    }

    /// True if something waits to be sent.
    pub(super) fn has_work(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Streams that somebody has.
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
