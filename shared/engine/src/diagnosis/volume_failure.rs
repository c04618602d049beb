//! Reasons why a volume is not attached or mounted for a Pod that has been scheduled.

use super::{Cause, EventNote, missing_reference};

/// Reads a FailedMount or FailedAttachVolume event. Returns the cause, and true if retries cannot succeed.
pub(super) fn volume_failure_cause(pod: &str, event: &EventNote) -> (Cause, bool) {
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
    let (why, remedy) = if message.contains("Multi-Attach error") {
        (
            "is still attached to another node".to_owned(),
            "find the Pod on the other node that uses the volume; the volume of a lost node is detached after some minutes",
        )
    } else if event.reason == "FailedAttachVolume" {
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
