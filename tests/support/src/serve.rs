//! The fake as a service: in process for `kube::Client`, on loopback for child processes.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::answer::{Answer, Body};
use crate::api::{FakeApi, State};
use crate::exec::{self, Ear, Execution};
use crate::ports;
use crate::request::Recorded;

type Shared = Arc<Mutex<State>>;
type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;

impl FakeApi {
    /// A client of this server, without a network. Must be called inside a tokio runtime.
    pub fn client(&self) -> kube::Client {
        let state = self.state.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            in_process(state.clone(), request)
        });
        kube::Client::new(service, "default")
    }

    /// Serves on a free port of 127.0.0.1 from a thread of its own, until the result is dropped: usable with child
    /// processes, kubectl, and tests that are not async.
    pub fn listen(&self) -> Listening {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("config");
        std::fs::write(&kubeconfig, config_text(&url, "default")).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let state = self.state.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, state) => {}
                    _ = stopped => {}
                }
            });
        });
        Listening {
            url,
            kubeconfig,
            stop: Some(stop),
            thread: Some(thread),
            _folder: folder,
        }
    }
}

/// A fake API on loopback; it ends when this is dropped.
pub struct Listening {
    url: String,
    kubeconfig: PathBuf,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Listening {
    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A kubeconfig with one context, `fake`, namespace `default`, user `fake`.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// A kubeconfig with one context, `fake`.
pub(crate) fn config_text(url: &str, namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: fake\nclusters:\n- {{name: fake, cluster: {{server: \"{url}\"}}}}\n\
         users:\n- {{name: fake, user: {{}}}}\ncontexts:\n- {{name: fake, context: {{cluster: fake, user: fake, namespace: {namespace}}}}}\n"
    )
}

async fn accept(listener: std::net::TcpListener, state: Shared) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((connection, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let state = state.clone();
                async move { on_loopback(state, request).await }
            });
            // An error here is a hang-up, ours or the client's.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service)
                .with_upgrades()
                .await;
        });
    }
}

async fn on_loopback(
    state: Shared,
    mut request: Request<Incoming>,
) -> io::Result<Response<AnswerBody>> {
    let upgrade = hyper::upgrade::on(&mut request);
    let key = request
        .headers()
        .get("sec-websocket-key")
        .and_then(|key| key.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let recorded = record(request).await?;
    let number = recorded.query("ports").and_then(|port| port.parse().ok());
    let answer = state.lock().unwrap().answer(recorded);
    match &answer.body {
        Body::Exec(execution) => {
            let protocol = if execution.old {
                "v4.channel.k8s.io"
            } else {
                "v5.channel.k8s.io"
            };
            tokio::spawn(play(upgrade, execution.clone(), state));
            Ok(switching(&key, protocol))
        }
        Body::Port(port) => {
            let number = number.expect("version 4 asks for one port");
            tokio::spawn(ports::carry(upgrade, port.clone(), number));
            Ok(switching(&key, ports::PROTOCOL))
        }
        _ => respond(answer, state).await,
    }
}

/// An upgrade needs a real connection: a pipe with hyper at both ends.
async fn in_process(
    state: Shared,
    request: Request<kube::client::Body>,
) -> Result<Response<AnswerBody>, tower::BoxError> {
    if !request.headers().contains_key("upgrade") {
        let answer = {
            let recorded = record(request).await?;
            state.lock().unwrap().answer(recorded)
        };
        return Ok(respond(answer, state).await?);
    }
    let (near, far) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move {
        let service =
            service_fn(move |request: Request<Incoming>| on_loopback(state.clone(), request));
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(far), service)
            .with_upgrades()
            .await;
    });
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(near)).await?;
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await?;
    Ok(response.map(|body| body.map_err(io::Error::other).boxed_unsync()))
}

async fn record<B>(request: Request<B>) -> io::Result<Recorded>
where
    B: hyper::body::Body,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes()
        .to_vec();
    Ok(Recorded {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        raw_query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    })
}

async fn respond(answer: Answer, state: Shared) -> io::Result<Response<AnswerBody>> {
    tokio::time::sleep(answer.delay).await;
    let mut response = Response::builder().status(if answer.code == 0 { 200 } else { answer.code });
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    if !answer.headers.iter().any(|(name, _)| name == "date") {
        response = response.header(
            "date",
            jiff::Timestamp::now()
                .strftime("%a, %d %b %Y %H:%M:%S GMT")
                .to_string(),
        );
    }
    let body = match answer.body {
        Body::Bytes(bytes) => Full::new(Bytes::from(bytes)).map_err(never).boxed_unsync(),
        Body::Lines { lines, open } => scripted(lines, open),
        Body::Live(live) => pieces(stream::unfold(
            (live, state),
            |(mut live, state)| async move {
                let piece = live.next(&state).await?;
                Some((Ok(piece), (live, state)))
            },
        )),
        Body::Log(reading) => pieces(stream::unfold(
            (reading, state),
            |(mut reading, state)| async move {
                let piece = reading.next(&state).await?;
                Some((piece, (reading, state)))
            },
        )),
        Body::Cut(bytes) => {
            let cut = stream::once(async {
                // So that what came before is on its way.
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the fake hangs up",
                ))
            });
            pieces(futures::StreamExt::chain(stream::iter([Ok(bytes)]), cut))
        }
        Body::HangUp | Body::Exec(_) | Body::Port(_) => {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the fake hangs up",
            ));
        }
    };
    Ok(response.body(body).unwrap())
}

fn scripted(lines: Vec<String>, open: bool) -> AnswerBody {
    let given = stream::iter(lines.into_iter().map(|line| Ok(line.into_bytes())));
    if open {
        pieces(futures::StreamExt::chain(given, stream::pending()))
    } else {
        pieces(given)
    }
}

fn pieces(parts: impl futures::Stream<Item = io::Result<Vec<u8>>> + Send + 'static) -> AnswerBody {
    StreamBody::new(futures::StreamExt::map(parts, |part| {
        part.map(|bytes| Frame::data(Bytes::from(bytes)))
    }))
    .boxed_unsync()
}

fn never(error: Infallible) -> io::Error {
    match error {}
}

fn switching(key: &str, protocol: &str) -> Response<AnswerBody> {
    Response::builder()
        .status(101)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", exec::accept(key))
        .header("sec-websocket-protocol", protocol)
        .body(Full::new(Bytes::new()).map_err(never).boxed_unsync())
        .unwrap()
}

async fn play(upgrade: hyper::upgrade::OnUpgrade, mut execution: Execution, state: Shared) {
    let Ok(upgraded) = upgrade.await else { return };
    let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
    let mut ear = Ear::default();
    if execution.echo {
        while !ear.heard.closed && listen(&mut read, &mut ear).await {}
        execution.stdout.splice(0..0, ear.heard.input.clone());
    }
    let ended = async {
        tokio::time::sleep(execution.delay).await;
        let _ = write.write_all(&execution.frames()).await;
        let _ = write.flush().await;
    };
    {
        let mut ended = std::pin::pin!(ended);
        // What the client says meanwhile is heard, and keeps nobody waiting.
        while tokio::select! {
            biased;
            () = &mut ended => false,
            more = listen(&mut read, &mut ear) => more || { (&mut ended).await; false },
        } {}
    }
    state.lock().unwrap().heard.push(ear.heard);
    let _ = write.shutdown().await;
}

/// False at the end of what the client says.
async fn listen(read: &mut (impl tokio::io::AsyncRead + Unpin), ear: &mut Ear) -> bool {
    let mut buffer = vec![0; 64 * 1024];
    match read.read(&mut buffer).await {
        Ok(count @ 1..) => {
            ear.take(&buffer[..count]);
            true
        }
        _ => false,
    }
}
