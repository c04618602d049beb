//! Reasons why a volume is not attached or mounted for a Pod that has been scheduled.

use k8s_openapi::api::core::v1::Pod;

use session_model::objects::metadata::name_of;

use super::{Cause, EventNote, claim_holder, missing_reference};

/// Reads a FailedMount or FailedAttachVolume event. Returns the cause, and true if retries cannot succeed.
pub(super) fn volume_failure_cause(waiting: &Pod, event: &EventNote) -> (Cause, bool) {
    let pod = name_of(&waiting.metadata);
    let message = event.message.as_str();
    let volume = message
        .split_once("for volume \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(name, _)| name);
    let place = match volume {
        Some(volume) => format!("volume {volume:?} of pod {pod:?}"),
        None => format!("a volume of pod {pod:?}"),
    };
    let proved = |cause: Cause| Cause {
        reason: event.reason.clone(),
        evidence: vec![event.evidence_line()],
        ..cause
    };
    if let Some(cause) = missing_reference::parse_missing_reference(&place, message) {
        return (proved(cause), true);
    }
    let said = message.split_once(" : ").map_or(message, |(_, said)| said);
    let said = said.lines().next().unwrap_or_default();
    if message.contains("Multi-Attach error") {
        return (
            proved(attached_elsewhere_cause(waiting, &place, message)),
            false,
        );
    }
    let (why, remedy) = if event.reason == "FailedAttachVolume" {
        (
            format!("cannot be attached to its node: {said}"),
            "check the logs of the storage driver; attaching is retried",
        )
    } else {
        (
            format!("cannot be mounted: {said}"),
            "fix the problem that the message names; mounting is retried",
        )
    };
    let cause = Cause {
        message: format!("{place} {why}"),
        remedy: Some(remedy.to_owned()),
        ..Cause::default()
    };
    (proved(cause), false)
}

/// Returns the cause of a volume with access mode ReadWriteOnce that another node has. The message of the attach/detach
/// controller names Pods of the same namespace: `Volume is already used by pod(s) a, b and 1 pod(s) in different namespaces`.
fn attached_elsewhere_cause(waiting: &Pod, place: &str, message: &str) -> Cause {
    let named = message.split_once("already used by pod(s) ");
    let pods = named.map(|(_, rest)| rest.split(" and ").next().unwrap_or(rest));
    let why = match pods.map(str::trim).filter(|pods| !pods.is_empty()) {
        Some(pods) => {
            let pods: Vec<String> = pods.split(", ").map(|pod| format!("{pod:?}")).collect();
            format!(
                "is still attached to another node, where it is held by {}",
                pods.join(", ")
            )
        }
        None => "is still attached to another node".to_owned(),
    };
    let remedy = claim_holder::release_remedy(waiting);
    Cause {
        message: format!("{place} {why}"),
        remedy: Some(format!(
            "{remedy}; the volume of a lost node is detached after some minutes"
        )),
        queries: vec![claim_holder::holders_query(waiting)],
        ..Cause::default()
    }
}
