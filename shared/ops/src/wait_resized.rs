//! Wait for an in-place resize of a Pod, and reads of its node's load.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;

use crate::Cluster;
use session_client::interrupt::Interrupt;
use session_client::{
    ListOptions, Scope, WatchChange, WatchPart, not_found_error, parse_object, watch_ended_error,
};
use session_engine::diagnosis::pod_resize::{ResizeState, pod_resize_state};
use session_model::failure::FailureKind;
use session_model::objects::Untyped;
use session_model::objects::resource::{NODE, POD};
use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};

/// The result of waiting for a resize.
#[derive(Clone, Debug, PartialEq)]
pub struct ResizeWait {
    /// The Pod as last seen.
    pub pod: Value,
    /// State of the resize.
    pub state: ResizeState,
    /// `TimedOut` or `Interrupted` if the wait was aborted.
    pub aborted_by: Option<FailureKind>,
}

/// A node and the Pods on it that have not terminated.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeLoad {
    /// The node.
    pub node: Value,
    /// The Pods, of all namespaces.
    pub pods: Vec<Value>,
}

impl Cluster {
    /// Waits by watch until a container of `pod` is resized, or the resize turns out to be infeasible.
    ///
    /// # Errors
    /// NotFound if the Pod is deleted or replaced; whatever the server refuses.
    pub async fn wait_resized(
        &self,
        pod: &Value,
        container: &str,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn ProgressSink,
    ) -> Result<ResizeWait> {
        let mut seen = ResizeWait {
            pod: pod.clone(),
            state: ResizeState::InProgress,
            aborted_by: None,
        };
        let cut_off = tokio::select! {
            biased;
            () = interrupt.wait() => Some(FailureKind::Interrupted),
            settled = self.watch_resize(&mut seen, container, sink) => {
                settled?;
                None
            }
            () = tokio::time::sleep(limit) => Some(FailureKind::TimedOut),
        };
        sink.tell(ProgressEvent::Done);
        seen.aborted_by = cut_off;
        Ok(seen)
    }

    async fn watch_resize(
        &self,
        seen: &mut ResizeWait,
        container: &str,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        let pod = seen.pod.clone();
        let (name, namespace) = (Untyped(&pod).name(), Untyped(&pod).home_namespace());
        let place = Scope::Namespace(namespace);
        let mut changes = self.watch_part(&POD, place, WatchPart::named(name), None);
        while let Some(change) = changes.next().await {
            let object = match change? {
                WatchChange::Added(object) | WatchChange::Modified(object) => object,
                WatchChange::Deleted(_) => return Err(not_found_error(&POD, name)),
                WatchChange::Bookmark(_) | WatchChange::Restarted => continue,
            };
            if !Untyped(&object).is_same_object(&pod) {
                return Err(not_found_error(&POD, name));
            }
            seen.state = pod_resize_state(&parse_object(object.clone())?, container);
            seen.pod = object;
            if matches!(seen.state, ResizeState::Done | ResizeState::Infeasible(_)) {
                return Ok(());
            }
            sink.tell(ProgressEvent::Waiting {
                stage: WaitStage::Applying,
                object: format!("pod/{name}"),
                detail: progress_detail(&seen.state),
            });
        }
        Err(watch_ended_error(&POD))
    }

    /// Reads a node and its Pods, once for all who share their reads; `None` if there is no such node.
    ///
    /// # Errors
    /// Whatever the server refuses: few users may read nodes, or the Pods of all namespaces.
    pub async fn get_node_load(&self, name: &str) -> Result<Arc<Option<NodeLoad>>> {
        let key = format!("load of node {name:?}");
        self.read_shared(key, Box::pin(self.read_node_load(name)))
            .await
    }

    async fn read_node_load(&self, name: &str) -> Result<Option<NodeLoad>> {
        let there = format!("spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed");
        let select = ListOptions::with_fields(there);
        let (node, pods) = futures::try_join!(
            self.get(&NODE, "", name),
            self.list(&POD, Scope::All, &select)
        )?;
        Ok(node.map(|node| NodeLoad {
            node,
            pods: pods.items,
        }))
    }
}

fn progress_detail(state: &ResizeState) -> String {
    match state {
        ResizeState::Done | ResizeState::InProgress => "resizing the container".to_owned(),
        ResizeState::Failing(message) => format!("resize failed, the kubelet retries: {message}"),
        ResizeState::Deferred(message) => format!("resize deferred: {message}"),
        ResizeState::Infeasible(message) => format!("resize infeasible: {message}"),
    }
}
