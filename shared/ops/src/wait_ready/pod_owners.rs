//! Owners of the Pods that a wait sees: ReplicaSets, and for a primary workload whose kind is not built in the workload itself and
//! every owner between.

use anyhow::Result;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;

use super::ReadinessWatch;
use session_client::{ListOptions, Scope, WatchChange};
use session_model::objects::Untyped;
use session_model::objects::resource::REPLICA_SET;

impl ReadinessWatch<'_> {
    /// Watches a primary workload whose kind is not built in: its status may tell when it is ready.
    pub(super) fn watch_custom(&self) -> BoxStream<'static, Result<WatchChange>> {
        let Some(custom) = &self.custom else {
            return futures::stream::empty().boxed();
        };
        let scope = Scope::Namespace(self.namespace);
        let select = ListOptions::with_fields(format!("metadata.name={}", custom.reference().name));
        self.cluster
            .watch(&custom.resource, scope, &select, None, false)
    }

    pub(super) fn apply_custom_change(&mut self, change: WatchChange) {
        let (WatchChange::Added(object) | WatchChange::Modified(object)) = change else {
            return;
        };
        if let Some(custom) = &mut self.custom
            && Untyped(&object).uid() == Untyped(&custom.object).uid()
        {
            custom.object = object;
        }
    }

    /// Reads the owners of a Pod that may be one of a custom workload, once.
    pub(super) async fn read_owners(&mut self, pod: &Value) -> Result<()> {
        let controller = Untyped(pod).owners().find(|owner| owner.controller);
        let is_new =
            controller.is_some_and(|owner| self.foreign_owners.insert(owner.uid.to_owned()));
        if is_new {
            let pods = std::slice::from_ref(pod);
            let read = self
                .cluster
                .get_owners(self.namespace, pods, &self.owners, self.session);
            self.owners.extend(read.await?);
        }
        Ok(())
    }

    /// Reads the ReplicaSet that owns a Deployment's Pod, once; it is not among the objects of the start.
    pub(super) async fn read_replica_set(&mut self, pod: &Value) -> Result<()> {
        let mut owners = Untyped(pod).owners();
        let Some(owner) = owners.find(|owner| owner.kind == "ReplicaSet") else {
            return Ok(());
        };
        let mut known = self.owners.iter();
        let known = known.any(|object| Untyped(object).has_uid(owner.uid));
        if !known
            && let Some(set) = self
                .cluster
                .get(&REPLICA_SET, self.namespace, owner.name)
                .await?
        {
            self.owners.push(set);
        }
        Ok(())
    }
}
