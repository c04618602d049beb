//! Rows and objects as they are printed. Pure.

use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::api::Phase;
use session_shared::objects::Untyped;
use session_shared::objects::table::{Row, Table};
use session_shared::ops::session_phases::Verdict;
use session_shared::ops::session_selection::RosterSession;
use session_shared::report::age::remaining_time;

use crate::intent::Intent;

/// Returns the owner of a session, spelled as in its spec, from its cell or from its object.
pub(crate) fn owner_of<'r>(row: &'r Row, columns: &Table) -> Option<&'r str> {
    cell_or_field(row, columns, "USER", "/spec/userId")
}

/// Returns true for a session of the user to whom the roster gives its name, if there is a roster.
fn is_in_roster(row: &Row, columns: &Table, intent: &Intent) -> bool {
    let Some(roster) = &intent.roster else {
        return true;
    };
    let (name, owner) = (Untyped(&row.object).name(), owner_of(row, columns));
    let is_it = |session: &RosterSession| {
        session.name.as_str() == name && Some(session.user.as_str()) == owner
    };
    roster.sessions.iter().any(is_it)
}

/// Returns the template of a session: that of its spec, or of its last start where only the cells are known, as in a watch.
fn template_of<'r>(row: &'r Row, columns: &Table) -> Option<&'r str> {
    let field = |path: &str| Untyped(&row.object).str_at(path);
    match row.object.get("spec") {
        Some(_) if field("/spec/manifest").is_some() => None,
        Some(_) => field("/spec/template").or(field("/spec/application")),
        None => cell_or_field(row, columns, "TEMPLATE", "/status/template"),
    }
}

fn cell_or_field<'r>(row: &'r Row, columns: &Table, heading: &str, path: &str) -> Option<&'r str> {
    let at = columns.column_index(heading);
    let cell = at.and_then(|at| row.cells.get(at)?.as_str());
    cell.or(Untyped(&row.object).str_at(path))
}

/// Writes the verdict into a row and its object. Returns false for a session that was not requested.
pub(crate) fn overwrite_row(
    row: &mut Row,
    columns: &Table,
    verdict: &Verdict,
    intent: &Intent,
    now: Timestamp,
) -> bool {
    let query = &intent.query;
    let template = template_of(row, columns);
    if !(query.has_owner(owner_of(row, columns))
        && query.has_template(template)
        && query.has_phase(verdict.standing.phase)
        && is_in_roster(row, columns, intent))
    {
        return false;
    }
    let expires = columns
        .column_index("EXPIRES")
        .and_then(|at| row.cells.get(at)?.as_str());
    let expires = remaining_time(expires.and_then(|at| at.parse().ok()), now);
    for (heading, value) in [
        ("PHASE", Some(verdict.word.as_str())),
        ("EXPIRES", Some(expires.as_str())),
        ("POD", verdict.pod.as_deref()),
        ("NODE", verdict.node.as_deref()),
    ] {
        let cell = columns.column_index(heading);
        if let (Some(cell), Some(value)) = (cell.and_then(|at| row.cells.get_mut(at)), value) {
            *cell = value.into();
        }
    }
    if row.object.get("spec").is_some() {
        overwrite_status(&mut row.object, verdict);
    }
    true
}

/// Returns what is shown of a session apart from times that pass: a watch prints a row when this changes.
pub(crate) fn shown_cells(
    row: &Row,
    columns: &Table,
    verdict: &Verdict,
    intent: &Intent,
) -> Vec<Value> {
    let is_wide = intent.is_wide();
    let shown = columns.column_definitions.iter().zip(&row.cells);
    let shown = shown.filter(|(column, _)| is_wide || column.priority == 0);
    let mut cells: Vec<Value> = shown
        .filter_map(|(column, cell)| match column.name.to_uppercase().as_str() {
            "AGE" | "PHASE" => None,
            "POD" => verdict.pod.clone().map(Value::from).or(Some(cell.clone())),
            "NODE" => verdict.node.clone().map(Value::from).or(Some(cell.clone())),
            // As the server has it: a time.
            _ => Some(cell.clone()),
        })
        .collect();
    cells.push(verdict.word.as_str().into());
    if intent.output.show_labels || !intent.output.label_columns.is_empty() {
        cells.push(row.object["metadata"]["labels"].clone());
    }
    cells
}

/// Writes the verdict into the status of a session, the reason into its condition Ready.
fn overwrite_status(session: &mut Value, verdict: &Verdict) {
    if !session.get("status").is_some_and(Value::is_object) {
        session["status"] = json!({});
    }
    let status = &mut session["status"];
    let standing = &verdict.standing;
    status["phase"] = standing.phase.as_str().into();
    for (field, value) in [("podName", &verdict.pod), ("nodeName", &verdict.node)] {
        if let Some(value) = value {
            status[field] = value.as_str().into();
        }
    }
    if standing.reason.is_empty() {
        return;
    }
    let runs = standing.phase == Phase::Running;
    let is_ready = if runs { "True" } else { "False" };
    let ready = json!({ "type": "Ready", "status": is_ready, "reason": standing.reason, "message": standing.message });
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    let known = conditions.and_then(|conditions| {
        let mut conditions = conditions.iter_mut();
        conditions.find(|condition| Untyped(condition).str_at("/type") == Some("Ready"))
    });
    match known {
        Some(known)
            if known["status"] == ready["status"]
                && (runs || known["reason"] == ready["reason"]) => {}
        Some(known) => *known = ready,
        None if runs => {}
        None => match status.get_mut("conditions").and_then(Value::as_array_mut) {
            Some(conditions) => conditions.push(ready),
            None => status["conditions"] = json!([ready]),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::parse_intent;
    use clap::Parser;
    use session_shared::reconcile::PhaseReason;
    use session_shared::report::console::Console;

    fn intent(line: &str) -> Intent {
        let words = std::iter::once("list").chain(line.split_whitespace());
        let (mut console, _) = Console::for_test("", false);
        parse_intent(crate::Args::parse_from(words), &mut console).unwrap()
    }

    fn lost() -> Verdict {
        Verdict {
            standing: PhaseReason {
                phase: Phase::Failed,
                reason: "PodLost".into(),
                message: "gone".into(),
            },
            word: "PodLost".into(),
            pod: None,
            node: None,
            is_lost: true,
        }
    }

    fn now() -> Timestamp {
        "2026-01-01T00:02:00Z".parse().unwrap()
    }

    #[test]
    fn the_reason_is_in_the_object_too() {
        let session = json!({ "metadata": { "name": "a", "namespace": "ns" }, "spec": { "userId": "u" },
            "status": { "phase": "running", "conditions": [{ "type": "Ready", "status": "True", "reason": "Ready" }] } });
        let row = Row {
            object: session,
            ..Row::default()
        };
        let columns = Table::default();
        let kept = |line: &str| {
            let mut row = row.clone();
            overwrite_row(&mut row, &columns, &lost(), &intent(line), now()).then_some(row.object)
        };
        let shown = kept("").unwrap();
        assert_eq!(shown["status"]["phase"], "failed");
        assert_eq!(
            shown["status"]["conditions"],
            json!([{ "type": "Ready", "status": "False", "reason": "PodLost", "message": "gone" }])
        );
        assert!(kept("--phase failed").is_some());
        assert!(kept("--phase running").is_none());
        assert!(kept("--user-id other").is_none());
    }

    #[test]
    fn expires_is_the_time_that_is_left_and_no_news_while_it_passes() {
        let mut table: Table = serde_json::from_value(json!({
            "columnDefinitions": [{ "name": "Name" }, { "name": "USER" }, { "name": "PHASE" }, { "name": "EXPIRES" }, { "name": "AGE" },
                { "name": "POD", "priority": 1 }],
            "rows": [{ "cells": ["a", "u", "running", "2026-01-01T02:00:00Z", "1m", "p"], "object": { "metadata": { "name": "a" } } }],
        }))
        .unwrap();
        let columns = table.clone();
        let shown = |row: &Row, line: &str| shown_cells(row, &columns, &lost(), &intent(line));
        let before = table.rows[0].clone();
        let mut later = before.clone();
        later.cells[4] = "2m".into();
        later.cells[5] = "q".into();
        assert_eq!(shown(&before, ""), shown(&later, ""));
        assert_ne!(shown(&before, "-o wide"), shown(&later, "-o wide"));
        assert!(overwrite_row(
            &mut table.rows[0],
            &columns,
            &lost(),
            &intent(""),
            now()
        ));
        assert_eq!(table.rows[0].cells[2], "PodLost");
        assert_eq!(table.rows[0].cells[3], "1h58m");
    }
}
