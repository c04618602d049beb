//! `list -w`: prints sessions as they or their Pods change, once for each change of what is shown.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::client::{ListOptions, WatchChange};
use session_shared::objects::resource::{POD, SESSION};
use session_shared::objects::table::{Row, Table};
use session_shared::ops::Cluster;
use session_shared::ops::session_parts::OnFailure;
use session_shared::ops::session_phases::{
    NamespacedName, SessionPods, Verdict, namespaced_name, primary_pods,
};
use session_shared::report::console::Console;
use tokio::time::Instant;

use crate::intent::Intent;
use crate::observe::{Observed, bare_rows, list_scope};
use crate::output::ListOutput;
use crate::view;

/// Time for which a session without its Pod is not called lost: a deletion removes the Pod before the Session.
const LOST_GRACE: Duration = Duration::from_secs(3);

/// A change of one of the watches.
enum Change {
    Session(Result<WatchChange>),
    Pod(Result<WatchChange>),
}

/// State of a watch of sessions and Pods.
pub(crate) struct ListWatch<'a> {
    cluster: &'a Cluster,
    intent: &'a Intent,
    /// Sessions as the server sent them.
    sessions: HashMap<NamespacedName, Row>,
    /// Sessions that were deleted since the last output.
    gone: HashSet<NamespacedName>,
    pods: SessionPods,
    columns: Table,
    pod_columns: Table,
    /// The row or object printed last for each session, so that a change that leaves it the same prints nothing.
    shown: HashMap<NamespacedName, Vec<Value>>,
    /// Sessions that seem lost, and when they are to be judged again.
    seeming_lost: HashMap<NamespacedName, Instant>,
    sessions_version: Option<String>,
}

impl<'a> ListWatch<'a> {
    /// Returns a watch that continues a list; `verdicts` are those of its sessions.
    pub(crate) fn new(
        cluster: &'a Cluster,
        intent: &'a Intent,
        observed: Observed,
        verdicts: &[Verdict],
    ) -> Self {
        let columns = Table {
            column_definitions: observed.sessions.column_definitions,
            ..Table::default()
        };
        let mut watch = Self {
            cluster,
            intent,
            sessions: HashMap::new(),
            gone: HashSet::new(),
            pods: observed.pods,
            columns,
            pod_columns: Table::default(),
            shown: HashMap::new(),
            seeming_lost: HashMap::new(),
            sessions_version: observed.sessions_version,
        };
        for (row, verdict) in observed.sessions.rows.into_iter().zip(verdicts) {
            let key = namespaced_name(&row.object);
            let shown = watch.shown_of(&row, verdict);
            watch.shown.insert(key.clone(), shown);
            watch.sessions.insert(key, row);
        }
        watch
    }

    /// Prints changes until interrupted.
    ///
    /// # Errors
    /// A watch that failed or ended.
    pub(crate) async fn run(
        mut self,
        mut output: ListOutput,
        console: &mut Console,
        now: impl Fn() -> Timestamp,
    ) -> Result<()> {
        let mut changes = self.changes(!output.prints_objects());
        loop {
            let mut keys = self.next_keys(&mut changes).await?;
            // Simultaneous changes are judged together.
            while let Some(change) = changes.next().now_or_never() {
                keys.extend(self.apply(change)?);
            }
            let mut seen = HashSet::new();
            keys.retain(|key| seen.insert(key.clone()));
            let changed = self.changed_rows(&keys, now()).await?;
            if !changed.rows.is_empty() {
                console.print(&output.change_text(&changed)?)?;
            }
        }
    }

    /// Opens the watches, of sessions as rows or as objects.
    fn changes(&self, as_rows: bool) -> BoxStream<'static, Change> {
        let (cluster, intent) = (self.cluster, self.intent);
        let (selection, from) = (watch_selection(intent), self.sessions_version.as_deref());
        let scope = || list_scope(cluster, intent);
        let sessions = cluster.watch(&SESSION, scope(), &selection, from, as_rows);
        let pods = match self.pods.is_unlistable {
            true => stream::pending().boxed(),
            false => {
                let from = self.pods.resource_version.as_deref();
                let select = primary_pods(&intent.name_texts(), intent.chunk_size);
                cluster.watch(&POD, scope(), &select, from, true)
            }
        };
        stream::select(sessions.map(Change::Session), pods.map(Change::Pod)).boxed()
    }

    /// Waits for the next change, or until a session that seems lost is to be judged again, and returns the sessions concerned.
    async fn next_keys(
        &mut self,
        changes: &mut BoxStream<'static, Change>,
    ) -> Result<Vec<NamespacedName>> {
        let change = match self.seeming_lost.values().min().copied() {
            None => changes.next().await,
            Some(due) => match tokio::time::timeout_at(due, changes.next()).await {
                Ok(change) => change,
                Err(_) => {
                    let now = Instant::now();
                    let due = self.seeming_lost.iter().filter(|(_, due)| **due <= now);
                    return Ok(due.map(|(key, _)| key.clone()).collect());
                }
            },
        };
        self.apply(change)
    }

    fn apply(&mut self, change: Option<Change>) -> Result<Vec<NamespacedName>> {
        match change {
            Some(Change::Session(change)) => self.apply_session_change(change?),
            Some(Change::Pod(change)) => self.apply_pod_change(change?),
            None => anyhow::bail!("cannot watch sessions: the watch has ended"),
        }
    }

    fn apply_session_change(&mut self, change: WatchChange) -> Result<Vec<NamespacedName>> {
        let Some((value, gone)) = changed_value(change) else {
            return Ok(Vec::new());
        };
        let table: Table = match value["kind"] == "Table" {
            true => serde_json::from_value(value)?,
            false => bare_rows(vec![value]),
        };
        if !table.column_definitions.is_empty() {
            self.columns.column_definitions = table.column_definitions;
        }
        let mut keys = Vec::new();
        for row in table.rows {
            let key = namespaced_name(&row.object);
            match gone {
                true => self.gone.insert(key.clone()),
                false => self.gone.remove(&key),
            };
            self.sessions.insert(key.clone(), row);
            keys.push(key);
        }
        Ok(keys)
    }

    fn apply_pod_change(&mut self, change: WatchChange) -> Result<Vec<NamespacedName>> {
        let Some((table, gone)) = changed_value(change) else {
            return Ok(Vec::new());
        };
        let table: Table = serde_json::from_value(table)?;
        if !table.column_definitions.is_empty() {
            self.pod_columns.column_definitions = table.column_definitions.clone();
        }
        Ok(self.pods.apply_change(&table, &self.pod_columns, gone))
    }

    /// Returns the rows of those sessions of which something else is shown than before.
    async fn changed_rows(&mut self, keys: &[NamespacedName], now: Timestamp) -> Result<Table> {
        let is_named = |key: &NamespacedName| {
            let names = &self.intent.names;
            names.is_empty() || names.iter().any(|name| name.as_str() == key.1)
        };
        let keys = keys.iter().filter(|key| is_named(key));
        let known: Vec<(&NamespacedName, &Row)> = keys
            .filter_map(|key| Some((key, self.sessions.get(key)?)))
            .collect();
        let (gone, there): (Vec<_>, Vec<_>) = known
            .into_iter()
            .partition(|(key, _)| self.gone.contains(*key));
        let rows: Vec<&Row> = there.iter().map(|(_, row)| *row).collect();
        let (columns, pods) = (&self.columns, &self.pods);
        let judged = self
            .cluster
            .judge_sessions(&rows, columns, pods, OnFailure::KeepReason);
        let mut verdicts = judged.await?;
        verdicts.extend(gone.iter().map(|_| Verdict::gone()));
        let all = there.into_iter().chain(gone).zip(verdicts);
        let all: Vec<(NamespacedName, Row, Verdict)> = all
            .map(|((key, row), verdict)| (key.clone(), row.clone(), verdict))
            .collect();
        let mut changed = Table {
            column_definitions: self.columns.column_definitions.clone(),
            ..Table::default()
        };
        for (key, mut row, verdict) in all {
            let is_new = self.is_new(&key, &row, &verdict);
            if is_new && view::overwrite_row(&mut row, &self.columns, &verdict, self.intent, now) {
                changed.rows.push(row);
            }
            if self.gone.remove(&key) {
                self.sessions.remove(&key);
                self.shown.remove(&key);
                self.seeming_lost.remove(&key);
            }
        }
        Ok(changed)
    }

    /// Records what is shown of a session. Returns true if it is something else than before.
    fn is_new(&mut self, key: &NamespacedName, row: &Row, verdict: &Verdict) -> bool {
        let shown = self.shown_of(row, verdict);
        if self.shown.get(key) == Some(&shown) {
            self.seeming_lost.remove(key);
            return false;
        }
        if verdict.is_lost {
            let due = Instant::now() + LOST_GRACE;
            let due = *self.seeming_lost.entry(key.clone()).or_insert(due);
            if Instant::now() < due {
                return false;
            }
        }
        self.seeming_lost.remove(key);
        self.shown.insert(key.clone(), shown);
        true
    }

    fn shown_of(&self, row: &Row, verdict: &Verdict) -> Vec<Value> {
        let mut shown = view::shown_cells(row, &self.columns, verdict, self.intent);
        if row.cells.is_empty() {
            // Formats of objects show all of it, and the reason of the phase.
            shown.extend([row.object.clone(), verdict.standing.reason.clone().into()]);
        }
        shown
    }
}

/// Returns the object or Table of a change, and true if it was deleted.
fn changed_value(change: WatchChange) -> Option<(Value, bool)> {
    match change {
        WatchChange::Added(value) | WatchChange::Modified(value) => Some((value, false)),
        WatchChange::Deleted(value) => Some((value, true)),
        WatchChange::Bookmark(_) | WatchChange::Restarted => None,
    }
}

fn watch_selection(intent: &Intent) -> ListOptions {
    match intent.names.as_slice() {
        [one] => ListOptions {
            field_selector: format!("metadata.name={one}"),
            ..ListOptions::default()
        },
        _ => ListOptions {
            // The two selectors of an owner cannot be joined into one, so the owner is checked in each row.
            label_selector: match intent.label_selectors.as_slice() {
                [one] => one.clone(),
                _ => String::new(),
            },
            field_selector: intent.field_selector.clone(),
            ..ListOptions::default()
        },
    }
}
