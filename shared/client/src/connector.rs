//! HTTP connections to the API server. kube's own connector leaves Nagle's algorithm on, which delays a request by 40 ms
//! on every resumed TLS session, that is on nearly every connection, and it sets no TCP keep-alive.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::Limited;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use tower::util::MapResponseLayer;
use tower::{BoxError, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

use super::CommonHeaders;
use super::limits::ERROR_BODY_LIMIT;

/// Time limit for opening a TCP connection; Go's default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Idle time before the first TCP keep-alive probe, and interval of the following ones.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Builds a client that adds the headers of `dressing` to every request. Behind a proxy, kube's own connector is used
/// because it supports all proxy protocols.
pub(super) fn build_client(config: kube::Config, dressing: CommonHeaders) -> kube::Result<kube::Client> {
    let dress =
        tower::util::MapRequestLayer::new(move |request: Request<Body>| dressing.add_to(request));
    if config.proxy_url.is_some() {
        let builder = ClientBuilder::try_from(config)?.with_layer(&dress);
        return Ok(builder.with_layer(&MapResponseLayer::new(limit_error_body)).build());
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_keepalive(Some(KEEP_ALIVE_INTERVAL));
    tcp.set_keepalive_interval(Some(KEEP_ALIVE_INTERVAL));
    let tls = config.rustls_https_connector_with_connector(tcp)?;
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
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(Client::builder(TokioExecutor::new()).build(tls));
    Ok(kube::Client::new(service, config.default_namespace))
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
