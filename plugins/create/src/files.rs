//! What stands in the file that `-f` names.

use anyhow::Result;
use serde_json::Value;
use session_shared::api::API_VERSION;
use session_shared::failure::Hint;
use session_shared::objects::resource::text;
use session_shared::template::{Source, plain_objects};

/// The Session in a file that holds one, `None` for any other file.
///
/// # Errors
/// When a Session stands in it beside other objects.
pub(crate) fn session_object(source: &Source) -> Result<Option<Value>> {
    // A manifest with placeholders may be no plain YAML objects at all: then it is no Session, and read as a manifest.
    let Ok(objects) = plain_objects(source) else {
        return Ok(None);
    };
    let is_session = |object: &Value| {
        text(object, "/apiVersion") == API_VERSION && text(object, "/kind") == "Session"
    };
    match objects
        .iter()
        .filter(|(_, object)| is_session(object))
        .count()
    {
        0 => Ok(None),
        1 if objects.len() == 1 => Ok(objects.into_iter().next().map(|(_, object)| object)),
        _ => Err(anyhow::anyhow!(
            "{}: a Session must stand alone in its file",
            source.name()
        ))
        .hint("give each Session a file of its own"),
    }
}
