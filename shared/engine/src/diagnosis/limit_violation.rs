//! Check of a session's objects against the LimitRanges of its namespace, before anything is created.

use serde_json::Value;

use super::Cause;
use crate::capacity::limit_range::{LimitViolation, find_limit_violation};

/// Hint for an object that a LimitRange refuses.
pub(super) const LIMIT_RANGE_REMEDY: &str =
    "set requests and limits within the LimitRange: kubectl describe limitranges";

/// Returns the cause of the first of `objects` that a LimitRange of the namespace would refuse, in the words of the server's refusal.
/// The objects have the LimitRanges' defaults already.
pub fn find_limit_refusal(objects: &[Value], ranges: &[Value]) -> Option<Cause> {
    let LimitViolation {
        range,
        subject,
        rule,
    } = find_limit_violation(objects, ranges)?;
    Some(Cause {
        reason: "LimitRange".into(),
        message: format!("LimitRange {range:?} is violated by {subject}: {rule}"),
        remedy: Some(LIMIT_RANGE_REMEDY.into()),
        ..Cause::default()
    })
}
