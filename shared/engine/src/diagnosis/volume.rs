//! Why a volume does not get to a Pod that has its node.

use super::{Cause, EventNote, reference};

/// Reads a FailedMount or FailedAttachVolume event. True if it cannot heal by itself.
pub(super) fn failed(pod: &str, event: &EventNote) -> (Cause, bool) {
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
        evidence: vec![event.evidence()],
        ..cause
    };
    if let Some(cause) = reference::read(&place, message) {
        return (proved(cause), true);
    }
    let said = message.split_once(" : ").map_or(message, |(_, said)| said);
    let said = said.lines().next().unwrap_or_default();
    let (why, remedy) = if message.contains("Multi-Attach error") {
        (
            "is still attached to another node".to_owned(),
            "see which other Pod uses it; a node that is gone lets go of it after some minutes",
        )
    } else if event.reason == "FailedAttachVolume" {
        (
            format!("cannot be attached to its node: {said}"),
            "see what the storage driver says; it is tried again",
        )
    } else {
        (
            format!("cannot be mounted: {said}"),
            "correct what the message names; it is tried again",
        )
    };
    let cause = Cause {
        message: format!("{place} {why}"),
        remedy: Some(remedy.to_owned()),
        ..Cause::default()
    };
    (proved(cause), false)
}
