//! An Event of the cluster, as far as it counts here.

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use session_model::objects::resource::text;

/// An Event of the cluster, as far as it counts here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventNote {
    /// UID of the Event itself: a later state of the same one replaces it.
    pub id: String,
    /// Kind of the object it is about.
    pub kind: String,
    /// Name of the object it is about.
    pub name: String,
    /// UID of the object it is about.
    pub uid: String,
    /// Which part of it, `spec.containers{main}`; may be empty.
    pub field: String,
    /// True for type Warning.
    pub warning: bool,
    /// FailedScheduling, Pulling, …
    pub reason: String,
    /// The text.
    pub message: String,
    /// When it was seen last, RFC 3339, UTC; empty where it does not say.
    pub time: String,
    /// How often it was seen; at least 1.
    pub count: u64,
    /// How long ago it was seen last, in seconds, when it was looked at last; `None` where nobody said or it does not say.
    pub age: Option<i64>,
}

impl EventNote {
    /// Reads an Event of the core API.
    pub fn of(event: &Value) -> Self {
        let number = |pointer: &str| event.pointer(pointer).and_then(Value::as_u64);
        Self {
            id: text(event, "/metadata/uid").to_owned(),
            kind: text(event, "/involvedObject/kind").to_owned(),
            name: text(event, "/involvedObject/name").to_owned(),
            uid: text(event, "/involvedObject/uid").to_owned(),
            field: text(event, "/involvedObject/fieldPath").to_owned(),
            warning: text(event, "/type") == "Warning",
            reason: text(event, "/reason").to_owned(),
            message: text(event, "/message").trim().to_owned(),
            time: [
                "/series/lastObservedTime",
                "/lastTimestamp",
                "/eventTime",
                "/metadata/creationTimestamp",
            ]
            .iter()
            .map(|pointer| text(event, pointer))
            .find(|time| !time.is_empty())
            .unwrap_or_default()
            .to_owned(),
            count: number("/series/count")
                .or_else(|| number("/count"))
                .unwrap_or(1)
                .max(1),
            age: None,
        }
    }

    /// Counts its age as of `now`.
    pub fn age_at(&mut self, now: Timestamp) {
        let seen: Option<Timestamp> = self.time.parse().ok();
        self.age = seen.map(|seen| now.duration_since(seen).as_secs().max(0));
    }

    /// True if it was not seen last before `time` (RFC 3339, UTC, to the second): what an object of the same name did before
    /// this one was made is not this one's affair.
    pub fn is_since(&self, time: &str) -> bool {
        match (self.second(), time.get(..TO_THE_SECOND)) {
            (Some(seen), Some(made)) => seen >= made,
            _ => true,
        }
    }

    /// True if it may be about that container.
    pub(super) fn concerns(&self, container: &str) -> bool {
        self.field.is_empty() || self.field.ends_with(&format!("{{{container}}}"))
    }

    /// When it was seen last, to the second, so that times of different precision compare.
    pub(super) fn second(&self) -> Option<&str> {
        self.time.get(..TO_THE_SECOND)
    }

    /// It as a line of evidence: `event 12s ago (x4): FailedScheduling: 0/1 nodes …`.
    pub fn evidence(&self) -> String {
        let age = self
            .age
            .map(|age| format!(" {} ago", ago(age)))
            .unwrap_or_default();
        let count = if self.count > 1 {
            format!(" (x{})", self.count)
        } else {
            String::new()
        };
        format!("event{age}{count}: {}: {}", self.reason, self.message)
    }
}

const TO_THE_SECOND: usize = "2026-01-01T00:00:00".len();

fn ago(seconds: i64) -> String {
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
        let mut old = EventNote::of(&old);
        old.age_at("2026-01-01T00:00:12Z".parse().unwrap());
        assert_eq!(old.evidence(), "event 12s ago (x4): BackOff: back-off");
        let new = json!({ "reason": "FailedScheduling", "message": "0/1 nodes", "eventTime": "2026-01-01T00:00:00.5Z",
            "series": { "count": 3, "lastObservedTime": "2026-01-01T00:03:00.000001Z" } });
        let mut new = EventNote::of(&new);
        new.age_at("2026-01-01T00:08:00Z".parse().unwrap());
        assert_eq!(
            new.evidence(),
            "event 4m ago (x3): FailedScheduling: 0/1 nodes"
        );
    }

    #[test]
    fn without_a_time_it_has_no_age() {
        let mut event =
            EventNote::of(&json!({ "reason": "Pulling", "message": "x", "lastTimestamp": null }));
        event.age_at("2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(event.evidence(), "event: Pulling: x");
    }
}
