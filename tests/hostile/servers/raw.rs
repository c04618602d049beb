//! A server that says whatever it likes, byte for byte, and the program in front of it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// How long the program may take, where nothing holds it up.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Memory the program may map in the attacks on it, in KiB. It maps some 100 MiB before it reads anything.
const MEMORY: u32 = 1024 * 1024;

/// A connection over which one request is answered.
pub(super) trait Peer: Read + Write {}

impl<T: Read + Write> Peer for T {}

type Answer = dyn Fn(&str, &mut dyn Peer) -> std::io::Result<()> + Send + Sync;

/// A server on loopback. Each connection carries one request.
pub(super) struct Server {
    pub(super) address: String,
    requests: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
}

impl Server {
    /// Answers every request, whose head it is given, with what `answer` writes.
    pub(super) fn new(
        answer: impl Fn(&str, &mut dyn Peer) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::with_tls(None, answer)
    }

    /// The same, behind a certificate.
    pub(super) fn with_tls(
        tls: Option<Arc<rustls::ServerConfig>>,
        answer: impl Fn(&str, &mut dyn Peer) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (heard, answer) = (requests.clone(), Arc::new(answer));
        // Ends with the process.
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (tls, heard, answer) = (tls.clone(), heard.clone(), answer.clone());
                std::thread::spawn(move || {
                    // A client that hangs up is what most attacks come to.
                    let _ = serve(connection, tls, &heard, answer.as_ref());
                });
            }
        });
        let server = Self {
            address,
            requests,
            folder: tempfile::tempdir()?,
        };
        server.configure(&format!("server: 'http://{}'", server.address), "{}")?;
        Ok(server)
    }

    /// Writes the kubeconfig anew: what its cluster and its user say.
    pub(super) fn configure(&self, cluster: &str, user: &str) -> Result<()> {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- {{name: k, cluster: {{{cluster}}}}}\n\
             users:\n- {{name: u, user: {user}}}\ncontexts:\n- {{name: c, context: {{cluster: k, user: u}}}}\n"
        );
        Ok(std::fs::write(self.kubeconfig(), text)?)
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The heads of all requests so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs the program with these arguments to its end, with little memory.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Ended> {
        ended(self.command(arguments).spawn()?)
    }

    /// The program, ready to be started: nothing of our environment, little memory, output in pipes.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\""))
            .arg(env!("CARGO_BIN_EXE_kubectl-session"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder())
            .env("PATH", "/usr/bin:/bin")
            .env("KUBECONFIG", self.kubeconfig())
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

fn serve(
    connection: TcpStream,
    tls: Option<Arc<rustls::ServerConfig>>,
    heard: &Mutex<Vec<String>>,
    answer: &Answer,
) -> std::io::Result<()> {
    let Some(tls) = tls else {
        let mut connection = connection;
        return exchange(&mut connection, heard, answer);
    };
    let session = rustls::ServerConnection::new(tls).map_err(std::io::Error::other)?;
    let mut stream = rustls::StreamOwned::new(session, connection);
    exchange(&mut stream, heard, answer)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn exchange(
    peer: &mut dyn Peer,
    heard: &Mutex<Vec<String>>,
    answer: &Answer,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && peer.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    heard
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(head.clone());
    answer(&head, peer)?;
    peer.flush()
}

/// An answer with a whole body.
pub(super) fn whole(
    peer: &mut dyn Peer,
    status: &str,
    content_type: &str,
    body: &str,
) -> std::io::Result<()> {
    write!(
        peer,
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// 200 with JSON.
pub(super) fn json(peer: &mut dyn Peer, value: &serde_json::Value) -> std::io::Result<()> {
    whole(peer, "200 OK", "application/json", &value.to_string())
}

/// The head of an answer whose body ends with the connection.
pub(super) fn open(peer: &mut dyn Peer, headers: &str) -> std::io::Result<()> {
    write!(
        peer,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}Connection: close\r\n\r\n"
    )
}

/// How the program ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    /// An error, exit code 1, whose text has `part`.
    pub(super) fn fails_with(&self, part: &str) -> Result<()> {
        ensure!(
            self.code == Some(1) && self.stderr.contains(part),
            "not an error with {part:?} but {self:?}"
        );
        Ok(())
    }

    /// Nothing of `secret` was printed.
    pub(super) fn hides(&self, secret: &str) -> Result<()> {
        let is_hidden = !self.stdout.contains(secret) && !self.stderr.contains(secret);
        ensure!(is_hidden, "{secret:?} is shown: {self:?}");
        Ok(())
    }
}

/// Waits for the end of a child, which is killed when that takes too long.
pub(super) fn ended(child: Child) -> Result<Ended> {
    let pid = i32::try_from(child.id()).ok();
    let pid = pid.and_then(rustix::process::Pid::from_raw);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    let Ok(output) = told.recv_timeout(PATIENCE) else {
        if let Some(pid) = pid {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
        }
        bail!("the program did not end within {} s", PATIENCE.as_secs());
    };
    let output: Output = output.context("the program could not be waited for")?;
    Ok(Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
