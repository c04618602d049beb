//! What somebody outside of Kubernetes must do for a Pod: open its scheduling and readiness gates, and run its scheduler.

use super::Cause;
use super::pod::PodInspection;

/// Reason of a Pod with scheduling gates: that of its condition PodScheduled.
const SCHEDULING_GATED: &str = "SchedulingGated";

impl PodInspection<'_> {
    /// Returns the cause of a Pod that the scheduler leaves alone until its gates are removed.
    pub(super) fn scheduling_gates_cause(&self) -> Option<Cause> {
        let spec = self.pod.spec.as_ref();
        let gates = spec.and_then(|spec| spec.scheduling_gates.as_deref());
        let gates: Vec<String> = gates
            .into_iter()
            .flatten()
            .map(|gate| format!("{:?}", gate.name))
            .collect();
        if gates.is_empty() {
            return None;
        }
        let gates = match gates.as_slice() {
            [gate] => format!("scheduling gate {gate}"),
            gates => format!("scheduling gates {}", gates.join(", ")),
        };
        let said = self.condition("PodScheduled");
        let said = said.and_then(|condition| condition.message.as_deref());
        let said = said.unwrap_or("Scheduling is blocked due to non-empty scheduling gates");
        Some(Cause {
            reason: SCHEDULING_GATED.into(),
            message: format!("pod {:?} is not scheduled, because it has {gates}", self.name),
            evidence: vec![format!("condition PodScheduled: {SCHEDULING_GATED}: {said}")],
            remedy: Some(
                "let whoever sets the gate remove it, such as a queue or an admission webhook; if the session's own manifest sets it, remove it there".into(),
            ),
            ..Cause::default()
        })
    }

    /// Returns the cause of a Pod whose own scheduler has not said anything; `None` for the default scheduler, which soon will.
    pub(super) fn silent_scheduler_cause(&self) -> Option<Cause> {
        let scheduler = self.pod.spec.as_ref()?.scheduler_name.as_deref()?;
        let is_silent = self.condition("PodScheduled").is_none();
        if matches!(scheduler, "" | "default-scheduler") || !is_silent {
            return None;
        }
        Some(Cause {
            reason: "NotScheduled".into(),
            message: format!(
                "pod {:?} has no node, and its scheduler {scheduler:?} has said nothing about it",
                self.name
            ),
            evidence: vec![format!("pod {:?}: no condition PodScheduled", self.name)],
            remedy: Some(format!(
                "check that scheduler {scheduler:?} runs, or correct the Pod's schedulerName"
            )),
            ..Cause::default()
        })
    }

    /// Returns the cause of a Pod whose containers are ready, while one of its readiness gates is not.
    pub(super) fn readiness_gates_cause(&self) -> Option<Cause> {
        let gates = self.pod.spec.as_ref()?.readiness_gates.as_deref()?;
        let kinds = gates.iter().map(|gate| gate.condition_type.as_str());
        let mut closed = kinds.filter(|kind| {
            let condition = self.condition(kind);
            condition.is_none_or(|condition| condition.status != "True")
        });
        let gate = closed.next()?;
        let evidence = match self.condition(gate) {
            None => format!("pod {:?}: no condition {gate}", self.name),
            Some(condition) => format!(
                "condition {gate}: {} {}",
                condition.status,
                condition.message.as_deref().unwrap_or_default()
            ),
        };
        Some(Cause {
            reason: "ReadinessGatesNotReady".into(),
            message: format!(
                "the containers of pod {:?} are ready, but its readiness gate {gate:?} is not",
                self.name
            ),
            evidence: vec![evidence.trim_end().to_owned()],
            remedy: Some(format!(
                "check that the controller runs which sets condition {gate:?}, such as that of a load balancer, or remove the gate from the Pod"
            )),
            ..Cause::default()
        })
    }
}
