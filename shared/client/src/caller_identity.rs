//! The caller's identity according to the API server.

use anyhow::Result;
use http::Method;
use serde_json::json;

use super::Cluster;
use super::api_request::{ApiRequest, JSON};
use session_model::objects::Untyped;

/// The caller's identity according to the API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerIdentity {
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
    pub async fn get_caller_identity(&self) -> Result<CallerIdentity> {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let call = ApiRequest::new(
            Method::POST,
            "/apis/authentication.k8s.io/v1/selfsubjectreviews".to_owned(),
        );
        let answer = self.send(&call.body(JSON, &review)).await?.json()?;
        let user = &answer["status"]["userInfo"];
        // A user may lack each of them; authenticators need not set a UID.
        let text = |pointer| {
            let text = Untyped(user).str_at(pointer);
            text.unwrap_or_default().to_owned()
        };
        let groups = user["groups"].as_array().into_iter().flatten();
        Ok(CallerIdentity {
            username: text("/username"),
            groups: groups
                .filter_map(|group| group.as_str().map(str::to_owned))
                .collect(),
            uid: text("/uid"),
        })
    }
}
