//! Wait for the deletion of objects, with the reason if a finalizer or Pod holds them.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::future::join_all;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use crate::Cluster;
use session_client::{Backoff, Scope, WatchChange, WatchPart, timed_out};
use session_engine::diagnosis::find_deletion_blocker;
use session_model::api::ObjectRef;
use session_model::failure::{self, FailureKind};
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::progress::{ProgressEvent, WaitStage};

impl Cluster {
    /// Waits by watch until none of `targets` exists any more. Reasons that delay the deletion are sent to `tell`.
    ///
    /// # Errors
    /// A refused watch; TimedOut in kubectl's words, with the reason of the delay if it is known.
    pub(super) async fn wait_deleted(
        &self,
        limit: Duration,
        resource: &ResourceType,
        namespace: &str,
        targets: &[ObjectRef],
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<()> {
        let waits = targets
            .iter()
            .map(|target| self.wait_one_deleted(resource, namespace, target, tell));
        match tokio::time::timeout(limit, join_all(waits)).await {
            Ok(results) => results.into_iter().collect(),
            Err(_) => Err(self.not_deleted_error(resource, namespace, targets).await),
        }
    }

    async fn wait_one_deleted(
        &self,
        resource: &ResourceType,
        namespace: &str,
        target: &ObjectRef,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<()> {
        let mut backoff = Backoff::default();
        'read: loop {
            // GET, then watch from its resourceVersion, so that no change in between is missed.
            let Some(found) = self.get(resource, namespace, &target.name).await? else {
                return Ok(());
            };
            if !Untyped(&found).has_uid(&target.uid) {
                return Ok(());
            }
            report_holding(&found, target, tell);
            let from = Untyped(&found).resource_version();
            let scope = Scope::Namespace(namespace);
            let changes = self.watch_part(resource, scope, WatchPart::named(&target.name), from);
            let mut changes = std::pin::pin!(changes);
            while let Some(change) = changes.next().await {
                match change {
                    Ok(WatchChange::Deleted(object)) if Untyped(&object).has_uid(&target.uid) => {
                        return Ok(());
                    }
                    // A shared watch begins with what exists: it is gone, or replaced.
                    Ok(WatchChange::Restarted) => continue 'read,
                    Ok(WatchChange::Added(object)) if !Untyped(&object).has_uid(&target.uid) => {
                        continue 'read;
                    }
                    Ok(WatchChange::Modified(object)) => {
                        backoff.reset();
                        report_holding(&object, target, tell);
                    }
                    Ok(_) => {}
                    // The watch expired: read again. A refusal shows up at the GET.
                    Err(error) if failure::has_kind(&error, FailureKind::Expired) => break,
                    Err(error) => return Err(error),
                }
            }
            backoff.pause().await;
        }
    }

    async fn not_deleted_error(
        &self,
        resource: &ResourceType,
        namespace: &str,
        targets: &[ObjectRef],
    ) -> anyhow::Error {
        for target in targets {
            let found = self.read_after_wait(self.get(resource, namespace, &target.name));
            let found = found.await.ok().flatten();
            if let Some(object) = found.filter(|object| Untyped(object).has_uid(&target.uid)) {
                let error = timed_out(resource, &target.name);
                return match find_deletion_blocker(&object) {
                    Some(cause) => cause.attach_to(error),
                    None => error,
                };
            }
        }
        let name = targets.first().map(|target| target.name.as_str());
        timed_out(resource, name.unwrap_or_default())
    }
}

/// The receiver may be gone if the wait has ended; that is no error.
fn report_holding(object: &Value, target: &ObjectRef, tell: &UnboundedSender<ProgressEvent>) {
    if let Some(cause) = find_deletion_blocker(object) {
        let _ = tell.send(ProgressEvent::Waiting {
            stage: WaitStage::Terminating,
            object: kind_and_name(target),
            detail: cause.message,
        });
    }
}

/// Returns `kind/name`, as progress messages name an object.
pub(super) fn kind_and_name(target: &ObjectRef) -> String {
    format!("{}/{}", target.kind.to_lowercase(), target.name)
}
