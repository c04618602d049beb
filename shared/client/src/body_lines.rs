//! Response bodies split into lines, as watches send them.

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};

use super::read_limits::ReadLimit;

/// The reason why there is no next line.
#[derive(Debug)]
pub(super) enum LineError {
    /// The connection was lost. The cause is irrelevant: a watch continues from its resourceVersion.
    ConnectionLost,
    /// The line exceeds the limit.
    TooLong,
}

/// A reader of the lines of a body.
pub(super) struct BodyLines {
    pieces: BoxStream<'static, Result<Bytes, kube::Error>>,
    rest: Vec<u8>,
    /// Bytes of `rest` already searched for a line end, so that a long line is searched once.
    searched: usize,
    limit: ReadLimit,
}

impl BodyLines {
    /// Creates a reader of lines up to `limit` bytes.
    pub(super) fn new(
        pieces: impl Stream<Item = Result<Bytes, kube::Error>> + Send + 'static,
        limit: ReadLimit,
    ) -> Self {
        Self {
            pieces: pieces.boxed(),
            rest: Vec::new(),
            searched: 0,
            limit,
        }
    }

    /// Returns the next complete, non-empty line; `None` at the end. An incomplete last line is dropped: the connection
    /// was interrupted.
    pub(super) async fn next_line(&mut self) -> Option<Result<Vec<u8>, LineError>> {
        loop {
            let end = self
                .rest
                .iter()
                .skip(self.searched)
                .position(|byte| *byte == b'\n')
                .map(|end| self.searched + end + 1);
            if end.unwrap_or(self.rest.len()) > self.limit.bytes {
                return Some(Err(LineError::TooLong));
            }
            if let Some(end) = end {
                let tail = self.rest.split_off(end);
                let line = std::mem::replace(&mut self.rest, tail);
                self.searched = 0;
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Some(Ok(line));
            }
            self.searched = self.rest.len();
            match self.pieces.next().await? {
                Ok(piece) => self.rest.extend_from_slice(&piece),
                Err(_) => return Some(Err(LineError::ConnectionLost)),
            }
        }
    }
}
