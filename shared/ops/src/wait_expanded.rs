//! Wait for the expansion of a claim, including its file system.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use session_client::interrupt::Interrupt;
use session_client::{not_found_error, parse_object};
use session_engine::diagnosis::expansion::{Expansion, claim_expansion};
use session_model::failure::FailureKind;
use session_model::objects::Untyped;
use session_model::objects::resource::PERSISTENT_VOLUME_CLAIM;
use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};

/// The result of waiting for an expansion.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpansionOutcome {
    /// The claim as last seen.
    pub claim: Value,
    /// State of the expansion.
    pub state: Expansion,
    /// `TimedOut` or `Interrupted` if the wait was aborted; `None` if the expansion completed or failed.
    pub aborted_by: Option<FailureKind>,
}

impl Cluster {
    /// Waits by watch until `claim` has the requested size, or its driver refuses the expansion.
    ///
    /// # Errors
    /// NotFound if the claim is deleted; whatever the server refuses.
    pub async fn wait_expanded(
        &self,
        claim: &Value,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn ProgressSink,
    ) -> Result<ExpansionOutcome> {
        let (namespace, name) = (Untyped(claim).home_namespace(), Untyped(claim).name());
        sink.tell(ProgressEvent::Waiting {
            stage: WaitStage::Applying,
            object: format!("persistentvolumeclaim/{name}"),
            detail: "expanding the volume".into(),
        });
        let state =
            |claim: &Value| parse_object(claim.clone()).map(|claim| claim_expansion(&claim));
        let settled = |claim: &Value| {
            state(claim).is_ok_and(|state| !matches!(state, Expansion::InProgress(_)))
        };
        let claims = &PERSISTENT_VOLUME_CLAIM;
        let cut_off = tokio::select! {
            biased;
            () = interrupt.wait() => Err(FailureKind::Interrupted),
            found = self.wait_object(claims, namespace, name, settled) => Ok(found?),
            () = tokio::time::sleep(limit) => Err(FailureKind::TimedOut),
        };
        sink.tell(ProgressEvent::Done);
        let (claim, cut_off) = match cut_off {
            Ok(claim) => (claim, None),
            Err(kind) => {
                let found = self
                    .read_after_wait(self.get(claims, namespace, name))
                    .await?;
                (
                    found.ok_or_else(|| not_found_error(claims, name))?,
                    Some(kind),
                )
            }
        };
        Ok(ExpansionOutcome {
            state: state(&claim)?,
            claim,
            aborted_by: cut_off,
        })
    }
}
