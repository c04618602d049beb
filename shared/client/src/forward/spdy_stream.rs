//! A stream of a multiplexed connection, for readers and writers.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::mux_connection::MuxConnection;
use super::stream_state::{StreamRead, StreamState};

/// Delay of an end before the first byte. The server ends a refused stream first and reports the reason afterwards.
const ERROR_DELAY: Duration = Duration::from_millis(200);

/// A stream to a port of the Pod. Dropping it closes the stream on both sides.
#[derive(Debug)]
pub(super) struct SpdyStream {
    connection: Arc<MuxConnection>,
    id: u32,
    error_delay: Option<Pin<Box<Sleep>>>,
}

impl SpdyStream {
    /// Opens a stream to a port of the Pod.
    ///
    /// # Errors
    /// An error of kind `NotConnected` if a new connection is needed.
    pub(super) fn open(connection: &Arc<MuxConnection>, port: u16) -> io::Result<Self> {
        let shared = connection.shared();
        let id = shared.table().open_streams(port)?;
        shared.wake_writer();
        Ok(Self {
            connection: connection.clone(),
            id,
            error_delay: None,
        })
    }
}

impl AsyncRead for SpdyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let id = self.id;
        let shared = self.connection.shared();
        let mut table = shared.table();
        match table.read(id, context.waker()) {
            StreamRead::Bytes(mut bytes) => {
                let length = bytes.len().min(into.remaining());
                into.put_slice(bytes.get(..length).unwrap_or_default());
                bytes.advance(length);
                if let Some(lane) = table.stream_mut(id) {
                    lane.unread(bytes);
                }
                drop(table);
                shared.wake_reader();
                Poll::Ready(Ok(()))
            }
            StreamRead::Pending => Poll::Pending,
            StreamRead::Failed(error) => Poll::Ready(Err(error)),
            StreamRead::End { early: false } => Poll::Ready(Ok(())),
            StreamRead::End { early: true } => {
                drop(table);
                let verdict = self
                    .error_delay
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(ERROR_DELAY)));
                verdict.as_mut().poll(context).map(Ok)
            }
        }
    }
}

impl AsyncWrite for SpdyStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let shared = self.connection.shared();
        let written = shared.table().write(self.id, bytes, context.waker())?;
        match written {
            Some(length) => {
                shared.wake_writer();
                Poll::Ready(Ok(length))
            }
            None => Poll::Pending,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut table = self.connection.shared().table();
        let is_flushed = |lane: &mut StreamState| lane.is_flushed(context.waker());
        if table.stream_mut(self.id).is_none_or(is_flushed) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shared = self.connection.shared();
        shared.table().close_write(self.id);
        shared.wake_writer();
        Poll::Ready(Ok(()))
    }
}

impl Drop for SpdyStream {
    fn drop(&mut self) {
        let shared = self.connection.shared();
        shared.table().drop_stream(self.id);
        shared.wake_writer();
        shared.wake_reader();
    }
}
