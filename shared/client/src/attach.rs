//! Commands in containers with their streams: a shell, a pipe's end.
//!
//! kube's own AttachedProcess reads and writes by turns, and stands still for ever where a command waits for its output to be
//! read while we wait for its input to be taken (`cat` of a large file). Here both directions go at the same time.

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
use session_model::failure::{Failure, Kind};
use session_model::objects::resource::{POD, text};

/// Bytes of input that go into one message.
const CHUNK: usize = 64 * 1024;
/// Messages that may wait for the connection.
const WAITING: usize = 4;
/// So often the connection is kept awake: proxies close those that say nothing.
const PING: Duration = Duration::from_secs(30);
/// A connection whose pings nobody answers for so long is lost.
const SILENCE: Duration = Duration::from_secs(90);

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
/// Followed by the number of the channel that ends: version 5 of the protocol.
const CLOSE: u8 = 255;

/// A command to run, and where.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Namespace of the Pod.
    pub namespace: &'a str,
    /// The Pod.
    pub pod: &'a str,
    /// The container; empty leaves it to the server.
    pub container: &'a str,
    /// The command and its arguments.
    pub argv: &'a [String],
    /// Whether it gets input.
    pub stdin: bool,
    /// Whether it gets a terminal: stdout and stderr are one then.
    pub tty: bool,
}

/// What comes from a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Bytes of its stdout.
    Out(Bytes),
    /// Bytes of its stderr.
    Err(Bytes),
    /// It has ended; nothing comes after it.
    Ended(Ending),
}

/// A message of a command.
#[derive(Debug)]
pub(super) enum Heard {
    /// Bytes of its stdout.
    Out(Bytes),
    /// Bytes of its stderr.
    Err(Bytes),
    /// The Status at its end.
    Ended(Value),
    /// The connection is gone.
    Lost,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with that exit code; 128 + n when signal n ended it.
    Code(i32),
    /// It never ran, with the exit code that a shell has for that: 127 there is none, 126 it cannot be run.
    NotRun(u8),
    /// The connection is gone; how the command ended is not known.
    Lost,
}

/// A command that runs.
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

/// The way to a command. Cheap to clone: all clones are one.
#[derive(Clone, Debug)]
pub struct Input {
    queue: mpsc::Sender<Message>,
    can_close: bool,
}

impl Cluster {
    /// Starts a command in a container.
    ///
    /// # Errors
    /// What the server refuses; Unreachable where something between lets no WebSockets through.
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
            // A command that does not read its input stops the answers to our pings as well: only a terminal's silence tells.
            silence: running.tty.then_some(SILENCE),
            subject,
            writer: tokio::spawn(write(Box::pin(send), waiting)),
        })
    }
}

impl Remote {
    /// The way to the command's input.
    pub fn input(&self) -> Input {
        self.input.clone()
    }

    /// What comes next. May be dropped and asked again without loss.
    ///
    /// # Errors
    /// Why the command was not run, where that is not the command's own fault.
    pub async fn next(&mut self) -> Result<Said> {
        Ok(match self.hear().await? {
            Heard::Out(bytes) => Said::Out(bytes),
            Heard::Err(bytes) => Said::Err(bytes),
            Heard::Ended(status) => Said::Ended(ending(&status, &self.subject)?),
            Heard::Lost => Said::Ended(Ending::Lost),
        })
    }

    /// What it is about, for a failure's text.
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// As [`Remote::next`], with the Status as the server sent it.
    ///
    /// # Errors
    /// A Status that cannot be read.
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
                // A channel that opens or closes.
                _ => {}
            }
        }
    }
}

impl Input {
    /// Hands bytes to the command; returns once the connection has room for more. False when it takes no more.
    pub async fn write(&self, bytes: &[u8]) -> bool {
        for part in bytes.chunks(CHUNK) {
            if self.queue.send(message(STDIN, part)).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Tells the command that its input is at its end. False where the server cannot pass that on: one older than 1.30.
    pub async fn close(&self) -> bool {
        if self.can_close {
            // A command that has ended needs no end of input.
            let _ = self.queue.send(message(CLOSE, &[STDIN])).await;
        }
        self.can_close
    }

    /// Tells the command's terminal its size in columns and rows.
    pub async fn resize(&self, columns: u16, rows: u16) {
        let size = json!({ "Width": columns, "Height": rows }).to_string();
        // A command that has ended needs no size.
        let _ = self.queue.send(message(RESIZE, size.as_bytes())).await;
    }
}

fn message(channel: u8, bytes: &[u8]) -> Message {
    let mut whole = BytesMut::with_capacity(bytes.len() + 1);
    whole.put_u8(channel);
    whole.put_slice(bytes);
    Message::Binary(whole.freeze())
}

/// Sends what waits, and pings. Its failure shows where the connection is read.
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
    match not_run(text(status, "/message")) {
        Some(code) => Ok(Ending::NotRun(code)),
        None => Err(of_status(status, 0, subject).into()),
    }
}

/// A runtime tells only in words that a command could not be started.
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

/// True for what is answered, without a Status, by something that does not take the upgrade; not by a server that is in trouble.
pub(super) fn is_no_upgrade(code: http::StatusCode) -> bool {
    let is_theirs = code.is_server_error() && code != http::StatusCode::NOT_IMPLEMENTED;
    !is_theirs && !matches!(code.as_u16(), 401 | 429)
}

/// True for an answer that is no API server's: kube marks what it cannot read.
fn is_foreign(status: &Status) -> bool {
    status.reason == "Failed to parse error data"
}

/// True for what a kubelet says when it cannot find what the upgrade is about: its words are passed on as they are.
fn is_of_the_node(message: &str) -> bool {
    message.starts_with("container not found") || message.starts_with("pod does not exist")
}

impl Cluster {
    /// Why `what`, an upgrade, came to nothing.
    pub(super) fn refused(&self, error: &kube::Error, subject: &Subject, what: &str) -> Failure {
        let no_websocket = |why: &str| {
            Failure::local(
                Kind::Server,
                format!(
                    "{what} needs a WebSocket, which something between here and the server does not let through: {why}"
                ),
            )
        };
        match error {
            // The node's own words, which are no Status. As kubectl says them.
            kube::Error::Api(status) if is_foreign(status) && is_of_the_node(&status.message) => {
                Failure {
                    code: status.code,
                    ..Failure::local(
                        Kind::Server,
                        format!("unable to upgrade connection: {}", status.message.trim()),
                    )
                }
            }
            kube::Error::Api(status) if is_foreign(status) => {
                let code = http::StatusCode::from_u16(status.code).unwrap_or_default();
                if is_no_upgrade(code) {
                    return no_websocket(&format!("it answered {code}"));
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
