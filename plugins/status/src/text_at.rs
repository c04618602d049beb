//! Optional text fields of untyped objects.

use serde_json::Value;
use session_shared::objects::resource::string_at;

/// Returns the text at a JSON pointer; `None` where it is missing or empty.
pub(crate) fn text_at(object: &Value, pointer: &str) -> Option<String> {
    Some(string_at(object, pointer).to_owned()).filter(|text| !text.is_empty())
}
