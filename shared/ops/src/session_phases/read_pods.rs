//! Reads of the Pods of primary workloads and of what their workloads want, as Tables.

use anyhow::Result;
use futures::TryStreamExt;
use futures::stream::BoxStream;

use super::pod_rows::SessionPods;
use crate::Cluster;
use session_client::{IncludeObject, ListOptions, Scope};
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::objects::ResourceType;
use session_model::objects::resource::{DEPLOYMENT, POD, STATEFUL_SET};
use session_model::objects::table::Table;

/// Returns the options that select the Pods of the sessions' primary workloads. With names, they are limited to their sessions,
/// unless the names are too many for a URL.
pub fn primary_pods(names: &[&str], page_size: u32) -> ListOptions {
    let mut labels = format!("{}=true", labels::PRIMARY);
    if !names.is_empty() {
        labels = format!("{labels},{}", labels::session_selector(names));
    }
    ListOptions {
        limit: page_size,
        ..ListOptions::with_labels(labels)
    }
}

/// Returns all pages as one Table.
///
/// # Errors
/// The first error of a page.
pub async fn concat_pages(mut pages: BoxStream<'static, Result<Table>>) -> Result<Table> {
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

impl Cluster {
    /// Reads the Pods of primary workloads, of the sessions with these names or of all; then the StatefulSets and Deployments that
    /// some of them belong to, for the number of Pods that these want: one LIST of each kind.
    ///
    /// # Errors
    /// Refusals of the server. Without permission to list workloads, what they want is not known.
    pub async fn read_session_pods(
        &self,
        scope: Scope<'_>,
        names: &[&str],
        page_size: u32,
    ) -> Result<SessionPods> {
        let select = primary_pods(names, page_size);
        let include = IncludeObject::Metadata;
        let table =
            concat_pages(self.list_table_pages(&POD, scope, &select, page_size, include)).await?;
        let mut pods = SessionPods::default();
        pods.add_page(&table, &table);
        let version = table.metadata["resourceVersion"].as_str();
        pods.resource_version = version.map(str::to_owned);
        let select = ListOptions {
            limit: page_size,
            ..ListOptions::with_labels(labels::session_selector(names))
        };
        let read = |resource: &'static ResourceType| {
            let pages = pods
                .has_pods_of(&resource.kind)
                .then(|| self.list_table_pages(resource, scope, &select, page_size, include));
            async move {
                let Some(pages) = pages else {
                    return Ok(Table::default());
                };
                match concat_pages(pages).await {
                    Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                        Ok(Table::default())
                    }
                    table => table,
                }
            }
        };
        let (sets, deployments) = futures::try_join!(read(&STATEFUL_SET), read(&DEPLOYMENT))?;
        pods.add_workloads("StatefulSet", &sets);
        pods.add_workloads("Deployment", &deployments);
        Ok(pods)
    }
}
