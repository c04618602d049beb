//! A proxy between one client and a real API server, which lets one thing go wrong: at the client's n-th request.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use crate::real::Real;
use crate::serve::config_text;

type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The client gets SIGKILL once the server has answered, and does not see the answer. Nothing it sent later gets through.
    Killed,
    /// The client gets SIGINT once the server has answered, and then the answer; what it sends later gets through.
    Interrupted,
    /// The proxy answers with this status code; the server sees nothing.
    Refused(u16),
    /// The connection breaks before the server sees anything.
    DroppedBefore,
    /// The connection breaks when the server has answered.
    DroppedAfter,
}

/// A fault, and at which request it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// 1 is the first.
    pub request: usize,
    /// What happens.
    pub fault: Fault,
}

/// A proxy on a free port of 127.0.0.1, until it is dropped.
pub struct Faulty {
    kubeconfig: PathBuf,
    shared: Arc<Shared>,
    real: Real,
    accepting: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

struct Shared {
    at: Option<At>,
    client: kube::Client,
    /// Every request, `METHOD /path?query`, in the order of arrival.
    requests: Mutex<Vec<String>>,
    pid: watch::Sender<Option<u32>>,
    /// Requests that the server is at work on; streams count until their head is there.
    under_way: watch::Sender<usize>,
}

impl Faulty {
    pub(crate) fn before(real: &Real, at: Option<At>, namespace: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("config");
        std::fs::write(&kubeconfig, config_text(&url, namespace)).unwrap();
        let shared = Arc::new(Shared {
            at,
            client: real.client.clone(),
            requests: Mutex::default(),
            pid: watch::Sender::new(None),
            under_way: watch::Sender::new(0),
        });
        let accepting = real.runtime.handle.spawn(accept(listener, shared.clone()));
        Self {
            kubeconfig,
            shared,
            real: real.clone(),
            accepting,
            _folder: folder,
        }
    }

    /// A kubeconfig with one context that leads through the proxy; whoever uses it has the proxy's own credentials.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Whom to kill.
    pub fn client_is(&self, pid: u32) {
        self.shared.pid.send_replace(Some(pid));
    }

    /// Waits until the server has answered everything that got through.
    pub fn settle(&self) {
        let mut under_way = self.shared.under_way.subscribe();
        self.real.runtime.wait(async move {
            let _ = under_way.wait_for(|count| *count == 0).await;
        });
    }

    /// Every request so far, `METHOD /path?query`.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// True if so many requests came that the fault has happened.
    pub fn happened(&self) -> bool {
        let count = self.requests().len();
        self.shared.at.is_some_and(|at| count >= at.request)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((connection, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| handle(shared.clone(), request));
            // An error here is a hang-up, ours or the client's.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service)
                .with_upgrades()
                .await;
        });
    }
}

async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> io::Result<Response<AnswerBody>> {
    let number = {
        let mut requests = shared.requests.lock().unwrap();
        requests.push(format!("{} {}", request.method(), request.uri()));
        requests.len()
    };
    let at = shared.at.filter(|at| number >= at.request);
    match at {
        Some(at) if number == at.request => disturbed(&shared, at.fault, request).await,
        // What a dead client sends gets nowhere.
        Some(At {
            fault: Fault::Killed,
            ..
        }) => std::future::pending().await,
        _ => forward(&shared, request).await,
    }
}

async fn disturbed(
    shared: &Arc<Shared>,
    fault: Fault,
    request: Request<Incoming>,
) -> io::Result<Response<AnswerBody>> {
    match fault {
        Fault::Refused(code) => Ok(refused(code)),
        Fault::DroppedBefore => Err(hung_up()),
        Fault::DroppedAfter => {
            forward(shared, request).await?;
            Err(hung_up())
        }
        Fault::Killed => {
            forward(shared, request).await?;
            signal(shared, Signal::KILL).await?;
            std::future::pending().await
        }
        Fault::Interrupted => {
            let answer = forward(shared, request).await?;
            signal(shared, Signal::INT).await?;
            Ok(answer)
        }
    }
}

/// Sends a signal to the client.
async fn signal(shared: &Shared, signal: Signal) -> io::Result<()> {
    let mut pid = shared.pid.subscribe();
    let pid = *pid
        .wait_for(Option::is_some)
        .await
        .map_err(io::Error::other)?;
    let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    Ok(kill_process(pid.expect("a process has a number"), signal)?)
}

fn hung_up() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the proxy hangs up")
}

/// As the API server and what stands before it refuse.
fn refused(code: u16) -> Response<AnswerBody> {
    let (reason, message) = match code {
        409 => (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
        429 => (
            "TooManyRequests",
            "too many requests, please try again later",
        ),
        _ => (
            "InternalError",
            "an error on the server has prevented the request from succeeding",
        ),
    };
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    let mut answer = Response::builder()
        .status(code)
        .header("content-type", "application/json");
    if code == 429 {
        answer = answer.header("retry-after", "1");
    }
    let body = Full::new(Bytes::from(status.to_string()));
    answer
        .body(body.map_err(|never| match never {}).boxed_unsync())
        .unwrap()
}

/// Sends a request on and waits for the head of its answer; whatever becomes of the client meanwhile, the server gets all of it.
async fn forward(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
) -> io::Result<Response<AnswerBody>> {
    shared.under_way.send_modify(|count| *count += 1);
    let (client, under) = (shared.client.clone(), shared.clone());
    let sent = tokio::spawn(async move {
        let answered = passed_on(client, request).await;
        under.under_way.send_modify(|count| *count -= 1);
        answered
    });
    sent.await.map_err(io::Error::other)?
}

async fn passed_on(
    client: kube::Client,
    mut request: Request<Incoming>,
) -> io::Result<Response<AnswerBody>> {
    let switches = request.headers().contains_key("upgrade");
    let streams = request
        .uri()
        .query()
        .is_some_and(|query| query.contains("watch=") || query.contains("follow="));
    let near = hyper::upgrade::on(&mut request);
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    parts.headers.remove("host");
    if !switches {
        end_to_end(&mut parts.headers);
    }
    let sent = Request::from_parts(parts, Body::from(body.to_vec()));
    let mut response = client.send(sent).await.map_err(io::Error::other)?;
    if response.status() == 101 {
        let far = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            let (Ok(near), Ok(far)) = tokio::join!(near, far) else {
                return;
            };
            let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(near), &mut TokioIo::new(far))
                .await;
        });
        return Ok(response.map(|_| {
            Full::default()
                .map_err(|never| match never {})
                .boxed_unsync()
        }));
    }
    let (mut parts, body) = response.into_parts();
    end_to_end(&mut parts.headers);
    if streams {
        return Ok(Response::from_parts(
            parts,
            body.map_err(io::Error::other).boxed_unsync(),
        ));
    }
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let body = Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync();
    Ok(Response::from_parts(parts, body))
}

/// Leaves out what holds for one connection only.
fn end_to_end(headers: &mut HeaderMap) {
    for name in [
        "connection",
        "keep-alive",
        "transfer-encoding",
        "content-length",
    ] {
        headers.remove(name);
    }
}

#[cfg(test)]
#[path = "faulty_tests.rs"]
mod tests;
