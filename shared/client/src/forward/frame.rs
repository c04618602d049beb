//! Encoding and decoding of SPDY/3 frames.
//!
//! Source: SPDY protocol, draft 3.1, §2.2 and §2.6. A data frame is returned piece by piece as it arrives, so that a
//! length in a header never decides how much memory is allocated.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Most payload bytes per data frame sent. Go's implementation reads a frame as a whole and sends frames of this size
/// itself.
pub(super) const DATA_MAX: usize = 32 * 1024;
/// Most bytes of a control frame that is accepted; those of a port-forward are far shorter.
const CONTROL_MAX: usize = 64 * 1024;
/// Bytes of a frame's header.
const HEADER_BYTES: usize = 8;

const VERSION: u16 = 3;
const CONTROL: u16 = 0x8000;
const FIN: u8 = 1;
/// Mask of a stream identifier; the highest bit is reserved.
const STREAM_ID_MASK: u32 = 0x7fff_ffff;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;

/// RST_STREAM status: the peer may not open streams.
pub(super) const REFUSED_STREAM: u32 = 3;
/// RST_STREAM status: the stream is no longer needed.
pub(super) const CANCEL: u32 = 5;

/// A frame received from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A piece of a stream's data. The last one has `fin` set and may be empty.
    Data {
        /// Number of the stream.
        stream: u32,
        /// The bytes.
        bytes: Bytes,
        /// True for the last piece.
        fin: bool,
    },
    /// The server opens a stream (SYN_STREAM). The header block is compressed.
    SynStream {
        /// Number of the stream.
        stream: u32,
        /// The compressed header block.
        headers: Bytes,
        /// True if the stream has no data.
        fin: bool,
    },
    /// The server accepted a stream (SYN_REPLY), or sent more headers for it (HEADERS). The headers are irrelevant for a
    /// port-forward and are not decompressed, so they cannot be a decompression bomb.
    Reply {
        /// Number of the stream.
        stream: u32,
        /// True if the server sends no data on the stream.
        fin: bool,
    },
    /// The server reset a stream (RST_STREAM).
    RstStream {
        /// Number of the stream.
        stream: u32,
        /// SPDY status code.
        status: u32,
    },
    /// A ping. One that the server started must be sent back unchanged.
    Ping(u32),
    /// The server accepts no more streams (GOAWAY).
    GoAway {
        /// SPDY status code.
        status: u32,
    },
    /// SETTINGS, WINDOW_UPDATE and unknown frames. Kubernetes' implementation has no flow control: it neither sends nor
    /// obeys window updates (moby/spdystream: "unhandled").
    Ignored,
}

/// An invalid frame, after which the connection cannot be used any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError(
    /// Description of the frame.
    pub String,
);

/// Encodes the frame that opens a stream; `headers` is a compressed block.
pub(super) fn syn_stream(stream: u32, headers: &[u8]) -> Bytes {
    let mut frame = control(SYN_STREAM, 0, 10 + headers.len());
    frame.put_u32(stream);
    // No associated stream, highest priority, no credentials.
    frame.put_u32(0);
    frame.put_u16(0);
    frame.put_slice(headers);
    frame.freeze()
}

/// Encodes a data frame of at most [`DATA_MAX`] bytes.
pub(super) fn data(stream: u32, bytes: &[u8], fin: bool) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEADER_BYTES + bytes.len());
    frame.put_u32(stream & STREAM_ID_MASK);
    frame.put_u32(flags_and_length(u8::from(fin) * FIN, bytes.len()));
    frame.put_slice(bytes);
    frame.freeze()
}

/// Encodes the frame that resets a stream.
pub(super) fn rst_stream(stream: u32, status: u32) -> Bytes {
    let mut frame = control(RST_STREAM, 0, 8);
    frame.put_u32(stream);
    frame.put_u32(status);
    frame.freeze()
}

/// Encodes a ping, or the answer to one.
pub(super) fn ping(id: u32) -> Bytes {
    let mut frame = control(PING, 0, 4);
    frame.put_u32(id);
    frame.freeze()
}

fn control(kind: u16, flags: u8, length: usize) -> BytesMut {
    let mut frame = BytesMut::with_capacity(HEADER_BYTES + length);
    frame.put_u16(CONTROL | VERSION);
    frame.put_u16(kind);
    frame.put_u32(flags_and_length(flags, length));
    frame
}

fn flags_and_length(flags: u8, length: usize) -> u32 {
    (u32::from(flags) << 24) | (u32::try_from(length).unwrap_or(u32::MAX) & 0x00ff_ffff)
}

/// Decodes frames from bytes that may be split anywhere: Go's implementation sends each field of a frame as a message of
/// its own.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    head: Vec<u8>,
    state: DecoderState,
}

#[derive(Debug, Default)]
enum DecoderState {
    /// The header of the next frame is incomplete.
    #[default]
    Head,
    /// A data frame of which `left` bytes are missing.
    Data { stream: u32, left: usize, fin: bool },
    /// A control frame with the bytes received so far.
    Control {
        kind: u16,
        flags: u8,
        length: usize,
        payload: Vec<u8>,
    },
}

impl FrameDecoder {
    /// Returns the next frame in `bytes` and removes it from them; `None` when they are used up.
    ///
    /// # Errors
    /// Bytes that are not SPDY/3.
    pub fn next_frame(&mut self, bytes: &mut Bytes) -> Result<Option<Frame>, FrameError> {
        loop {
            match &mut self.state {
                DecoderState::Head => {
                    fill_from(&mut self.head, HEADER_BYTES, bytes);
                    if self.head.len() < HEADER_BYTES {
                        return Ok(None);
                    }
                    self.state = parse_header(&self.head)?;
                    self.head.clear();
                }
                DecoderState::Data { stream, left, fin } => {
                    if bytes.is_empty() && *left > 0 {
                        return Ok(None);
                    }
                    let piece = bytes.split_to(bytes.len().min(*left));
                    *left -= piece.len();
                    let (stream, is_last, fin) = (*stream, *left == 0, *fin);
                    if is_last {
                        self.state = DecoderState::Head;
                    }
                    return Ok(Some(Frame::Data {
                        stream,
                        bytes: piece,
                        fin: is_last && fin,
                    }));
                }
                DecoderState::Control {
                    kind,
                    flags,
                    length,
                    payload,
                } => {
                    fill_from(payload, *length, bytes);
                    if payload.len() < *length {
                        return Ok(None);
                    }
                    let (kind, fin) = (*kind, *flags & FIN != 0);
                    let payload = Bytes::from(std::mem::take(payload));
                    self.state = DecoderState::Head;
                    return parse_control(kind, fin, payload).map(Some);
                }
            }
        }
    }
}

/// Moves bytes until `into` has `wanted` bytes.
fn fill_from(into: &mut Vec<u8>, wanted: usize, from: &mut Bytes) {
    let missing = wanted.saturating_sub(into.len()).min(from.len());
    into.extend_from_slice(&from.split_to(missing));
}

/// Parses a frame header of eight bytes.
fn parse_header(mut head: &[u8]) -> Result<DecoderState, FrameError> {
    let (first, second) = (head.get_u32(), head.get_u32());
    let flags = second.to_be_bytes()[0];
    let length = usize::try_from(second & 0x00ff_ffff).unwrap_or(usize::MAX);
    if first & !STREAM_ID_MASK == 0 {
        if first == 0 {
            return Err(FrameError("a data frame of stream 0".to_owned()));
        }
        return Ok(DecoderState::Data {
            stream: first,
            left: length,
            fin: flags & FIN != 0,
        });
    }
    let [high, low, kind @ ..] = first.to_be_bytes();
    let version = u16::from_be_bytes([high, low]) & !CONTROL;
    if version != VERSION {
        return Err(FrameError(format!("a frame of SPDY version {version}")));
    }
    if length > CONTROL_MAX {
        return Err(FrameError(format!("a control frame of {length} bytes")));
    }
    Ok(DecoderState::Control {
        kind: u16::from_be_bytes(kind),
        flags,
        length,
        payload: Vec::new(),
    })
}

/// Parses the payload of a control frame.
fn parse_control(kind: u16, fin: bool, mut payload: Bytes) -> Result<Frame, FrameError> {
    let wanted = match kind {
        SYN_STREAM => 10,
        SYN_REPLY | HEADERS | PING => 4,
        RST_STREAM | GOAWAY => 8,
        _ => return Ok(Frame::Ignored),
    };
    if payload.len() < wanted {
        return Err(FrameError(format!("a truncated frame of type {kind}")));
    }
    let id = payload.get_u32() & STREAM_ID_MASK;
    Ok(match kind {
        SYN_STREAM => {
            payload.advance(6);
            Frame::SynStream {
                stream: id,
                headers: payload,
                fin,
            }
        }
        RST_STREAM => Frame::RstStream {
            stream: id,
            status: payload.get_u32(),
        },
        PING => Frame::Ping(id),
        GOAWAY => Frame::GoAway {
            status: payload.get_u32(),
        },
        _ => Frame::Reply { stream: id, fin },
    })
}

#[cfg(test)]
#[path = "frame_tests.rs"]
pub(super) mod tests;
