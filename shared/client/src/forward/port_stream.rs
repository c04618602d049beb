//! A stream to a port of a Pod.

use tokio::io::{AsyncRead, AsyncWrite};

/// A stream to a port of a Pod. Shutting it down signals the end of the data to the server; reading continues.
pub trait PortStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> PortStream for T {}
