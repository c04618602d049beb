//! Headers of every request.

use std::sync::Arc;

use http::HeaderValue;
use http::header::{AUTHORIZATION, USER_AGENT};
use kube::client::Body;

use super::credentials::Credentials;

/// Headers of every request, including those that kube creates itself (exec).
#[derive(Clone)]
pub(super) struct CommonHeaders {
    pub(super) agent: HeaderValue,
    pub(super) credentials: Option<Arc<Credentials>>,
}

impl CommonHeaders {
    pub(super) fn add_to(&self, mut request: http::Request<Body>) -> http::Request<Body> {
        request.headers_mut().insert(USER_AGENT, self.agent.clone());
        if let Some(header) = self
            .credentials
            .as_ref()
            .and_then(|credentials| credentials.header())
        {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        request
    }
}
