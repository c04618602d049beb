//! Events section of a report.

use serde::Serialize;
use serde_json::Value;
use session_shared::api::{ObjectRef, Session};
use session_shared::diagnosis::EventNote;
use session_shared::objects::Untyped;
use session_shared::objects::metadata::uid_of;
use session_shared::reconcile::LiveObjects;

use crate::data::DataReport;
use crate::text_at::text_at;

/// Maximum number of events shown.
const MAX_EVENTS_SHOWN: usize = 10;

/// An event of one of the session's objects.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventReport {
    /// Time of the last occurrence, RFC 3339.
    pub(crate) time: String,
    /// Time of the first occurrence, RFC 3339.
    pub(crate) first: String,
    pub(crate) count: u64,
    /// Type: Normal or Warning.
    pub(crate) r#type: String,
    pub(crate) reason: String,
    /// Involved object, `pod/x`.
    pub(crate) object: String,
    pub(crate) message: String,
}

/// Returns the latest events of the session's own objects, oldest first.
pub(crate) fn latest_events(
    events: &[Value],
    session: &Session,
    live: &LiveObjects,
    data: &DataReport,
) -> Vec<EventReport> {
    let uid = session.uid();
    let mut uids: Vec<&str> = uid.into_iter().collect();
    uids.extend(live.own_pods(uid).filter_map(|pod| uid_of(&pod.metadata)));
    uids.extend(live.owners.iter().filter_map(|owner| Untyped(owner).uid()));
    uids.extend(data.claims.iter().filter_map(|claim| claim.uid.as_deref()));
    let applied = session.applied();
    uids.extend(
        applied
            .into_iter()
            .flat_map(|applied| &applied.objects)
            .filter_map(ObjectRef::uid),
    );
    let own = events.iter().filter(|event| {
        let about = Untyped(event).str_at("/involvedObject/uid");
        about.is_some_and(|about| uids.contains(&about))
    });
    let mut found: Vec<EventReport> = own.filter_map(event_report).collect();
    found.sort_by(|one, other| one.time.cmp(&other.time));
    found.drain(..found.len().saturating_sub(MAX_EVENTS_SHOWN));
    found
}

fn event_report(event: &Value) -> Option<EventReport> {
    let note = EventNote::from_value(event)?;
    let first = text_at(event, "/firstTimestamp").or_else(|| text_at(event, "/eventTime"));
    Some(EventReport {
        first: first.unwrap_or_else(|| note.time.clone()),
        time: note.time,
        count: note.count,
        r#type: text_at(event, "/type").unwrap_or_else(|| "Normal".into()),
        reason: note.reason,
        object: format!("{}/{}", note.object_kind.to_lowercase(), note.object_name),
        message: note.message,
    })
}
