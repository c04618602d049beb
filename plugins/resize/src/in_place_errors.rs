//! Errors of a resize in place: obstacles found beforehand, and resizes that the kubelet did not complete.

use anyhow::{Error, Result, anyhow};
use serde_json::Value;
use session_shared::client::timed_out;
use session_shared::diagnosis::pod_resize::ResizeState;
use session_shared::failure::{self, Failure, FailureKind, with_evidence, with_hint};
use session_shared::objects::Untyped;
use session_shared::objects::resource::POD;
use session_shared::ops::ObservedSession;
use session_shared::ops::ResizeWait;

use crate::plan::ResourceChange;

/// Hint where only a restart helps.
const RESTART_HINT: &str = "add --restart to stop the session and start it with the new size";

/// Hint where the Pod's node is too small.
const NODE_TOO_SMALL_HINT: &str =
    "request less, or add --restart to run the session on another node";

/// The reason why a session cannot be resized in place, with figures and a hint.
#[derive(Debug)]
pub(crate) struct Obstacle {
    reason: String,
    figures: Vec<String>,
    hint: &'static str,
}

impl Obstacle {
    pub(crate) fn new(why: String) -> Self {
        Self {
            reason: why,
            figures: Vec::new(),
            hint: RESTART_HINT,
        }
    }

    /// Returns the obstacle of a node that is too small.
    pub(crate) fn node_too_small(change: &ResourceChange, figures: Vec<String>) -> Self {
        let node = node_name(&change.object);
        Self {
            reason: format!("node {node:?} is too small"),
            figures,
            hint: NODE_TOO_SMALL_HINT,
        }
    }

    /// Converts a refusal of the server that a restart avoids.
    ///
    /// # Errors
    /// Any other refusal, unchanged.
    pub(crate) fn from_refusal(error: Error) -> Result<Self> {
        match failure::find_failure(&error) {
            Some(failure) if failure.kind == FailureKind::ResourceTypeNotFound => Ok(Self::new(
                "server does not support resizing running Pods".to_owned(),
            )),
            Some(failure) if failure.kind == FailureKind::Invalid => {
                let causes = failure.causes.iter().map(|cause| cause.message.as_str());
                let causes = causes.collect::<Vec<_>>().join("; ");
                let why = if causes.is_empty() {
                    &failure.message
                } else {
                    &causes
                };
                Ok(Self::new(format!("server refuses the change: {why}")))
            }
            _ => Err(error),
        }
    }

    pub(crate) fn into_error(self, session: &str) -> Error {
        let error = anyhow!(
            "cannot resize session {session:?} in place: {}",
            self.reason
        );
        with_hint(with_evidence(error, self.figures), self.hint)
    }
}

/// Returns the error of a resize that is infeasible on the node and has been reverted.
pub(crate) fn infeasible_error(
    observed: &ObservedSession,
    resized: &ResizeWait,
    message: &str,
    figures: Vec<String>,
) -> Error {
    let name = observed.name();
    let (node, pod) = (node_name(&resized.pod), Untyped(&resized.pod).name());
    let mut evidence = vec![format!("kubelet of node {node:?}: {message}")];
    evidence.extend(figures);
    let error = anyhow!(
        "cannot resize session {name:?} in place: infeasible on node {node:?}, pod {pod:?} keeps its size"
    );
    with_hint(with_evidence(error, evidence), NODE_TOO_SMALL_HINT)
}

/// Returns the name of a Pod's node. A Pod that is resized runs on one.
pub(crate) fn node_name(pod: &Value) -> &str {
    let name = Untyped(pod).str_at("/spec/nodeName");
    name.unwrap_or(Untyped::NONE)
}

/// Returns the error of a wait that ended before the resize; the kubelet continues.
pub(crate) fn unfinished_error(
    observed: &ObservedSession,
    resized: &ResizeWait,
    kind: FailureKind,
    figures: Vec<String>,
) -> Error {
    let (name, namespace) = (observed.name(), observed.namespace());
    let pod = Untyped(&resized.pod).name();
    let error = match kind {
        FailureKind::Interrupted => Error::new(Failure::client_side(
            FailureKind::Interrupted,
            "interrupted",
        )),
        _ => timed_out(&POD, pod),
    };
    let node = node_name(&resized.pod);
    let (said, hint) = match &resized.state {
        ResizeState::Deferred(message) => (
            format!("kubelet of node {node:?} defers the resize of pod {pod:?}: {message}"),
            "wait until the node has room, or add --restart to run the session on another node",
        ),
        ResizeState::Failing(message) => (
            format!("kubelet of node {node:?} cannot resize pod {pod:?}: {message}"),
            "wait: the kubelet keeps retrying",
        ),
        _ => (
            format!("kubelet of node {node:?} has not resized pod {pod:?} yet"),
            "wait: the resize continues in the background",
        ),
    };
    let mut evidence = vec![said];
    evidence.extend(figures);
    let error = with_hint(with_evidence(error, evidence), hint);
    with_hint(
        error,
        format!("inspect the session: kubectl session status {name} -n {namespace}"),
    )
}
