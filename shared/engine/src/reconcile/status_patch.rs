//! Merge patches of a Session's status.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

pub use crate::capacity::run_hours::format_rfc3339;

use super::phase_reason::PhaseReason;
use super::rendered_start::RenderedStart;
use super::target_state::{expiry_time, is_expired};
use crate::diagnosis::Cause;
use session_model::api::{Condition, ObjectRef, Phase, Session, SessionUsage};
use session_model::objects::endpoint::session_endpoint;

/// Type of the condition of a session whose template has changed since its start.
const TEMPLATE_CHANGED_CONDITION: &str = "TemplateChanged";

/// Returns the status of a start whose objects have been created: everything that later commands need without the template. `usage` is
/// the record of runs with this one.
pub fn start_status(
    session: &Session,
    start: &RenderedStart,
    objects: &[Value],
    usage: &SessionUsage,
    now: Timestamp,
) -> Value {
    let rendering = &start.rendering;
    let request = session
        .spec
        .start_request
        .clone()
        .unwrap_or_else(|| format_rfc3339(now));
    let standing = PhaseReason {
        phase: Phase::Pending,
        reason: "NotReady".into(),
        message: "objects created".into(),
    };
    let before = session.applied();
    let mut conditions = updated_conditions(session, &standing, now);
    // Conditions of the previous start.
    conditions.retain(|condition| {
        !["Expired", "Synced", TEMPLATE_CHANGED_CONDITION].contains(&condition.r#type.as_str())
    });
    let mut patch = json!({ "status": {
        "phase": Phase::Pending,
        "startTime": format_rfc3339(now),
        "expiresAt": expiry_time(now, rendering.lifetime).map(format_rfc3339),
        "endpoint": session_endpoint(objects, None),
        "template": rendering.template.as_ref().map(|template| &template.name),
        "dataPolicy": rendering.data_policy,
        "startRequest": request,
        "observedGeneration": session.metadata.generation,
        "applied": replacing_patch(json!(before), json!(start.start_record(objects))),
        "conditions": conditions,
        "podName": null,
        "nodeName": null,
    } });
    add_usage(&mut patch, session, usage);
    set_diagnosis(&mut patch, session, None, now);
    patch
}

/// Sets the cause in a patch of the status; `None` removes it.
pub fn set_diagnosis(patch: &mut Value, session: &Session, cause: Option<&Cause>, now: Timestamp) {
    let before = session.diagnosis();
    if cause.is_some() || before.is_some() {
        let after = cause.map(|cause| cause.to_record(now));
        patch["status"]["diagnosis"] = replacing_patch(json!(before), json!(after));
    }
}

/// Adds the record of runs to a patch of the status, as far as it has changed.
pub fn add_usage(patch: &mut Value, session: &Session, usage: &SessionUsage) {
    let (before, after) = (
        json!(session.usage().cloned().unwrap_or_default()),
        json!(usage),
    );
    for part in ["current", "runs", "earlier"] {
        let of = |usage: &Value| usage.get(part).cloned().unwrap_or_default();
        if of(&before) != of(&after) {
            patch["status"]["usage"][part] = replacing_patch(of(&before), of(&after));
        }
    }
}

/// Returns a merge patch that turns `before` into exactly `after`, with null for fields to remove.
fn replacing_patch(before: Value, after: Value) -> Value {
    match (before, after) {
        (Value::Object(before), Value::Object(mut after)) => {
            for (key, old) in before {
                let new = after.get_mut(&key).map(Value::take);
                after.insert(
                    key,
                    new.map_or(Value::Null, |new| replacing_patch(old, new)),
                );
            }
            Value::Object(after)
        }
        (_, after) => after,
    }
}

/// Result of a stop, to be recorded in the status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopRecord {
    /// Replica counts of scaled workloads before the stop, by Kind/name.
    pub replicas: BTreeMap<String, i32>,
    /// True if the sync hook succeeded.
    pub is_synced: bool,
    /// Workloads scaled to 0 that no start recorded: an interrupted start created them.
    pub unrecorded_workloads: Vec<ObjectRef>,
    /// Record of runs after the stop; `None` leaves it as it is.
    pub usage: Option<SessionUsage>,
}

/// Returns the status of a session whose workload has been removed. `standing` is its new phase. Marks a pending start request as
/// answered.
pub fn stop_status(
    session: &Session,
    standing: &PhaseReason,
    rest: &StopRecord,
    now: Timestamp,
) -> Value {
    let mut patch = phase_status(session, standing, None, None, None, now);
    let status = &mut patch["status"];
    for field in ["podName", "nodeName", "endpoint"] {
        status[field] = Value::Null;
    }
    if let Some(asked) = &session.spec.start_request {
        status["startRequest"] = asked.as_str().into();
    }
    set_diagnosis(&mut patch, session, None, now);
    let status = &mut patch["status"];
    let applied = session.applied();
    if applied.is_some() && !rest.replicas.is_empty() {
        status["applied"]["replicas"] = json!(rest.replicas);
    }
    if let Some(applied) = applied.filter(|_| !rest.unrecorded_workloads.is_empty()) {
        let objects = applied.objects.iter().chain(&rest.unrecorded_workloads);
        status["applied"]["objects"] = json!(objects.collect::<Vec<_>>());
    }
    if rest.is_synced {
        let mut all = updated_conditions(session, standing, now);
        let said = (
            "True",
            "HookSucceeded",
            "the sync hook ended with exit code 0",
        );
        set_condition(&mut all, session, "Synced", Some(said), now);
        status["conditions"] = json!(all);
    }
    if let Some(usage) = &rest.usage {
        add_usage(&mut patch, session, usage);
    }
    patch
}

/// Returns the status of a session that was created with data but no workload, and was never started.
pub fn never_started_status(session: &Session, now: Timestamp) -> Value {
    let standing = PhaseReason {
        phase: Phase::Stopped,
        reason: "NeverStarted".into(),
        message: "created with the data of another session".into(),
    };
    let mut patch = phase_status(session, &standing, None, None, None, now);
    patch["status"]["template"] = json!(session.spec.template);
    patch
}

/// Returns the conditions of a session whose template has changed since its start.
pub fn template_changed_status(session: &Session, message: &str, now: Timestamp) -> Value {
    let mut all = session.conditions().to_vec();
    let said = ("True", "NewerTemplate", message);
    set_condition(
        &mut all,
        session,
        TEMPLATE_CHANGED_CONDITION,
        Some(said),
        now,
    );
    json!({ "status": { "conditions": all } })
}

/// Returns the status with a new expiry time; `None` for never.
pub fn expiry_status(session: &Session, at: Option<Timestamp>, now: Timestamp) -> Value {
    let mut all = session.conditions().to_vec();
    if at.is_none_or(|at| at > now) {
        set_condition(&mut all, session, "Expired", None, now);
    }
    json!({ "status": { "expiresAt": at.map(format_rfc3339), "conditions": all } })
}

/// Returns the status for a newly observed phase and Pod. A field that is `None` keeps its value.
pub fn phase_status(
    session: &Session,
    standing: &PhaseReason,
    pod: Option<&str>,
    node: Option<&str>,
    endpoint: Option<&str>,
    now: Timestamp,
) -> Value {
    let mut status = json!({
        "phase": standing.phase,
        "observedGeneration": session.metadata.generation,
        "conditions": updated_conditions(session, standing, now),
    });
    for (field, value) in [("podName", pod), ("nodeName", node), ("endpoint", endpoint)] {
        if let Some(value) = value {
            status[field] = value.into();
        }
    }
    json!({ "status": status })
}

/// Returns the conditions with Ready and Expired updated. A condition whose status did not change keeps its transition time, but
/// for Ready at a stop: it is the only record of when the session was stopped.
fn updated_conditions(session: &Session, standing: &PhaseReason, now: Timestamp) -> Vec<Condition> {
    let mut all = session.conditions().to_vec();
    if standing.phase == Phase::Stopped && session.phase() != Some(Phase::Stopped) {
        all.retain(|condition| condition.r#type != "Ready");
    }
    let status = if standing.phase == Phase::Running {
        "True"
    } else {
        "False"
    };
    let reason = match standing.reason.as_str() {
        "" => "Unknown",
        reason => reason,
    };
    let said = (status, reason, standing.message.as_str());
    set_condition(&mut all, session, "Ready", Some(said), now);
    let over = (
        "True",
        "LifetimeOver",
        "the lifetime of this start has ended",
    );
    set_condition(
        &mut all,
        session,
        "Expired",
        is_expired(session, now).then_some(over),
        now,
    );
    all
}

/// Sets a condition (status, reason, message), or removes it. A condition whose status did not change keeps its transition time.
fn set_condition(
    all: &mut Vec<Condition>,
    session: &Session,
    r#type: &str,
    said: Option<(&str, &str, &str)>,
    now: Timestamp,
) {
    let before = all.iter().position(|condition| condition.r#type == r#type);
    let before = before.map(|index| all.remove(index));
    let Some((status, reason, message)) = said else {
        return;
    };
    let since = before
        .filter(|condition| condition.status == status)
        .map(|condition| condition.last_transition_time);
    all.push(Condition {
        r#type: r#type.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        last_transition_time: since.unwrap_or_else(|| format_rfc3339(now)),
        observed_generation: session.metadata.generation,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(status: Value) -> Session {
        serde_json::from_value(json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": { "name": "a", "generation": 2 },
            "spec": { "userId": "u" }, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_diagnosis_is_replaced_and_removed_and_an_absent_one_is_left_alone() {
        let patched = |before: Value, cause: Option<&Cause>| {
            let mut patch = json!({});
            set_diagnosis(&mut patch, &session(before), cause, Timestamp::UNIX_EPOCH);
            patch
        };
        let cause = Cause {
            reason: "Error".into(),
            message: "no".into(),
            ..Cause::default()
        };
        assert_eq!(patched(json!({}), None), json!({}));
        let record = json!({ "time": "1970-01-01T00:00:00Z", "reason": "Error", "message": "no" });
        let new = json!({ "status": { "diagnosis": record } });
        assert_eq!(patched(json!({}), Some(&cause)), new);
        let mut before = json!({ "diagnosis": record });
        before["diagnosis"]["remedy"] = "old".into();
        let removed = json!({ "status": { "diagnosis": null } });
        assert_eq!(patched(before.clone(), None), removed);
        let replaced = patched(before, Some(&cause));
        let remedy = replaced["status"]["diagnosis"].get("remedy");
        assert_eq!(remedy, Some(&Value::Null));
    }

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let before = json!({ "conditions": [
            { "type": "Synced", "status": "True", "reason": "x", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" },
            { "type": "Ready", "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" },
        ] });
        let running = PhaseReason {
            phase: Phase::Running,
            reason: "Ready".into(),
            message: String::new(),
        };
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let patch = phase_status(
            &session(before.clone()),
            &running,
            Some("p"),
            None,
            None,
            now,
        );
        assert_eq!(
            patch["status"]["conditions"][1]["lastTransitionTime"],
            "2026-01-01T00:00:00Z"
        );
        assert_eq!(patch["status"]["conditions"][0]["type"], "Synced");
        assert_eq!(patch["status"]["podName"], "p");
        assert!(patch["status"].get("nodeName").is_none());
        let failed = PhaseReason {
            phase: Phase::Failed,
            reason: "Error".into(),
            message: String::new(),
        };
        let patch = phase_status(&session(before), &failed, None, None, None, now);
        assert_eq!(
            patch["status"]["conditions"][1]["lastTransitionTime"],
            "2026-01-02T00:00:00Z"
        );
    }

    #[test]
    fn a_stop_of_a_session_that_was_never_ready_has_its_own_time() {
        let before = json!({ "phase": "failed", "conditions": [
            { "type": "Ready", "status": "False", "reason": "Error", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" },
        ] });
        let stopped = PhaseReason {
            phase: Phase::Stopped,
            reason: "Stopped".into(),
            message: String::new(),
        };
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let patch = stop_status(&session(before), &stopped, &StopRecord::default(), now);
        let ready = &patch["status"]["conditions"][0];
        assert_eq!(ready["lastTransitionTime"], "2026-01-02T00:00:00Z");
    }
}
