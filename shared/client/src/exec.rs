//! Commands in containers without input and terminal, such as hooks.

use std::time::Duration;

use anyhow::Result;

use super::Cluster;
use super::failure_of_response::{exit_code, failure_of_status};
use super::remote_command::{ExecMessage, ExecRequest};
use session_model::failure::{Failure, FailureKind};

/// Bytes of each output stream that are kept; the rest is read and dropped.
const OUTPUT_HEAD_BYTES: usize = 64 * 1024;

/// The exit code and output of a command in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecResult {
    /// The exit code.
    pub code: i32,
    /// The first 64 KiB of stdout.
    pub stdout: Vec<u8>,
    /// The first 64 KiB of stderr.
    pub stderr: Vec<u8>,
}

impl Cluster {
    /// Runs a command in a container without input, for at most `limit`. After a time-out the command may go on running.
    ///
    /// # Errors
    /// A Failure: of kind TimedOut after `limit`, Unreachable if the connection is lost before the command exits.
    pub async fn exec(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        command: &[String],
        limit: Duration,
    ) -> Result<ExecResult> {
        let work = self.exec_without_timeout(namespace, pod, container, command);
        match tokio::time::timeout(limit, work).await {
            Ok(executed) => executed,
            Err(_) => {
                let program = command.first().map_or("", String::as_str);
                let message = format!(
                    "timed out after {} s waiting for {program:?} in pod \"{pod}\"",
                    limit.as_secs()
                );
                Err(Failure::client_side(FailureKind::TimedOut, message).into())
            }
        }
    }

    async fn exec_without_timeout(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        command: &[String],
    ) -> Result<ExecResult> {
        let running = ExecRequest {
            namespace,
            pod,
            container,
            argv: command,
            stdin: false,
            tty: false,
        };
        let mut remote = self.start_exec(&running).await?;
        let mut done = ExecResult::default();
        loop {
            match remote.next_message().await? {
                ExecMessage::Stdout(bytes) => append_head(&mut done.stdout, &bytes),
                ExecMessage::Stderr(bytes) => append_head(&mut done.stderr, &bytes),
                ExecMessage::Status(status) => {
                    done.code = exit_code(&status)
                        .ok_or_else(|| failure_of_status(&status, 0, remote.subject()))?;
                    return Ok(done);
                }
                ExecMessage::ConnectionLost => {
                    return Err(
                        Failure::client_side(FailureKind::Unreachable, "unexpected EOF").into(),
                    );
                }
            }
        }
    }
}

/// Appends bytes until the stream's limit is reached.
fn append_head(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = OUTPUT_HEAD_BYTES
        .saturating_sub(kept.len())
        .min(bytes.len());
    kept.extend(bytes.iter().take(room));
}
