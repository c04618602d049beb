//! HTTP connections to the API server. kube's own connector leaves Nagle's algorithm on, which delays a request by 40 ms
//! on every resumed TLS session, that is on nearly every connection; it sets no TCP keep-alive and speaks no HTTP/2.
//!
//! As with kubectl, all requests share one HTTP/2 connection if the server offers it. Upgrades (exec, port-forward) take an
//! HTTP/1.1 connection each, because HTTP/2 has none. Behind a proxy and without TLS, everything is HTTP/1.1.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures::future::{Either, select};
use http::header::UPGRADE;
use http::uri::Scheme;
use http::{Request, Response};
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt};
use tokio::sync::Mutex;
use tower::util::MapResponseLayer;
use tower::{BoxError, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

use super::common_headers::CommonHeaders;
use super::pinned_certificate::PinnedVerifier;
use super::read_limits::ERROR_BODY_LIMIT;
use super::transport_failure;

/// Time limit for opening a TCP connection; Go's default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Idle time before the first TCP keep-alive probe, and interval of the following ones.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Silence on an HTTP/2 connection with open requests after which a ping is sent; Go's value.
const PING: Duration = Duration::from_secs(30);
/// Time limit for the answer to a ping; the connection is lost after it. Go's value.
const PONG: Duration = Duration::from_secs(15);
/// Bytes of one response that may be in flight.
const STREAM_WINDOW: u32 = 4 << 20;
/// Bytes of all responses of a connection that may be in flight: so many that an unread response does not hold up the others.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// Bytes of a response's headers, as many as with HTTP/1.1.
const HEADERS: u32 = 400 << 10;

/// Builds a client that adds the headers of `dressing` to every request, with HTTP/2 if `http2` is true and the server offers
/// it. Behind a proxy, kube's own connector is used because it supports all proxy protocols.
///
/// # Errors
/// Invalid certificates, or an invalid server name.
pub(super) fn build_client(
    config: kube::Config,
    dressing: CommonHeaders,
    http2: bool,
) -> Result<kube::Client> {
    let unfit = |error| transport_failure::setup_error(&error);
    let dress =
        tower::util::MapRequestLayer::new(move |request: Request<Body>| dressing.add_to(request));
    if config.proxy_url.is_some() {
        let builder = ClientBuilder::try_from(config).map_err(unfit)?;
        let builder = builder.with_layer(&dress);
        return Ok(builder
            .with_layer(&MapResponseLayer::new(limit_error_body))
            .build());
    }
    let connections = Connections::new(&config, http2)?;
    let gzip = DecompressionLayer::new()
        .no_br()
        .no_deflate()
        .no_zstd()
        .gzip(!config.disable_compression);
    let service = ServiceBuilder::new()
        .layer(MapResponseLayer::new(limit_error_body))
        .layer(dress)
        .layer(config.base_uri_layer())
        .layer(gzip)
        .option_layer(config.auth_layer().map_err(unfit)?)
        .layer(config.extra_headers_layer().map_err(unfit)?)
        .map_err(BoxError::from)
        .service_fn(move |request| connections.clone().send(request));
    Ok(kube::Client::new(service, config.default_namespace))
}

type Pool = Client<HttpsConnector<HttpConnector>, Body>;

/// Connections to one server. Clones share them.
#[derive(Clone)]
struct Connections {
    plain: Pool,
    upgrades: Pool,
    /// True once the first plain request has a connection or has failed to get one, and from the start without HTTP/2. Locked
    /// meanwhile.
    has_tried: Arc<Mutex<bool>>,
}

impl Connections {
    fn new(config: &kube::Config, http2: bool) -> Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_keepalive(Some(KEEP_ALIVE_INTERVAL));
        tcp.set_keepalive_interval(Some(KEEP_ALIVE_INTERVAL));
        let tls = config.rustls_client_config();
        let mut tls = tls.map_err(|error| transport_failure::setup_error(&error))?;
        if let Some(authorities) = &config.root_cert
            && !authorities.is_empty()
            && !config.accept_invalid_certs
        {
            let verifier = PinnedVerifier::new(authorities, tls.crypto_provider())
                .context("failed to set up the connection to the server")?;
            tls.dangerous().set_certificate_verifier(Arc::new(verifier));
        }
        let builder = || {
            let builder = HttpsConnectorBuilder::new()
                .with_tls_config(tls.clone())
                .https_or_http();
            let Some(name) = config.tls_server_name.clone() else {
                return Ok(builder);
            };
            let invalid =
                format!("invalid tls-server-name {name:?}: must be a DNS name or an IP address");
            let name = name.try_into().map_err(|_| anyhow!(invalid))?;
            let name = FixedServerNameResolver::new(name);
            anyhow::Ok(builder.with_server_name_resolver(name))
        };
        let http1 = builder()?.enable_http1().wrap_connector(tcp.clone());
        let upgrades = Client::builder(TokioExecutor::new()).build(http1);
        let plain = if http2 {
            let both = builder()?.enable_all_versions().wrap_connector(tcp);
            Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .http2_keep_alive_interval(PING)
                .http2_keep_alive_timeout(PONG)
                .http2_initial_stream_window_size(STREAM_WINDOW)
                .http2_initial_connection_window_size(CONNECTION_WINDOW)
                .http2_max_header_list_size(HEADERS)
                .build(both)
        } else {
            upgrades.clone()
        };
        Ok(Self {
            plain,
            upgrades,
            has_tried: Arc::new(Mutex::new(!http2)),
        })
    }

    /// Sends a request. Requests sent while the first one connects wait for it: they need no connection of their own if the
    /// server speaks HTTP/2.
    async fn send(self, mut request: Request<Body>) -> Result<Response<Incoming>, Error> {
        if request.headers().contains_key(UPGRADE) {
            return self.upgrades.request(request).await;
        }
        if request.uri().scheme() != Some(&Scheme::HTTPS) {
            return self.plain.request(request).await;
        }
        let mut has_tried = self.has_tried.lock().await;
        if *has_tried {
            drop(has_tried);
            return self.plain.request(request).await;
        }
        let mut connection = capture_connection(&mut request);
        let connected = Box::pin(async move {
            connection.wait_for_connection_metadata().await;
        });
        match select(self.plain.request(request), connected).await {
            Either::Left((answer, _)) => {
                *has_tried = true;
                answer
            }
            Either::Right(((), answer)) => {
                *has_tried = true;
                drop(has_tried);
                answer.await
            }
        }
    }
}

/// Limits the body of an error response: kube reads those of upgrade requests itself and without a limit. A longer body
/// ends with an error.
fn limit_error_body<B>(response: Response<B>) -> Response<Limited<B>> {
    let is_refusal = response.status().is_client_error() || response.status().is_server_error();
    let most = if is_refusal {
        ERROR_BODY_LIMIT.bytes * 2
    } else {
        usize::MAX
    };
    response.map(|body| Limited::new(body, most))
}
