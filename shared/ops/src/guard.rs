//! Whether the server itself keeps users from changing each other's sessions.

use anyhow::Result;
use futures::future::try_join;
use jiff::Timestamp;

use crate::Cluster;
use session_model::api::{ADMISSION_POLICY, is_in_force};
use session_model::failure::{self, Kind};
use session_model::objects::ResourceType;
use session_model::objects::resource::{
    VALIDATING_ADMISSION_POLICY, VALIDATING_ADMISSION_POLICY_BINDING, text,
};

impl Cluster {
    /// The time since which the admission policy of the API is in force, exactly as this version of the suite installs it; `None`
    /// if it is not. Sessions that are older may have been written by anybody. Asked once in the life of the process. What the
    /// caller may not see, or the server does not serve, is not in force.
    ///
    /// # Errors
    /// A Failure of another kind.
    pub async fn guarded_since(&self) -> Result<Option<Timestamp>> {
        let ask = || async {
            let (policy, binding) = try_join(
                self.get_if_any(&VALIDATING_ADMISSION_POLICY),
                self.get_if_any(&VALIDATING_ADMISSION_POLICY_BINDING),
            )
            .await?;
            if !is_in_force(&policy, &binding) {
                return anyhow::Ok(None);
            }
            let created = |object| text(object, "/metadata/creationTimestamp").parse().ok();
            let (policy, binding): (Option<Timestamp>, _) = (created(&policy), created(&binding));
            Ok(policy
                .zip(binding)
                .map(|(policy, binding)| policy.max(binding)))
        };
        self.guarded.get_or_try_init(ask).await.copied()
    }

    async fn get_if_any(&self, t: &ResourceType) -> Result<serde_json::Value> {
        match self.get(t, "", ADMISSION_POLICY).await {
            Ok(found) => Ok(found.unwrap_or_default()),
            Err(error)
                if failure::is(&error, Kind::Forbidden)
                    || failure::is(&error, Kind::NoSuchResource) =>
            {
                Ok(serde_json::Value::Null)
            }
            Err(error) => Err(error),
        }
    }
}
