//! `--stdio`: connects standard input and output to a port, as a ProxyCommand of ssh.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use futures::future::{Either, select};
use session_shared::Pod;
use session_shared::client::forward::Forwarder;
use session_shared::failure::with_hint;
use session_shared::objects::metadata::name_of;
use session_shared::report::stderr_handle::StderrHandle;
use session_shared::report::terminal::{RawOutput, StdinStream};
use session_shared::verb::Environment;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::serve_ports;

/// Buffer size in bytes for reading.
const CHUNK: usize = 64 * 1024;
/// Time after which an SSH server without a banner is told of. A virtual machine's port is open before the server in it runs.
const BANNER_WAIT: Duration = Duration::from_secs(10);
/// Begin of the banner that SSH clients and servers send first.
const BANNER: &[u8] = b"SSH-";

/// Copies both directions until both have ended.
///
/// # Errors
/// The server's refusal; a lost connection.
pub(crate) async fn run(
    forwarder: &Forwarder,
    pod: &Pod,
    port: u16,
    environment: &mut Environment,
) -> Result<()> {
    let stream = forwarder.open_stream(port).await?;
    let console = &mut environment.console;
    let is_typed = console.stdin_is_terminal();
    let (out, _) = console.raw_outputs();
    let ssh = SshDialogue {
        place: format!("port {port} of pod {:?}", name_of(&pod.metadata)),
        is_asked: AtomicBool::new(false),
        stderr: console.stderr_handle(),
    };
    let (read, write) = tokio::io::split(stream);
    let received = pin!(receive(read, &out, &ssh));
    let sent = pin!(send(console.stdin_stream(), write, &ssh));
    match select(received, sent).await {
        Either::Left((received, sent)) => {
            received.map_err(|error| explain_closed_port(error, pod, port))?;
            // A user who types cannot notice that the port is closed unless this program ends.
            if is_typed || !out.close() {
                return Ok(());
            }
            // Input that the closed port no longer reads is not an error.
            let _ = sent.await;
            Ok(())
        }
        Either::Right((sent, received)) => {
            let received = received.await;
            let received = received.map_err(|error| explain_closed_port(error, pod, port));
            received.and(sent)
        }
    }
}

/// Words the node's text about a port without a listener as --port-forward does.
fn explain_closed_port(error: anyhow::Error, pod: &Pod, port: u16) -> anyhow::Error {
    if !format!("{error:#}").contains("connection refused") {
        return error;
    }
    let name = name_of(&pod.metadata);
    let others = serve_ports::other_ports(pod, port);
    anyhow!("nothing listens on port {port} of pod {name:?}{others}")
}

/// The beginning of an SSH connection: a client sends its banner at once, and expects the server's.
struct SshDialogue {
    place: String,
    /// True once the client has sent its banner.
    is_asked: AtomicBool,
    stderr: StderrHandle,
}

impl SshDialogue {
    /// Notes the first bytes that are sent.
    fn begin(&self, sent: &[u8]) {
        let is_banner = sent.starts_with(BANNER);
        self.is_asked.fetch_or(is_banner, Ordering::Relaxed);
    }

    /// Waits for the first bytes of the server; warns if they are late or no banner.
    ///
    /// # Errors
    /// Those of the read; a connection that is closed without a banner.
    async fn first_read<S: tokio::io::AsyncRead>(
        &self,
        read: &mut ReadHalf<S>,
        buffer: &mut [u8],
    ) -> Result<usize> {
        let mut answer = pin!(read.read(buffer));
        let count = match tokio::time::timeout(BANNER_WAIT, &mut answer).await {
            Ok(count) => count,
            Err(_) => {
                if self.is_asked.load(Ordering::Relaxed) {
                    let seconds = BANNER_WAIT.as_secs();
                    self.stderr.warn(&format!(
                        "{} is open, but no SSH server has answered for {seconds}s",
                        self.place
                    ));
                }
                answer.await
            }
        };
        // The node tells a server's reset as the failure of its forwarding.
        let is_reset = |error: &std::io::Error| {
            let is_asked = self.is_asked.load(Ordering::Relaxed);
            is_asked && error.to_string().contains("connection reset by peer")
        };
        let count = match count {
            Err(error) if is_reset(&error) => 0,
            count => count.context("lost the connection to the port")?,
        };
        if count == 0 && self.is_asked.load(Ordering::Relaxed) {
            let error = anyhow!(
                "{} is open, but closed the connection without an SSH banner",
                self.place
            );
            return Err(with_hint(
                error,
                "check that the SSH server runs: in a virtual machine, it starts some time after the port is open",
            ));
        }
        Ok(count)
    }

    /// Warns if the first bytes of the server are those of another protocol. A server may send lines before its banner.
    fn check_banner(&self, received: &[u8]) {
        let has_banner = received.windows(BANNER.len()).any(|bytes| bytes == BANNER);
        if self.is_asked.load(Ordering::Relaxed) && !has_banner {
            let text = String::from_utf8_lossy(received);
            let line: String = text
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(80)
                .collect();
            self.stderr.warn(&format!(
                "{} answers without an SSH banner: {line:?}",
                self.place
            ));
        }
    }
}

async fn receive<S: tokio::io::AsyncRead>(
    mut read: ReadHalf<S>,
    out: &RawOutput,
    ssh: &SshDialogue,
) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut count = ssh.first_read(&mut read, &mut buffer).await?;
    ssh.check_banner(&buffer[..count]);
    while count > 0 {
        out.write(Bytes::copy_from_slice(&buffer[..count])).await?;
        let next = read.read(&mut buffer).await;
        count = next.context("lost the connection to the port")?;
    }
    Ok(())
}

async fn send<S: tokio::io::AsyncWrite>(
    mut input: StdinStream,
    mut write: WriteHalf<S>,
    ssh: &SshDialogue,
) -> Result<()> {
    while let Some(bytes) = input.read_chunk().await {
        ssh.begin(&bytes);
        write
            .write_all(&bytes)
            .await
            .context("lost the connection to the port")?;
    }
    // The other side may have closed the stream already.
    let _ = write.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use session_shared::report::console::Console;

    use super::*;

    /// Returns what is said of a server that answers so to an SSH client: on standard error, and as the error.
    async fn told(sent: &[u8], answer: Option<&[u8]>) -> (String, String) {
        let (console, captured) = Console::for_test("", false);
        let ssh = SshDialogue {
            place: "port 22 of pod \"vm\"".to_owned(),
            is_asked: AtomicBool::new(false),
            stderr: console.stderr_handle(),
        };
        ssh.begin(sent);
        let (near, mut far) = tokio::io::duplex(64);
        let (read, _write) = tokio::io::split(near);
        let (out, _) = console.raw_outputs();
        let received = receive(read, &out, &ssh);
        let served = async {
            if let Some(answer) = answer {
                let _ = far.write_all(answer).await;
            } else {
                tokio::time::sleep(BANNER_WAIT * 2).await;
            }
            drop(far);
        };
        let (received, ()) = futures::join!(received, served);
        let error = received.err().map(|error| error.to_string());
        (captured.stderr(), error.unwrap_or_default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_without_an_ssh_server_is_told() {
        let client: &[u8] = b"SSH-2.0-OpenSSH_9.9\r\n";
        let closed =
            "port 22 of pod \"vm\" is open, but closed the connection without an SSH banner";
        let late =
            "Warning: port 22 of pod \"vm\" is open, but no SSH server has answered for 10s\n";
        let other = "Warning: port 22 of pod \"vm\" answers without an SSH banner: \"HTTP/1.1 400 Bad Request\"\n";
        for (sent, answer, warning, error) in [
            (client, Some(&b"SSH-2.0-dropbear\r\n"[..]), "", ""),
            (client, Some(b"welcome\r\nSSH-2.0-x\r\n"), "", ""),
            (client, Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"), other, ""),
            (client, Some(b""), "", closed),
            (client, None, late, closed),
            // No SSH client: a silent port is its own affair.
            (b"GET /", Some(b""), "", ""),
            (b"GET /", None, "", ""),
        ] {
            let said = told(sent, answer).await;
            assert_eq!(said, (warning.to_owned(), error.to_owned()), "{answer:?}");
        }
    }
}
