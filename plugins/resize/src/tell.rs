//! What stands against a resize in place, and what became of one that the kubelet did not do.

use anyhow::{Error, Result, anyhow};
use session_shared::client::timed_out;
use session_shared::diagnosis::resizing::Resizing;
use session_shared::failure::{self, Failure, Kind, hinted, proved};
use session_shared::objects::resource::{POD, text};
use session_shared::ops::Resized;
use session_shared::ops::stopping::Present;

use crate::plan::Change;

/// What to do where only a restart helps.
const RESTART: &str = "stop it and start it with the new size: --restart";

/// Why a session cannot be resized in place.
#[derive(Debug)]
pub(crate) struct Obstacle {
    why: String,
    figures: Vec<String>,
    hint: &'static str,
}

impl Obstacle {
    pub(crate) fn of(why: String) -> Self {
        Self {
            why,
            figures: Vec::new(),
            hint: RESTART,
        }
    }

    /// The Pod's node is too small.
    pub(crate) fn small(change: &Change, figures: Vec<String>) -> Self {
        let node = text(&change.object, "/spec/nodeName");
        Self {
            why: format!("node {node:?} is too small"),
            figures,
            hint: "ask for less, or let another node take it: --restart",
        }
    }

    /// What the server's refusal means, where a restart helps.
    ///
    /// # Errors
    /// The refusal, where it does not.
    pub(crate) fn refused(error: Error) -> Result<Self> {
        match failure::of(&error) {
            Some(failure) if failure.kind == Kind::NoSuchResource => Ok(Self::of(
                "the server does not resize Pods that run".to_owned(),
            )),
            Some(failure) if failure.kind == Kind::Invalid => {
                let causes = failure.causes.iter().map(|cause| cause.message.as_str());
                let causes = causes.collect::<Vec<_>>().join("; ");
                let why = if causes.is_empty() {
                    &failure.message
                } else {
                    &causes
                };
                Ok(Self::of(format!("the server does not allow it: {why}")))
            }
            _ => Err(error),
        }
    }

    pub(crate) fn error(self, session: &str) -> Error {
        let error = anyhow!(
            "session {session:?} cannot be resized in place: {}",
            self.why
        );
        hinted(proved(error, self.figures), self.hint)
    }
}

/// The error of a resize that the node can never do; it has been taken back.
pub(crate) fn infeasible(
    present: &Present,
    resized: &Resized,
    message: &str,
    figures: Vec<String>,
) -> Error {
    let name = present.name();
    let (node, pod) = (
        text(&resized.pod, "/spec/nodeName"),
        text(&resized.pod, "/metadata/name"),
    );
    let mut evidence = vec![format!("kubelet of node {node:?}: {message}")];
    evidence.extend(figures);
    let error = anyhow!(
        "session {name:?} cannot be resized in place: it is infeasible on node {node:?}, pod {pod:?} keeps its size"
    );
    let hint = "ask for less, or let another node take it: --restart";
    hinted(proved(error, evidence), hint)
}

/// The error of a resize that was not waited for any longer: it stands.
pub(crate) fn unfinished(
    present: &Present,
    resized: &Resized,
    kind: Kind,
    figures: Vec<String>,
) -> Error {
    let (name, namespace) = (present.name(), present.namespace());
    let pod = text(&resized.pod, "/metadata/name");
    let error = match kind {
        Kind::Interrupted => Error::new(Failure::local(Kind::Interrupted, "interrupted")),
        _ => timed_out(&POD, pod),
    };
    let node = text(&resized.pod, "/spec/nodeName");
    let (said, hint) = match &resized.state {
        Resizing::Deferred(message) => (
            format!(
                "the resize of pod {pod:?} is deferred by the kubelet of node {node:?}: {message}"
            ),
            "it stands, and is done as soon as there is room; or let another node take it: --restart",
        ),
        Resizing::Failing(message) => (
            format!("the resize of pod {pod:?} fails: kubelet of node {node:?}: {message}"),
            "the kubelet goes on trying",
        ),
        _ => (
            format!("the kubelet of node {node:?} has not resized pod {pod:?} yet"),
            "it stands, and goes on by itself",
        ),
    };
    let mut evidence = vec![said];
    evidence.extend(figures);
    let error = hinted(proved(error, evidence), hint);
    hinted(
        error,
        format!("look at it: kubectl session status {name} -n {namespace}"),
    )
}
