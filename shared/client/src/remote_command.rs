//! Commands in containers with live streams: an interactive shell, or one end of a pipe.
//!
//! ```text
//! ExecRequest ─► Cluster::start_exec ─► RemoteCommand ─► ExecOutput … ExecOutput::Exited(ExecExit)
//!                                       └─ ExecInput: stdin, end of input, terminal size
//! ```
//!
//! kube's own AttachedProcess reads and writes in turns. It deadlocks when the command waits for its output to be read
//! while the client waits for its input to be accepted (`cat` of a large file). Here both directions run at the same
//! time.
//!
//! Long because both directions, keep-alive and the end of a command share one connection.

use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Sink, SinkExt, StreamExt};
use kube::api::AttachParams;
use kube::core::{Request, Status};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{self, Message};

use super::api_paths;
use super::failure_of_response::{RequestSubject, failure_of_response, failure_of_status};
use super::read_limits::EXEC_STATUS_LIMIT;
use super::{Cluster, ContainerRef, Scope};
use session_model::failure::{Failure, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::resource::POD;

/// Most bytes of input in one message.
const STDIN_CHUNK_BYTES: usize = 64 * 1024;
/// Messages that may be queued for the connection.
const MAX_QUEUED_MESSAGES: usize = 4;
/// Interval of pings: proxies close connections that are idle.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Time without any message after which the connection is considered lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
/// Closes the channel whose number follows; since version 5 of the protocol.
const CLOSE: u8 = 255;

/// A command to run in a container.
#[derive(Clone, Copy, Debug)]
pub struct ExecRequest<'a> {
    /// The container.
    pub container: &'a ContainerRef,
    /// The command and its arguments.
    pub argv: &'a [String],
    /// If true, the command gets standard input.
    pub stdin: bool,
    /// If true, the command gets a terminal, which joins stdout and stderr into stdout.
    pub tty: bool,
}

/// Output of a command, and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecOutput {
    /// Bytes written to stdout.
    Stdout(Bytes),
    /// Bytes written to stderr.
    Stderr(Bytes),
    /// The end of the command; the last item.
    Exited(ExecExit),
}

/// The end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecExit {
    /// The command exited with this code; 128 + n if signal n killed it.
    Code(i32),
    /// The command could not be started.
    NotStarted {
        /// A shell's exit code: 127 for a program that does not exist, 126 for one that cannot be executed.
        code: u8,
        /// The server's words.
        failure: Failure,
    },
    /// The connection was lost; the exit code is unknown.
    ConnectionLost,
}

/// A running command. Dropping it closes the connection; the command itself may go on running.
pub struct RemoteCommand {
    messages: BoxStream<'static, Result<Message, tungstenite::Error>>,
    input: ExecInput,
    silence: Option<Duration>,
    subject: RequestSubject,
    writer: tokio::task::JoinHandle<()>,
}

impl Drop for RemoteCommand {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

/// Sender of input to a running command. Clones share one connection.
#[derive(Clone, Debug)]
pub struct ExecInput {
    queue: mpsc::Sender<Message>,
    can_close: bool,
}

impl Cluster {
    /// Starts a command in a container.
    ///
    /// # Errors
    /// Whatever the server refuses; a Failure of kind Server if WebSockets do not get through to the server.
    pub async fn start_exec(&self, running: &ExecRequest<'_>) -> Result<RemoteCommand> {
        if let Some(credentials) = &self.inner.credentials {
            credentials.renew_expired().await?;
        }
        let container = running.container;
        let params = AttachParams {
            container: Some(container.container.clone()).filter(|name| !name.is_empty()),
            stdin: running.stdin,
            stdout: true,
            stderr: !running.tty,
            tty: running.tty,
            ..AttachParams::default()
        };
        let subject = RequestSubject {
            method: "GET".into(),
            plural: "pods".into(),
            qualified: "pods".into(),
            name: container.pod.clone(),
        };
        let request = Request::new(api_paths::collection_path(
            &POD,
            Scope::Namespace(&container.namespace),
        )?)
        .exec(
            &container.pod,
            running.argv.iter().map(String::as_str),
            &params,
        )?;
        let (target, asked) = (request.uri().to_string(), Instant::now());
        let opened = self.inner.client.connect(request).await;
        self.report_exchange(
            "GET",
            &target,
            upgrade_status_code(opened.as_ref().err()),
            asked,
        );
        let connection = opened.map_err(|error| self.upgrade_failure(&error, &subject, "exec"))?;
        let can_close = connection.supports_stream_close();
        let (send, heard) = connection.into_stream().split();
        let (queue, waiting) = mpsc::channel(MAX_QUEUED_MESSAGES);
        Ok(RemoteCommand {
            messages: heard.boxed(),
            input: ExecInput { queue, can_close },
            // A command that does not read its input also blocks the answers to pings, so silence proves nothing without
            // a terminal.
            silence: running.tty.then_some(IDLE_TIMEOUT),
            subject,
            writer: tokio::spawn(write(Box::pin(send), waiting)),
        })
    }
}

impl RemoteCommand {
    /// Returns a sender of input to the command.
    pub fn input(&self) -> ExecInput {
        self.input.clone()
    }

    /// Waits for the next output. Cancel-safe: no output is lost if the future is dropped.
    ///
    /// # Errors
    /// A command that could not be run for a reason that is not its own, in the server's words; a Status that is not JSON or
    /// too large.
    pub async fn next_output(&mut self) -> Result<ExecOutput> {
        loop {
            let next = self.messages.next();
            let message = match self.silence {
                None => next.await,
                Some(limit) => match tokio::time::timeout(limit, next).await {
                    Ok(message) => message,
                    Err(_) => return Ok(ExecOutput::Exited(ExecExit::ConnectionLost)),
                },
            };
            let Some(Ok(message)) = message else {
                return Ok(ExecOutput::Exited(ExecExit::ConnectionLost));
            };
            let Message::Binary(bytes) = message else {
                continue;
            };
            match bytes.first() {
                Some(&STDOUT) if bytes.len() > 1 => {
                    return Ok(ExecOutput::Stdout(bytes.slice(1..)));
                }
                Some(&STDERR) if bytes.len() > 1 => {
                    return Ok(ExecOutput::Stderr(bytes.slice(1..)));
                }
                Some(&STATUS) if bytes.len() > 1 => {
                    let about = self.subject.error_suffix();
                    if bytes.len() > EXEC_STATUS_LIMIT.bytes {
                        return Err(EXEC_STATUS_LIMIT.exceeded_error(&about));
                    }
                    let (status, _) = EXEC_STATUS_LIMIT.parse_json(&bytes[1..], &about)?;
                    let exit = exit_of_status(&status, &self.subject)?;
                    return Ok(ExecOutput::Exited(exit));
                }
                // Messages that only open or close a channel.
                _ => {}
            }
        }
    }
}

impl ExecInput {
    /// Sends bytes to the command's stdin; returns once they are queued. Returns false if the connection is closed.
    pub async fn write(&self, bytes: &[u8]) -> bool {
        for part in bytes.chunks(STDIN_CHUNK_BYTES) {
            if self.queue.send(message(STDIN, part)).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Closes the command's stdin. Returns false if the server does not support that (before Kubernetes 1.30).
    pub async fn close(&self) -> bool {
        if self.can_close {
            // The command may have exited already.
            let _ = self.queue.send(message(CLOSE, &[STDIN])).await;
        }
        self.can_close
    }

    /// Sets the size of the command's terminal.
    pub async fn resize(&self, columns: u16, rows: u16) {
        let size = json!({ "Width": columns, "Height": rows }).to_string();
        // The command may have exited already.
        let _ = self.queue.send(message(RESIZE, size.as_bytes())).await;
    }
}

fn message(channel: u8, bytes: &[u8]) -> Message {
    let mut whole = BytesMut::with_capacity(bytes.len() + 1);
    whole.put_u8(channel);
    whole.put_slice(bytes);
    Message::Binary(whole.freeze())
}

/// Sends queued messages and pings. An error here shows up on the reading side.
async fn write(
    mut send: Pin<Box<impl Sink<Message> + Send>>,
    mut waiting: mpsc::Receiver<Message>,
) {
    let mut ping = tokio::time::interval(PING_INTERVAL);
    ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ping.reset();
    loop {
        let next = tokio::select! {
            next = waiting.recv() => next,
            _ = ping.tick() => Some(Message::Ping(Bytes::new())),
        };
        let Some(next) = next else { return };
        if send.send(next).await.is_err() {
            return;
        }
    }
}

fn exit_of_status(status: &Value, subject: &RequestSubject) -> Result<ExecExit, anyhow::Error> {
    if let Some(code) = exit_code(status) {
        return Ok(ExecExit::Code(code));
    }
    let failure = failure_of_status(status, 0, subject);
    match Untyped(status)
        .str_at("/message")
        .and_then(start_failure_code)
    {
        Some(code) => Ok(ExecExit::NotStarted { code, failure }),
        None => Err(failure.into()),
    }
}

/// Returns the exit code in the Status at the end of an exec; `None` if the command was never started.
fn exit_code(status: &Value) -> Option<i32> {
    if status["status"] == "Success" {
        return Some(0);
    }
    let causes = status["details"]["causes"].as_array()?;
    let cause = causes.iter().find(|cause| cause["reason"] == "ExitCode")?;
    cause["message"].as_str()?.parse().ok()
}

/// Returns the HTTP status of an upgrade as far as kube reports it; 0 if unknown.
pub(super) fn upgrade_status_code(error: Option<&kube::Error>) -> u16 {
    match error {
        None => 101,
        Some(kube::Error::Api(status)) => status.code,
        Some(_) => 0,
    }
}

/// Returns the exit code for a container runtime's message that the command could not be started; runtimes report this
/// only as text.
fn start_failure_code(message: &str) -> Option<u8> {
    let message = message.to_lowercase();
    let has = |part: &str| message.contains(part);
    if !(has("exec failed")
        || has("unable to start container process")
        || has("starting container process"))
    {
        return None;
    }
    if has("executable file not found") || has("no such file or directory") {
        Some(127)
    } else if has("permission denied") || has("exec format error") || has("is a directory") {
        Some(126)
    } else {
        None
    }
}

/// True if a response without a Status comes from a server or proxy that does not support the upgrade, rather than from
/// an API server in trouble.
pub(super) fn is_upgrade_unsupported(code: http::StatusCode) -> bool {
    let is_theirs = code.is_server_error() && code != http::StatusCode::NOT_IMPLEMENTED;
    !is_theirs && !matches!(code.as_u16(), 401 | 429)
}

/// True if the response body was not a Status; kube marks those with this reason.
fn is_not_a_status(status: &Status) -> bool {
    status.reason == "Failed to parse error data"
}

/// True for a kubelet's message about a Pod or container that it does not know; such messages are passed on unchanged.
fn is_kubelet_message(message: &str) -> bool {
    message.starts_with("container not found") || message.starts_with("pod does not exist")
}

impl Cluster {
    /// Converts the error of a failed upgrade into a Failure. `what` names the operation, `exec` or `port-forward`.
    pub(super) fn upgrade_failure(
        &self,
        error: &kube::Error,
        subject: &RequestSubject,
        what: &str,
    ) -> Failure {
        let no_websocket = |why: &str| {
            Failure::client_side(
                FailureKind::OtherStatus,
                format!(
                    "cannot open a WebSocket for {what}: not supported by the server or a proxy in between: {why}"
                ),
            )
        };
        match error {
            // The kubelet's own text, which is not a Status; worded as kubectl words it.
            kube::Error::Api(status)
                if is_not_a_status(status) && is_kubelet_message(&status.message) =>
            {
                Failure {
                    code: status.code,
                    ..Failure::client_side(
                        FailureKind::OtherStatus,
                        format!("unable to upgrade connection: {}", status.message.trim()),
                    )
                }
            }
            kube::Error::Api(status) if is_not_a_status(status) => {
                let code = http::StatusCode::from_u16(status.code).unwrap_or_default();
                if is_upgrade_unsupported(code) {
                    return no_websocket(&format!("response status {code}"));
                }
                let headers = http::HeaderMap::new();
                failure_of_response(code, &headers, status.message.as_bytes(), subject)
            }
            kube::Error::Api(status) => failure_of_status(
                &serde_json::to_value(status.as_ref()).unwrap_or_default(),
                status.code,
                subject,
            ),
            kube::Error::UpgradeConnection(why) => no_websocket(&why.to_string()),
            error => super::transport_failure::failure_of_transport(
                error,
                &self.inner.server,
                self.inner.proxied,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_cannot_be_started_has_a_shells_exit_code() {
        let runc = |why: &str| {
            format!(
                "Internal error occurred: error executing command in container: failed to exec in container: failed to start exec \"1f\": OCI runtime exec failed: exec failed: unable to start container process: {why}: unknown"
            )
        };
        for (message, code) in [
            (
                runc("exec: \"nope\": executable file not found in $PATH"),
                Some(127),
            ),
            (
                runc("exec: \"/no/such\": stat /no/such: no such file or directory"),
                Some(127),
            ),
            (runc("exec: \"/etc/passwd\": permission denied"), Some(126)),
            (runc("exec /x: exec format error"), Some(126)),
            (runc("cannot allocate memory"), None),
            ("container not found (\"main\")".to_owned(), None),
            ("open /proc/x: no such file or directory".to_owned(), None),
        ] {
            assert_eq!(start_failure_code(&message), code, "{message}");
        }
    }
}
