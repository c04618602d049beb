//! HTTP connections to the API server. kube's own connector leaves Nagle's algorithm on, which delays a request by 40 ms
//! on every resumed TLS session, that is on nearly every connection; it sets no TCP keep-alive and speaks no HTTP/2.
//!
//! As with kubectl, all requests share one HTTP/2 connection if the server offers it. Upgrades (exec, port-forward) take an
//! HTTP/1.1 connection each, because HTTP/2 has none. Behind a proxy and without TLS, everything is HTTP/1.1. The connection to a
//! proxy with TLS is set up as that to the server, as Go does it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::{Either, select};
use http::header::UPGRADE;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper_rustls::builderstates::WantsProtocols1;
use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connect, HttpConnector, capture_connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::sync::Mutex;
use tower::util::{BoxCloneSyncService, MapResponseLayer};
use tower::{BoxError, ServiceBuilder, ServiceExt};
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

/// Builds a client that adds the headers of `dressing` to every request, with HTTP/2 if `http2` is true and the server offers it.
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

/// A pool of connections of one kind. Clones share them.
type Pool = BoxCloneSyncService<Request<Body>, Response<Incoming>, Error>;

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
        let tls = TlsSettings::new(config)?;
        let http2 = http2 && config.proxy_url.is_none();
        let upgrades = match &config.proxy_url {
            None => http1_pool(tls.connector().enable_http1().wrap_connector(tcp.clone())),
            Some(proxy) if proxy.scheme_str() == Some("socks5") => {
                let socks = SocksV5::new(proxy.clone(), tcp.clone());
                http1_pool(tls.connector().enable_http1().wrap_connector(socks))
            }
            Some(proxy) => {
                let to_proxy = tls.connector().enable_http1().wrap_connector(tcp.clone());
                let mut tunnel = Tunnel::new(proxy.clone(), to_proxy);
                if let Some(value) = proxy_authorization(proxy) {
                    tunnel = tunnel.with_auth(value);
                }
                http1_pool(tls.connector().enable_http1().wrap_connector(tunnel))
            }
        };
        let plain = if http2 {
            let both = tls.connector().enable_all_versions().wrap_connector(tcp);
            let client = Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .http2_keep_alive_interval(PING)
                .http2_keep_alive_timeout(PONG)
                .http2_initial_stream_window_size(STREAM_WINDOW)
                .http2_initial_connection_window_size(CONNECTION_WINDOW)
                .http2_max_header_list_size(HEADERS)
                .build(both);
            Pool::new(client)
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
            return self.upgrades.oneshot(request).await;
        }
        if request.uri().scheme() != Some(&Scheme::HTTPS) {
            return self.plain.oneshot(request).await;
        }
        let mut has_tried = self.has_tried.lock().await;
        if *has_tried {
            drop(has_tried);
            return self.plain.oneshot(request).await;
        }
        let mut connection = capture_connection(&mut request);
        let connected = Box::pin(async move {
            connection.wait_for_connection_metadata().await;
        });
        match select(self.plain.oneshot(request), connected).await {
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

fn http1_pool<C: Connect + Clone + Send + Sync + 'static>(connector: C) -> Pool {
    Pool::new(Client::builder(TokioExecutor::new()).build(connector))
}

/// Returns the header that a proxy wants for the user and password in its URL; `None` without them.
fn proxy_authorization(proxy: &Uri) -> Option<HeaderValue> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let user: Vec<u8> = percent_decode_str(user).collect();
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(user))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// TLS of every connection: to the server, directly or through a proxy, and to a proxy.
struct TlsSettings {
    config: ClientConfig,
    /// Name that certificates must be valid for, instead of the host's.
    server_name: Option<ServerName<'static>>,
}

impl TlsSettings {
    fn new(config: &kube::Config) -> Result<Self> {
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
        let named = config.tls_server_name.clone().map(|name| {
            let invalid =
                format!("invalid tls-server-name {name:?}: must be a DNS name or an IP address");
            ServerName::try_from(name).map_err(|_| anyhow!(invalid))
        });
        Ok(Self {
            config: tls,
            server_name: named.transpose()?,
        })
    }

    fn connector(&self) -> HttpsConnectorBuilder<WantsProtocols1> {
        let builder = HttpsConnectorBuilder::new()
            .with_tls_config(self.config.clone())
            .https_or_http();
        match self.server_name.clone() {
            None => builder,
            Some(name) => builder.with_server_name_resolver(FixedServerNameResolver::new(name)),
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
