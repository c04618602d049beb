//! The ValidatingAdmissionPolicy that keeps users from changing each other's sessions.

use anyhow::Result;
use futures::future::try_join;
use jiff::Timestamp;

use crate::Cluster;
use session_model::api::{ADMISSION_POLICY, is_policy_in_force};
use session_model::failure::{self, FailureKind};
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::resource::{
    VALIDATING_ADMISSION_POLICY, VALIDATING_ADMISSION_POLICY_BINDING,
};

impl Cluster {
    /// Returns the time since which the admission policy is in force, exactly as this version of the suite installs it;
    /// `None` if it is not. Sessions older than that may have been written by anybody. Read once per process. A policy
    /// that the caller may not read, or that the server does not serve, counts as not in force.
    ///
    /// # Errors
    /// Any other Failure.
    pub async fn admission_policy_since(&self) -> Result<Option<Timestamp>> {
        let ask = || async {
            let (policy, binding) = try_join(
                self.get_if_readable(&VALIDATING_ADMISSION_POLICY),
                self.get_if_readable(&VALIDATING_ADMISSION_POLICY_BINDING),
            )
            .await?;
            if !is_policy_in_force(&policy, &binding) {
                return anyhow::Ok(None);
            }
            let created = |object| Untyped(object).created();
            let (policy, binding): (Option<Timestamp>, _) = (created(&policy), created(&binding));
            Ok(policy
                .zip(binding)
                .map(|(policy, binding)| policy.max(binding)))
        };
        self.admission_policy_since
            .get_or_try_init(ask)
            .await
            .copied()
    }

    async fn get_if_readable(&self, t: &ResourceType) -> Result<serde_json::Value> {
        match self.get(t, "", ADMISSION_POLICY).await {
            Ok(found) => Ok(found.unwrap_or_default()),
            Err(error)
                if failure::has_kind(&error, FailureKind::Forbidden)
                    || failure::has_kind(&error, FailureKind::ResourceTypeNotFound) =>
            {
                Ok(serde_json::Value::Null)
            }
            Err(error) => Err(error),
        }
    }
}
