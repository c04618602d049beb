//! A server with TLS that speaks HTTP/2, and one that does not.

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use http::header::{CONNECTION, UPGRADE};
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::Body;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use super::super::process_env::ProcessEnv;
use super::super::{Cluster, LogOptions};
use super::agent;
use crate::options::ConnectOptions;
use session_model::failure;

/// What reached the server.
#[derive(Default)]
pub(super) struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<(String, Version)>>,
    /// The connection that waits for this breaks off.
    breaks: Notify,
    /// The connection that waits for this is closed as a server closes it that is about to end.
    ends: Notify,
}

impl Seen {
    fn requests(&self) -> Vec<(String, Version)> {
        self.requests.lock().unwrap().clone()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The answer to a path, which says what becomes of the connection.
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<BoxBody<Bytes, io::Error>>, Infallible> {
        let path = request.uri().path().to_owned();
        let version = request.version();
        self.requests.lock().unwrap().push((path.clone(), version));
        let full = |text: &'static str| Full::from(text).map_err(|never| match never {}).boxed();
        let frame = |bytes: &'static [u8]| Ok(Frame::data(Bytes::from_static(bytes)));
        let broken = || Err(io::Error::other("no more"));
        let body = match path.as_str() {
            "/never" => std::future::pending().await,
            "/broken" => {
                self.breaks.notify_one();
                std::future::pending().await
            }
            "/last" => {
                self.ends.notify_one();
                full("{}")
            }
            "/refused" => BodyExt::boxed(StreamBody::new(stream::iter([broken()]))),
            "/half" => {
                let rest = stream::once(async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    broken()
                });
                let half = stream::iter([frame(b"{")]).chain(rest);
                BodyExt::boxed(StreamBody::new(half))
            }
            path if path.ends_with("/log") => {
                let log = stream::repeat_with(move || frame(&[b'x'; 16 << 10]));
                BodyExt::boxed(StreamBody::new(log))
            }
            _ => full("{}"),
        };
        let mut response = Response::new(body);
        if request.headers().contains_key(UPGRADE) {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response
                .headers_mut()
                .insert(CONNECTION, "Upgrade".parse().unwrap());
            response.headers_mut().insert(UPGRADE, "x".parse().unwrap());
        }
        Ok(response)
    }
}

/// A cluster behind a server that offers these protocols.
async fn serve(protocols: &[&str], variables: &[&str]) -> (Cluster, Arc<Seen>) {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let private = key.signing_key.serialize_der().try_into().unwrap();
    let mut tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.into()], private)
        .unwrap();
    tls.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let tls = TlsAcceptor::from(Arc::new(tls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flags = ConnectOptions {
        server: Some(format!("https://{}", listener.local_addr().unwrap())),
        insecure_skip_tls_verify: Some(true),
        request_timeout: Some(Duration::from_secs(5)),
        ..ConnectOptions::default()
    };
    let seen = Arc::new(Seen::default());
    let server = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            server.connections.fetch_add(1, Ordering::Relaxed);
            let (tls, server) = (tls.clone(), Arc::clone(&server));
            tokio::spawn(async move { converse(tls.accept(tcp).await.unwrap(), server).await });
        }
    });
    let around = ProcessEnv {
        variables: variables
            .iter()
            .map(|name| ((*name).to_owned(), "1".into()))
            .collect(),
        ..ProcessEnv::default()
    };
    let cluster = Cluster::connect_with_env(&flags, agent(), &around).await;
    (cluster.unwrap(), seen)
}

/// Answers the requests of a connection.
pub(super) async fn converse(stream: TlsStream<tokio::net::TcpStream>, seen: Arc<Seen>) {
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let (io, server) = (TokioIo::new(stream), Arc::clone(&seen));
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { server.answer(request).await }
    });
    if is_http2 {
        let mut connection =
            std::pin::pin!(http2::Builder::new(TokioExecutor::new()).serve_connection(io, service));
        tokio::select! {
            _ = connection.as_mut() => {}
            () = seen.breaks.notified() => {}
            () = seen.ends.notified() => {
                connection.as_mut().graceful_shutdown();
                let _ended = connection.await;
            }
        }
    } else {
        let connection = http1::Builder::new()
            .serve_connection(io, service)
            .with_upgrades();
        tokio::select! {
            _ = connection => {}
            () = seen.breaks.notified() => {}
        }
    }
}

const BOTH: &[&str] = &["h2", "http/1.1"];

async fn message(cluster: &Cluster, path: &str) -> String {
    let error = cluster.get_raw(path).await.unwrap_err();
    failure::find_failure(&error).unwrap().message.clone()
}

#[tokio::test]
async fn requests_at_the_same_time_share_one_connection() {
    let (cluster, seen) = serve(BOTH, &[]).await;
    let all = ["/a", "/b", "/c", "/d"].map(|path| cluster.get_raw(path));
    futures::future::try_join_all(all).await.unwrap();
    cluster.get_raw("/e").await.unwrap();
    let versions: Vec<Version> = seen
        .requests()
        .iter()
        .map(|(_, version)| *version)
        .collect();
    assert_eq!(versions, [Version::HTTP_2; 5]);
    assert_eq!(seen.connections(), 1);
}

#[tokio::test]
async fn a_server_or_user_without_http2_gets_http1() {
    for (protocols, variables) in [
        (&["http/1.1"][..], &[][..]),
        (&[], &[]),
        (BOTH, &["DISABLE_HTTP2"]),
    ] {
        let (cluster, seen) = serve(protocols, variables).await;
        futures::try_join!(cluster.get_raw("/a"), cluster.get_raw("/b")).unwrap();
        let versions: Vec<Version> = seen
            .requests()
            .iter()
            .map(|(_, version)| *version)
            .collect();
        assert_eq!(versions, [Version::HTTP_11; 2]);
    }
}

#[tokio::test]
async fn an_upgrade_takes_an_http1_connection_of_its_own() {
    let (cluster, seen) = serve(BOTH, &[]).await;
    cluster.get_raw("/a").await.unwrap();
    let upgrade = Request::get("/exec")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "x")
        .body(Body::empty())
        .unwrap();
    let answer = cluster.inner.client.send(upgrade).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    let seen_requests = seen.requests();
    assert_eq!(seen_requests[1], ("/exec".to_owned(), Version::HTTP_11));
    assert_eq!(seen.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_told_as_with_http1_and_a_read_is_repeated_once() {
    let (cluster, seen) = serve(BOTH, &[]).await;
    cluster.get_raw("/a").await.unwrap();
    assert_eq!(message(&cluster, "/broken").await, "EOF");
    assert_eq!(seen.requests().len(), 3);
    assert_eq!(message(&cluster, "/refused").await, "EOF");
    assert_eq!(seen.requests().len(), 5);
    assert_eq!(message(&cluster, "/half").await, "unexpected EOF");
    cluster.get_raw("/b").await.unwrap();
}

#[tokio::test]
async fn after_a_goaway_requests_take_another_connection() {
    let (cluster, seen) = serve(BOTH, &[]).await;
    cluster.get_raw("/last").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    cluster.get_raw("/a").await.unwrap();
    assert_eq!(seen.requests().len(), 2);
    assert_eq!(seen.connections(), 2);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_when_time_is_up_and_others_are_answered() {
    let (cluster, seen) = serve(BOTH, &[]).await;
    let (never, ()) = futures::join!(message(&cluster, "/never"), async {
        cluster.get_raw("/a").await.unwrap();
    });
    assert_eq!(
        never,
        "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
    );
    assert_eq!(seen.connections(), 1);
}

#[tokio::test]
async fn a_stream_that_nobody_reads_holds_up_no_other_answer() {
    let (cluster, seen) = serve(BOTH, &[]).await;
    let mut logs = Vec::new();
    for _ in 0..4 {
        let mut log = cluster
            .open_log("default", "x", &LogOptions::default())
            .await
            .unwrap();
        log.next().await.unwrap().unwrap();
        logs.push(log);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    cluster.get_raw("/a").await.unwrap();
    assert_eq!(seen.connections(), 1);
}
