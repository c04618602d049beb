//! Commands in containers that need no terminal: hooks.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::Cluster;
use super::attach::{Heard, Running};
use super::failure::of_status;
use session_model::failure::{Failure, Kind};

/// So much of what a command writes is kept of each stream; the rest is read and forgotten.
const KEPT: usize = 64 * 1024;

/// How a command in a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Its exit code.
    pub code: i32,
    /// The first 64 KiB it wrote to stdout.
    pub stdout: Vec<u8>,
    /// The first 64 KiB it wrote to stderr.
    pub stderr: Vec<u8>,
}

impl Cluster {
    /// Runs a command in a container, without input, for at most `limit`; what it does after that is not known.
    ///
    /// # Errors
    /// A Failure: of kind TimedOut after `limit`, Unreachable if the connection was cut before the end.
    pub async fn exec(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        command: &[String],
        limit: Duration,
    ) -> Result<Executed> {
        let work = self.execute(namespace, pod, container, command);
        match tokio::time::timeout(limit, work).await {
            Ok(executed) => executed,
            Err(_) => {
                let program = command.first().map_or("", String::as_str);
                let message = format!(
                    "timed out after {} s waiting for {program:?} in pod \"{pod}\"",
                    limit.as_secs()
                );
                Err(Failure::local(Kind::TimedOut, message).into())
            }
        }
    }

    async fn execute(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        command: &[String],
    ) -> Result<Executed> {
        let running = Running {
            namespace,
            pod,
            container,
            argv: command,
            stdin: false,
            tty: false,
        };
        let mut remote = self.attach(&running).await?;
        let mut done = Executed::default();
        loop {
            match remote.hear().await? {
                Heard::Out(bytes) => keep(&mut done.stdout, &bytes),
                Heard::Err(bytes) => keep(&mut done.stderr, &bytes),
                Heard::Ended(status) => {
                    done.code = exit_code(&status)
                        .ok_or_else(|| of_status(&status, 0, remote.subject()))?;
                    return Ok(done);
                }
                Heard::Lost => {
                    return Err(Failure::local(Kind::Unreachable, "unexpected EOF").into());
                }
            }
        }
    }
}

/// Keeps the beginning of what is written.
fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = KEPT.saturating_sub(kept.len()).min(bytes.len());
    kept.extend(bytes.iter().take(room));
}

/// The status code of an upgrade, as far as kube tells: 0 where it does not.
pub(super) fn upgraded(error: Option<&kube::Error>) -> u16 {
    match error {
        None => 101,
        Some(kube::Error::Api(status)) => status.code,
        Some(_) => 0,
    }
}

/// The exit code in the Status at the end of an exec; `None` if the command was never run.
pub(super) fn exit_code(status: &Value) -> Option<i32> {
    if status["status"] == "Success" {
        return Some(0);
    }
    let causes = status["details"]["causes"].as_array()?;
    let cause = causes.iter().find(|cause| cause["reason"] == "ExitCode")?;
    cause["message"].as_str()?.parse().ok()
}
