//! Output streams that can be shared, and buffers in their place for tests.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Error of a write to standard output that nobody reads any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputClosed;

impl fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for OutputClosed {}

/// Output stream with several writers: the console and the live line share standard error.
#[derive(Clone)]
pub(super) struct SharedStream(Arc<Mutex<Box<dyn Write + Send>>>);

impl SharedStream {
    pub(super) fn new(stream: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(stream))))
    }

    /// Writes everything and flushes.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = lock(&self.0);
        stream.write_all(bytes)?;
        stream.flush()
    }
}

impl fmt::Debug for SharedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

/// Locks a mutex, even if a thread panicked while holding it: the stream is still usable.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True if standard output was closed when the process began, or is open for reading only. Rust replaces a closed
/// stream by /dev/null opened for reading and writing before `main`; `>/dev/null` opens it for writing only. The
/// standard library does not report writes to such a stream as errors.
pub(super) fn is_stdout_closed() -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};
        let out = io::stdout();
        let (Ok(flags), Ok(found)) = (fcntl_getfl(&out), fstat(&out)) else {
            return true;
        };
        let is_null = stat("/dev/null").is_ok_and(|null| null.st_rdev == found.st_rdev);
        match flags & OFlags::RWMODE {
            OFlags::RDONLY => true,
            OFlags::RDWR => is_null,
            _ => false,
        }
    }
    #[cfg(not(unix))]
    false
}

/// Stream that stores what is written to it.
#[derive(Clone, Debug, Default)]
struct TestStream(Arc<Mutex<StreamContents>>);

#[derive(Debug, Default)]
struct StreamContents {
    bytes: Vec<u8>,
    closed: bool,
}

impl TestStream {
    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0).bytes).into_owned()
    }
}

impl Write for TestStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = lock(&self.0);
        if kept.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        kept.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Output of a captured console.
#[derive(Clone, Debug, Default)]
pub struct CapturedOutput {
    out: TestStream,
    err: TestStream,
}

impl CapturedOutput {
    /// Returns everything written to standard output so far.
    pub fn stdout(&self) -> String {
        self.out.text()
    }

    /// Returns the bytes written to standard output so far.
    pub fn stdout_bytes(&self) -> Vec<u8> {
        lock(&self.out.0).bytes.clone()
    }

    /// Returns everything written to standard error so far.
    pub fn stderr(&self) -> String {
        self.err.text()
    }

    /// Closes the reading end of standard output, as `| head` does.
    pub fn close_stdout(&self) {
        lock(&self.out.0).closed = true;
    }

    /// Closes the reading end of standard error.
    pub fn close_stderr(&self) {
        lock(&self.err.0).closed = true;
    }

    pub(super) fn streams(&self) -> (SharedStream, SharedStream) {
        (
            SharedStream::new(self.out.clone()),
            SharedStream::new(self.err.clone()),
        )
    }
}
