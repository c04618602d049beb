//! Wait until the server enforces a ResourceQuota: its controller counts each resource once before the first check.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;

use crate::Cluster;
use session_client::interrupt::{Interrupt, interrupted_error};
use session_client::{
    ListOptions, Scope, WatchChange, not_found_error, timed_out, watch_ended_error,
};
use session_engine::capacity::quota_change::uncounted_keys;
use session_model::failure::{self, FailureKind, with_hint};
use session_model::objects::Untyped;
use session_model::objects::resource::RESOURCE_QUOTA;
use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};

impl Cluster {
    /// Waits by watch until `status.hard` and `status.used` of a ResourceQuota have every key of its `spec.hard`. Without the right to
    /// watch it, a note says so in place of the wait: the quota is set.
    ///
    /// # Errors
    /// TimedOut with the keys that are not counted; NotFound if the quota is deleted; Interrupted; whatever else the server refuses.
    pub async fn wait_quota_counted(
        &self,
        quota: &Value,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        let waited = self.watch_counted(quota, limit, interrupt, sink).await;
        sink.tell(ProgressEvent::Done);
        match waited {
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                let note = "not waited for: no permission to watch resourcequotas";
                sink.tell(ProgressEvent::Note(note.to_owned()));
                Ok(())
            }
            waited => waited,
        }
    }

    async fn watch_counted(
        &self,
        quota: &Value,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        let name = Untyped(quota).name();
        let namespace = Untyped(quota).home_namespace();
        let show =
            format!("show what is counted: kubectl session quota show {name} -n {namespace}");
        let select = ListOptions::with_fields(format!("metadata.name={name}"));
        let scope = Scope::Namespace(namespace);
        let mut changes = self.watch(&RESOURCE_QUOTA, scope, &select, None, false);
        let mut deadline = std::pin::pin!(tokio::time::sleep(limit));
        let mut uncounted = uncounted_keys(quota);
        while !uncounted.is_empty() {
            sink.tell(ProgressEvent::Waiting {
                stage: WaitStage::Counting,
                object: format!("{}/{name}", RESOURCE_QUOTA.singular()),
                detail: uncounted.join(", "),
            });
            let change = tokio::select! {
                biased;
                () = interrupt.wait() => {
                    let state = format!("the quota is set, but not yet enforced for {}", uncounted.join(", "));
                    return Err(with_hint(with_hint(interrupted_error(), state), show));
                }
                () = &mut deadline => {
                    let state = format!("not counted yet: {}", uncounted.join(", "));
                    return Err(with_hint(with_hint(timed_out(&RESOURCE_QUOTA, name), state), show));
                }
                change = changes.next() => change,
            };
            match change.ok_or_else(|| watch_ended_error(&RESOURCE_QUOTA))?? {
                WatchChange::Added(found) | WatchChange::Modified(found) => {
                    uncounted = uncounted_keys(&found);
                }
                WatchChange::Deleted(_) => return Err(not_found_error(&RESOURCE_QUOTA, name)),
                WatchChange::Bookmark(_) | WatchChange::Restarted => {}
            }
        }
        Ok(())
    }
}
