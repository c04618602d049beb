//! Reads of SessionTemplates, and their changes since the last start of a session.

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use crate::session_objects::with_setup_hint;
use session_client::{ListOptions, Scope, not_found_error, parse_object};
use session_model::api::{Session, SessionTemplate};
use session_model::failure::with_hint;
use session_model::objects::metadata::{name_of, uid_of};
use session_model::objects::resource::SESSION_TEMPLATE;

/// Reads a template; `None` if it does not exist.
///
/// # Errors
/// Refusals of the server; the SessionTemplate API is not installed.
pub async fn find_template(cluster: &Cluster, name: &str) -> Result<Option<SessionTemplate>> {
    let found = with_setup_hint(cluster.get_shared(&SESSION_TEMPLATE, "", name).await)?;
    found.map(parse_object).transpose()
}

/// Reads a template that must exist.
///
/// # Errors
/// NotFound, in the server's words, with the names of existing templates as a hint; otherwise as [`find_template`].
pub async fn read_template(cluster: &Cluster, name: &str) -> Result<SessionTemplate> {
    match find_template(cluster, name).await? {
        Some(found) => Ok(found),
        None => Err(with_hint(
            not_found_error(&SESSION_TEMPLATE, name),
            template_names_hint(cluster).await,
        )),
    }
}

/// Describes the change of the template since the session's last start; `None` if there is none. A deleted template is no change.
pub fn template_change(session: &Session, template: Option<&SessionTemplate>) -> Option<String> {
    let applied = session.applied()?;
    let metadata = &template?.metadata;
    let name = name_of(metadata);
    if applied.template_uid.is_some() && applied.template_uid.as_deref() != uid_of(metadata) {
        return Some(format!(
            "template {name:?} has been deleted and created again since the last start"
        ));
    }
    let (was, is) = (applied.template_generation?, metadata.generation?);
    (was != is).then(|| {
        format!("template {name:?} has changed since the last start (generation {was}, now {is})")
    })
}

/// Returns the hint that names the templates that there are.
pub(super) async fn template_names_hint(cluster: &Cluster) -> String {
    let found = cluster
        .list_metadata(&SESSION_TEMPLATE, Scope::Cluster, &ListOptions::default())
        .await;
    let Ok(found) = found else {
        return "list the templates: kubectl session template list".into();
    };
    let items = found.items;
    let name = |item: &Value| {
        item.pointer("/metadata/name")
            .and_then(|name| name.as_str())
            .map(str::to_owned)
    };
    let names: Vec<String> = items.iter().filter_map(name).collect();
    match names.as_slice() {
        [] => "install the built-in templates, as there are none: kubectl session setup templates"
            .into(),
        names => format!("choose one of the templates: {}", names.join(", ")),
    }
}
