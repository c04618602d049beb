//! Wait for a claim to be bound.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use session_client::Place;
use session_client::Selection;
use session_model::failure::{Failure, FailureKind};
use session_model::objects::resource::{EVENT, PERSISTENT_VOLUME_CLAIM, string_at};

impl Cluster {
    /// Waits until a claim is bound.
    ///
    /// # Errors
    /// A Failure of kind TimedOut with the provisioner's last Warning event; NotFound if the claim is deleted; whatever
    /// the server refuses.
    pub async fn await_bound(&self, namespace: &str, claim: &str, limit: Duration) -> Result<()> {
        let holds = |object: &Value| string_at(object, "/status/phase") == "Bound";
        let wait = self.await_object(&PERSISTENT_VOLUME_CLAIM, namespace, claim, holds);
        let Ok(found) = tokio::time::timeout(limit, wait).await else {
            let select = Selection::with_fields(format!(
                "involvedObject.kind=PersistentVolumeClaim,involvedObject.name={claim},type=Warning"
            ));
            // Best effort: the events only improve the message.
            let events = self.list(&EVENT, Place::Namespace(namespace), &select);
            let events = self.last_look(events).await;
            let events = events.map(|list| list.items).unwrap_or_default();
            let said = events.last().map_or("", |event| string_at(event, "/message"));
            let said = if said.is_empty() {
                "no message from the provisioner".to_owned()
            } else {
                said.to_owned()
            };
            let message = format!("timed out waiting for claim {claim:?} to be bound: {said}");
            return Err(Failure::client_side(FailureKind::TimedOut, message).into());
        };
        found.map(drop)
    }
}
