//! Optional text fields of untyped objects.

use serde_json::Value;
use session_shared::objects::Untyped;

/// Returns the text at a JSON pointer; `None` where it is missing or empty.
pub(crate) fn text_at(object: &Value, pointer: &str) -> Option<String> {
    Untyped(object).str_at(pointer).map(str::to_owned)
}
