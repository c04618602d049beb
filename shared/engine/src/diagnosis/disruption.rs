//! Why a Pod is being deleted, where its session did not ask for that: its node is drained, tainted or gone, or another Pod needs the room.

use k8s_openapi::api::core::v1::PodCondition;

use super::Cause;
use super::pod::{PodAssessment, PodInspection};
use session_model::progress::WaitStage;

impl PodInspection<'_> {
    /// Diagnoses a Pod that is being deleted: by its session, or for a reason of its own.
    pub(super) fn assess_deletion(&self) -> PodAssessment {
        let node = self
            .pod
            .spec
            .as_ref()
            .and_then(|spec| spec.node_name.as_deref());
        let target = self
            .condition("DisruptionTarget")
            .filter(|target| target.status == "True");
        let cause =
            target.and_then(|target| disruption_cause(self.name, node.unwrap_or_default(), target));
        match cause {
            Some(cause) => PodAssessment::recoverable(WaitStage::Terminating, cause),
            None => PodAssessment::waiting(WaitStage::Terminating, "being deleted"),
        }
    }
}

/// Returns the cause of a Pod that is being deleted, from its condition DisruptionTarget; `None` for a reason that is not known.
fn disruption_cause(pod: &str, node: &str, condition: &PodCondition) -> Option<Cause> {
    let reason = condition.reason.as_deref().unwrap_or_default();
    let (why, remedy) = match reason {
        "EvictionByEvictionAPI" => (
            format!("pod {pod:?} is evicted from node {node:?}, as when the node is drained"),
            "wait until the Pod is gone, then start the session again on another node",
        ),
        "DeletionByTaintManager" => (
            format!(
                "pod {pod:?} is deleted from node {node:?}, which has a taint that the Pod does not tolerate"
            ),
            "remove the taint, or add a toleration for it; then start the session again",
        ),
        "PreemptionByScheduler" => (
            format!(
                "pod {pod:?} is deleted from node {node:?}, to make room for a Pod of higher priority"
            ),
            "give the session's Pods a PriorityClass, or add a node; then start the session again",
        ),
        "DeletionByPodGC" => (
            format!("pod {pod:?} is deleted, because its node {node:?} no longer exists"),
            "start the session again on another node",
        ),
        _ => return None,
    };
    let message = condition.message.as_deref().unwrap_or_default().trim();
    let evidence = match message {
        "" => format!("condition DisruptionTarget: {reason}"),
        message => format!("condition DisruptionTarget: {reason}: {message}"),
    };
    Some(Cause {
        reason: reason.to_owned(),
        message: why,
        evidence: vec![evidence],
        remedy: Some(remedy.to_owned()),
        ..Cause::default()
    })
}
