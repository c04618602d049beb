//! The caller's identity according to the server, and the controller's Lease.

use anyhow::Result;
use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Cluster;
use super::paths;
use super::request::{Call, JSON};
use crate::failure::{self, Kind};
use crate::objects::resource::{LEASE, text};

/// Name of the Lease that a controller holds.
pub const CONTROLLER_LEASE: &str = "session-controller";
/// Namespace of the Lease that a controller for all namespaces holds.
pub const CONTROLLER_NAMESPACE: &str = "session-system";

/// The caller's identity according to the API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User name.
    pub username: String,
    /// Groups.
    pub groups: Vec<String>,
    /// UID; often empty.
    pub uid: String,
}

impl Cluster {
    /// Asks the server for the caller's identity (SelfSubjectReview, Kubernetes 1.28 and later).
    ///
    /// # Errors
    /// A Failure.
    pub async fn identity(&self) -> Result<Identity> {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let call = Call::new(
            Method::POST,
            "/apis/authentication.k8s.io/v1/selfsubjectreviews".to_owned(),
        );
        let answer = self.call(&call.body(JSON, &review)).await?.json()?;
        let user = &answer["status"]["userInfo"];
        let groups = user["groups"].as_array().into_iter().flatten();
        Ok(Identity {
            username: text(user, "/username").to_owned(),
            groups: groups
                .filter_map(|group| group.as_str().map(str::to_owned))
                .collect(),
            uid: text(user, "/uid").to_owned(),
        })
    }

    /// Returns true if a controller is running for `namespace`: one for all namespaces, or one for this namespace alone.
    /// A Lease is valid until its renewTime plus duration, by the server's clock. A Lease that the caller may not read
    /// counts as absent.
    ///
    /// # Errors
    /// Any other Failure.
    pub async fn controller_alive(&self, namespace: &str) -> Result<bool> {
        if namespace == CONTROLLER_NAMESPACE {
            return self.lease_held(namespace).await;
        }
        let (all, one) = futures::future::join(
            self.lease_held(CONTROLLER_NAMESPACE),
            self.lease_held(namespace),
        )
        .await;
        // One valid Lease is enough, even if the other read failed.
        match (all, one) {
            (Ok(true), _) | (_, Ok(true)) => Ok(true),
            (all, one) => Ok(all? || one?),
        }
    }

    async fn lease_held(&self, namespace: &str) -> Result<bool> {
        let call = Call::get(paths::object(&LEASE, namespace, CONTROLLER_LEASE)?)
            .about(&LEASE, CONTROLLER_LEASE);
        match self.call(&call).await {
            Ok(answer) => Ok(held(&answer.json()?, &answer.headers)),
            Err(error) => {
                let none = [Kind::NotFound, Kind::NoSuchResource, Kind::Forbidden];
                if none.into_iter().any(|kind| failure::is(&error, kind)) {
                    Ok(false)
                } else {
                    Err(error)
                }
            }
        }
    }
}

/// True if the Lease has a holder and has not expired.
fn held(lease: &Value, headers: &HeaderMap) -> bool {
    let holder = text(lease, "/spec/holderIdentity");
    let renewed: Option<Timestamp> = text(lease, "/spec/renewTime").parse().ok();
    let seconds = lease["spec"]["leaseDurationSeconds"]
        .as_i64()
        .unwrap_or_default();
    let until =
        renewed.and_then(|renewed| renewed.checked_add(SignedDuration::from_secs(seconds)).ok());
    !holder.is_empty() && until.is_some_and(|until| until >= now(headers))
}

/// Returns the server's time from the Date header, or the local time without one.
fn now(headers: &HeaderMap) -> Timestamp {
    let date = headers
        .get(http::header::DATE)
        .and_then(|date| date.to_str().ok());
    let parsed = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    parsed.map_or_else(Timestamp::now, |zoned| zoned.timestamp())
}
