//! `list -w`: sessions and Pods as they change, joined anew each time.

use std::collections::HashMap;

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::client::Change;
use session_shared::client::Selection;
use session_shared::objects::resource::{POD, SESSION, text};
use session_shared::objects::table::{Row, Table};
use session_shared::ops::Cluster;
use session_shared::report::console::Console;
use session_shared::report::table::TablePrinter;

use crate::attribution::attribute;
use crate::fetch::{Fetched, place, pod_selection};
use crate::intent::Intent;
use crate::join::Pods;
use crate::view::Columns;

type Key = (String, String);

struct Watching<'a> {
    intent: &'a Intent,
    /// As the server has them, before the join.
    sessions: HashMap<Key, Row>,
    pods: Pods,
    columns: Table,
    pod_columns: Table,
    /// What was printed last, so that a change that shows nothing new prints nothing.
    printed: HashMap<Key, Vec<Value>>,
}

/// Prints changes until it is interrupted. `fetched` is what was listed, `raw` its rows before the join.
///
/// # Errors
/// When a watch is refused.
pub(crate) async fn watch(
    cluster: &Cluster,
    intent: &Intent,
    fetched: Fetched<Table>,
    raw: Vec<Row>,
    mut printer: TablePrinter,
    console: &mut Console,
    now: impl Fn() -> Timestamp,
) -> Result<()> {
    let selection = selection(intent);
    let (sessions_from, pods_from) = (
        Some(fetched.versions.0.as_str()),
        Some(fetched.versions.1.as_str()),
    );
    let place = || place(cluster, intent);
    let mut sessions = cluster.watch(&SESSION, place(), &selection, sessions_from, true);
    let mut pods = if fetched.pods.unseen {
        futures::stream::pending().boxed()
    } else {
        cluster.watch(&POD, place(), &pod_selection(intent), pods_from, true)
    };
    let mut state = Watching {
        intent,
        sessions: raw.into_iter().map(|row| (key(&row.object), row)).collect(),
        printed: fetched
            .sessions
            .rows
            .iter()
            .map(|row| (key(&row.object), row.cells.clone()))
            .collect(),
        pods: fetched.pods,
        columns: Table {
            column_definitions: fetched.sessions.column_definitions,
            ..Table::default()
        },
        pod_columns: Table::default(),
    };
    loop {
        let changed = tokio_select(&mut sessions, &mut pods, &mut state).await?;
        for key in changed {
            state.attribute(cluster, &key).await;
            if let Some(table) = state.show(&key, now()) {
                printer.page(&table);
                console.out(&printer.flush())?;
            }
        }
    }
}

/// The next change of either kind, and the sessions it is about.
async fn tokio_select(
    sessions: &mut futures::stream::BoxStream<'static, Result<Change>>,
    pods: &mut futures::stream::BoxStream<'static, Result<Change>>,
    state: &mut Watching<'_>,
) -> Result<Vec<Key>> {
    use futures::future::{Either, select};
    match select(sessions.next(), pods.next()).await {
        Either::Left((Some(change), _)) => state.take_session(change?),
        Either::Right((Some(change), _)) => state.take_pod(change?),
        _ => anyhow::bail!("the watch has ended"),
    }
}

fn selection(intent: &Intent) -> Selection {
    match intent.names.as_slice() {
        [one] => Selection {
            fields: format!("metadata.name={one}"),
            ..Selection::default()
        },
        _ => Selection {
            // The selections of an owner overlap in nothing but the owner, who is looked at in each row.
            labels: intent
                .selections
                .first()
                .filter(|one| one.owner.is_none())
                .map(|one| one.labels.clone())
                .unwrap_or_default(),
            fields: intent.fields.clone(),
            ..Selection::default()
        },
    }
}

fn key(object: &Value) -> Key {
    (
        text(object, "/metadata/namespace").to_owned(),
        text(object, "/metadata/name").to_owned(),
    )
}

impl Watching<'_> {
    fn take_session(&mut self, change: Change) -> Result<Vec<Key>> {
        let (table, gone) = match change {
            Change::Added(table) | Change::Modified(table) => (table, false),
            Change::Deleted(table) => (table, true),
            Change::Bookmark(_) | Change::Anew => return Ok(Vec::new()),
        };
        let table: Table = serde_json::from_value(table)?;
        if !table.column_definitions.is_empty() {
            self.columns.column_definitions = table.column_definitions.clone();
        }
        let mut keys = Vec::new();
        for mut row in table.rows {
            let key = key(&row.object);
            if gone {
                // It is shown once more, as what it was: kubectl does so too.
                row.object["metadata"]["deletionTimestamp"] = "gone".into();
            }
            self.sessions.insert(key.clone(), row);
            keys.push(key);
        }
        Ok(keys)
    }

    fn take_pod(&mut self, change: Change) -> Result<Vec<Key>> {
        let (table, gone) = match change {
            Change::Added(table) | Change::Modified(table) => (table, false),
            Change::Deleted(table) => (table, true),
            Change::Bookmark(_) | Change::Anew => return Ok(Vec::new()),
        };
        let table: Table = serde_json::from_value(table)?;
        if !table.column_definitions.is_empty() {
            self.pod_columns.column_definitions = table.column_definitions.clone();
        }
        Ok(self.pods.change(&table, &self.pod_columns, gone))
    }

    async fn attribute(&mut self, cluster: &Cluster, key: &Key) {
        let phase = self.columns.column("Phase");
        let session = self.sessions.get(key).map(|row| {
            let cell = phase.and_then(|at| row.cells.get(at)?.as_str());
            (&row.object, cell.unwrap_or_default())
        });
        attribute(cluster, &mut self.pods, session.into_iter()).await;
    }

    /// The row of a session, if there is anything new about it.
    fn show(&mut self, key: &Key, now: Timestamp) -> Option<Table> {
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
        if !Columns::of(&self.columns).show(&mut row, &self.pods, &self.intent.phases, owner, now) {
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
