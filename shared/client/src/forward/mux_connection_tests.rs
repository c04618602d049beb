use std::collections::HashMap;

use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::frame;
use super::super::header_compressor::tests::Reader;
use super::super::spdy_stream::SpdyStream;
use super::*;

/// The server's side: accepts streams and echoes the data of each until its end.
struct Echo {
    socket: WebSocketStream<DuplexStream>,
    headers: Reader,
    /// Data streams with their error streams.
    pairs: HashMap<u32, u32>,
    errors: Vec<u32>,
    /// Ports without a listener.
    refused: &'static str,
}

impl Echo {
    async fn serve(mut self) {
        let mut decoder = FrameDecoder::default();
        while let Some(Ok(message)) = self.socket.next().await {
            let Message::Binary(mut bytes) = message else {
                continue;
            };
            while let Some(incoming) = decoder.next_frame(&mut bytes).unwrap() {
                self.answer(incoming).await;
            }
        }
    }

    async fn answer(&mut self, incoming: Frame) {
        match incoming {
            Frame::SynStream {
                stream, headers, ..
            } => {
                let words = self.headers.headers(&headers);
                self.send(&replied(stream)).await;
                if words[0].1 == "error" {
                    self.errors.push(stream);
                    return;
                }
                let error = self.errors.pop().unwrap();
                if words[1].1 == self.refused {
                    self.send(&frame::data(stream, b"", true)).await;
                    self.send(&frame::data(error, b"connection refused", false))
                        .await;
                    self.send(&frame::rst_stream(error, frame::CANCEL)).await;
                    return;
                }
                self.pairs.insert(stream, error);
            }
            Frame::Data { stream, bytes, fin } => {
                let Some(&error) = self.pairs.get(&stream) else {
                    return;
                };
                self.send(&frame::data(stream, &bytes, fin)).await;
                if fin {
                    self.send(&frame::data(error, b"", true)).await;
                    self.pairs.remove(&stream);
                }
            }
            Frame::RstStream { stream, .. } => {
                if let Some(error) = self.pairs.remove(&stream) {
                    self.send(&frame::data(error, b"", true)).await;
                }
            }
            _ => {}
        }
    }

    /// Sends each field as a message of its own, as Go's implementation does.
    async fn send(&mut self, frame: &Bytes) {
        for piece in [frame.slice(..4), frame.slice(4..8), frame.slice(8..)] {
            // The client may have disconnected.
            let _ = self.socket.send(Message::Binary(piece)).await;
        }
    }
}

fn replied(stream: u32) -> Bytes {
    let [a, b, c, d] = stream.to_be_bytes();
    Bytes::from(vec![0x80, 3, 0, 2, 0, 0, 0, 4, a, b, c, d])
}

struct TestConnection {
    connection: Arc<MuxConnection>,
    failures: mpsc::UnboundedReceiver<(u16, String)>,
    server: tokio::task::JoinHandle<()>,
}

async fn world(limits: MuxLimits) -> TestConnection {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let socket = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
    let echo = Echo {
        socket,
        headers: Reader::new(),
        pairs: HashMap::new(),
        errors: Vec::new(),
        refused: "81",
    };
    let (tell, failures) = mpsc::unbounded_channel();
    let failed: PortFailureHandler = Arc::new(move |port, message| {
        let _ = tell.send((port, message));
    });
    let socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    TestConnection {
        connection: MuxConnection::new(socket, limits, failed).unwrap(),
        failures,
        server: tokio::spawn(echo.serve()),
    }
}

#[tokio::test]
async fn streams_side_by_side_bring_back_what_they_took() {
    let world = world(MuxLimits::default()).await;
    let mut echoes = JoinSet::new();
    for number in 0..50_u8 {
        let mut stream = SpdyStream::open(&world.connection, 80).unwrap();
        echoes.spawn(async move {
            let sent: Vec<u8> = (0..300_000_u32)
                .map(|at| (at % 251) as u8 ^ number)
                .collect();
            let (mut read, mut write) = tokio::io::split(&mut stream);
            let (back, written) = futures::join!(
                async {
                    let mut back = Vec::new();
                    read.read_to_end(&mut back).await.map(|_| back)
                },
                async {
                    write.write_all(&sent).await?;
                    write.shutdown().await
                }
            );
            written.unwrap();
            assert!(back.unwrap() == sent, "stream {number}");
        });
    }
    while let Some(echo) = echoes.join_next().await {
        echo.unwrap();
    }
    assert_eq!(world.connection.stream_count(), 0);
}

#[tokio::test]
async fn a_refused_port_is_told_and_harms_no_other() {
    let mut world = world(MuxLimits::default()).await;
    let mut other = SpdyStream::open(&world.connection, 80).unwrap();
    let mut refused = SpdyStream::open(&world.connection, 81).unwrap();
    let error = refused.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.to_string(), "connection refused");
    let told = world.failures.recv().await.unwrap();
    assert_eq!(told, (81, "connection refused".to_owned()));
    other.write_all(b"ask").await.unwrap();
    let mut back = [0; 3];
    other.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ask");
    assert!(SpdyStream::open(&world.connection, 80).is_ok());
}

#[tokio::test]
async fn a_lost_connection_fails_open_streams() {
    let world = world(MuxLimits::default()).await;
    let mut stream = SpdyStream::open(&world.connection, 80).unwrap();
    world.server.abort();
    let error = stream.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert!(matches!(
        world.connection.wait_closed().await,
        CloseReason::Lost(_)
    ));
    assert!(SpdyStream::open(&world.connection, 80).is_err());
}

#[tokio::test]
async fn a_silent_server_is_disconnected() {
    let limits = MuxLimits {
        idle_timeout: Duration::ZERO,
        ..MuxLimits::default()
    };
    let world = world(limits).await;
    let why = world.connection.wait_closed().await;
    assert_eq!(
        why,
        CloseReason::Lost("no data from the server for 0 s".to_owned())
    );
}

#[tokio::test]
async fn an_unread_stream_is_closed_for_the_others() {
    let limits = MuxLimits {
        reader_timeout: Duration::ZERO,
        stall_threshold: Duration::ZERO,
        ..MuxLimits::default()
    };
    let mut world = world(limits).await;
    let mut other = SpdyStream::open(&world.connection, 80).unwrap();
    let slow = SpdyStream::open(&world.connection, 82).unwrap();
    let (mut unread, mut write) = tokio::io::split(slow);
    let flood = vec![7; 3 * 1024 * 1024];
    // The echo is received and not read.
    let _ = write.write_all(&flood).await;
    let (port, message) = world.failures.recv().await.unwrap();
    assert_eq!(port, 82);
    assert!(message.contains("blocked the others"), "{message}");
    assert!(unread.read(&mut [0; 8]).await.is_err());
    other.write_all(b"ask").await.unwrap();
    let mut back = [0; 3];
    other.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ask");
}

#[tokio::test]
async fn a_single_unread_stream_stays_open() {
    let limits = MuxLimits {
        reader_timeout: Duration::ZERO,
        stall_threshold: Duration::ZERO,
        ..MuxLimits::default()
    };
    let world = world(limits).await;
    let slow = SpdyStream::open(&world.connection, 82).unwrap();
    let (mut read, mut write) = tokio::io::split(slow);
    let writing = tokio::spawn(async move {
        write.write_all(&vec![7; 3 * 1024 * 1024]).await.unwrap();
        write.shutdown().await.unwrap();
    });
    while !world.connection.is_blocked() {
        tokio::task::yield_now().await;
    }
    let mut back = Vec::new();
    read.read_to_end(&mut back).await.unwrap();
    writing.await.unwrap();
    assert_eq!(back.len(), 3 * 1024 * 1024);
}
