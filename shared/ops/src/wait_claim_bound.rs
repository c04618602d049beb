//! Wait for a claim to be bound.

use std::time::Duration;

use anyhow::Result;

use crate::Cluster;
use k8s_openapi::api::core::v1::Event;
use session_client::{ListOptions, Scope};
use session_model::failure::{Failure, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::kept_data::is_bound;
use session_model::objects::resource::{EVENT, PERSISTENT_VOLUME_CLAIM};

impl Cluster {
    /// Waits until a claim is bound.
    ///
    /// # Errors
    /// A Failure of kind TimedOut with the provisioner's last Warning event; NotFound if the claim is deleted; whatever
    /// the server refuses.
    pub async fn wait_claim_bound(
        &self,
        namespace: &str,
        claim: &str,
        limit: Duration,
    ) -> Result<()> {
        let wait = self.wait_object(&PERSISTENT_VOLUME_CLAIM, namespace, claim, is_bound);
        let Ok(found) = tokio::time::timeout(limit, wait).await else {
            let select = ListOptions::with_fields(format!(
                "involvedObject.kind=PersistentVolumeClaim,involvedObject.name={claim},type=Warning"
            ));
            // Best effort: the events only improve the message.
            let events = self.list(&EVENT, Scope::Namespace(namespace), &select);
            let events = self.read_after_wait(events).await;
            let events = events.map(|list| list.items).unwrap_or_default();
            let event = events
                .last()
                .and_then(|event| Untyped(event).read::<Event>());
            let message = event.and_then(|event| event.message);
            let said = message.unwrap_or_else(|| "no message from the provisioner".into());
            let message = format!("timed out waiting for claim {claim:?} to be bound: {said}");
            return Err(Failure::client_side(FailureKind::TimedOut, message).into());
        };
        found.map(drop)
    }
}
