//! Check of a session's objects against the LimitRanges of its namespace, before anything is created.

use serde_json::Value;
use session_model::objects::Untyped;

use super::Cause;
use crate::capacity::limit_range::{LimitViolation, find_limit_violation};

/// Returns the hint for an object that a LimitRange refuses; `ranges` are kubectl's arguments that name it.
pub(super) fn limit_range_remedy(ranges: &str, namespace: &str) -> String {
    format!(
        "set requests and limits within the LimitRange: kubectl describe {ranges} -n {namespace}"
    )
}

/// Returns the cause of the first of `objects` that a LimitRange of the namespace would refuse, in the words of the server's refusal.
/// The objects have the LimitRanges' defaults already.
pub fn find_limit_refusal(objects: &[Value], ranges: &[Value]) -> Option<Cause> {
    let LimitViolation {
        range,
        subject,
        rule,
    } = find_limit_violation(objects, ranges)?;
    let violated = ranges.iter().find(|one| Untyped(one).name() == range)?;
    let namespace = Untyped(violated).home_namespace();
    Some(Cause {
        reason: "LimitRange".into(),
        message: format!("LimitRange {range:?} is violated by {subject}: {rule}"),
        remedy: Some(limit_range_remedy(
            &format!("limitrange {range}"),
            namespace,
        )),
        ..Cause::default()
    })
}
