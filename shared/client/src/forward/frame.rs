//! Frames of SPDY/3: bytes ↔ what they mean.
//!
//! Facts: SPDY protocol, draft 3.1, §2.2 and §2.6. A data frame is handed on piece by piece as it arrives, so that no length
//! in a header decides how much memory we take.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The most payload we put into a data frame. Go's side reads a frame as a whole and writes frames of this size itself.
pub(super) const LARGEST_DATA: usize = 32 * 1024;
/// No control frame of a port-forward is longer; a longer one is not read.
const LARGEST_CONTROL: usize = 64 * 1024;
/// Every frame begins with so many bytes.
const HEAD: usize = 8;

const VERSION: u16 = 3;
const CONTROL: u16 = 0x8000;
const FIN: u8 = 1;
/// The highest bit of an identifier is reserved.
const IDENTIFIER: u32 = 0x7fff_ffff;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;

/// Status of a RST_STREAM: the other side may not open streams.
pub(super) const REFUSED_STREAM: u32 = 3;
/// Status of a RST_STREAM: nobody needs the stream any more.
pub(super) const CANCEL: u32 = 5;

/// What the other side says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A piece of a stream; `fin` with its last one, which may be empty.
    Data {
        /// The stream's number.
        stream: u32,
        /// The piece.
        bytes: Bytes,
        /// Nothing more comes.
        fin: bool,
    },
    /// It opens a stream. The header block is compressed.
    Opened {
        /// The stream's number.
        stream: u32,
        /// The header block.
        headers: Bytes,
        /// Nothing more comes.
        fin: bool,
    },
    /// It has taken a stream of ours, or sends more headers for it. Nothing in those headers concerns a port-forward, and
    /// what is not inflated cannot be a bomb.
    Replied {
        /// The stream's number.
        stream: u32,
        /// Nothing more comes.
        fin: bool,
    },
    /// It has given a stream up.
    Reset {
        /// The stream's number.
        stream: u32,
        /// Why, as SPDY numbers it.
        status: u32,
    },
    /// It wants the same back if it began it.
    Ping(u32),
    /// It takes no more streams.
    GoAway {
        /// Why, as SPDY numbers it.
        status: u32,
    },
    /// Settings, windows, and frames nobody knows. Kubernetes' side knows no flow control: it neither sends nor obeys
    /// windows (moby/spdystream calls them unhandled).
    Ignored,
}

/// A frame that cannot be: the connection is of no more use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(
    /// Why.
    pub String,
);

/// Opens a stream; `headers` is a compressed block.
pub(super) fn syn_stream(stream: u32, headers: &[u8]) -> Bytes {
    let mut frame = control(SYN_STREAM, 0, 10 + headers.len());
    frame.put_u32(stream);
    // Associated to no stream, of the highest priority, no credentials.
    frame.put_u32(0);
    frame.put_u16(0);
    frame.put_slice(headers);
    frame.freeze()
}

/// A piece of a stream, of at most [`LARGEST_DATA`].
pub(super) fn data(stream: u32, bytes: &[u8], fin: bool) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEAD + bytes.len());
    frame.put_u32(stream & IDENTIFIER);
    frame.put_u32(flags_and_length(u8::from(fin) * FIN, bytes.len()));
    frame.put_slice(bytes);
    frame.freeze()
}

/// Gives a stream up.
pub(super) fn rst_stream(stream: u32, status: u32) -> Bytes {
    let mut frame = control(RST_STREAM, 0, 8);
    frame.put_u32(stream);
    frame.put_u32(status);
    frame.freeze()
}

/// A ping, or the answer to one.
pub(super) fn ping(id: u32) -> Bytes {
    let mut frame = control(PING, 0, 4);
    frame.put_u32(id);
    frame.freeze()
}

fn control(kind: u16, flags: u8, length: usize) -> BytesMut {
    let mut frame = BytesMut::with_capacity(HEAD + length);
    frame.put_u16(CONTROL | VERSION);
    frame.put_u16(kind);
    frame.put_u32(flags_and_length(flags, length));
    frame
}

fn flags_and_length(flags: u8, length: usize) -> u32 {
    (u32::from(flags) << 24) | (u32::try_from(length).unwrap_or(u32::MAX) & 0x00ff_ffff)
}

/// Makes frames of bytes, however they are cut: Go's side sends each field of a frame as a message of its own.
#[derive(Debug, Default)]
pub struct Decoder {
    head: Vec<u8>,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// The head of the next frame is not complete.
    #[default]
    Head,
    /// So much of a data frame is still to come.
    Data { stream: u32, left: usize, fin: bool },
    /// So much of a control frame is here.
    Control {
        kind: u16,
        flags: u8,
        length: usize,
        payload: Vec<u8>,
    },
}

impl Decoder {
    /// The next thing said in `bytes`, which lose what was read; `None` when they are used up.
    ///
    /// # Errors
    /// What is no SPDY/3.
    pub fn next(&mut self, bytes: &mut Bytes) -> Result<Option<Incoming>, Malformed> {
        loop {
            match &mut self.state {
                State::Head => {
                    take(&mut self.head, HEAD, bytes);
                    if self.head.len() < HEAD {
                        return Ok(None);
                    }
                    self.state = begun(&self.head)?;
                    self.head.clear();
                }
                State::Data { stream, left, fin } => {
                    if bytes.is_empty() && *left > 0 {
                        return Ok(None);
                    }
                    let piece = bytes.split_to(bytes.len().min(*left));
                    *left -= piece.len();
                    let (stream, is_last, fin) = (*stream, *left == 0, *fin);
                    if is_last {
                        self.state = State::Head;
                    }
                    return Ok(Some(Incoming::Data {
                        stream,
                        bytes: piece,
                        fin: is_last && fin,
                    }));
                }
                State::Control {
                    kind,
                    flags,
                    length,
                    payload,
                } => {
                    take(payload, *length, bytes);
                    if payload.len() < *length {
                        return Ok(None);
                    }
                    let (kind, fin) = (*kind, *flags & FIN != 0);
                    let payload = Bytes::from(std::mem::take(payload));
                    self.state = State::Head;
                    return said(kind, fin, payload).map(Some);
                }
            }
        }
    }
}

/// Fills `into` up to `wanted` bytes.
fn take(into: &mut Vec<u8>, wanted: usize, from: &mut Bytes) {
    let missing = wanted.saturating_sub(into.len()).min(from.len());
    into.extend_from_slice(&from.split_to(missing));
}

/// What a frame is, by its head of eight bytes.
fn begun(mut head: &[u8]) -> Result<State, Malformed> {
    let (first, second) = (head.get_u32(), head.get_u32());
    let flags = second.to_be_bytes()[0];
    let length = usize::try_from(second & 0x00ff_ffff).unwrap_or(usize::MAX);
    if first & !IDENTIFIER == 0 {
        if first == 0 {
            return Err(Malformed("data of stream 0".to_owned()));
        }
        return Ok(State::Data {
            stream: first,
            left: length,
            fin: flags & FIN != 0,
        });
    }
    let [high, low, kind @ ..] = first.to_be_bytes();
    let version = u16::from_be_bytes([high, low]) & !CONTROL;
    if version != VERSION {
        return Err(Malformed(format!("a frame of SPDY version {version}")));
    }
    if length > LARGEST_CONTROL {
        return Err(Malformed(format!("a control frame of {length} bytes")));
    }
    Ok(State::Control {
        kind: u16::from_be_bytes(kind),
        flags,
        length,
        payload: Vec::new(),
    })
}

/// What a control frame says.
fn said(kind: u16, fin: bool, mut payload: Bytes) -> Result<Incoming, Malformed> {
    let wanted = match kind {
        SYN_STREAM => 10,
        SYN_REPLY | HEADERS | PING => 4,
        RST_STREAM | GOAWAY => 8,
        _ => return Ok(Incoming::Ignored),
    };
    if payload.len() < wanted {
        return Err(Malformed(format!(
            "a frame of type {kind} that is cut short"
        )));
    }
    let id = payload.get_u32() & IDENTIFIER;
    Ok(match kind {
        SYN_STREAM => {
            payload.advance(6);
            Incoming::Opened {
                stream: id,
                headers: payload,
                fin,
            }
        }
        RST_STREAM => Incoming::Reset {
            stream: id,
            status: payload.get_u32(),
        },
        PING => Incoming::Ping(id),
        GOAWAY => Incoming::GoAway {
            status: payload.get_u32(),
        },
        _ => Incoming::Replied { stream: id, fin },
    })
}

#[cfg(test)]
#[path = "frame_tests.rs"]
pub(super) mod tests;
