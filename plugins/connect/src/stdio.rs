//! Standard input and output, to and from a port: what ssh calls a ProxyCommand.

use std::pin::pin;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::future::{Either, select};
use session_shared::client::forward::Forwarder;
use session_shared::ops::Cluster;
use session_shared::ops::missing_right;
use session_shared::report::terminal::{Inlet, Outlet};
use session_shared::verb::Ground;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::link;

/// Bytes that are read at a time.
const CHUNK: usize = 64 * 1024;

/// Passes everything in both directions until both are at their end.
///
/// # Errors
/// What the server refuses, and a connection that is lost.
pub(crate) async fn run(
    cluster: &Cluster,
    forwarder: &Forwarder,
    port: u16,
    ground: &mut Ground,
) -> Result<()> {
    let opened = forwarder.open(port).await;
    let stream = opened.map_err(|error| missing_right::explain(error, cluster, link::RIGHT))?;
    let console = &mut ground.console;
    let is_typed = console.reads_terminal();
    let (out, _) = console.outlets();
    let (read, write) = tokio::io::split(stream);
    let heard = pin!(receive(read, &out));
    let told = pin!(send(console.inlet(), write));
    match select(heard, told).await {
        Either::Left((heard, told)) => {
            heard?;
            // Somebody who types cannot be told that nobody listens any more, but by our end.
            if is_typed || !out.close() {
                return Ok(());
            }
            // What the other side does not want any more is no error of ours.
            let _ = told.await;
            Ok(())
        }
        Either::Right((told, heard)) => {
            let heard = heard.await;
            heard.and(told)
        }
    }
}

async fn receive<S: tokio::io::AsyncRead>(mut read: ReadHalf<S>, out: &Outlet) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = read.read(&mut buffer).await;
        match count.context("lost the connection to the port")? {
            0 => return Ok(()),
            count => out.write(Bytes::copy_from_slice(&buffer[..count])).await?,
        }
    }
}

async fn send<S: tokio::io::AsyncWrite>(mut input: Inlet, mut write: WriteHalf<S>) -> Result<()> {
    while let Some(bytes) = input.next().await {
        write
            .write_all(&bytes)
            .await
            .context("lost the connection to the port")?;
    }
    // It may be closed from the other side already.
    let _ = write.shutdown().await;
    Ok(())
}
