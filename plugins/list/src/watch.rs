//! `list -w`: prints sessions as they or their Pods change.

use std::collections::HashMap;

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::client::{ListOptions, WatchChange};
use session_shared::objects::Untyped;
use session_shared::objects::resource::{POD, SESSION};
use session_shared::objects::table::{Row, Table};
use session_shared::ops::Cluster;
use session_shared::report::console::Console;
use session_shared::report::table::TablePrinter;

use crate::forged_pods::drop_forged_pods;
use crate::intent::Intent;
use crate::join::SessionPods;
use crate::observe::{Observed, list_scope, pod_selection};
use crate::view::SessionColumns;

type NamespacedName = (String, String);

/// State of a watch of sessions and Pods.
struct ListWatch<'a> {
    intent: &'a Intent,
    /// Rows of sessions as the server sent them, before the join.
    sessions: HashMap<NamespacedName, Row>,
    pods: SessionPods,
    columns: Table,
    pod_columns: Table,
    /// Rows printed last, so that a change that leaves a row the same prints nothing.
    printed: HashMap<NamespacedName, Vec<Value>>,
}

/// Prints changes until interrupted. `fetched` is the list already printed, `raw` its rows before the join.
///
/// # Errors
/// A watch that failed or ended.
pub(crate) async fn watch_sessions(
    cluster: &Cluster,
    intent: &Intent,
    fetched: Observed<Table>,
    raw: Vec<Row>,
    mut printer: TablePrinter,
    console: &mut Console,
    now: impl Fn() -> Timestamp,
) -> Result<()> {
    let selection = watch_selection(intent);
    let (sessions_from, pods_from) = (
        Some(fetched.resource_versions.0.as_str()),
        Some(fetched.resource_versions.1.as_str()),
    );
    let place = || list_scope(cluster, intent);
    let mut sessions = cluster.watch(&SESSION, place(), &selection, sessions_from, true);
    let mut pods = if fetched.pods.is_unlistable {
        futures::stream::pending().boxed()
    } else {
        cluster.watch(&POD, place(), &pod_selection(intent), pods_from, true)
    };
    let mut state = ListWatch {
        intent,
        sessions: raw
            .into_iter()
            .map(|row| (namespaced_name(&row.object), row))
            .collect(),
        printed: fetched
            .sessions
            .rows
            .iter()
            .map(|row| (namespaced_name(&row.object), row.cells.clone()))
            .collect(),
        pods: fetched.pods,
        columns: Table {
            column_definitions: fetched.sessions.column_definitions,
            ..Table::default()
        },
        pod_columns: Table::default(),
    };
    loop {
        let changed = next_change(&mut sessions, &mut pods, &mut state).await?;
        for key in changed {
            state.drop_forged_pods(cluster, &key).await;
            if let Some(table) = state.changed_row(&key, now()) {
                printer.add_page(&table);
                console.print(&printer.flush())?;
            }
        }
    }
}

/// Waits for the next change of sessions or Pods, and returns the sessions concerned.
async fn next_change(
    sessions: &mut futures::stream::BoxStream<'static, Result<WatchChange>>,
    pods: &mut futures::stream::BoxStream<'static, Result<WatchChange>>,
    state: &mut ListWatch<'_>,
) -> Result<Vec<NamespacedName>> {
    use futures::future::{Either, select};
    match select(sessions.next(), pods.next()).await {
        Either::Left((Some(change), _)) => state.apply_session_change(change?),
        Either::Right((Some(change), _)) => state.apply_pod_change(change?),
        _ => anyhow::bail!("cannot watch sessions: the watch has ended"),
    }
}

fn watch_selection(intent: &Intent) -> ListOptions {
    match intent.names.as_slice() {
        [one] => ListOptions {
            field_selector: format!("metadata.name={one}"),
            ..ListOptions::default()
        },
        _ => ListOptions {
            // An owner's two selections cannot be joined into one selector, so the owner is checked in each row.
            label_selector: intent
                .selections
                .first()
                .filter(|one| one.owner.is_none())
                .map(|one| one.labels.clone())
                .unwrap_or_default(),
            field_selector: intent.field_selector.clone(),
            ..ListOptions::default()
        },
    }
}

fn namespaced_name(object: &Value) -> NamespacedName {
    (
        Untyped(object).namespace().unwrap_or_default().to_owned(),
        Untyped(object).name().to_owned(),
    )
}

impl ListWatch<'_> {
    fn apply_session_change(&mut self, change: WatchChange) -> Result<Vec<NamespacedName>> {
        let (table, gone) = match change {
            WatchChange::Added(table) | WatchChange::Modified(table) => (table, false),
            WatchChange::Deleted(table) => (table, true),
            WatchChange::Bookmark(_) | WatchChange::Restarted => return Ok(Vec::new()),
        };
        let table: Table = serde_json::from_value(table)?;
        if !table.column_definitions.is_empty() {
            self.columns.column_definitions = table.column_definitions.clone();
        }
        let mut keys = Vec::new();
        for mut row in table.rows {
            let key = namespaced_name(&row.object);
            if gone {
                // As with kubectl, a deleted session is printed once more.
                row.object["metadata"]["deletionTimestamp"] = "gone".into();
            }
            self.sessions.insert(key.clone(), row);
            keys.push(key);
        }
        Ok(keys)
    }

    fn apply_pod_change(&mut self, change: WatchChange) -> Result<Vec<NamespacedName>> {
        let (table, gone) = match change {
            WatchChange::Added(table) | WatchChange::Modified(table) => (table, false),
            WatchChange::Deleted(table) => (table, true),
            WatchChange::Bookmark(_) | WatchChange::Restarted => return Ok(Vec::new()),
        };
        let table: Table = serde_json::from_value(table)?;
        if !table.column_definitions.is_empty() {
            self.pod_columns.column_definitions = table.column_definitions.clone();
        }
        Ok(self.pods.apply_change(&table, &self.pod_columns, gone))
    }

    async fn drop_forged_pods(&mut self, cluster: &Cluster, key: &NamespacedName) {
        let phase = self.columns.column_index("Phase");
        let session = self.sessions.get(key).map(|row| {
            let cell = phase.and_then(|at| row.cells.get(at)?.as_str());
            (&row.object, cell.unwrap_or_default())
        });
        drop_forged_pods(cluster, &mut self.pods, session.into_iter()).await;
    }

    /// Returns the row of a session if it has changed since it was printed.
    fn changed_row(&mut self, key: &NamespacedName, now: Timestamp) -> Option<Table> {
        if !self.intent.names.is_empty()
            && !self.intent.names.iter().any(|name| name.as_str() == key.1)
        {
            return None;
        }
        let mut row = self.sessions.get(key)?.clone();
        let owner = self
            .intent
            .selections
            .iter()
            .find_map(|chosen| chosen.owner.as_ref());
        if !SessionColumns::from_table(&self.columns).overwrite_row(
            &mut row,
            &self.pods,
            &self.intent.phases,
            owner,
            now,
        ) {
            return None;
        }
        if self.printed.get(key) == Some(&row.cells) {
            return None;
        }
        self.printed.insert(key.clone(), row.cells.clone());
        let column_definitions = self.columns.column_definitions.clone();
        Some(Table {
            column_definitions,
            rows: vec![row],
            ..Table::default()
        })
    }
}
