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

use super::exec::{exit_code, upgraded};
use super::failure::{Subject, of_answer, of_status};
use super::limits::EXEC_STATUS;
use super::paths;
use super::{Cluster, Place};
use session_model::failure::{Failure, FailureKind};
use session_model::objects::resource::{POD, string_at};

/// Most bytes of input in one message.
const CHUNK: usize = 64 * 1024;
/// Messages that may be queued for the connection.
const WAITING: usize = 4;
/// Interval of pings: proxies close connections that are idle.
const PING: Duration = Duration::from_secs(30);
/// Time without any message after which the connection is considered lost.
const SILENCE: Duration = Duration::from_secs(90);

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
/// Closes the channel whose number follows; since version 5 of the protocol.
const CLOSE: u8 = 255;

/// A command to run in a container.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Namespace of the Pod.
    pub namespace: &'a str,
    /// Name of the Pod.
    pub pod: &'a str,
    /// Name of the container; if empty, the server chooses it.
    pub container: &'a str,
    /// The command and its arguments.
    pub argv: &'a [String],
    /// If true, the command gets standard input.
    pub stdin: bool,
    /// If true, the command gets a terminal, which joins stdout and stderr into stdout.
    pub tty: bool,
}

/// Output of a command, and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Bytes written to stdout.
    Out(Bytes),
    /// Bytes written to stderr.
    Err(Bytes),
    /// The end of the command; the last item.
    Ended(Ending),
}

/// A message from the server about a running command.
#[derive(Debug)]
pub(super) enum Heard {
    /// Bytes written to stdout.
    Out(Bytes),
    /// Bytes written to stderr.
    Err(Bytes),
    /// The Status that reports the end of the command.
    Ended(Value),
    /// The connection was lost.
    Lost,
}

/// The end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The command exited with this code; 128 + n if signal n killed it.
    Code(i32),
    /// The command could not be started. The code is a shell's: 127 for a program that does not exist, 126 for one that
    /// cannot be executed.
    NotRun(u8),
    /// The connection was lost; the exit code is unknown.
    Lost,
}

/// A running command. Dropping it closes the connection; the command itself may go on running.
pub struct Remote {
    heard: BoxStream<'static, Result<Message, tungstenite::Error>>,
    input: Input,
    silence: Option<Duration>,
    subject: Subject,
    writer: tokio::task::JoinHandle<()>,
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

/// Sender of input to a running command. Clones share one connection.
#[derive(Clone, Debug)]
pub struct Input {
    queue: mpsc::Sender<Message>,
    can_close: bool,
}

impl Cluster {
    /// Starts a command in a container.
    ///
    /// # Errors
    /// Whatever the server refuses; a Failure of kind Server if WebSockets do not get through to the server.
    pub async fn attach(&self, running: &Running<'_>) -> Result<Remote> {
        if let Some(credentials) = &self.inner.credentials {
            credentials.keep_fresh().await?;
        }
        let params = AttachParams {
            container: Some(running.container.to_owned()).filter(|name| !name.is_empty()),
            stdin: running.stdin,
            stdout: true,
            stderr: !running.tty,
            tty: running.tty,
            ..AttachParams::default()
        };
        let subject = Subject {
            method: "GET".into(),
            plural: "pods".into(),
            qualified: "pods".into(),
            name: running.pod.to_owned(),
        };
        let request = Request::new(paths::collection(
            &POD,
            Place::Namespace(running.namespace),
        )?)
        .exec(
            running.pod,
            running.argv.iter().map(String::as_str),
            &params,
        )?;
        let (target, asked) = (request.uri().to_string(), Instant::now());
        let opened = self.inner.client.connect(request).await;
        self.observed("GET", &target, upgraded(opened.as_ref().err()), asked);
        let connection = opened.map_err(|error| self.refused(&error, &subject, "exec"))?;
        let can_close = connection.supports_stream_close();
        let (send, heard) = connection.into_stream().split();
        let (queue, waiting) = mpsc::channel(WAITING);
        Ok(Remote {
            heard: heard.boxed(),
            input: Input { queue, can_close },
            // A command that does not read its input also blocks the answers to pings, so silence proves nothing without
            // a terminal.
            silence: running.tty.then_some(SILENCE),
            subject,
            writer: tokio::spawn(write(Box::pin(send), waiting)),
        })
    }
}

impl Remote {
    /// Returns a sender of input to the command.
    pub fn input(&self) -> Input {
        self.input.clone()
    }

    /// Waits for the next output. Cancel-safe: no output is lost if the future is dropped.
    ///
    /// # Errors
    /// A command that could not be run for a reason that is not its own, in the server's words.
    pub async fn next(&mut self) -> Result<Said> {
        Ok(match self.hear().await? {
            Heard::Out(bytes) => Said::Out(bytes),
            Heard::Err(bytes) => Said::Err(bytes),
            Heard::Ended(status) => Said::Ended(ending(&status, &self.subject)?),
            Heard::Lost => Said::Ended(Ending::Lost),
        })
    }

    /// The request as errors name it.
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// As [`RemoteCommand::next_output`], with the Status as the server sent it.
    ///
    /// # Errors
    /// A Status that is not JSON or too large.
    pub(super) async fn hear(&mut self) -> Result<Heard> {
        loop {
            let next = self.heard.next();
            let message = match self.silence {
                None => next.await,
                Some(limit) => match tokio::time::timeout(limit, next).await {
                    Ok(message) => message,
                    Err(_) => return Ok(Heard::Lost),
                },
            };
            let Some(Ok(message)) = message else {
                return Ok(Heard::Lost);
            };
            let Message::Binary(bytes) = message else {
                continue;
            };
            match bytes.first() {
                Some(&STDOUT) if bytes.len() > 1 => return Ok(Heard::Out(bytes.slice(1..))),
                Some(&STDERR) if bytes.len() > 1 => return Ok(Heard::Err(bytes.slice(1..))),
                Some(&STATUS) if bytes.len() > 1 => {
                    let about = self.subject.told();
                    if bytes.len() > EXEC_STATUS.bytes {
                        return Err(EXEC_STATUS.exceeded(&about));
                    }
                    return Ok(Heard::Ended(EXEC_STATUS.json(&bytes[1..], &about)?.0));
                }
                // Messages that only open or close a channel.
                _ => {}
            }
        }
    }
}

impl Input {
    /// Sends bytes to the command's stdin; returns once they are queued. Returns false if the connection is closed.
    pub async fn write(&self, bytes: &[u8]) -> bool {
        for part in bytes.chunks(CHUNK) {
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
    let mut ping = tokio::time::interval(PING);
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

fn ending(status: &Value, subject: &Subject) -> Result<Ending, anyhow::Error> {
    if let Some(code) = exit_code(status) {
        return Ok(Ending::Code(code));
    }
    match not_run(string_at(status, "/message")) {
        Some(code) => Ok(Ending::NotRun(code)),
        None => Err(of_status(status, 0, subject).into()),
    }
}

/// Returns the exit code for a container runtime's message that the command could not be started; runtimes report this
/// only as text.
fn not_run(message: &str) -> Option<u8> {
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
pub(super) fn is_no_upgrade(code: http::StatusCode) -> bool {
    let is_theirs = code.is_server_error() && code != http::StatusCode::NOT_IMPLEMENTED;
    !is_theirs && !matches!(code.as_u16(), 401 | 429)
}

/// True if the response body was not a Status; kube marks those with this reason.
fn is_foreign(status: &Status) -> bool {
    status.reason == "Failed to parse error data"
}

/// True for a kubelet's message about a Pod or container that it does not know; such messages are passed on unchanged.
fn is_of_the_node(message: &str) -> bool {
    message.starts_with("container not found") || message.starts_with("pod does not exist")
}

impl Cluster {
    /// Converts the error of a failed upgrade into a Failure. `what` names the operation, `exec` or `port-forward`.
    pub(super) fn refused(&self, error: &kube::Error, subject: &Subject, what: &str) -> Failure {
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
            kube::Error::Api(status) if is_foreign(status) && is_of_the_node(&status.message) => {
                Failure {
                    code: status.code,
                    ..Failure::client_side(
                        FailureKind::OtherStatus,
                        format!("unable to upgrade connection: {}", status.message.trim()),
                    )
                }
            }
            kube::Error::Api(status) if is_foreign(status) => {
                let code = http::StatusCode::from_u16(status.code).unwrap_or_default();
                if is_no_upgrade(code) {
                    return no_websocket(&format!("response status {code}"));
                }
                let headers = http::HeaderMap::new();
                of_answer(code, &headers, status.message.as_bytes(), subject)
            }
            kube::Error::Api(status) => of_status(
                &serde_json::to_value(status.as_ref()).unwrap_or_default(),
                status.code,
                subject,
            ),
            kube::Error::UpgradeConnection(why) => no_websocket(&why.to_string()),
            error => super::transport::of(error, &self.inner.server, self.inner.proxied),
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
            assert_eq!(not_run(&message), code, "{message}");
        }
    }
}
