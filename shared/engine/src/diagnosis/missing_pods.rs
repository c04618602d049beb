//! Diagnosis of a workload that has fewer Pods than it wants, from the events of its controller.

use serde_json::Value;

use super::fact_query::FactQuery;
use super::{EventNote, Finding, Prognosis, refusal};
use session_model::objects::Untyped;
use session_model::progress::WaitStage;

/// Reasons of Events of a controller that cannot create a Pod, or the ReplicaSet that would.
const FAILURE_REASONS: [&str; 2] = ["FailedCreate", "ReplicaSetCreateError"];

/// Diagnoses a workload that has fewer Pods than it wants. The events of a Deployment are those of its ReplicaSets, which are
/// recognised by name (`DEPLOYMENT-HASH`) and by being no older than the Deployment.
pub fn inspect_missing_pods(workload: &Value, events: &[EventNote]) -> Finding {
    let (kind, name) = (Untyped(workload).kind(), Untyped(workload).name());
    let made = Untyped(workload).str_at("/metadata/creationTimestamp");
    let is_mine = |event: &EventNote| {
        let by_name = event
            .object_name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('-'));
        event.is_about(Untyped(workload).uid())
            || (event.object_kind == "ReplicaSet"
                && by_name
                && made.is_none_or(|made| event.is_not_before(made)))
    };
    let failed = events
        .iter()
        .rev()
        .find(|event| FAILURE_REASONS.contains(&event.reason.as_str()) && is_mine(event));
    let mut finding = Finding {
        stage: WaitStage::Scheduling,
        object: format!("{}/{name}", kind.to_lowercase()),
        detail: String::new(),
        prognosis: Prognosis::Waiting,
        problem: None,
    };
    if let Some(event) = failed {
        let (mut cause, may_pass) = refusal::refusal_cause(workload, event);
        cause.evidence.push(event.evidence_line());
        match cause.reason.as_str() {
            "QuotaExceeded" | "QuotaNeedsResources" => {
                cause.queries.push(FactQuery::ResourceQuotas)
            }
            "LimitRange" => cause.queries.push(FactQuery::LimitRanges),
            _ => {}
        }
        finding.detail = cause.message.clone();
        if may_pass {
            finding.problem = Some(cause);
        } else {
            finding.prognosis = Prognosis::Unrecoverable(cause);
        }
    }
    finding
}
