//! The items of a plan: what is done with one object, and why. Pure.

use serde_json::Value;
use session_shared::Timestamp;
use session_shared::objects::kept_data::storage_size;
use session_shared::objects::resource::ResourceType;
use session_shared::quantity::Quantity;

/// Action of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    /// Add session labels to a content while its snapshot still proves where it belongs.
    AddLabels,
    /// Stop a session.
    StopSession,
    /// Delete a session; its data policy applies.
    DeleteSession,
    /// Delete another object.
    DeleteObject,
    /// Only report the object.
    Report,
    /// Record the current time on kept data that has no kept-since time, so that its age counts from now.
    RecordKeptSince,
}

impl Action {
    /// Returns the word shown in the table.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Action::AddLabels => "label",
            Action::StopSession => "stop",
            Action::DeleteSession | Action::DeleteObject => "delete",
            Action::Report => "leave",
            Action::RecordKeptSince => "date",
        }
    }
}

/// Effect of an action on data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataEffect {
    /// There is no data.
    None,
    /// The data is kept.
    Kept,
    /// The data is deleted once a snapshot of it is ready.
    Snapshotted,
    /// The data is lost.
    Destroyed,
}

impl DataEffect {
    /// Returns the word shown in the table.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            DataEffect::None => "<none>",
            DataEffect::Kept => "kept",
            DataEffect::Snapshotted => "snapshot",
            DataEffect::Destroyed => "destroyed",
        }
    }
}

/// One planned action on one object.
#[derive(Clone, Debug)]
pub(crate) struct PlanItem {
    pub(crate) action: Action,
    pub(crate) resource: &'static ResourceType,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    /// Time since which the action is due; the oldest is carried out first.
    pub(crate) due_since: Option<Timestamp>,
    pub(crate) reason: String,
    /// Size of the object's data.
    pub(crate) size: Option<Quantity>,
    /// User id of the owner.
    pub(crate) owner: String,
    pub(crate) data: DataEffect,
    /// Claims that go with an object of the session although its data policy keeps them, as messages show them.
    pub(crate) owned_claims: Vec<String>,
}

/// Returns the size of a claim or snapshot, or the requested size until it is bound.
pub(crate) fn data_size(object: &Value) -> Option<Quantity> {
    storage_size(object)?.parse().ok()
}
