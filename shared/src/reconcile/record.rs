//! What is written into a Session's status, as merge patches.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::starting::Start;
use super::state::{Standing, expires_at};
use crate::api::{Condition, Phase, Session};
use crate::objects::endpoint::endpoint;

/// RFC 3339 in UTC, to the second, as Kubernetes writes times.
pub fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The status of a start whose objects have been made: everything later commands work from.
pub fn started(session: &Session, start: &Start, objects: &[Value], now: Timestamp) -> Value {
    let rendering = &start.rendering;
    let request = session
        .spec
        .start_request
        .clone()
        .unwrap_or_else(|| rfc3339(now));
    let standing = Standing {
        phase: Phase::Pending,
        reason: "NotReady".into(),
        message: "its objects have been made".into(),
    };
    json!({ "status": {
        "phase": Phase::Pending,
        "startTime": rfc3339(now),
        "expiresAt": expires_at(now, rendering.lifetime).map(rfc3339),
        "endpoint": endpoint(objects, None),
        "template": rendering.template.as_ref().map(|template| &template.name),
        "dataPolicy": rendering.data_policy,
        "startRequest": request,
        "observedGeneration": session.metadata.generation,
        "applied": start.applied(objects),
        "conditions": conditions(session, &standing, now),
        "podName": null,
        "nodeName": null,
    } })
}

/// The status of a session that was looked at: where it stands, and the Pod that tells. A field that is `None` is left as it is.
pub fn stands(
    session: &Session,
    standing: &Standing,
    pod: Option<&str>,
    node: Option<&str>,
    endpoint: Option<&str>,
    now: Timestamp,
) -> Value {
    let mut status = json!({
        "phase": standing.phase,
        "observedGeneration": session.metadata.generation,
        "conditions": conditions(session, standing, now),
    });
    for (field, value) in [("podName", pod), ("nodeName", node), ("endpoint", endpoint)] {
        if let Some(value) = value {
            status[field] = value.into();
        }
    }
    json!({ "status": status })
}

/// The conditions with Ready as it is now; the others stay, and a status that did not change keeps its time.
fn conditions(session: &Session, standing: &Standing, now: Timestamp) -> Vec<Condition> {
    let mut all = session
        .status
        .as_ref()
        .map(|status| status.conditions.clone())
        .unwrap_or_default();
    let status = if standing.phase == Phase::Running {
        "True"
    } else {
        "False"
    };
    let before = all.iter().find(|condition| condition.r#type == "Ready");
    let since = before
        .filter(|condition| condition.status == status)
        .map(|condition| condition.last_transition_time.clone());
    let ready = Condition {
        r#type: "Ready".into(),
        status: status.into(),
        reason: if standing.reason.is_empty() {
            "Unknown".into()
        } else {
            standing.reason.clone()
        },
        message: standing.message.clone(),
        last_transition_time: since.unwrap_or_else(|| rfc3339(now)),
        observed_generation: session.metadata.generation,
    };
    all.retain(|condition| condition.r#type != "Ready");
    all.push(ready);
    all
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
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let before = json!({ "conditions": [
            { "type": "Synced", "status": "True", "reason": "x", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" },
            { "type": "Ready", "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" },
        ] });
        let running = Standing {
            phase: Phase::Running,
            reason: "Ready".into(),
            message: String::new(),
        };
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let patch = stands(
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
        let failed = Standing {
            phase: Phase::Failed,
            reason: "Error".into(),
            message: String::new(),
        };
        let patch = stands(&session(before), &failed, None, None, None, now);
        assert_eq!(
            patch["status"]["conditions"][1]["lastTransitionTime"],
            "2026-01-02T00:00:00Z"
        );
    }
}
