//! Reads sessions and their Pods concurrently, as Tables or as objects.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::client::{IncludeObject, ListOptions, Scope, not_found_error};
use session_shared::failure::{self, FailureKind};
use session_shared::names::SessionName;
use session_shared::objects::Untyped;
use session_shared::objects::resource::SESSION;
use session_shared::objects::table::{Row, Table};
use session_shared::ops::Cluster;
use session_shared::ops::session_objects::with_setup_hint;
use session_shared::ops::session_phases::{SessionPods, concat_pages};
use session_shared::ops::session_selection::{MOST_GETS, RosterSession};
use session_shared::roster::problems::RowProblems;
use session_shared::session_batch::run_concurrently;

use crate::intent::Intent;
use crate::view::owner_of;

/// Sessions and Pods as read, each session once.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// Sessions, in the server's order: with cells for a table, without for formats that print the objects.
    pub(crate) sessions: Table,
    /// Pods of the sessions.
    pub(crate) pods: SessionPods,
    /// NotFound errors of sessions given by name, and those of the rows of a roster.
    pub(crate) not_found: Vec<anyhow::Error>,
    /// resourceVersion from which to watch sessions; `None` for sessions given by name, which no list has a version of.
    pub(crate) sessions_version: Option<String>,
}

/// The form in which sessions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionForm {
    /// Rows of the server's Table, with this part of each object.
    Rows(IncludeObject),
    /// Whole objects.
    Objects,
}

/// Returns the namespace to list, or all namespaces.
pub(crate) fn list_scope<'a>(cluster: &'a Cluster, intent: &Intent) -> Scope<'a> {
    if intent.all_namespaces {
        Scope::All
    } else {
        Scope::Namespace(cluster.namespace())
    }
}

/// Reads sessions and Pods. The Pods are read even with a controller: to check its Lease first would cost as much, and a Pod's own
/// status is always current.
///
/// # Errors
/// Any failure to read sessions or list Pods, except a missing permission to list Pods.
pub(crate) async fn observe(
    cluster: &Cluster,
    intent: &Intent,
    form: SessionForm,
) -> Result<Observed> {
    let sessions = async {
        match intent.names.is_empty() {
            true => list_sessions(cluster, intent, form).await,
            false => get_sessions(cluster, intent, form).await,
        }
    };
    let (observed, pods) = futures::try_join!(sessions, read_pods(cluster, intent))?;
    Ok(Observed { pods, ..observed })
}

/// Reads sessions by name, which needs only the right to get them.
async fn get_sessions(cluster: &Cluster, intent: &Intent, form: SessionForm) -> Result<Observed> {
    let reads = intent.names.iter().map(|name| async move {
        let (namespace, name) = (cluster.namespace(), name.as_str());
        match form {
            SessionForm::Rows(include) => {
                let table = cluster.get_as_table(&SESSION, namespace, name, include);
                table.await
            }
            SessionForm::Objects => {
                let object = cluster.get(&SESSION, namespace, name).await?;
                Ok(object.map(|object| bare_rows(vec![object])))
            }
        }
    });
    let mut observed = Observed::default();
    let roster = intent.roster.as_ref();
    let mut problems = roster.map(|roster| RowProblems::new(&roster.label));
    let tables = match list_roster(cluster, intent, form).await? {
        Some(tables) => tables.into_iter().map(Ok).collect(),
        None => run_concurrently(reads).await,
    };
    let mut has_namespace = false;
    for (at, (name, table)) in intent.names.iter().zip(tables).enumerate() {
        let row = roster.and_then(|roster| roster.sessions.get(at));
        let table = with_setup_hint(table)?;
        let checked = row.map(|row| check_roster(row, table.as_ref()));
        let error = match (checked, table) {
            (Some(Err(error)), _) => error,
            (_, Some(table)) => {
                append(&mut observed.sessions, table);
                continue;
            }
            (_, None) if intent.ignore_not_found => continue,
            (_, None) if has_namespace => not_found_error(&SESSION, name.as_str()),
            (_, None) => {
                let missing =
                    cluster.missing_object_error(&SESSION, cluster.namespace(), name.as_str());
                let error = missing.await;
                // One look at the namespace is enough for a roster of hundreds.
                has_namespace =
                    error.to_string() == not_found_error(&SESSION, name.as_str()).to_string();
                error
            }
        };
        match (&mut problems, row) {
            (Some(problems), Some(row)) => problems.add(row.line, &error),
            // A namespace that does not exist is one mistake, however many names there are.
            _ if is_known(&observed.not_found, &error) => {}
            _ => observed.not_found.push(error),
        }
    }
    let rows = intent.names.len();
    let errors = problems.map(|problems| {
        problems
            .into_errors(|count| format!("{count} of {rows} rows name no session of their user"))
    });
    observed.not_found.extend(errors.into_iter().flatten());
    Ok(observed)
}

/// Reads the sessions of a long roster by one LIST, each as a Table of one row; `None` for a short one, or without the right to list.
async fn list_roster(
    cluster: &Cluster,
    intent: &Intent,
    form: SessionForm,
) -> Result<Option<Vec<Option<Table>>>> {
    if intent.roster.is_none() || intent.names.len() <= MOST_GETS {
        return Ok(None);
    }
    let all = match list_sessions(cluster, intent, form).await {
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => return Ok(None),
        all => all?.sessions,
    };
    let column = all.column_index("NAME");
    let name_of = |row: &Row| {
        let cell = column.and_then(|at| row.cells.get(at)?.as_str());
        cell.unwrap_or(Untyped(&row.object).name()).to_owned()
    };
    let rows: HashMap<String, &Row> = all.rows.iter().map(|row| (name_of(row), row)).collect();
    let table_of = |name: &SessionName| {
        let row = rows.get(name.as_str())?;
        Some(Table {
            column_definitions: all.column_definitions.clone(),
            rows: vec![(*row).clone()],
            ..Table::default()
        })
    };
    Ok(Some(intent.names.iter().map(table_of).collect()))
}

fn is_known(known: &[anyhow::Error], error: &anyhow::Error) -> bool {
    let text = error.to_string();
    known.iter().any(|known| known.to_string() == text)
}

/// Checks that a session is that of its user in the roster.
fn check_roster(row: &RosterSession, found: Option<&Table>) -> Result<()> {
    let Some(found) = found else {
        return Ok(());
    };
    let owner = found
        .rows
        .first()
        .and_then(|session| owner_of(session, found));
    row.check_owner(owner.unwrap_or(Untyped::NONE))
}

/// Lists the sessions that the flags select.
async fn list_sessions(cluster: &Cluster, intent: &Intent, form: SessionForm) -> Result<Observed> {
    let reads = intent.label_selectors.iter().map(|labels| async move {
        let selection = ListOptions {
            label_selector: labels.clone(),
            field_selector: intent.field_selector.clone(),
            limit: intent.chunk_size,
            ..ListOptions::default()
        };
        match form {
            SessionForm::Rows(include) => {
                read_session_table(cluster, intent, &selection, include).await
            }
            SessionForm::Objects => {
                let scope = list_scope(cluster, intent);
                let list = with_setup_hint(cluster.list(&SESSION, scope, &selection).await)?;
                Ok(Table {
                    metadata: json!({ "resourceVersion": list.resource_version }),
                    ..bare_rows(list.items)
                })
            }
        }
    });
    let mut observed = Observed::default();
    for table in futures::future::try_join_all(reads).await? {
        observed.sessions_version = resource_version(&table);
        append(&mut observed.sessions, table);
    }
    Ok(observed)
}

fn resource_version(table: &Table) -> Option<String> {
    let version = table.metadata["resourceVersion"].as_str();
    version.map(str::to_owned)
}

fn append(all: &mut Table, mut table: Table) {
    if all.column_definitions.is_empty() {
        all.column_definitions = table.column_definitions;
    }
    all.rows.append(&mut table.rows);
}

/// Returns objects as rows without cells.
pub(crate) fn bare_rows(objects: Vec<Value>) -> Table {
    let bare = |object| Row {
        object,
        ..Row::default()
    };
    Table {
        rows: objects.into_iter().map(bare).collect(),
        ..Table::default()
    }
}

async fn read_session_table(
    cluster: &Cluster,
    intent: &Intent,
    selection: &ListOptions,
    include: IncludeObject,
) -> Result<Table> {
    let pages = cluster.list_table_pages(
        &SESSION,
        list_scope(cluster, intent),
        selection,
        intent.chunk_size,
        include,
    );
    with_setup_hint(concat_pages(pages).await)
}

/// Reads the Pods. Without permission to list Pods, sessions are shown with the phase in their status.
async fn read_pods(cluster: &Cluster, intent: &Intent) -> Result<SessionPods> {
    let (scope, names) = (list_scope(cluster, intent), intent.name_texts());
    let pods = cluster.read_session_pods(scope, &names, intent.chunk_size);
    match pods.await {
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            Ok(SessionPods::unlistable())
        }
        pods => pods,
    }
}
