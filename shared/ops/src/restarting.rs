//! Restart of a running session: a stop and a validated start.

use anyhow::Result;

use super::manner::Manner;
use super::settling::Made;
use super::starting::Ahead;
use super::stopping::{Present, Stopping};
use crate::Cluster;
use crate::chosen::Chosen;
use session_model::objects::access::Access;
use session_model::objects::pods::{SCALED, pod_metadata_paths};
use session_model::objects::resource::{SESSION, text};
use session_model::objects::{ResourceType, is_data};
use session_model::progress::Sink;

impl Ahead {
    /// Checks before the first write that the caller may both stop and start the session, so that it does not stay stopped because
    /// its start is refused.
    ///
    /// # Errors
    /// The first missing right, in the server's words.
    pub async fn require_restart(&self, manner: &Manner, with: Stopping<'_>) -> Result<()> {
        self.present
            .require_stop(manner, &self.accesses(), with)
            .await
    }

    /// Returns the rights that the start needs after the stop: Pods are created again, workloads that were scaled to 0 and other
    /// existing objects are patched.
    fn accesses(&self) -> Vec<Access> {
        let (live, name) = (&self.present.live, self.present.name());
        let needs = self.start.objects().into_iter().filter_map(|object| {
            let (kind, name) = (text(&object, "/kind"), text(&object, "/metadata/name"));
            let resource = ResourceType::of_kind(text(&object, "/apiVersion"), kind)?;
            let there = live.object(kind, name).is_some();
            let pods = !pod_metadata_paths(kind).is_empty();
            let made = !there || (pods && !SCALED.contains(&kind));
            match made {
                true => Some(Access::to("create", resource, "")),
                false => (!is_data(&object)).then(|| Access::to("patch", resource, name)),
            }
        });
        let session = [
            Access::to("patch", &SESSION, name),
            Access::to("patch", &SESSION, name).part("status"),
        ];
        needs.chain(session).collect()
    }

    /// Stops the session and starts it.
    ///
    /// # Errors
    /// A missing right, before anything is written; the step that failed, with a hint how to continue.
    pub async fn restart(
        &self,
        cluster: &Cluster,
        manner: &Manner,
        with: Stopping<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Made> {
        self.require_restart(manner, with).await?;
        let object = self.present.stop(cluster, manner, with, sink).await?;
        let mut ahead = self.clone();
        if !with.write.dry_run {
            let chosen = Chosen::of(object)?;
            ahead.take_over(Present::of(cluster, chosen, self.present.driver).await?);
        }
        let (write, interrupt, now) = (with.write, with.interrupt, with.now);
        ahead.begin(cluster, write, interrupt, now, sink).await
    }
}
