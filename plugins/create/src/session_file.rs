//! Recognizes a Session object in the file of `-f`.

use anyhow::Result;
use serde_json::Value;
use session_shared::api::API_VERSION;
use session_shared::failure::HintExt;
use session_shared::objects::Untyped;
use session_shared::template::{Source, parse_plain_objects};

/// Returns the Session object of a file; `None` for a manifest.
///
/// # Errors
/// A Session beside other objects.
pub(crate) fn parse_session_file(source: &Source) -> Result<Option<Value>> {
    if !source.text().contains(API_VERSION) {
        return Ok(None);
    }
    // A file that cannot be parsed as plain objects may be a manifest with placeholders.
    let Ok(objects) = parse_plain_objects(source) else {
        return Ok(None);
    };
    let is_session = |object: &Value| {
        Untyped(object).api_version() == API_VERSION && Untyped(object).kind() == "Session"
    };
    match objects
        .iter()
        .filter(|(_, object)| is_session(object))
        .count()
    {
        0 => Ok(None),
        1 if objects.len() == 1 => Ok(objects.into_iter().next().map(|(_, object)| object)),
        _ => Err(anyhow::anyhow!(
            "{}: a Session must be the only object in its file",
            source.name()
        ))
        .with_hint("put each Session in a separate file"),
    }
}
