//! Commands in containers without input and terminal: hooks, and scripts that print a few lines.

use std::time::Duration;

use anyhow::{Result, bail};

use super::remote_command::{ExecExit, ExecOutput, ExecRequest};
use super::{Cluster, ContainerRef};
use session_model::failure::{Failure, FailureKind};

/// Bytes of each output stream that are kept.
const OUTPUT_BYTES: usize = 64 * 1024;

/// The end and the output of a command in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecResult {
    /// End of the command: exit code, or the reason why it was not started.
    pub exit: ExecExit,
    /// The first 64 KiB of stdout.
    pub stdout: Vec<u8>,
    /// The last 64 KiB of stderr.
    pub stderr: Vec<u8>,
}

/// Treatment of a command whose stdout is longer than what is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LongOutput {
    /// The rest is read and dropped.
    Drop,
    /// The command is given up.
    Refuse,
}

impl ExecResult {
    /// Returns the exit code.
    ///
    /// # Errors
    /// A Failure: the server's if the command could not be started, Unreachable if the connection was lost before it ended.
    pub fn code(&self) -> Result<i32> {
        match &self.exit {
            ExecExit::Code(code) => Ok(*code),
            ExecExit::NotStarted { failure, .. } => Err(failure.clone().into()),
            ExecExit::ConnectionLost => {
                Err(Failure::client_side(FailureKind::Unreachable, "unexpected EOF").into())
            }
        }
    }

    /// Returns the last line of stderr as `: LINE`; empty if there is none.
    pub fn error_suffix(&self) -> String {
        last_line_suffix(&self.stderr, |_| false)
    }
}

impl Cluster {
    /// Runs a command in a container without input, for at most `limit`. After a time-out the command may go on running.
    ///
    /// # Errors
    /// Whatever the server refuses; a Failure of kind TimedOut after `limit`.
    pub async fn exec(
        &self,
        container: &ContainerRef,
        argv: &[String],
        limit: Duration,
    ) -> Result<ExecResult> {
        self.collect_output(container, argv, limit, LongOutput::Drop)
            .await
    }

    /// As [`Cluster::exec`], with a choice of what a long output means.
    ///
    /// # Errors
    /// As [`Cluster::exec`]; too much output with [`LongOutput::Refuse`].
    pub(super) async fn collect_output(
        &self,
        container: &ContainerRef,
        argv: &[String],
        limit: Duration,
        long: LongOutput,
    ) -> Result<ExecResult> {
        let request = ExecRequest {
            container,
            argv,
            stdin: false,
            tty: false,
        };
        let run = async {
            let mut remote = self.start_exec(&request).await?;
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            loop {
                match remote.next_output().await? {
                    ExecOutput::Stdout(bytes) => {
                        let room = OUTPUT_BYTES - stdout.len();
                        if long == LongOutput::Refuse && bytes.len() > room {
                            bail!("{} printed more than 64 KiB", container.display_name());
                        }
                        stdout.extend(bytes.iter().take(room));
                    }
                    ExecOutput::Stderr(bytes) => append_tail(&mut stderr, &bytes),
                    ExecOutput::Exited(exit) => {
                        return Ok(ExecResult {
                            exit,
                            stdout,
                            stderr,
                        });
                    }
                }
            }
        };
        tokio::time::timeout(limit, run).await.unwrap_or_else(|_| {
            let program = argv.first().map_or("", String::as_str);
            let message = format!(
                "timed out after {} s waiting for {program:?} in pod {:?}",
                limit.as_secs(),
                container.pod
            );
            Err(Failure::client_side(FailureKind::TimedOut, message).into())
        })
    }
}

/// Appends bytes and drops the beginning beyond the limit.
pub(super) fn append_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend_from_slice(bytes);
    let over = tail.len().saturating_sub(OUTPUT_BYTES);
    tail.drain(..over);
}

/// Returns the last line of a command's stderr that is neither empty nor `noise`, as `: LINE`; empty if there is none.
pub(super) fn last_line_suffix(stderr: &[u8], noise: impl Fn(&str) -> bool) -> String {
    let text = String::from_utf8_lossy(stderr);
    let mut lines = text.lines().rev().map(str::trim);
    let last = lines.find(|line| !line.is_empty() && !noise(line));
    last.map_or(String::new(), |line| format!(": {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_what_is_said_is_kept() {
        let mut told = Vec::new();
        append_tail(&mut told, &vec![b'x'; OUTPUT_BYTES]);
        append_tail(&mut told, b"end");
        assert_eq!(told.len(), OUTPUT_BYTES);
        assert!(told.ends_with(b"xend"));
    }
}
