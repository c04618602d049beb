//! Tests with byte vectors from Kubernetes' implementation: a Go program that writes each frame with `spdy.NewFramer` of
//! github.com/moby/spdystream v0.5.1 and prints it with `%x`, run in the module tests/cluster/go/kubernetes.

use proptest::prelude::*;

use super::*;

pub(in super::super) fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn all(decoder: &mut FrameDecoder, mut bytes: Bytes) -> Result<Vec<Frame>, FrameError> {
    let mut found = Vec::new();
    while let Some(incoming) = decoder.next_frame(&mut bytes)? {
        found.push(incoming);
    }
    Ok(found)
}

const VECTORS: &[&str] = &[
    "80030002000000140000000178f9e3c6a7c26260606000000000ffff",
    "80030002010000140000000178f9e3c6a7c26260606000000000ffff",
    "000000030000000568656c6c6f",
    "0000000301000000",
    "80030003000000080000000300000005",
    "800300060000000400000002",
    "80030007000000080000000500000002",
    "80030008000000140000000378f9e3c6a7c26260606000000000ffff",
    "800300040000000c000000010000000700010000",
    "800300090000000800000003000003e8",
];

fn meant() -> Vec<Frame> {
    let hello = Bytes::from_static(b"hello");
    vec![
        Frame::Reply {
            stream: 1,
            fin: false,
        },
        Frame::Reply {
            stream: 1,
            fin: true,
        },
        Frame::Data {
            stream: 3,
            bytes: hello,
            fin: false,
        },
        Frame::Data {
            stream: 3,
            bytes: Bytes::new(),
            fin: true,
        },
        Frame::RstStream {
            stream: 3,
            status: CANCEL,
        },
        Frame::Ping(2),
        Frame::GoAway { status: 2 },
        Frame::Reply {
            stream: 3,
            fin: false,
        },
        Frame::Ignored,
        Frame::Ignored,
    ]
}

#[test]
fn frames_of_the_other_side_are_understood() {
    for (vector, meant) in VECTORS.iter().zip(meant()) {
        let found = all(&mut FrameDecoder::default(), hex(vector).into());
        assert_eq!(found, Ok(vec![meant]), "{vector}");
    }
}

#[test]
fn our_frames_are_those_of_the_other_side() {
    let written = [
        (data(3, b"hello", false), VECTORS[2]),
        (data(3, b"", true), VECTORS[3]),
        (rst_stream(3, CANCEL), VECTORS[4]),
        (ping(2), VECTORS[5]),
        (
            syn_stream(
                1,
                &hex("78f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff"),
            ),
            "80030001000000290000000100000000000078f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff",
        ),
    ];
    for (ours, theirs) in written {
        assert_eq!(ours, hex(theirs));
    }
}

#[test]
fn frames_may_be_cut_anywhere() {
    let stream = hex(&VECTORS.concat());
    for size in 1..stream.len() {
        let mut decoder = FrameDecoder::default();
        let mut found = Vec::new();
        for piece in stream.chunks(size) {
            found.extend(all(&mut decoder, Bytes::copy_from_slice(piece)).unwrap());
        }
        assert_eq!(joined(found), meant(), "pieces of {size}");
    }
}

/// Joins the pieces of one data frame.
fn joined(found: Vec<Frame>) -> Vec<Frame> {
    let mut whole: Vec<Frame> = Vec::new();
    for incoming in found {
        match (whole.last_mut(), incoming) {
            (
                Some(Frame::Data { bytes: before, .. }),
                Frame::Data {
                    bytes, fin: false, ..
                },
            ) => *before = [&before[..], &bytes[..]].concat().into(),
            (_, incoming) => whole.push(incoming),
        }
    }
    whole
}

#[test]
fn invalid_frames_are_refused() {
    let refused = |bytes: &str| {
        all(&mut FrameDecoder::default(), hex(bytes).into())
            .unwrap_err()
            .0
    };
    assert_eq!(refused("8002000600000004"), "a frame of SPDY version 2");
    assert_eq!(refused("0000000000000005"), "a data frame of stream 0");
    assert_eq!(
        refused("8003000200ffffff"),
        "a control frame of 16777215 bytes"
    );
    assert_eq!(
        refused("80030003000000040000000300"),
        "a truncated frame of type 3"
    );
}

proptest! {
    #[test]
    fn garbage_neither_panics_nor_accumulates(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..50),
        control in any::<bool>(),
    ) {
        let mut decoder = FrameDecoder::default();
        let begin: &[u8] = if control { &[0x80, 3, 0] } else { &[] };
        for piece in [begin.to_vec()].into_iter().chain(pieces) {
            if all(&mut decoder, piece.into()).is_err() {
                break;
            }
            let kept = match &decoder.state {
                DecoderState::Control { payload, .. } => payload.capacity(),
                _ => decoder.head.capacity(),
            };
            prop_assert!(kept <= 2 * CONTROL_MAX);
        }
    }

    #[test]
    fn data_comes_out_as_it_went_in(
        bytes in prop::collection::vec(any::<u8>(), 0..5000),
        stream in 1..=STREAM_ID_MASK,
        fin in any::<bool>(),
        size in 1..600_usize,
    ) {
        let mut decoder = FrameDecoder::default();
        let (mut back, mut ended) = (Vec::new(), false);
        for piece in data(stream, &bytes, fin).chunks(size) {
            for found in all(&mut decoder, Bytes::copy_from_slice(piece)).unwrap() {
                let Frame::Data { stream: of, bytes, fin } = found else { panic!("no data") };
                prop_assert!(of == stream && !ended);
                back.extend_from_slice(&bytes);
                ended = fin;
            }
        }
        prop_assert_eq!((back, ended), (bytes, fin));
    }
}
