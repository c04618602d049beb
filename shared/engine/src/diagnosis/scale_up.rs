//! What the cluster autoscaler says about a Pod that fits on no node.

use super::{Cause, EventNote};

/// Reasons of the cluster autoscaler's events about a Pod, the newest of which counts.
pub(super) const SCALE_UP_REASONS: [&str; 2] = ["NotTriggerScaleUp", "TriggeredScaleUp"];

/// Adds the cluster autoscaler's last event to the cause of a Pod that fits on no node.
pub(super) fn add_scale_up(cause: &mut Cause, event: &EventNote) {
    cause.evidence.push(event.evidence_line());
    if event.reason == "TriggeredScaleUp" {
        cause.message += "; the cluster autoscaler is adding a node";
        cause.remedy = Some("wait for the new node".to_owned());
        // The nodes that are there say nothing about the new one.
        cause.queries.clear();
        return;
    }
    event.reason.clone_into(&mut cause.reason);
    // `pod didn't trigger scale-up: 1 max node group size reached`, before 1.30 with a remark before the colon.
    let reasons = event
        .message
        .split_once(": ")
        .map_or("", |(_, reasons)| reasons);
    cause.message += "; the cluster autoscaler adds none";
    if !reasons.is_empty() {
        cause.message = format!("{}: {reasons}", cause.message);
    }
    // `max node group size reached`, `max cluster cpu, memory limit reached`, `max limit reached`.
    let is_full = reasons.contains("max ") && reasons.contains(" reached");
    let remedy = match is_full {
        true => {
            "raise the limit of the cluster autoscaler that its message names, or delete sessions that are no longer needed"
        }
        false => "add a node group whose nodes fit the Pod",
    };
    cause.remedy = Some(match cause.remedy.take().filter(|_| !is_full) {
        Some(own) => format!("{own}; or {remedy}"),
        None => remedy.to_owned(),
    });
}
