//! The outcome of one item of a plan.

use serde_json::Value;

/// Outcome of one item.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The session was stopped; the updated Session.
    Stopped(Value),
    /// The session was deleted.
    Deleted {
        /// Names of claims that were kept.
        kept: Vec<String>,
        /// Name of the snapshot taken of deleted claims.
        saved: Option<String>,
    },
    /// Another object was deleted.
    ObjectDeleted,
    /// Session labels were added; the updated object.
    Labelled(Value),
    /// The kept-since time was recorded; the updated object.
    Dated(Value),
    /// Nothing was done, because the object was deleted or changed since the plan was made.
    Skipped,
}
