//! State of one data stream: unread bytes, bytes queued for sending, and how each side ended the stream.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;

use bytes::Bytes;

use super::frame::DATA_MAX;

/// Most unread bytes per stream, including the overhead per piece.
pub(super) const UNREAD_MAX: usize = 1024 * 1024;
/// Most bytes queued for sending per stream.
pub(super) const QUEUED_MAX: usize = 4 * DATA_MAX;
/// Memory overhead of a stored piece.
const PIECE_OVERHEAD: usize = 256;
/// Pieces below this size are copied, since a slice would keep the whole read buffer alive.
const COPY_BELOW: usize = 4096;

/// An error that both reads and writes return.
#[derive(Clone, Debug)]
struct StreamError {
    kind: io::ErrorKind,
    message: String,
}

impl StreamError {
    fn error(&self) -> io::Error {
        io::Error::new(self.kind, self.message.clone())
    }
}

/// The state of a data stream.
#[derive(Debug)]
pub(super) struct StreamState {
    /// Port of the Pod.
    pub(super) port: u16,
    inbox: VecDeque<Bytes>,
    unread_bytes: usize,
    /// Bytes in the connection's send queue.
    queued_bytes: usize,
    has_received: bool,
    pub(super) is_write_closed: bool,
    pub(super) is_read_closed: bool,
    /// The server has closed the port in both directions.
    is_port_closed: bool,
    fault: Option<StreamError>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The result of reading a stream.
#[derive(Debug)]
pub(super) enum StreamRead {
    /// At least one byte.
    Bytes(Bytes),
    /// The end of the stream. `early` is true if no byte came before it, in which case the reason may still arrive.
    End { early: bool },
    /// No data yet; the waker is stored.
    Pending,
    /// The stream has failed.
    Failed(io::Error),
}

impl StreamState {
    /// Creates the state of a new stream.
    pub(super) fn new(port: u16) -> Self {
        Self {
            port,
            inbox: VecDeque::new(),
            unread_bytes: 0,
            queued_bytes: 0,
            has_received: false,
            is_write_closed: false,
            is_read_closed: false,
            is_port_closed: false,
            fault: None,
            reader: None,
            writer: None,
        }
    }

    /// True if `length` more bytes do not fit until the stream is read. A piece larger than the whole limit is accepted
    /// by an empty stream.
    pub(super) fn is_full(&self, length: usize) -> bool {
        self.unread_bytes > 0 && self.unread_bytes + PIECE_OVERHEAD + length > UNREAD_MAX
    }

    /// Stores received bytes.
    pub(super) fn receive(&mut self, bytes: &Bytes, fin: bool) {
        if self.is_read_closed || self.fault.is_some() {
            return;
        }
        if !bytes.is_empty() {
            self.has_received = true;
            let own = bytes.len() < COPY_BELOW;
            let piece = if own {
                Bytes::copy_from_slice(bytes)
            } else {
                bytes.clone()
            };
            self.unread_bytes += PIECE_OVERHEAD + piece.len();
            self.inbox.push_back(piece);
        }
        self.is_read_closed |= fin;
        self.wake_reader();
    }

    /// Returns the oldest unread bytes.
    pub(super) fn read(&mut self, waker: &Waker) -> StreamRead {
        if let Some(bytes) = self.inbox.pop_front() {
            self.unread_bytes -= PIECE_OVERHEAD + bytes.len();
            return StreamRead::Bytes(bytes);
        }
        if let Some(fault) = &self.fault {
            return StreamRead::Failed(fault.error());
        }
        self.reader = Some(waker.clone());
        if self.is_read_closed {
            let early = !self.has_received && !self.is_port_closed;
            return StreamRead::End { early };
        }
        StreamRead::Pending
    }

    /// Puts back the bytes that did not fit into a reader's buffer.
    pub(super) fn unread(&mut self, rest: Bytes) {
        if !rest.is_empty() {
            self.unread_bytes += PIECE_OVERHEAD + rest.len();
            self.inbox.push_front(rest);
        }
    }

    /// Reserves room in the send queue: returns how many of `length` bytes may be queued now. `None` if the queue is
    /// full; the waker is stored.
    ///
    /// # Errors
    /// A stream that has failed or was closed for writing.
    pub(super) fn reserve(&mut self, length: usize, waker: &Waker) -> io::Result<Option<usize>> {
        if let Some(fault) = &self.fault {
            return Err(fault.error());
        }
        if self.is_write_closed || (self.is_port_closed && self.is_read_closed) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.queued_bytes >= QUEUED_MAX {
            self.writer = Some(waker.clone());
            return Ok(None);
        }
        let length = length.min(DATA_MAX);
        self.queued_bytes += length;
        Ok(Some(length))
    }

    /// Releases room in the send queue after sending `length` bytes.
    pub(super) fn release(&mut self, length: usize) {
        self.queued_bytes = self.queued_bytes.saturating_sub(length);
        self.wake_writer();
    }

    /// True once everything is sent; otherwise the waker is stored.
    pub(super) fn is_flushed(&mut self, waker: &Waker) -> bool {
        if self.queued_bytes == 0 || self.fault.is_some() {
            return true;
        }
        self.writer = Some(waker.clone());
        false
    }

    /// Closes the stream for writing. Returns true if the server has to be told.
    pub(super) fn close_write(&mut self) -> bool {
        let is_news = !self.is_write_closed && self.fault.is_none();
        self.is_write_closed = true;
        is_news
    }

    /// Records that the server closed the port, with its error message if there is one.
    pub(super) fn close_port(&mut self, why: Option<&str>) {
        self.is_port_closed = true;
        if let Some(why) = why {
            self.fault = Some(StreamError {
                kind: io::ErrorKind::ConnectionRefused,
                message: why.to_owned(),
            });
        }
        self.wake();
    }

    /// Fails the stream. The first error is kept, since a reset often follows the actual reason.
    pub(super) fn fail(&mut self, kind: io::ErrorKind, message: &str) {
        let message = message.to_owned();
        self.fault.get_or_insert(StreamError { kind, message });
        self.queued_bytes = 0;
        self.wake();
    }

    /// Drops the unread bytes.
    pub(super) fn drop_unread(&mut self) {
        self.inbox.clear();
        self.unread_bytes = 0;
    }

    /// Records the loss of the connection. Bytes received before are still returned.
    pub(super) fn connection_lost(&mut self, why: &str) {
        if self.is_read_closed {
            self.queued_bytes = 0;
            self.close_port(None);
        } else {
            self.fail(io::ErrorKind::ConnectionReset, why);
        }
    }

    /// True if the server has to be told that the stream is no longer needed.
    pub(super) fn is_open(&self) -> bool {
        !(self.is_write_closed && self.is_read_closed) && self.fault.is_none()
    }

    fn wake(&mut self) {
        self.wake_reader();
        self.wake_writer();
    }

    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}
