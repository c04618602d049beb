//! Reads sessions and their Pods concurrently, as Tables or as objects.

use anyhow::Result;
use futures::TryStreamExt;
use serde_json::Value;
use session_shared::client::{IncludeObject, ListOptions, ObjectList, Scope, not_found_error};
use session_shared::failure::{self, FailureKind};
use session_shared::labels;
use session_shared::objects::resource::{POD, SESSION};
use session_shared::objects::table::Table;
use session_shared::ops::Cluster;
use session_shared::ops::session_objects::with_setup_hint;

use crate::intent::{Intent, OwnerSelection};
use crate::join::SessionPods;

/// Sessions and Pods as read, each session once.
#[derive(Debug, Default)]
pub(crate) struct Observed<T> {
    /// Sessions, in the server's order.
    pub(crate) sessions: T,
    /// Pods of the sessions.
    pub(crate) pods: SessionPods,
    /// NotFound errors of sessions given by name.
    pub(crate) not_found: Vec<anyhow::Error>,
    /// resourceVersions from which to watch sessions and Pods.
    pub(crate) resource_versions: (String, String),
}

/// Returns the namespace to list, or all namespaces.
pub(crate) fn list_scope<'a>(cluster: &'a Cluster, intent: &Intent) -> Scope<'a> {
    if intent.all_namespaces {
        Scope::All
    } else {
        Scope::Namespace(cluster.namespace())
    }
}

/// Returns the selections to request: one for each name, or those of the flags.
fn session_selections(intent: &Intent) -> Vec<(ListOptions, Option<String>)> {
    if !intent.names.is_empty() {
        let named = |name: &str| ListOptions {
            field_selector: format!("metadata.name={name}"),
            ..ListOptions::default()
        };
        return intent
            .names
            .iter()
            .map(|name| (named(name.as_str()), Some(name.to_string())))
            .collect();
    }
    let chosen = |chosen: &OwnerSelection| ListOptions {
        label_selector: chosen.labels.clone(),
        field_selector: intent.field_selector.clone(),
        limit: intent.chunk_size,
        ..ListOptions::default()
    };
    intent
        .selections
        .iter()
        .map(|one| (chosen(one), None))
        .collect()
}

/// Reads Tables of sessions and Pods. The Pods are read even with a controller: to check its Lease first would cost as much, and a
/// Pod's own status is always current.
///
/// # Errors
/// Any failure to list sessions or Pods, except a missing permission to list Pods.
pub(crate) async fn observe_tables(
    cluster: &Cluster,
    intent: &Intent,
    include: IncludeObject,
) -> Result<Observed<Table>> {
    let asked = session_selections(intent);
    let reads = asked
        .iter()
        .map(|(selection, _)| read_session_table(cluster, intent, selection, include));
    let (tables, (pods, pods_version)) = futures::try_join!(
        futures::future::try_join_all(reads),
        read_pods(cluster, intent)
    )?;
    let mut fetched: Observed<Table> = Observed {
        pods,
        ..Observed::default()
    };
    for ((_, name), mut table) in asked.into_iter().zip(tables) {
        if let Some(name) = name.filter(|_| table.rows.is_empty() && !intent.ignore_not_found) {
            fetched.not_found.push(not_found_error(&SESSION, &name));
        }
        if fetched.sessions.column_definitions.is_empty() {
            fetched.sessions.column_definitions = std::mem::take(&mut table.column_definitions);
        }
        fetched.resource_versions.0 = table.metadata["resourceVersion"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        fetched.sessions.rows.append(&mut table.rows);
    }
    fetched.resource_versions.1 = pods_version;
    Ok(fetched)
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

/// Returns all pages as one Table.
async fn concat_pages(
    mut pages: futures::stream::BoxStream<'static, Result<Table>>,
) -> Result<Table> {
    let mut table = Table::default();
    while let Some(mut page) = pages.try_next().await? {
        if !page.column_definitions.is_empty() {
            table.column_definitions = page.column_definitions;
        }
        table.rows.append(&mut page.rows);
        table.metadata = page.metadata;
    }
    Ok(table)
}

/// Returns the selection of the primary workloads' Pods. With names, it is limited to their sessions, unless the names are too many
/// for a URL.
pub(crate) fn pod_selection(intent: &Intent) -> ListOptions {
    let names: Vec<&str> = intent.names.iter().map(|name| name.as_str()).collect();
    let mut labels = format!("{}=true", labels::PRIMARY);
    if !names.is_empty() {
        labels = format!("{labels},{}", labels::session_selector(&names));
    }
    ListOptions {
        label_selector: labels,
        limit: intent.chunk_size,
        ..ListOptions::default()
    }
}

/// Reads the Pods. Without permission to list them, marks them as unseen, and sessions are shown with the phase in their status.
async fn read_pods(cluster: &Cluster, intent: &Intent) -> Result<(SessionPods, String)> {
    let selection = pod_selection(intent);
    let mut pages = cluster.list_table_pages(
        &POD,
        list_scope(cluster, intent),
        &selection,
        intent.chunk_size,
        IncludeObject::Metadata,
    );
    let (mut pods, mut columns, mut version) =
        (SessionPods::default(), Table::default(), String::new());
    loop {
        match pages.try_next().await {
            Ok(None) => return Ok((pods, version)),
            Ok(Some(page)) => {
                if !page.column_definitions.is_empty() {
                    columns.column_definitions = page.column_definitions.clone();
                }
                version = page.metadata["resourceVersion"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                pods.add_page(&page, &columns);
            }
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                pods.is_unlistable = true;
                return Ok((pods, version));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Reads sessions as complete objects, for output formats that print them.
///
/// # Errors
/// Any failure to list sessions or Pods, except a missing permission to list Pods.
pub(crate) async fn observe_objects(
    cluster: &Cluster,
    intent: &Intent,
) -> Result<Observed<Vec<Value>>> {
    let asked = session_selections(intent);
    let reads = asked.iter().map(|(selection, _)| async move {
        with_setup_hint(
            cluster
                .list(&SESSION, list_scope(cluster, intent), selection)
                .await,
        )
    });
    let (lists, (pods, pods_version)) = futures::try_join!(
        futures::future::try_join_all(reads),
        read_pods(cluster, intent)
    )?;
    let mut fetched: Observed<Vec<Value>> = Observed {
        pods,
        ..Observed::default()
    };
    for (
        (_, name),
        ObjectList {
            items,
            resource_version,
        },
    ) in asked.into_iter().zip(lists)
    {
        if let Some(name) = name.filter(|_| items.is_empty() && !intent.ignore_not_found) {
            fetched.not_found.push(not_found_error(&SESSION, &name));
        }
        fetched.resource_versions.0 = resource_version;
        fetched.sessions.extend(items);
    }
    fetched.resource_versions.1 = pods_version;
    Ok(fetched)
}
