//! Objects as Rust types, and the errors of one that is missing or late.

use anyhow::Result;
use serde_json::Value;

use session_model::failure::{Failure, Kind};
use session_model::objects::ResourceType;
use session_model::objects::resource::text;

/// The server's NotFound, for an object that a GET answered without.
pub fn missing(resource: &ResourceType, name: &str) -> anyhow::Error {
    anyhow::Error::new(Failure {
        reason: "NotFound".into(),
        code: 404,
        ..Failure::local(
            Kind::NotFound,
            format!("{} {name:?} not found", resource.qualified()),
        )
    })
}

/// An object as a Rust type. Unknown fields are dropped: what comes out is for reading, never for writing back.
///
/// # Errors
/// When a field has another type than the API gives it.
pub fn typed<T: serde::de::DeserializeOwned>(object: Value) -> Result<T> {
    let what = format!(
        "{} {:?}",
        text(&object, "/kind"),
        text(&object, "/metadata/name")
    );
    serde_json::from_value(object)
        .map_err(|error| anyhow::anyhow!("{what} cannot be read: {error}"))
}

/// kubectl's words for a wait that took too long.
pub fn timed_out(resource: &ResourceType, name: &str) -> anyhow::Error {
    let message = format!(
        "timed out waiting for the condition on {}/{name}",
        resource.singular()
    );
    anyhow::Error::new(Failure::local(Kind::TimedOut, message))
}
