//! The template that a start is rendered from.

use anyhow::Result;
use serde_json::Value;

use crate::api::SessionTemplate;
use crate::cluster::live::{installed, missing, typed};
use crate::cluster::{Cluster, Place, Selection};
use crate::failure::hinted;
use crate::objects::resource::SESSION_TEMPLATE;

/// A template by name; `None` where there is none of that name.
///
/// # Errors
/// What the server refuses; our API is not installed.
pub async fn find(cluster: &Cluster, name: &str) -> Result<Option<SessionTemplate>> {
    let found = installed(cluster.get(&SESSION_TEMPLATE, "", name).await)?;
    found.map(typed).transpose()
}

/// A template by name.
///
/// # Errors
/// NotFound, in the server's words, with the templates that there are; as [`find`].
pub async fn read(cluster: &Cluster, name: &str) -> Result<SessionTemplate> {
    match find(cluster, name).await? {
        Some(found) => Ok(found),
        None => Err(hinted(
            missing(&SESSION_TEMPLATE, name),
            known_templates(cluster).await,
        )),
    }
}

async fn known_templates(cluster: &Cluster) -> String {
    let found = cluster
        .list_metadata(&SESSION_TEMPLATE, Place::Cluster, &Selection::default())
        .await;
    let items = found.map(|list| list.items).unwrap_or_default();
    let name = |item: &Value| {
        item.pointer("/metadata/name")
            .and_then(|name| name.as_str())
            .map(str::to_owned)
    };
    let names: Vec<String> = items.iter().filter_map(name).collect();
    match names.as_slice() {
        [] => {
            "there are no templates: install the built-in ones with kubectl session setup templates"
                .into()
        }
        names => format!("the templates are {}", names.join(", ")),
    }
}
