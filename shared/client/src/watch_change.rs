//! A change that a watch tells, and the error for a watch that ended.

use serde_json::Value;

use session_model::failure::{Failure, FailureKind};
use session_model::objects::ResourceType;

/// A change of one object. If Tables were requested, each value is a Table with one row.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchChange {
    /// The object was created, existed when the watch started, or matches the selector now.
    Added(Value),
    /// The object was modified.
    Modified(Value),
    /// The object was deleted or no longer matches the selector; its last version.
    Deleted(Value),
    /// No further change up to this resourceVersion.
    Bookmark(String),
    /// The watch restarts because its resourceVersion has expired: every existing object follows as Added, and objects
    /// that do not follow are gone. Only for watches that start with all existing objects.
    Restarted,
}

/// Returns the error for a watch that ended without one, which never happens.
pub fn watch_ended_error(resource: &ResourceType) -> anyhow::Error {
    let message = format!("the watch of {} ended unexpectedly", resource.plural);
    Failure::client_side(FailureKind::OtherStatus, message).into()
}
