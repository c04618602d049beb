//! The fields of a Kubernetes Event that the diagnosis reads.

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use session_model::objects::Untyped;

/// A Kubernetes Event, reduced to the fields that the diagnosis reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventNote {
    /// UID of the Event itself; an update of the Event has the same one.
    pub event_uid: Option<String>,
    /// Kind of the involved object.
    pub object_kind: String,
    /// Name of the involved object.
    pub object_name: String,
    /// UID of the involved object; `None` where the reporter gave none.
    pub object_uid: Option<String>,
    /// Field of the involved object, such as `spec.containers{main}`; may be empty.
    pub field_path: String,
    /// True for type Warning.
    pub is_warning: bool,
    /// Reason: FailedScheduling, Pulling, …
    pub reason: String,
    /// Message.
    pub message: String,
    /// Time of the last occurrence, RFC 3339 in UTC; empty where the Event has none.
    pub time: String,
    /// Number of occurrences; at least 1.
    pub count: u64,
    /// Age of the last occurrence in seconds, set by [`EventNote::set_age`]; `None` before that, or where the Event has no time.
    pub age: Option<i64>,
}

impl EventNote {
    /// Reads an Event of API version v1; `None` for an object that is no Event.
    pub fn from_value(event: &Value) -> Option<Self> {
        Untyped(event).read().map(Self::from_event)
    }

    /// Keeps of an Event what the diagnosis reads.
    pub fn from_event(event: Event) -> Self {
        let time = last_time(&event).unwrap_or_default();
        let object = event.involved_object;
        let series = event.series.and_then(|series| series.count);
        let count = series.or(event.count).unwrap_or(1);
        Self {
            event_uid: event.metadata.uid,
            object_kind: object.kind.unwrap_or_else(|| Untyped::NONE.into()),
            object_name: object.name.unwrap_or_else(|| Untyped::NONE.into()),
            object_uid: object.uid.filter(|uid| !uid.is_empty()),
            field_path: object.field_path.unwrap_or_default(),
            is_warning: event.type_.as_deref() == Some("Warning"),
            reason: event.reason.unwrap_or_default(),
            message: event.message.unwrap_or_default().trim().to_owned(),
            time,
            count: u64::try_from(count).unwrap_or(1).max(1),
            age: None,
        }
    }

    /// Returns true if the Event is about the object with that UID. No Event is about an object without one.
    pub fn is_about(&self, uid: Option<&str>) -> bool {
        uid.is_some_and(|uid| self.object_uid.as_deref() == Some(uid))
    }

    /// Sets the age as of `now`.
    pub fn set_age(&mut self, now: Timestamp) {
        let seen: Option<Timestamp> = self.time.parse().ok();
        self.age = seen.map(|seen| now.duration_since(seen).as_secs().max(0));
    }

    /// Returns true if the last occurrence is not before `time` (RFC 3339 in UTC, compared to the second), or if either time is
    /// unknown. Used to drop Events of an earlier object of the same name.
    pub fn is_not_before(&self, time: &str) -> bool {
        match (self.time_to_second(), time.get(..LENGTH_TO_SECOND)) {
            (Some(seen), Some(made)) => seen >= made,
            _ => true,
        }
    }

    /// Returns true if the Event is about that container, or about no container in particular.
    pub(super) fn concerns(&self, container: &str) -> bool {
        self.field_path.is_empty() || self.field_path.ends_with(&format!("{{{container}}}"))
    }

    /// Returns the time of the last occurrence to the second, so that times of different precision compare.
    pub(super) fn time_to_second(&self) -> Option<&str> {
        self.time.get(..LENGTH_TO_SECOND)
    }

    /// Returns a line of evidence: `event 12s ago (x4): FailedScheduling: 0/1 nodes …`.
    pub fn evidence_line(&self) -> String {
        let age = self
            .age
            .map(|age| format!(" {} ago", format_age(age)))
            .unwrap_or_default();
        let count = if self.count > 1 {
            format!(" (x{})", self.count)
        } else {
            String::new()
        };
        format!("event{age}{count}: {}: {}", self.reason, self.message)
    }
}

/// Returns the time of the last occurrence, as the API server writes it: which field holds it depends on the client that reported.
fn last_time(event: &Event) -> Option<String> {
    let precise = |time: &MicroTime| time.0.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    let plain = |time: &Time| time.0.to_string();
    let series = event.series.as_ref();
    series
        .and_then(|series| series.last_observed_time.as_ref())
        .map(precise)
        .or_else(|| event.last_timestamp.as_ref().map(plain))
        .or_else(|| event.event_time.as_ref().map(precise))
        .or_else(|| event.metadata.creation_timestamp.as_ref().map(plain))
}

const LENGTH_TO_SECOND: usize = "2026-01-01T00:00:00".len();

fn format_age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_ways_to_count_are_read() {
        let old = json!({ "reason": "BackOff", "message": "back-off", "count": 4, "lastTimestamp": "2026-01-01T00:00:00Z" });
        let mut old = EventNote::from_value(&old).unwrap();
        old.set_age("2026-01-01T00:00:12Z".parse().unwrap());
        assert_eq!(old.evidence_line(), "event 12s ago (x4): BackOff: back-off");
        let new = json!({ "reason": "FailedScheduling", "message": "0/1 nodes", "eventTime": "2026-01-01T00:00:00.5Z",
            "series": { "count": 3, "lastObservedTime": "2026-01-01T00:03:00.000001Z" } });
        let mut new = EventNote::from_value(&new).unwrap();
        new.set_age("2026-01-01T00:08:00Z".parse().unwrap());
        assert_eq!(
            new.evidence_line(),
            "event 4m ago (x3): FailedScheduling: 0/1 nodes"
        );
    }

    #[test]
    fn without_a_time_it_has_no_age() {
        let mut event = EventNote::from_value(
            &json!({ "reason": "Pulling", "message": "x", "lastTimestamp": null }),
        )
        .unwrap();
        event.set_age("2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(event.evidence_line(), "event: Pulling: x");
    }
}
