//! The workload of a kind that is not built in, and the owners of the Pods, while a wait watches them.

use anyhow::Result;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;

use super::ReadinessWatch;
use session_client::{Scope, WatchChange, WatchPart};
use session_model::objects::Untyped;

impl ReadinessWatch<'_> {
    /// Watches a primary workload whose kind is not built in: its status may tell when it is ready.
    pub(super) fn watch_custom(&self) -> BoxStream<'static, Result<WatchChange>> {
        let Some(custom) = &self.custom else {
            return futures::stream::empty().boxed();
        };
        let scope = Scope::Namespace(self.namespace);
        let part = WatchPart::named(&custom.reference().name);
        (self.cluster).watch_part(&custom.resource, scope, part, None)
    }

    pub(super) fn apply_custom_change(&mut self, change: WatchChange) {
        let (WatchChange::Added(object) | WatchChange::Modified(object)) = change else {
            return;
        };
        if let Some(custom) = &mut self.custom
            && Untyped(&object).is_same_object(&custom.object)
        {
            custom.object = object;
        }
    }

    /// Reads the owners of a Pod that are not known yet, once: a ReplicaSet is not among the objects of the start, nor is what the
    /// controller of a custom kind makes.
    pub(super) async fn read_owners(&mut self, pod: &Value) -> Result<()> {
        let controller = Untyped(pod).owners().find(|owner| owner.controller);
        let is_new =
            controller.is_some_and(|owner| self.searched_owners.insert(owner.uid.to_owned()));
        if is_new {
            let pods = std::slice::from_ref(pod);
            let read = self
                .cluster
                .get_owners(self.namespace, pods, &self.owners, self.session);
            self.owners.extend(read.await?);
        }
        Ok(())
    }
}
