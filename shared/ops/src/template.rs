//! The template that a start is rendered from.

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use crate::live::installed;
use session_client::Place;
use session_client::Selection;
use session_client::missing;
use session_client::typed;
use session_model::api::{Session, SessionTemplate};
use session_model::failure::hinted;
use session_model::objects::resource::SESSION_TEMPLATE;

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

/// What has become of the template since the last start; `None` if nothing has.
pub fn change(session: &Session, template: Option<&SessionTemplate>) -> Option<String> {
    let applied = session.status.as_ref()?.applied.as_ref()?;
    let metadata = &template?.metadata;
    let name = metadata.name.as_deref().unwrap_or_default();
    if applied.template_uid.is_some() && applied.template_uid != metadata.uid {
        return Some(format!(
            "template {name:?} is another one than at the last start"
        ));
    }
    let (was, is) = (applied.template_generation?, metadata.generation?);
    (was != is).then(|| {
        format!("template {name:?} has changed since the last start (generation {was}, now {is})")
    })
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
