//! One data stream of a connection: what came and was not read, what waits to be sent, and how each side ended it.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;

use bytes::Bytes;

use super::frame::LARGEST_DATA;

/// Bytes that are kept until somebody reads them.
pub(super) const HELD: usize = 1024 * 1024;
/// Bytes that may wait to be sent.
pub(super) const QUEUED: usize = 4 * LARGEST_DATA;
/// What it costs to keep a piece, beside its bytes.
const PIECE: usize = 256;
/// A smaller piece is copied: it would keep the whole buffer alive that it was read into.
const SMALL: usize = 4096;

/// A fault that both reading and writing tell.
#[derive(Clone, Debug)]
struct Fault {
    kind: io::ErrorKind,
    message: String,
}

impl Fault {
    fn error(&self) -> io::Error {
        io::Error::new(self.kind, self.message.clone())
    }
}

/// The state of a data stream.
#[derive(Debug)]
pub(super) struct Lane {
    /// The remote port.
    pub(super) port: u16,
    inbox: VecDeque<Bytes>,
    held: usize,
    /// Bytes in the connection's queue.
    queued: usize,
    received: bool,
    pub(super) we_ended: bool,
    pub(super) they_ended: bool,
    /// The other side has given the port up in both directions.
    is_over: bool,
    fault: Option<Fault>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What a read finds.
#[derive(Debug)]
pub(super) enum Read {
    /// Bytes, at least one.
    Some(Bytes),
    /// The end. `early`: nothing came before it, and why may still be told.
    End { early: bool },
    /// Nothing yet; the waker is left.
    Wait,
    /// It has failed.
    Fault(io::Error),
}

impl Lane {
    pub(super) fn new(port: u16) -> Self {
        Self {
            port,
            inbox: VecDeque::new(),
            held: 0,
            queued: 0,
            received: false,
            we_ended: false,
            they_ended: false,
            is_over: false,
            fault: None,
            reader: None,
            writer: None,
        }
    }

    /// True if so much more must be read before it is taken. A piece larger than all that is kept is taken alone.
    pub(super) fn is_full(&self, length: usize) -> bool {
        self.held > 0 && self.held + PIECE + length > HELD
    }

    /// Bytes came.
    pub(super) fn take(&mut self, bytes: &Bytes, fin: bool) {
        if self.they_ended || self.fault.is_some() {
            return;
        }
        if !bytes.is_empty() {
            self.received = true;
            let own = bytes.len() < SMALL;
            let piece = if own {
                Bytes::copy_from_slice(bytes)
            } else {
                bytes.clone()
            };
            self.held += PIECE + piece.len();
            self.inbox.push_back(piece);
        }
        self.they_ended |= fin;
        self.wake_reader();
    }

    /// The oldest bytes that nobody has read.
    pub(super) fn read(&mut self, waker: &Waker) -> Read {
        if let Some(bytes) = self.inbox.pop_front() {
            self.held -= PIECE + bytes.len();
            return Read::Some(bytes);
        }
        if let Some(fault) = &self.fault {
            return Read::Fault(fault.error());
        }
        self.reader = Some(waker.clone());
        if self.they_ended {
            let early = !self.received && !self.is_over;
            return Read::End { early };
        }
        Read::Wait
    }

    /// Puts back what a reader had no room for.
    pub(super) fn unread(&mut self, rest: Bytes) {
        if !rest.is_empty() {
            self.held += PIECE + rest.len();
            self.inbox.push_front(rest);
        }
    }

    /// How much of `length` may be queued now; `None`, and the waker is left.
    ///
    /// # Errors
    /// A stream that has failed, or that was ended.
    pub(super) fn reserve(&mut self, length: usize, waker: &Waker) -> io::Result<Option<usize>> {
        if let Some(fault) = &self.fault {
            return Err(fault.error());
        }
        if self.we_ended || (self.is_over && self.they_ended) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.queued >= QUEUED {
            self.writer = Some(waker.clone());
            return Ok(None);
        }
        let length = length.min(LARGEST_DATA);
        self.queued += length;
        Ok(Some(length))
    }

    /// So much of it is on its way.
    pub(super) fn sent(&mut self, length: usize) {
        self.queued = self.queued.saturating_sub(length);
        self.wake_writer();
    }

    /// True once all of it is on its way; else the waker is left.
    pub(super) fn is_flushed(&mut self, waker: &Waker) -> bool {
        if self.queued == 0 || self.fault.is_some() {
            return true;
        }
        self.writer = Some(waker.clone());
        false
    }

    /// We end our side: true if that is news to the other one.
    pub(super) fn finish(&mut self) -> bool {
        let is_news = !self.we_ended && self.fault.is_none();
        self.we_ended = true;
        is_news
    }

    /// The other side has given the port up; it says why, if something went wrong.
    pub(super) fn over(&mut self, why: Option<&str>) {
        self.is_over = true;
        if let Some(why) = why {
            self.fault = Some(Fault {
                kind: io::ErrorKind::ConnectionRefused,
                message: why.to_owned(),
            });
        }
        self.wake();
    }

    /// It failed. The first word on it is the best one: a reset often follows what was said.
    pub(super) fn fail(&mut self, kind: io::ErrorKind, message: &str) {
        let message = message.to_owned();
        self.fault.get_or_insert(Fault { kind, message });
        self.queued = 0;
        self.wake();
    }

    /// What nobody will read any more.
    pub(super) fn clear(&mut self) {
        self.inbox.clear();
        self.held = 0;
    }

    /// The connection is gone. What had come before is still read, to its end.
    pub(super) fn cut(&mut self, why: &str) {
        if self.they_ended {
            self.queued = 0;
            self.over(None);
        } else {
            self.fail(io::ErrorKind::ConnectionReset, why);
        }
    }

    /// True if the other side has to be told that nobody needs the stream.
    pub(super) fn is_open(&self) -> bool {
        !(self.we_ended && self.they_ended) && self.fault.is_none()
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
