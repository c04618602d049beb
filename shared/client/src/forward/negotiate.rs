//! Negotiation of a port-forward: a GET of the Pod's portforward subresource that is upgraded to a WebSocket carrying
//! SPDY.

use anyhow::{Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ACCEPT, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::api_request::ApiRequest;
use crate::read_limits::ERROR_BODY_LIMIT;
use crate::remote_command::is_upgrade_unsupported;
use crate::response_body::read_limited_body;
use crate::{Cluster, api_paths, failure_of_response};
use session_model::failure::{Failure, FailureKind};
use session_model::objects::resource::POD;

/// kubectl's current protocol, under its name inside a WebSocket.
const PROTOCOL: &str = "SPDY/3.1+portforward.k8s.io";
/// Longest message: the server sends one frame per message, and a frame's length has 24 bits.
const MESSAGE_MAX: usize = 1 << 24;

/// A WebSocket to the API server.
pub(super) type ApiWebSocket = WebSocketStream<TokioIo<Upgraded>>;

/// The result of the negotiation.
#[derive(Debug)]
pub(super) enum Negotiation {
    /// The server supports the protocol.
    Upgraded(Box<ApiWebSocket>),
    /// The server does not support the protocol, with the reason.
    Unsupported(String),
}

/// Requests an upgraded connection to a Pod.
///
/// # Errors
/// A Failure that the older protocol would not avoid: missing rights, no such Pod, no server.
pub(super) async fn negotiate(
    cluster: &Cluster,
    namespace: &str,
    pod: &str,
) -> Result<Negotiation> {
    let path = format!(
        "{}/portforward",
        api_paths::object_path(&POD, namespace, pod)?
    );
    let key = random_key()?;
    let call = ApiRequest::get(path)
        .for_object(&POD, pod)
        .uncompressed()
        .headers(upgrade_headers(&key)?);
    let response = cluster.send_any_status(&call).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return unsupported_reason(response, &call)
            .await
            .map(Negotiation::Unsupported);
    }
    if let Some(why) = upgrade_problem(response.headers(), &key) {
        return Ok(Negotiation::Unsupported(why));
    }
    let upgraded = hyper::upgrade::on(response)
        .await
        .map_err(|error| Failure::client_side(FailureKind::Unreachable, error.to_string()))?;
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(MESSAGE_MAX);
    config.max_frame_size = Some(MESSAGE_MAX);
    let io = TokioIo::new(upgraded);
    let socket = WebSocketStream::from_raw_socket(io, Role::Client, Some(config)).await;
    Ok(Negotiation::Upgraded(Box::new(socket)))
}

/// Returns sixteen random bytes in base64, as RFC 6455 requires.
fn random_key() -> Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| anyhow!("cannot get random numbers: {error}"))?;
    Ok(STANDARD.encode(random))
}

fn upgrade_headers(key: &str) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    // The response is not an object, and the API server rejects a request that accepts only JSON.
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key.parse()?);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    Ok(headers)
}

/// Returns the reason why an upgraded response cannot be used; `None` if it can.
fn upgrade_problem(headers: &HeaderMap, key: &str) -> Option<String> {
    let is = |name, wanted: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    if !is(UPGRADE, "websocket") {
        return Some("the server did not upgrade to a WebSocket".to_owned());
    }
    let accepted = headers.get(SEC_WEBSOCKET_ACCEPT);
    if accepted.is_none_or(|value| value.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes())
    {
        return Some("the server's Sec-WebSocket-Accept header is invalid".to_owned());
    }
    if !is(SEC_WEBSOCKET_PROTOCOL, PROTOCOL) {
        return Some(format!("the server did not select protocol {PROTOCOL}"));
    }
    None
}

/// Returns the reason if the server does not support the protocol. Such a server answers with text or with status 400;
/// refusals for other reasons come as a Status, and a server in trouble says nothing about protocols.
///
/// # Errors
/// That Status, or that trouble.
async fn unsupported_reason(response: Response<Body>, call: &ApiRequest) -> Result<String> {
    let (parts, body) = response.into_parts();
    let (body, _) = read_limited_body(body, ERROR_BODY_LIMIT)
        .await
        .unwrap_or_default();
    let status: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_told = status["kind"] == "Status" && parts.status != StatusCode::BAD_REQUEST;
    if is_told || !is_upgrade_unsupported(parts.status) {
        let failure = failure_of_response::failure_of_response(
            parts.status,
            &parts.headers,
            &body,
            &call.subject,
        );
        return Err(failure.into());
    }
    Ok(format!(
        "the server responded with status {} to protocol {PROTOCOL}",
        parts.status
    ))
}
