//! The user's terminal as a session's shell needs it: raw mode, size changes, and streams of bytes.
//!
//! A normal end, an error and a signal drop [`RawModeGuard`], which restores the terminal. A panic, which ends a release build
//! without dropping anything, is caught by a panic hook. Only SIGKILL leaves the terminal raw.

use std::io;
use std::sync::Once;

use anyhow::{Context, Result};

use super::console::{Console, OutputClosed};
use super::streams::SharedStream;

/// Columns and rows if the terminal reports none.
const DEFAULT_SIZE: (u16, u16) = (80, 24);
/// Bytes per read of standard input.
const STDIN_READ_BYTES: usize = 64 * 1024;
/// Chunks of input that are read ahead.
const STDIN_CHUNKS_AHEAD: usize = 4;

/// Guard of raw mode. Dropping it restores the terminal.
#[derive(Debug)]
pub struct RawModeGuard {
    is_real: bool,
}

impl Drop for RawModeGuard {
    fn drop(&mut self) {
        if self.is_real {
            leave_raw_mode();
        }
    }
}

/// Ends raw mode if it is on. A closed terminal is ignored.
pub fn leave_raw_mode() {
    let _ = crossterm::terminal::disable_raw_mode();
}

/// Returns standard error without its lock, which another thread may hold for ever.
///
/// # Errors
/// Standard error is closed.
pub fn unlocked_stderr() -> io::Result<std::fs::File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
    }
    #[cfg(windows)]
    {
        use std::os::windows::io::AsHandle;
        Ok(io::stderr().as_handle().try_clone_to_owned()?.into())
    }
}

fn leave_raw_mode_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave_raw_mode();
            told(panic);
        }));
    });
}

/// Watcher of the terminal's size.
#[derive(Debug)]
pub struct TerminalSizes {
    is_real: bool,
    #[cfg(unix)]
    changed: Option<tokio::signal::unix::Signal>,
}

impl TerminalSizes {
    /// Returns the current columns and rows; neither is 0.
    pub fn current(&self) -> (u16, u16) {
        if !self.is_real {
            return DEFAULT_SIZE;
        }
        nonzero_size(crossterm::terminal::size().unwrap_or_default())
    }

    /// Waits for the next change and returns the new size; never returns where changes are not signalled.
    pub async fn wait_changed(&mut self) -> (u16, u16) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.changed
            && signal.recv().await.is_some()
        {
            return self.current();
        }
        std::future::pending().await
    }
}

/// Replaces a size of 0, by which a program might divide.
fn nonzero_size((columns, rows): (u16, u16)) -> (u16, u16) {
    let or = |size, usual| if size == 0 { usual } else { size };
    (or(columns, DEFAULT_SIZE.0), or(rows, DEFAULT_SIZE.1))
}

/// Output stream for raw bytes, written apart from the console.
#[derive(Clone, Debug)]
pub struct RawOutput(SharedStream);

impl RawOutput {
    /// Writes everything from a thread of its own, so that a slow reader does not keep the command from handling
    /// Ctrl-C.
    ///
    /// # Errors
    /// [`OutputClosed`] if nobody reads any more, else the cause of the failed write.
    pub async fn write(&self, bytes: bytes::Bytes) -> Result<()> {
        let stream = self.0.clone();
        match tokio::task::spawn_blocking(move || stream.write(&bytes)).await? {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(OutputClosed.into()),
            other => other.context("failed to write to standard output"),
        }
    }
}

impl RawOutput {
    /// Closes standard output while the command goes on, so that its reader sees the end. Returns false where that is
    /// not possible.
    pub fn close(&self) -> bool {
        #[cfg(unix)]
        {
            let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null");
            nowhere.is_ok_and(|file| rustix::stdio::dup2_stdout(file).is_ok())
        }
        #[cfg(not(unix))]
        false
    }
}

/// Standard input in chunks. It is read ahead: input that is left when the program ends is lost.
#[derive(Debug)]
pub struct StdinStream(tokio::sync::mpsc::Receiver<bytes::Bytes>);

impl StdinStream {
    /// Returns the next chunk; `None` at the end.
    pub async fn read_chunk(&mut self) -> Option<bytes::Bytes> {
        self.0.recv().await
    }
}

impl Console {
    /// Puts the terminal of standard input into raw mode.
    ///
    /// # Errors
    /// The terminal refuses.
    pub fn enter_raw_mode(&self) -> Result<RawModeGuard> {
        let is_real = !self.is_captured();
        if is_real {
            leave_raw_mode_on_panic();
            crossterm::terminal::enable_raw_mode().context("failed to set up the terminal")?;
        }
        Ok(RawModeGuard { is_real })
    }

    /// True if standard input is a terminal that another job has: reading it, or changing its mode, would stop this process.
    pub fn is_in_background(&self) -> bool {
        #[cfg(unix)]
        {
            use rustix::{process::getpgrp, termios::tcgetpgrp};
            !self.is_captured()
                && self.stdin_is_terminal()
                && tcgetpgrp(io::stdin()).is_ok_and(|job| job != getpgrp())
        }
        #[cfg(not(unix))]
        false
    }

    /// Returns a watcher of the terminal's size.
    pub fn terminal_sizes(&self) -> TerminalSizes {
        let is_real = !self.is_captured();
        TerminalSizes {
            is_real,
            #[cfg(unix)]
            changed: is_real
                .then(|| {
                    let kind = tokio::signal::unix::SignalKind::window_change();
                    tokio::signal::unix::signal(kind).ok()
                })
                .flatten(),
        }
    }

    /// Returns standard output and standard error for raw bytes, without escaping.
    pub fn raw_outputs(&self) -> (RawOutput, RawOutput) {
        let (out, err) = self.streams();
        (RawOutput(out), RawOutput(err))
    }

    /// Returns standard input in chunks, read by a thread of its own. Every other reader finds it at its end from then
    /// on.
    pub fn stdin_stream(&mut self) -> StdinStream {
        let mut input = self.take_stdin();
        let (send, receive) = tokio::sync::mpsc::channel(STDIN_CHUNKS_AHEAD);
        // Not a thread of the runtime: its read cannot be ended, and shutting down the runtime would wait for it.
        std::thread::spawn(move || {
            let mut buffer = vec![0; STDIN_READ_BYTES];
            loop {
                match input.read(&mut buffer) {
                    Ok(count @ 1..) => {
                        let piece = bytes::Bytes::copy_from_slice(&buffer[..count]);
                        if send.blocking_send(piece).is_err() {
                            return;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    _ => return,
                }
            }
        });
        StdinStream(receive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_is_without_columns_or_rows() {
        assert_eq!(nonzero_size((0, 0)), (80, 24));
        assert_eq!(nonzero_size((0, 50)), (80, 50));
        assert_eq!(nonzero_size((132, 43)), (132, 43));
    }

    #[tokio::test]
    async fn input_comes_whole_and_ends() {
        let (mut console, _) = Console::for_test(&"x".repeat(200_000), false);
        let mut inlet = console.stdin_stream();
        let mut length = 0;
        while let Some(piece) = inlet.read_chunk().await {
            length += piece.len();
        }
        assert_eq!(length, 200_000);
    }

    #[tokio::test]
    async fn a_closed_output_is_told() {
        let (console, captured) = Console::for_test("", false);
        let (out, err) = console.raw_outputs();
        out.write(bytes::Bytes::from_static(b"\x1b[31m"))
            .await
            .unwrap();
        assert_eq!(captured.stdout(), "\x1b[31m");
        captured.close_stdout();
        let error = out
            .write(bytes::Bytes::from_static(b"x"))
            .await
            .unwrap_err();
        assert!(error.is::<OutputClosed>());
        err.write(bytes::Bytes::from_static(b"y")).await.unwrap();
        assert_eq!(captured.stderr(), "y");
    }
}
