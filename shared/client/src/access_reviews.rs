//! Checks of the caller's rights, by SelfSubjectAccessReview. An operation that deletes something checks all rights
//! before its first write, so that a refused last step does not leave a half-finished operation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Cluster;
use super::api_request::{ApiRequest, JSON};
use session_model::failure::{Failure, FailureKind, with_hint};
use session_model::objects::Untyped;
use session_model::objects::access::Access;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// The server's decision on one right.
#[derive(Clone, Debug, PartialEq, Eq)]
enum AccessDecision {
    Allowed,
    /// Denied, with the authorizer's reason, which is mostly empty.
    Denied(String),
    /// Unknown because the review failed, with the error.
    Unknown(String),
}

type ReviewCache = HashMap<(String, Access), Arc<OnceCell<AccessDecision>>>;

/// A cache of access reviews for one command: each right is reviewed once, however many sessions need it.
pub struct AccessReviews {
    cluster: Cluster,
    cache: Mutex<ReviewCache>,
}

impl std::fmt::Debug for AccessReviews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Permissions")
    }
}

impl AccessReviews {
    /// Creates an empty cache.
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.clone(),
            cache: Mutex::default(),
        }
    }

    /// Reviews the accesses for all objects of their types, all at the same time, so that [`AccessReviews::require`]
    /// finds the decisions.
    pub async fn prefetch(&self, namespace: &str, accesses: &[Access]) {
        let asks = accesses.iter().map(Access::on_all_objects);
        let asks = asks.map(|access| self.decision(namespace, access));
        join_all(asks).await;
    }

    /// Checks that all of `accesses` are allowed. If an access is denied for all objects of a type, the single object is
    /// reviewed: a Role may name it. A failed review counts as allowed and is listed by
    /// [`AccessReviews::unchecked_note`].
    ///
    /// # Errors
    /// The first denied access, in the server's words, with the others as a hint.
    pub async fn require(&self, namespace: &str, accesses: &[Access]) -> Result<()> {
        let mut once: Vec<&Access> = Vec::new();
        for access in accesses {
            if !once.contains(&access) {
                once.push(access);
            }
        }
        let asks = once
            .iter()
            .map(|access| self.denial_reason(namespace, access));
        let denied = join_all(asks).await;
        let mut denied = once
            .iter()
            .zip(denied)
            .filter_map(|(access, reason)| Some((*access, reason?)));
        let Some((first, reason)) = denied.next() else {
            return Ok(());
        };
        let user = self.cluster.get_caller_identity().await;
        let user = user.map(|identity| identity.username).unwrap_or_default();
        let error = forbidden_error(first, namespace, &user, &reason);
        let others: Vec<String> = denied.map(|(access, _)| access.to_string()).collect();
        Err(match others.is_empty() {
            true => error,
            false => with_hint(error, format!("also forbidden: {}", others.join(", "))),
        })
    }

    /// Returns a note about the rights that could not be reviewed, with the reason; `None` if all could.
    pub fn unchecked_note(&self) -> Option<String> {
        let asked = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unknown: Vec<(String, String)> = asked
            .iter()
            .filter_map(|((_, access), cell)| match cell.get()? {
                AccessDecision::Unknown(why) => Some((access.to_string(), why.clone())),
                _ => None,
            })
            .collect();
        unknown.sort();
        unknown.dedup();
        let why = unknown.first()?.1.clone();
        let rights: Vec<String> = unknown.into_iter().map(|(access, _)| access).collect();
        Some(format!(
            "cannot check rights ({}): {why}",
            rights.join(", ")
        ))
    }

    /// Returns the reason of a denied access; `None` if it is allowed or unknown.
    async fn denial_reason(&self, namespace: &str, access: &Access) -> Option<String> {
        match self.decision(namespace, access.on_all_objects()).await {
            AccessDecision::Denied(_) if !access.name.is_empty() => {
                match self.decision(namespace, access.clone()).await {
                    AccessDecision::Denied(reason) => Some(reason),
                    _ => None,
                }
            }
            AccessDecision::Denied(reason) => Some(reason),
            _ => None,
        }
    }

    async fn decision(&self, namespace: &str, access: Access) -> AccessDecision {
        let namespace = if access.resource.namespaced {
            namespace
        } else {
            ""
        };
        let cell = {
            let mut asked = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (namespace.to_owned(), access.clone());
            asked.entry(key).or_default().clone()
        };
        let ask = || async {
            // Other caches of the command may have asked already.
            let (key, ask) = (
                format!("review {namespace:?} {access:?}"),
                Box::pin(self.cluster.review_access(namespace, &access)),
            );
            match self.cluster.read_shared(key, ask).await {
                Ok(verdict) => Arc::unwrap_or_clone(verdict),
                Err(error) => AccessDecision::Unknown(format!("{error:#}")),
            }
        };
        cell.get_or_init(ask).await.clone()
    }
}

impl Cluster {
    /// Sends one access review.
    async fn review_access(&self, namespace: &str, access: &Access) -> Result<AccessDecision> {
        let mut attributes = json!({
            "verb": access.verb,
            "group": access.resource.group,
            "version": access.resource.version,
            "resource": access.resource.plural,
        });
        let rest = [
            ("namespace", namespace),
            ("name", access.name.as_str()),
            ("subresource", access.subresource),
        ];
        for (field, value) in rest.into_iter().filter(|(_, value)| !value.is_empty()) {
            attributes[field] = value.into();
        }
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": attributes },
        });
        let call = ApiRequest::new(Method::POST, REVIEWS.to_owned()).body(JSON, &review);
        let answer: Value = self.send(&call).await?.json()?;
        let status = &answer["status"];
        let text = |pointer| Untyped(status).str_at(pointer).map(str::to_owned);
        let broken = text("/evaluationError");
        Ok(match status["allowed"].as_bool() {
            Some(true) => AccessDecision::Allowed,
            Some(false) if broken.is_none() || status["denied"] == true => {
                AccessDecision::Denied(text("/reason").unwrap_or_default())
            }
            _ => AccessDecision::Unknown(broken.unwrap_or_default()),
        })
    }
}

/// Returns the Forbidden error as the server would word it.
fn forbidden_error(access: &Access, namespace: &str, user: &str, reason: &str) -> anyhow::Error {
    let qualified = access.resource.qualified();
    let object = match access.name.as_str() {
        "" => qualified,
        name => format!("{qualified} {name:?}"),
    };
    let place = match access.resource.namespaced {
        true => format!("in the namespace {namespace:?}"),
        false => "at the cluster scope".to_owned(),
    };
    let mut message = format!(
        "{object} is forbidden: User {user:?} cannot {} resource {:?} in API group {:?} {place}",
        access.verb,
        access.qualified_plural(),
        access.resource.group
    );
    if !reason.is_empty() {
        message.push_str(&format!(": {reason}"));
    }
    Failure {
        reason: "Forbidden".into(),
        code: 403,
        ..Failure::client_side(FailureKind::Forbidden, message)
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::objects::resource::{POD, SESSION, VOLUME_SNAPSHOT_CONTENT};

    #[test]
    fn a_refusal_reads_as_the_servers() {
        let told = |access: &Access, reason: &str| {
            forbidden_error(access, "ns", "jane", reason).to_string()
        };
        assert_eq!(
            told(&Access::new("delete", &SESSION, "alice"), ""),
            "sessions.streaming.platform \"alice\" is forbidden: User \"jane\" cannot delete resource \"sessions\" in API group \
             \"streaming.platform\" in the namespace \"ns\""
        );
        assert_eq!(
            told(
                &Access::new("patch", &SESSION, "alice").on_subresource("status"),
                "no"
            ),
            "sessions.streaming.platform \"alice\" is forbidden: User \"jane\" cannot patch resource \"sessions/status\" in API \
             group \"streaming.platform\" in the namespace \"ns\": no"
        );
        assert_eq!(
            told(&Access::new("create", &POD, ""), ""),
            "pods is forbidden: User \"jane\" cannot create resource \"pods\" in API group \"\" in the namespace \"ns\""
        );
        let content = Access::new("delete", &VOLUME_SNAPSHOT_CONTENT, "c");
        assert!(told(&content, "").ends_with("at the cluster scope"));
    }
}
