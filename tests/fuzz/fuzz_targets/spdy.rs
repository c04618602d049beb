//! Frames of a port-forward: however the bytes are cut, the same is said.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use session_shared::client::forward::frame::FrameDecoder;
use session_shared::client::forward::frame::Frame;
use session_shared::client::forward::frame::FrameError;

/// What is said in `pieces`; data of one frame put together.
fn said<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<FrameError>) {
    let (mut decoder, mut all) = (FrameDecoder::default(), Vec::new());
    for piece in pieces {
        let mut bytes = Bytes::copy_from_slice(piece);
        loop {
            match decoder.next_frame(&mut bytes) {
                Ok(None) => break,
                Ok(Some(incoming)) => push(&mut all, incoming),
                Err(malformed) => return (all, Some(malformed)),
            }
        }
        assert!(bytes.is_empty(), "bytes are left");
    }
    (all, None)
}

fn push(all: &mut Vec<Frame>, incoming: Frame) {
    if let Frame::Data { stream, bytes, fin } = &incoming
        && let Some(Frame::Data { stream: before, bytes: begun, fin: ended }) = all.last_mut()
        && before == stream
        && !*ended
    {
        *begun = Bytes::from([begun.as_ref(), bytes].concat());
        *ended = *fin;
        return;
    }
    all.push(incoming);
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let whole = said(std::iter::once(bytes));
    assert_eq!(said(bytes.chunks(usize::from(size).max(1))), whole);
    let length: usize = whole.0.iter().map(|incoming| match incoming {
        Frame::Data { bytes, .. } | Frame::SynStream { headers: bytes, .. } => bytes.len(),
        _ => 0,
    }).sum();
    assert!(length <= bytes.len());
});
