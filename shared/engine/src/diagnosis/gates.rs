//! Gates of a Pod, which somebody outside of Kubernetes opens: scheduling gates.

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
}
