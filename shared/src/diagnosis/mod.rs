//! From what the cluster says about a session's Pods to what a person needs: what is waited for, whether it can still come
//! up, and if not why. Pure: everything comes in as data.

pub mod classes;
mod container;
mod pod;
pub mod quota;

pub use pod::{inspect, inspect_missing};

use crate::progress::Stage;

/// What is known of one Pod, or of a workload that has none yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it waits for.
    pub stage: Stage,
    /// The object, `pod/x`.
    pub object: String,
    /// One line about it; may be empty.
    pub detail: String,
    /// What that means.
    pub verdict: Verdict,
    /// What holds it up though it may still come up, or why it ended; `None` where it just takes its time, is ready, or
    /// cannot come up (the verdict has the cause then).
    pub trouble: Option<Cause>,
}

impl Finding {
    /// Why it is not ready, as far as there is a why.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.verdict {
            Verdict::Hopeless(cause) => Some(cause),
            _ => self.trouble.as_ref(),
        }
    }
}

/// What a finding means for somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may still come up.
    Waiting,
    /// It is ready.
    Ready,
    /// It ended by itself.
    Ended {
        /// Exit code of the container that decided it.
        code: i32,
        /// The kubelet's word: Completed, Error, OOMKilled.
        reason: String,
    },
    /// It cannot come up without somebody changing something.
    Hopeless(Cause),
}

/// Why a session does not come up. Made with `..Cause::default()`: it may get more fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The kubelet's or controller's word: ErrImageNeverPull, CrashLoopBackOff, FailedCreate.
    pub reason: String,
    /// One line that names the object, for people.
    pub message: String,
    /// The raw facts it was read from, a line each, the most telling first: a container's state, an event with its count and
    /// age, the last lines of a log, figures of nodes.
    pub evidence: Vec<String>,
    /// What to do about it; `None` where that is not known.
    pub remedy: Option<String>,
}

/// An Event of the cluster, as far as it counts here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventNote {
    /// Kind of the object it is about.
    pub kind: String,
    /// Name of the object it is about.
    pub name: String,
    /// UID of the object it is about.
    pub uid: String,
    /// True for type Warning.
    pub warning: bool,
    /// FailedScheduling, Pulling, …
    pub reason: String,
    /// The text.
    pub message: String,
    /// When it was seen last, RFC 3339, UTC; empty where it does not say.
    pub time: String,
}

impl EventNote {
    /// Reads an Event of the core API.
    pub fn of(event: &serde_json::Value) -> Self {
        use crate::objects::resource::text;
        Self {
            kind: text(event, "/involvedObject/kind").to_owned(),
            name: text(event, "/involvedObject/name").to_owned(),
            uid: text(event, "/involvedObject/uid").to_owned(),
            warning: text(event, "/type") == "Warning",
            reason: text(event, "/reason").to_owned(),
            message: text(event, "/message").trim().to_owned(),
            time: [
                "/lastTimestamp",
                "/eventTime",
                "/metadata/creationTimestamp",
            ]
            .iter()
            .map(|pointer| text(event, pointer))
            .find(|time| !time.is_empty())
            .unwrap_or_default()
            .to_owned(),
        }
    }

    /// True if it was not seen last before `time` (RFC 3339, UTC, to the second): what an object of the same name did before
    /// this one was made is not this one's affair.
    pub fn is_since(&self, time: &str) -> bool {
        const TO_THE_SECOND: usize = "2026-01-01T00:00:00".len();
        match (self.time.get(..TO_THE_SECOND), time.get(..TO_THE_SECOND)) {
            (Some(seen), Some(made)) => seen >= made,
            _ => true,
        }
    }
}
