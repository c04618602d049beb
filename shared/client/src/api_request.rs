//! Single requests: headers, time-out, warnings, credentials, and the few retries that are safe.
//!
//! Long because everything that a request can meet, retries included, is decided in one place.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::Value;

use super::api_paths::percent_encode;
use super::exchange::Exchange;
use super::read_limits::{ERROR_BODY_LIMIT, OBJECT_LIMIT, ReadLimit};
use super::response_body::{BufferedResponse, read_limited_body};
use super::{Cluster, failure_of_response, transport_failure};
use session_model::failure::{Failure, FailureKind, with_hint};
use session_model::objects::ResourceType;

/// Media type of JSON.
pub(super) const JSON: &str = "application/json";
/// Media type of a Table.
pub(super) const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
/// Media type of one object's metadata.
pub(super) const METADATA: &str =
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
/// Media type of a list's metadata.
pub(super) const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

/// Longest Retry-After that is obeyed; beyond it the request fails.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);
/// URL length that proxies and servers may refuse, in bytes.
const LONG_URL_BYTES: usize = 4096;
/// Retries of a read when the server requests it.
const RETRIES_MAX: u32 = 3;

/// A request to the API server, built step by step.
pub(super) struct ApiRequest {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    accept: &'static str,
    content: Option<(&'static str, Bytes)>,
    identity_encoding: bool,
    /// Additional headers.
    headers: HeaderMap,
    limit: ReadLimit,
    pub(super) subject: failure_of_response::RequestSubject,
}

impl ApiRequest {
    /// Creates a request without query, body and subject.
    pub(super) fn new(method: Method, path: String) -> Self {
        let subject = failure_of_response::RequestSubject {
            method: method.as_str().to_owned(),
            ..failure_of_response::RequestSubject::default()
        };
        Self {
            method,
            path,
            query: Vec::new(),
            accept: JSON,
            content: None,
            identity_encoding: false,
            headers: HeaderMap::new(),
            limit: OBJECT_LIMIT,
            subject,
        }
    }

    /// Creates a GET request.
    pub(super) fn get(path: String) -> Self {
        Self::new(Method::GET, path)
    }

    /// Sets the object, for error messages.
    pub(super) fn for_object(mut self, t: &ResourceType, name: &str) -> Self {
        self.subject.plural = t.plural.to_string();
        self.subject.qualified = t.qualified();
        self.subject.name = name.to_owned();
        self
    }

    /// Adds a query parameter; empty values are left out.
    pub(super) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.query.push((key, value));
        }
        self
    }

    /// Sets the Accept header; JSON by default.
    pub(super) fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    /// Requests an uncompressed response, since streams that are flushed in parts cannot be decompressed.
    pub(super) fn uncompressed(mut self) -> Self {
        self.identity_encoding = true;
        self
    }

    /// Sets the limit for reading the response.
    pub(super) fn limit(mut self, limit: ReadLimit) -> Self {
        self.limit = limit;
        self
    }

    /// Sets additional headers.
    pub(super) fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// Sets the body and its content type.
    pub(super) fn body(mut self, content_type: &'static str, body: &Value) -> Self {
        self.content = Some((content_type, Bytes::from(body.to_string())));
        self
    }

    fn target(&self) -> String {
        let pairs: Vec<String> = self
            .query
            .iter()
            .map(|(key, value)| format!("{key}={}", percent_encode(value)))
            .collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, pairs.join("&"))
    }

    fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// Returns true if an object may be another afterwards: neither for a dry run nor for a review, which is only answered.
    fn is_write(&self) -> bool {
        let is_dry_run = self.query.iter().any(|(key, _)| *key == "dryRun");
        !self.is_read() && !is_dry_run && !self.path.ends_with("reviews")
    }
}

impl Cluster {
    /// Sends a request and reads the complete response.
    ///
    /// # Errors
    /// A Failure for every status but 2xx.
    pub(super) async fn send(&self, call: &ApiRequest) -> Result<BufferedResponse> {
        if !call.is_read() && call.path.contains("/customresourcedefinitions") {
            self.inner.discovered.set_changing();
        }
        if call.is_write() {
            self.end_shared_reads();
        }
        let mut repetitions = 0;
        loop {
            let failed = match self.with_timeout(self.send_once(call)).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let most = if transport_failure::is_connection_closed(&failed.failure) {
                1
            } else {
                RETRIES_MAX
            };
            let pause = failed
                .pause
                .filter(|_| call.is_read() && repetitions < most);
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None if failed.failure.code == 401
                    && repetitions == 0
                    && self.renew_credentials().await? => {}
                None => return Err(self.refusal(failed.failure)),
            }
            repetitions += 1;
        }
    }

    /// Sends a request and returns the response with an unread body.
    ///
    /// # Errors
    /// A Failure for every status but 2xx.
    pub(super) async fn send_streaming(&self, call: &ApiRequest) -> Result<Response<Body>> {
        let mut repeated = false;
        loop {
            match self.with_timeout(self.send_for_success(call)).await {
                Ok(response) => return Ok(response),
                Err(failed)
                    if failed.failure.code == 401
                        && !repeated
                        && self.renew_credentials().await? =>
                {
                    repeated = true
                }
                Err(failed) => return Err(self.refusal(failed.failure)),
            }
        }
    }

    /// Returns the error of a failed request. One of rejected credentials says how to renew them.
    #[expect(
        clippy::disallowed_methods,
        reason = "credentials expire by this machine's clock, as in client-go"
    )]
    fn refusal(&self, failure: Failure) -> anyhow::Error {
        match &self.inner.renewal {
            Some(renewal) if failure.kind == FailureKind::Unauthorized => {
                with_hint(failure, renewal.hint(Timestamp::now()))
            }
            _ => failure.into(),
        }
    }

    /// Sends a request and returns the response with any status and an unread body. The request is sent twice if an idle
    /// connection had been closed, or credentials had to be renewed.
    ///
    /// # Errors
    /// A Failure without a response.
    pub(super) async fn send_any_status(&self, call: &ApiRequest) -> Result<Response<Body>> {
        let mut answer = self.with_timeout(self.send_raw(call)).await;
        let is_refused =
            matches!(&answer, Ok(response) if response.status() == StatusCode::UNAUTHORIZED);
        let was_closed = matches!(&answer, Err(failed) if transport_failure::is_connection_closed(&failed.failure));
        if was_closed || (is_refused && self.renew_credentials().await?) {
            answer = self.with_timeout(self.send_raw(call)).await;
        }
        answer.map_err(|failed| failed.failure.into())
    }

    async fn renew_credentials(&self) -> Result<bool> {
        match &self.inner.credentials {
            Some(credentials) => credentials.renew_rejected().await,
            None => Ok(false),
        }
    }

    async fn with_timeout<T>(
        &self,
        work: impl Future<Output = Result<T, FailedAttempt>>,
    ) -> Result<T, FailedAttempt> {
        let Some(limit) = self.inner.timeout else {
            return work.await;
        };
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(FailedAttempt::final_failure(
                transport_failure::request_timeout_failure(),
            )),
        }
    }

    async fn send_once(&self, call: &ApiRequest) -> Result<BufferedResponse, FailedAttempt> {
        let response = self.send_for_success(call).await?;
        let (parts, body) = response.into_parts();
        let about = call.subject.error_suffix();
        match read_limited_body(body, call.limit).await {
            Ok((body, true)) => Ok(BufferedResponse {
                headers: parts.headers,
                body,
                limit: call.limit,
                subject: about,
            }),
            Ok((_, false)) => Err(FailedAttempt::of(call.limit.exceeded_error(&about))),
            Err(error) => Err(self.transport_failure(&error)),
        }
    }

    async fn send_raw(&self, call: &ApiRequest) -> Result<Response<Body>, FailedAttempt> {
        if let Some(credentials) = &self.inner.credentials {
            credentials
                .renew_expired()
                .await
                .map_err(FailedAttempt::of)?;
        }
        let request = self.build_request(call).map_err(|error| {
            FailedAttempt::final_failure(Failure::client_side(
                FailureKind::InvalidConfiguration,
                error.to_string(),
            ))
        })?;
        let started = Instant::now();
        let sent = self.inner.client.send(request).await;
        let status = sent.as_ref().map_or(0, |answer| answer.status().as_u16());
        self.report_exchange(call.method.as_str(), &call.target(), status, started);
        let response = sent.map_err(|error| self.transport_failure(&error))?;
        self.inner.warnings.collect(response.headers());
        Ok(response)
    }

    async fn send_for_success(&self, call: &ApiRequest) -> Result<Response<Body>, FailedAttempt> {
        let response = self.send_raw(call).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let (body, _) = read_limited_body(body, ERROR_BODY_LIMIT)
            .await
            .map_err(|error| self.transport_failure(&error))?;
        let mut failure = failure_of_response::failure_of_response(
            parts.status,
            &parts.headers,
            &body,
            &call.subject,
        );
        let length = call.target().len();
        if length > LONG_URL_BYTES && matches!(failure.code, 400 | 414 | 431) {
            let about = format!(": the request URL has {length} bytes");
            failure.message.push_str(&about);
        }
        Err(FailedAttempt {
            failure,
            pause: retry_after(parts.status, &parts.headers),
        })
    }

    fn build_request(&self, call: &ApiRequest) -> Result<Request<Body>, http::Error> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(call.target())
            .header(ACCEPT, call.accept)
            .header(USER_AGENT, self.inner.agent.clone());
        if call.identity_encoding {
            request = request.header(ACCEPT_ENCODING, "identity");
        }
        if let Some(headers) = request.headers_mut() {
            headers.extend(call.headers.clone());
        }
        match &call.content {
            Some((content_type, body)) => request
                .header(CONTENT_TYPE, *content_type)
                .body(Body::from(body.to_vec())),
            None => request.body(Body::empty()),
        }
    }

    /// Reports a request to the observer, including those that kube sends itself. `target` is path and query; `status` is
    /// 0 without a response.
    pub(super) fn report_exchange(
        &self,
        method: &str,
        target: &str,
        status: u16,
        started: Instant,
    ) {
        if let Some(observer) = self.inner.observer.get() {
            observer(&Exchange {
                method: method.to_owned(),
                url: format!("{}{target}", self.server()),
                status,
                elapsed: started.elapsed(),
            });
        }
    }

    fn transport_failure(&self, error: &kube::Error) -> FailedAttempt {
        let failure =
            transport_failure::failure_of_transport(error, &self.inner.server, self.inner.proxied);
        // An idle connection was closed by the server: retry once on a new one.
        FailedAttempt {
            pause: transport_failure::is_connection_closed(&failure).then_some(Duration::ZERO),
            failure,
        }
    }
}

/// A failed attempt, and the pause before the next; `None` if it must not be retried.
struct FailedAttempt {
    failure: Failure,
    pause: Option<Duration>,
}

impl FailedAttempt {
    fn final_failure(failure: Failure) -> Self {
        Self {
            failure,
            pause: None,
        }
    }

    fn of(error: anyhow::Error) -> Self {
        Self::final_failure(
            session_model::failure::find_failure(&error)
                .cloned()
                .unwrap_or_else(|| {
                    Failure::client_side(FailureKind::InvalidConfiguration, format!("{error:#}"))
                }),
        )
    }
}

/// Returns the pause that the server requests; `None` if it requests none or too long a one.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let asks = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    if !asks.contains(&status) {
        return None;
    }
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds)).filter(|pause| *pause <= RETRY_AFTER_MAX)
}
