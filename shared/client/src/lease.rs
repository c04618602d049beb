//! Leases: whether somebody holds one.

use anyhow::Result;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use serde_json::Value;

use super::api_request::ApiRequest;
use super::{Cluster, api_paths};
use session_model::failure::{self, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::resource::LEASE;

impl Cluster {
    /// True if somebody holds the Lease `name`, by the server's clock. A Lease that is absent, or that the caller may not read, is
    /// not held.
    ///
    /// # Errors
    /// A Failure of another kind.
    pub async fn is_lease_held(&self, namespace: &str, name: &str) -> Result<bool> {
        let call = ApiRequest::get(api_paths::object_path(&LEASE, namespace, name)?)
            .for_object(&LEASE, name);
        match self.send(&call).await {
            Ok(answer) => Ok(is_valid(&answer.json()?, &answer.headers)),
            Err(error) => {
                let none = [
                    FailureKind::NotFound,
                    FailureKind::ResourceTypeNotFound,
                    FailureKind::Forbidden,
                ];
                if none.into_iter().any(|kind| failure::has_kind(&error, kind)) {
                    Ok(false)
                } else {
                    Err(error)
                }
            }
        }
    }
}

/// True if the Lease has a holder and has not expired.
fn is_valid(lease: &Value, headers: &HeaderMap) -> bool {
    let Some(spec) = Untyped(lease).read::<Lease>().and_then(|lease| lease.spec) else {
        return false;
    };
    let seconds = i64::from(spec.lease_duration_seconds.unwrap_or_default());
    let lasts = SignedDuration::from_secs(seconds);
    let until = spec
        .renew_time
        .and_then(|renewed| renewed.0.checked_add(lasts).ok());
    let is_held = spec.holder_identity.is_some_and(|who| !who.is_empty());
    is_held && until.is_some_and(|until| until >= server_time(headers))
}

/// Returns the server's time from the Date header, or the local time without one.
#[expect(
    clippy::disallowed_methods,
    reason = "a server without a Date header leaves only the local clock"
)]
fn server_time(headers: &HeaderMap) -> Timestamp {
    let date = headers
        .get(http::header::DATE)
        .and_then(|date| date.to_str().ok());
    let parsed = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    parsed.map_or_else(Timestamp::now, |zoned| zoned.timestamp())
}
