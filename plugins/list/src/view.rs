//! Rows and objects as they are printed. Pure.

use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::api::Phase;
use session_shared::names::UserId;
use session_shared::objects::Untyped;
use session_shared::objects::table::{Row, Table};
use session_shared::report::age::remaining_time;

use crate::intent::Intent;
use crate::join::{JoinedSession, SessionKey, SessionPods};

/// Joins the rows of sessions with their Pods, turns EXPIRES into the remaining time, and drops rows that were not requested.
pub(crate) fn join_rows(table: &mut Table, pods: &SessionPods, intent: &Intent, now: Timestamp) {
    let columns = SessionColumns::from_table(table);
    let owner = intent
        .selections
        .iter()
        .find_map(|chosen| chosen.owner.as_ref());
    table
        .rows
        .retain_mut(|row| columns.overwrite_row(row, pods, &intent.phases, owner, now));
}

/// Indexes of the columns that are overwritten.
pub(crate) struct SessionColumns {
    user: Option<usize>,
    phase: Option<usize>,
    expires: Option<usize>,
    pod: Option<usize>,
    node: Option<usize>,
}

impl SessionColumns {
    pub(crate) fn from_table(table: &Table) -> Self {
        let at = |heading: &str| table.column_index(heading);
        Self {
            user: at("USER"),
            phase: at("PHASE"),
            expires: at("EXPIRES"),
            pod: at("POD"),
            node: at("NODE"),
        }
    }

    /// Overwrites a row. Returns false if it was not requested.
    pub(crate) fn overwrite_row(
        &self,
        row: &mut Row,
        pods: &SessionPods,
        phases: &[Phase],
        owner: Option<&UserId>,
        now: Timestamp,
    ) -> bool {
        let cell = |at: Option<usize>| {
            at.and_then(|at| row.cells.get(at))
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        if owner.is_some_and(|owner| cell(self.user) != owner.as_str()) {
            return false;
        }
        let deleting = row
            .object
            .pointer("/metadata/deletionTimestamp")
            .is_some_and(|time| !time.is_null());
        let session = SessionKey::from_session(&row.object);
        let joined = pods.join_session(&session, cell(self.phase), deleting);
        if !phases.is_empty() && !phases.contains(&joined.phase) {
            return false;
        }
        let expires = remaining_time(cell(self.expires).parse().ok(), now);
        let mut set = |at: Option<usize>, value: Option<&str>| {
            if let (Some(cell), Some(value)) = (at.and_then(|at| row.cells.get_mut(at)), value) {
                *cell = value.into();
            }
        };
        set(self.phase, Some(joined.phase_cell()));
        set(self.expires, Some(&expires));
        set(self.pod, joined.pod.as_deref());
        set(self.node, joined.node.as_deref());
        true
    }
}

/// Joins sessions with their Pods by overwriting their status, and drops sessions that were not requested.
pub(crate) fn join_objects(sessions: &mut Vec<Value>, pods: &SessionPods, intent: &Intent) {
    let owner = intent
        .selections
        .iter()
        .find_map(|chosen| chosen.owner.as_ref());
    sessions.retain_mut(|session| join_object(session, pods, &intent.phases, owner));
}

/// Overwrites the status of one session. Returns false if it was not requested.
pub(crate) fn join_object(
    session: &mut Value,
    pods: &SessionPods,
    phases: &[Phase],
    owner: Option<&UserId>,
) -> bool {
    if owner.is_some_and(|owner| Untyped(session).str_at("/spec/userId") != Some(owner.as_str())) {
        return false;
    }
    let deleting = session
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|time| !time.is_null());
    let (identity, phase) = (
        SessionKey::from_session(session),
        Untyped(session).str_at("/status/phase").unwrap_or_default(),
    );
    let joined = pods.join_session(&identity, phase, deleting);
    if !phases.is_empty() && !phases.contains(&joined.phase) {
        return false;
    }
    overwrite_status(session, &joined);
    true
}

fn overwrite_status(session: &mut Value, joined: &JoinedSession) {
    if !session.get("status").is_some_and(Value::is_object) {
        session["status"] = json!({});
    }
    let status = &mut session["status"];
    status["phase"] = joined.phase.as_str().into();
    for (field, value) in [("podName", &joined.pod), ("nodeName", &joined.node)] {
        if let Some(value) = value {
            status[field] = value.as_str().into();
        }
    }
    // The Pod's status becomes the reason of the Ready condition.
    let Some(word) = &joined.status else { return };
    if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut)
        && let Some(ready) = conditions
            .iter_mut()
            .find(|condition| Untyped(condition).str_at("/type") == Some("Ready"))
    {
        ready["reason"] = word.as_str().into();
        ready["status"] = "False".into();
        return;
    }
    let ready = json!({ "type": "Ready", "status": "False", "reason": word, "message": "" });
    match status.get_mut("conditions").and_then(Value::as_array_mut) {
        Some(conditions) => conditions.push(ready),
        None => status["conditions"] = json!([ready]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pods_word_is_in_the_object_too() {
        let mut session = json!({ "metadata": { "name": "a", "namespace": "ns" }, "spec": { "userId": "u" },
            "status": { "phase": "running" } });
        assert!(join_object(
            &mut session,
            &SessionPods::default(),
            &[],
            None
        ));
        assert_eq!(session["status"]["phase"], "failed");
        assert_eq!(session["status"]["conditions"][0]["reason"], "PodLost");
        assert!(!join_object(
            &mut session,
            &SessionPods::default(),
            &[Phase::Running],
            None
        ));
        let other: UserId = "other".parse().unwrap();
        assert!(!join_object(
            &mut session,
            &SessionPods::default(),
            &[],
            Some(&other)
        ));
    }

    #[test]
    fn expires_is_the_time_that_is_left() {
        let mut table: Table = serde_json::from_value(json!({
            "columnDefinitions": [{ "name": "Name" }, { "name": "USER" }, { "name": "PHASE" }, { "name": "EXPIRES" }],
            "rows": [{ "cells": ["a", "u", "stopped", "2026-01-01T02:00:00Z"], "object": { "metadata": { "name": "a" } } }],
        }))
        .unwrap();
        let columns = SessionColumns::from_table(&table);
        let now = "2026-01-01T00:02:00Z".parse().unwrap();
        assert!(columns.overwrite_row(&mut table.rows[0], &SessionPods::default(), &[], None, now));
        assert_eq!(table.rows[0].cells[3], "1h58m");
    }
}
