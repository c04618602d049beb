//! `pods/portforward` in version 4 of the protocol: a WebSocket for one port, which sends back what it gets.

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::exec::{frame, unmasked};

/// Its subprotocol.
pub(crate) const PROTOCOL: &str = "v4.channel.k8s.io";
const DATA: u8 = 0;
const ERROR: u8 = 1;
/// Bytes of a frame of the server.
const PIECE: usize = 16 * 1024;

/// How a port of a Pod goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Port {
    /// It cannot be served: the server says so, in these words, once the connection stands.
    pub(crate) refused: Option<String>,
}

/// Serves one connection to its end.
pub(crate) async fn carry(upgrade: hyper::upgrade::OnUpgrade, port: Port, number: u16) {
    let Ok(upgraded) = upgrade.await else { return };
    let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
    let mut answer = Vec::new();
    // Each channel begins with the port that it is for.
    for channel in [DATA, ERROR] {
        frame(&mut answer, 2, channel, &number.to_le_bytes());
    }
    if let Some(words) = &port.refused {
        frame(&mut answer, 2, ERROR, words.as_bytes());
    }
    let mut heard = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    // A client that hangs up has heard enough.
    while write.write_all(&answer).await.is_ok() && write.flush().await.is_ok() {
        answer.clear();
        let Ok(count @ 1..) = read.read(&mut buffer).await else {
            return;
        };
        heard.extend(&buffer[..count]);
        while let Some((payload, end)) = unmasked(&heard) {
            heard.drain(..end);
            if let Some((&DATA, data)) = payload.split_first() {
                for piece in data.chunks(PIECE) {
                    frame(&mut answer, 2, DATA, piece);
                }
            }
        }
    }
}
