//! `--stdio`: connects standard input and output to a port, as a ProxyCommand of ssh.

use std::pin::pin;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use futures::future::{Either, select};
use session_shared::Pod;
use session_shared::client::forward::Forwarder;
use session_shared::objects::metadata::name_of;
use session_shared::report::terminal::{RawOutput, StdinStream};
use session_shared::verb::Environment;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::serve_ports;

/// Buffer size in bytes for reading.
const CHUNK: usize = 64 * 1024;

/// Copies both directions until both have ended.
///
/// # Errors
/// The server's refusal; a lost connection.
pub(crate) async fn run(
    forwarder: &Forwarder,
    pod: &Pod,
    port: u16,
    environment: &mut Environment,
) -> Result<()> {
    let stream = forwarder.open_stream(port).await?;
    let console = &mut environment.console;
    let is_typed = console.stdin_is_terminal();
    let (out, _) = console.raw_outputs();
    let (read, write) = tokio::io::split(stream);
    let received = pin!(receive(read, &out));
    let sent = pin!(send(console.stdin_stream(), write));
    match select(received, sent).await {
        Either::Left((received, sent)) => {
            received.map_err(|error| explain_closed_port(error, pod, port))?;
            // A user who types cannot notice that the port is closed unless this program ends.
            if is_typed || !out.close() {
                return Ok(());
            }
            // Input that the closed port no longer reads is not an error.
            let _ = sent.await;
            Ok(())
        }
        Either::Right((sent, received)) => {
            let received = received.await;
            let received = received.map_err(|error| explain_closed_port(error, pod, port));
            received.and(sent)
        }
    }
}

/// Words the node's text about a port without a listener as --port-forward does.
fn explain_closed_port(error: anyhow::Error, pod: &Pod, port: u16) -> anyhow::Error {
    if !format!("{error:#}").contains("connection refused") {
        return error;
    }
    let name = name_of(&pod.metadata);
    let others = serve_ports::other_ports(pod, port);
    anyhow!("nothing listens on port {port} of pod {name:?}{others}")
}

async fn receive<S: tokio::io::AsyncRead>(mut read: ReadHalf<S>, out: &RawOutput) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = read.read(&mut buffer).await;
        match count.context("lost the connection to the port")? {
            0 => return Ok(()),
            count => out.write(Bytes::copy_from_slice(&buffer[..count])).await?,
        }
    }
}

async fn send<S: tokio::io::AsyncWrite>(
    mut input: StdinStream,
    mut write: WriteHalf<S>,
) -> Result<()> {
    while let Some(bytes) = input.read_chunk().await {
        write
            .write_all(&bytes)
            .await
            .context("lost the connection to the port")?;
    }
    // The other side may have closed the stream already.
    let _ = write.shutdown().await;
    Ok(())
}
