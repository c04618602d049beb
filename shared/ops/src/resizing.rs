//! Wait for an in-place resize of a Pod, and reads of its node's load.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;

use crate::Cluster;
use session_client::Change;
use session_client::Place;
use session_client::Selection;
use session_client::interrupt::Interrupt;
use session_client::missing;
use session_client::watch_over;
use session_engine::diagnosis::resizing::{ResizeState, pod_resize_state};
use session_model::failure::FailureKind;
use session_model::objects::resource::{NODE, POD, string_at};
use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};

/// The result of waiting for a resize.
#[derive(Clone, Debug, PartialEq)]
pub struct Resized {
    /// The Pod as last seen.
    pub pod: Value,
    /// State of the resize.
    pub state: ResizeState,
    /// `TimedOut` or `Interrupted` if the wait was aborted.
    pub cut_off: Option<FailureKind>,
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
    pub async fn await_resize(
        &self,
        pod: &Value,
        container: &str,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn ProgressSink,
    ) -> Result<Resized> {
        let mut seen = Resized {
            pod: pod.clone(),
            state: ResizeState::InProgress,
            cut_off: None,
        };
        let cut_off = tokio::select! {
            biased;
            () = interrupt.wait() => Some(FailureKind::Interrupted),
            settled = self.follow_resize(&mut seen, container, sink) => {
                settled?;
                None
            }
            () = tokio::time::sleep(limit) => Some(FailureKind::TimedOut),
        };
        sink.tell(ProgressEvent::Done);
        seen.cut_off = cut_off;
        Ok(seen)
    }

    async fn follow_resize(
        &self,
        seen: &mut Resized,
        container: &str,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        let part = |path: &str| string_at(&seen.pod, path).to_owned();
        let (namespace, name, uid) = (
            part("/metadata/namespace"),
            part("/metadata/name"),
            part("/metadata/uid"),
        );
        let (place, select) = (
            Place::Namespace(&namespace),
            Selection::with_fields(format!("metadata.name={name}")),
        );
        let mut changes = self.watch(&POD, place, &select, None, false);
        while let Some(change) = changes.next().await {
            let object = match change? {
                Change::Added(object) | Change::Modified(object) => object,
                Change::Deleted(_) => return Err(missing(&POD, &name)),
                Change::Bookmark(_) | Change::Anew => continue,
            };
            if string_at(&object, "/metadata/uid") != uid {
                return Err(missing(&POD, &name));
            }
            seen.state = pod_resize_state(&object, container);
            seen.pod = object;
            if matches!(seen.state, ResizeState::Done | ResizeState::Infeasible(_)) {
                return Ok(());
            }
            sink.tell(ProgressEvent::Waiting {
                stage: WaitStage::Applying,
                object: format!("pod/{name}"),
                detail: detail(&seen.state),
            });
        }
        Err(watch_over(&POD))
    }

    /// Reads a node and its Pods; `None` if there is no such node.
    ///
    /// # Errors
    /// Whatever the server refuses: few users may read nodes, or the Pods of all namespaces.
    pub async fn node_load(&self, name: &str) -> Result<Option<NodeLoad>> {
        let there = format!("spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed");
        let select = Selection::with_fields(there);
        let (node, pods) = futures::try_join!(
            self.get(&NODE, "", name),
            self.list(&POD, Place::All, &select)
        )?;
        Ok(node.map(|node| NodeLoad {
            node,
            pods: pods.items,
        }))
    }
}

fn detail(state: &ResizeState) -> String {
    match state {
        ResizeState::Done | ResizeState::InProgress => "resizing the container".to_owned(),
        ResizeState::Failing(message) => format!("resize failed, the kubelet retries: {message}"),
        ResizeState::Deferred(message) => format!("resize deferred: {message}"),
        ResizeState::Infeasible(message) => format!("resize infeasible: {message}"),
    }
}
