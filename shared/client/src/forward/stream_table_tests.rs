use std::task::Waker;

use super::*;
use crate::forward::frame::FrameDecoder;
use crate::forward::header_compressor::tests::Reader;
use crate::forward::stream_state::{QUEUED_MAX, UNREAD_MAX};

fn table() -> StreamTable {
    StreamTable::new().unwrap()
}

/// Returns the frames that the server receives.
fn sent(table: &mut StreamTable) -> Vec<Frame> {
    let mut decoder = FrameDecoder::default();
    let mut seen = Vec::new();
    while let Some(mut frame) = table.next_frame() {
        while let Some(incoming) = decoder.next_frame(&mut frame).unwrap() {
            seen.push(incoming);
        }
    }
    seen
}

fn data(stream: u32, bytes: &'static [u8], fin: bool) -> Frame {
    let bytes = Bytes::from_static(bytes);
    Frame::Data { stream, bytes, fin }
}

fn read(table: &mut StreamTable, id: u32) -> String {
    match table.read(id, Waker::noop()) {
        StreamRead::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        StreamRead::End { early } => format!("end, early {early}"),
        StreamRead::Pending => "wait".to_owned(),
        StreamRead::Failed(error) => format!("{:?}: {error}", error.kind()),
    }
}

fn write(table: &mut StreamTable, id: u32, bytes: &[u8]) -> io::Result<Option<usize>> {
    table.write(id, bytes, Waker::noop())
}

#[test]
fn a_pair_is_opened_as_kubectl_opens_it() {
    let mut table = table();
    assert_eq!(table.open_streams(8080).unwrap(), 3);
    assert_eq!(table.open_streams(9090).unwrap(), 7);
    let mut reader = Reader::new();
    let mut seen = Vec::new();
    for incoming in sent(&mut table) {
        match incoming {
            Frame::SynStream {
                stream,
                headers,
                fin: false,
            } => {
                let words = reader.headers(&headers);
                let words: Vec<String> = words.iter().map(|(n, v)| format!("{n}={v}")).collect();
                seen.push(format!("{stream} {}", words.join(" ")));
            }
            Frame::Data {
                stream,
                bytes,
                fin: true,
            } if bytes.is_empty() => {
                seen.push(format!("{stream} ends"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        seen,
        [
            "1 streamtype=error port=8080 requestid=0",
            "1 ends",
            "3 streamtype=data port=8080 requestid=0",
            "5 streamtype=error port=9090 requestid=1",
            "5 ends",
            "7 streamtype=data port=9090 requestid=1",
        ]
    );
}

#[test]
fn each_side_closes_independently() {
    for they_first in [true, false] {
        let mut table = table();
        let id = table.open_streams(80).unwrap();
        sent(&mut table);
        let ours = |table: &mut StreamTable| {
            assert_eq!(write(table, id, b"ask").unwrap(), Some(3));
            table.close_write(id);
            table.close_write(id);
            assert_eq!(sent(table), [data(id, b"ask", false), data(id, b"", true)]);
            assert_eq!(
                write(table, id, b"x").unwrap_err().kind(),
                io::ErrorKind::BrokenPipe
            );
        };
        let theirs = |table: &mut StreamTable| {
            assert_eq!(read(table, id), "wait");
            assert_eq!(
                table.receive(&data(id, b"answer", true)),
                ReceiveOutcome::Accepted
            );
            assert_eq!(read(table, id), "answer");
            assert_eq!(read(table, id), "end, early false");
        };
        if they_first {
            theirs(&mut table);
            ours(&mut table);
        } else {
            ours(&mut table);
            theirs(&mut table);
        }
        table.drop_stream(id);
        assert_eq!(sent(&mut table), [], "both sides know");
        assert_eq!(table.stream_count(), 0);
    }
}

#[test]
fn a_stream_that_is_dropped_is_given_up() {
    let mut table = table();
    let (one, two) = (
        table.open_streams(80).unwrap(),
        table.open_streams(80).unwrap(),
    );
    sent(&mut table);
    write(&mut table, one, b"never sent").unwrap();
    table.drop_stream(one);
    write(&mut table, two, b"sent").unwrap();
    table.close_write(two);
    table.drop_stream(two);
    let cancelled = |stream| Frame::RstStream {
        stream,
        status: frame::CANCEL,
    };
    assert_eq!(
        sent(&mut table),
        [
            cancelled(one),
            data(two, b"sent", false),
            data(two, b"", true),
            cancelled(two)
        ]
    );
    // Data received afterwards is ignored.
    assert_eq!(
        table.receive(&data(one, b"late", true)),
        ReceiveOutcome::Accepted
    );
    assert_eq!(table.stream_count(), 0);
}

#[test]
fn error_text_is_reported_once_and_fails_the_stream() {
    let mut table = table();
    let (id, other) = (
        table.open_streams(81).unwrap(),
        table.open_streams(80).unwrap(),
    );
    table.receive(&data(id, b"", true));
    assert_eq!(read(&mut table, id), "end, early true");
    assert_eq!(
        table.receive(&data(1, b"dial: connection ", false)),
        ReceiveOutcome::Accepted
    );
    assert_eq!(
        table.receive(&data(1, b"refused\n", false)),
        ReceiveOutcome::Accepted
    );
    let message = "dial: connection refused".to_owned();
    let reset = |stream| Frame::RstStream {
        stream,
        status: frame::CANCEL,
    };
    assert_eq!(
        table.receive(&reset(1)),
        ReceiveOutcome::PortFailed { port: 81, message }
    );
    assert_eq!(table.receive(&reset(1)), ReceiveOutcome::Accepted);
    assert_eq!(table.receive(&reset(id)), ReceiveOutcome::Accepted);
    assert_eq!(
        read(&mut table, id),
        "ConnectionRefused: dial: connection refused"
    );
    assert!(write(&mut table, id, b"x").is_err());
    assert_eq!(read(&mut table, other), "wait");
    assert!(write(&mut table, other, b"x").is_ok());
}

#[test]
fn an_error_about_a_stream_that_nobody_has_is_not_told() {
    let mut table = table();
    let id = table.open_streams(80).unwrap();
    table.drop_stream(id);
    assert_eq!(
        table.receive(&data(1, b"broken pipe", true)),
        ReceiveOutcome::Accepted
    );
}

#[test]
fn a_port_that_was_given_up_takes_nothing_more() {
    let mut table = table();
    let id = table.open_streams(80).unwrap();
    table.receive(&data(id, b"bye", true));
    // Half-closed: the server still reads.
    assert!(write(&mut table, id, b"x").is_ok());
    table.receive(&data(1, b"", true));
    assert_eq!(
        write(&mut table, id, b"x").unwrap_err().kind(),
        io::ErrorKind::BrokenPipe
    );
    assert_eq!(read(&mut table, id), "bye");
    assert_eq!(read(&mut table, id), "end, early false");
}

#[test]
fn buffers_are_limited() {
    for size in [1, 100, 4096, 32 * 1024] {
        let mut table = table();
        let (id, other) = (
            table.open_streams(80).unwrap(),
            table.open_streams(80).unwrap(),
        );
        let piece = Frame::Data {
            stream: id,
            bytes: vec![0; size].into(),
            fin: false,
        };
        let mut taken = 0;
        while table.receive(&piece) == ReceiveOutcome::Accepted {
            taken += size;
            assert!(taken <= UNREAD_MAX, "pieces of {size}");
        }
        assert_eq!(table.receive(&piece), ReceiveOutcome::StreamFull(id));
        assert_eq!(
            table.receive(&data(other, b"x", false)),
            ReceiveOutcome::Accepted
        );
        let StreamRead::Bytes(_) = table.read(id, Waker::noop()) else {
            panic!("nothing to read")
        };
        assert_eq!(table.receive(&piece), ReceiveOutcome::Accepted);
    }
}

#[test]
fn a_writer_waits_for_the_network() {
    let mut table = table();
    let id = table.open_streams(80).unwrap();
    sent(&mut table);
    let mut written = 0;
    while let Some(count) = write(&mut table, id, &[0; 1_000_000]).unwrap() {
        written += count;
    }
    assert_eq!(written, QUEUED_MAX);
    assert!(!table.stream_mut(id).unwrap().is_flushed(Waker::noop()));
    table.next_frame().unwrap();
    assert!(write(&mut table, id, b"x").unwrap().is_some());
    sent(&mut table);
    assert!(table.stream_mut(id).unwrap().is_flushed(Waker::noop()));
}

#[test]
fn pings_are_answered_but_not_hoarded() {
    let mut table = table();
    for id in 1..1000 {
        table.receive(&Frame::Ping(id));
        table.receive(&Frame::SynStream {
            stream: 2 * id,
            headers: Bytes::new(),
            fin: false,
        });
    }
    let answers = sent(&mut table);
    assert_eq!(answers.len(), QUEUED_ANSWERS_MAX);
    assert_eq!(
        answers[..3],
        [
            Frame::RstStream {
                stream: 2,
                status: frame::REFUSED_STREAM
            },
            Frame::Ping(2),
            Frame::RstStream {
                stream: 4,
                status: frame::REFUSED_STREAM
            },
        ]
    );
    table.receive(&Frame::Ping(4));
    assert_eq!(sent(&mut table), [Frame::Ping(4)]);
}

#[test]
fn after_goaway_streams_go_on_and_none_is_opened() {
    let mut table = table();
    let id = table.open_streams(80).unwrap();
    assert!(matches!(
        table.receive(&Frame::GoAway { status: 0 }),
        ReceiveOutcome::GoAway(_)
    ));
    assert_eq!(
        table.open_streams(80).unwrap_err().kind(),
        io::ErrorKind::NotConnected
    );
    table.receive(&data(id, b"still here", true));
    assert_eq!(read(&mut table, id), "still here");
}

#[test]
fn a_lost_connection_is_not_end_of_stream() {
    let mut table = table();
    let (half, whole) = (
        table.open_streams(80).unwrap(),
        table.open_streams(80).unwrap(),
    );
    table.receive(&data(half, b"hal", false));
    table.receive(&data(whole, b"whole", true));
    table.close("the server closed the connection");
    assert_eq!(read(&mut table, half), "hal");
    assert_eq!(
        read(&mut table, half),
        "ConnectionReset: the server closed the connection"
    );
    assert_eq!(read(&mut table, whole), "whole");
    assert_eq!(read(&mut table, whole), "end, early false");
    assert!(write(&mut table, whole, b"x").is_err());
    assert!(table.open_streams(80).is_err());
    table.drop_stream(half);
    table.drop_stream(whole);
    assert!(!table.has_queued());
}

#[test]
fn running_out_of_stream_numbers_needs_a_new_connection() {
    let mut table = table();
    table.next_stream = LAST_STREAM - 1;
    let last = table.open_streams(80).unwrap();
    assert!(last <= 0x7fff_ffff);
    assert_eq!(
        table.open_streams(80).unwrap_err().kind(),
        io::ErrorKind::NotConnected
    );
}

#[test]
fn five_hundred_streams_leave_no_state() {
    let mut table = table();
    for _ in 0..500 {
        let id = table.open_streams(80).unwrap();
        write(&mut table, id, b"ask").unwrap();
        table.close_write(id);
        table.receive(&data(id, b"answer", true));
        table.receive(&data(id - 2, b"", true));
        table.drop_stream(id);
        sent(&mut table);
    }
    assert_eq!(
        (table.streams.len(), table.errors.len(), table.queue.len()),
        (0, 0, 0)
    );
}
