//! Objects as Rust types, and the errors for one that is missing or late.

use anyhow::Result;
use serde_json::Value;

use session_model::failure::{Failure, FailureKind};
use session_model::foreign_error::decode_error_text;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;

/// Returns the server's NotFound error for an object that a GET did not find.
pub fn not_found_error(resource: &ResourceType, name: &str) -> anyhow::Error {
    anyhow::Error::new(Failure {
        reason: "NotFound".into(),
        code: 404,
        ..Failure::client_side(
            FailureKind::NotFound,
            format!("{} {name:?} not found", resource.qualified()),
        )
    })
}

/// Parses an object as a Rust type. Unknown fields are dropped, so the result must never be written back.
///
/// # Errors
/// A field of another type than the API defines.
pub fn parse_object<T: serde::de::DeserializeOwned>(object: Value) -> Result<T> {
    let what = format!("{} {:?}", Untyped(&object).kind(), Untyped(&object).name());
    serde_json::from_value(object)
        .map_err(|error| anyhow::anyhow!("cannot read {what}: {}", decode_error_text(&error)))
}

/// Returns the error for a wait that exceeds its time limit, in kubectl's words.
pub fn timed_out(resource: &ResourceType, name: &str) -> anyhow::Error {
    let message = format!(
        "timed out waiting for the condition on {}/{name}",
        resource.singular()
    );
    anyhow::Error::new(Failure::client_side(FailureKind::TimedOut, message))
}
