//! What the objects that are there of a session amount to.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::diagnosis::{Cause, EventNote, Finding, Verdict, inspect, inspect_missing};
use session_model::api::{Session, State};
use session_model::objects::pods::pod_metadata_paths;
use session_model::objects::resource::text;

use super::live::{Live, is_primary, owner_uids};

/// What that amounts to.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// Nothing was made yet, or it was taken away on purpose.
    NoWorkload,
    /// Something was made by this start and is gone.
    Lost,
    /// Coming up.
    NotReady(Finding),
    /// It cannot come up.
    Hopeless(Cause),
    /// Ready.
    Ready {
        /// The Pod.
        pod: String,
    },
    /// Ended by itself.
    Ended {
        /// The Pod.
        pod: String,
        /// Exit code.
        code: i32,
        /// The kubelet's word.
        reason: String,
        /// One line about it.
        detail: String,
        /// Why, as far as there is a why: `None` for exit code 0.
        cause: Option<Cause>,
    },
}

impl Seen {
    /// Why it is not ready, as far as there is a why.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Seen::Hopeless(cause) => Some(cause),
            Seen::NotReady(finding) => finding.cause(),
            Seen::Ended { cause, .. } => cause.as_ref(),
            Seen::NoWorkload | Seen::Lost | Seen::Ready { .. } => None,
        }
    }

    /// The same, to be made finer.
    pub fn cause_mut(&mut self) -> Option<&mut Cause> {
        match self {
            Seen::Hopeless(cause) => Some(cause),
            Seen::NotReady(finding) => finding.cause_mut(),
            Seen::Ended { cause, .. } => cause.as_mut(),
            Seen::NoWorkload | Seen::Lost | Seen::Ready { .. } => None,
        }
    }
}

/// What `live` amounts to for `session`.
pub fn look(session: &Session, live: &Live, events: &[EventNote]) -> Seen {
    let uid = session.metadata.uid.as_deref().unwrap_or_default();
    let pods: Vec<&Pod> = live
        .own_pods(uid)
        // One that is being deleted speaks for nobody any more.
        .filter(|pod| is_primary(pod) && pod.metadata.deletion_timestamp.is_none())
        .collect();
    let pods = live.recorded_first(session, pods);
    if pods.is_empty() {
        return without_pods(session, live, events, uid);
    }
    let wanted = wanted_replicas(session, live);
    let mut findings: Vec<(&Pod, Finding)> = pods
        .iter()
        .map(|pod| (*pod, inspect(pod, events)))
        .collect();
    let ready = findings
        .iter()
        .filter(|(_, finding)| finding.verdict == Verdict::Ready)
        .count();
    if ready >= wanted
        && let Some((pod, _)) = findings
            .iter()
            .find(|(_, finding)| finding.verdict == Verdict::Ready)
    {
        return Seen::Ready {
            pod: pod.metadata.name.clone().unwrap_or_default(),
        };
    }
    // Fewer than are wanted, and those that are there tell nothing: what is missing may.
    let missing = (pods.len() < wanted).then(|| without_pods(session, live, events, uid));
    if let Some(missing) = missing.filter(|missing| missing.cause().is_some())
        && findings
            .iter()
            .all(|(_, finding)| finding.cause().is_none())
    {
        return missing;
    }
    // The one that needs attention decides: hopeless, then ended, then the one that is furthest behind.
    findings.sort_by_key(|(_, finding)| match &finding.verdict {
        Verdict::Hopeless(_) => (0, finding.stage),
        Verdict::Ended { .. } => (1, finding.stage),
        Verdict::Waiting => (2, finding.stage),
        Verdict::Ready => (3, finding.stage),
    });
    match findings.into_iter().next() {
        None => Seen::NoWorkload,
        Some((pod, finding)) => match finding.verdict.clone() {
            Verdict::Hopeless(cause) => Seen::Hopeless(cause),
            Verdict::Ended { code, reason } => Seen::Ended {
                pod: pod.metadata.name.clone().unwrap_or_default(),
                code,
                reason,
                detail: finding.detail,
                cause: finding.trouble,
            },
            Verdict::Waiting | Verdict::Ready => Seen::NotReady(finding),
        },
    }
}

/// How many Pods of the primary workload make the session ready: as many as it is to have now, since an autoscaler may have
/// changed what the start recorded.
fn wanted_replicas(session: &Session, live: &Live) -> usize {
    let applied = session
        .status
        .as_ref()
        .and_then(|status| status.applied.as_ref());
    let count = applied.and_then(|applied| {
        let primary = applied.primary.as_ref()?;
        let key = format!("{}/{}", primary.kind, primary.name);
        let counts = live.replicas(session.metadata.uid.as_deref().unwrap_or_default());
        let recorded = || applied.replicas.get(&key).copied();
        counts.get(&key).copied().or_else(recorded)
    });
    usize::try_from(count.unwrap_or(1)).unwrap_or(1).max(1)
}

fn without_pods(session: &Session, live: &Live, events: &[EventNote], uid: &str) -> Seen {
    let applied = session
        .status
        .as_ref()
        .and_then(|status| status.applied.as_ref());
    let primary = applied.and_then(|applied| applied.primary.as_ref());
    let is_primary = |object: &&Value| {
        let named = primary.is_none_or(|p| {
            p.kind == text(object, "/kind") && p.name == text(object, "/metadata/name")
        });
        named
            && owner_uids(object).any(|owner| owner == uid)
            && !pod_metadata_paths(text(object, "/kind")).is_empty()
    };
    let rests =
        |object: &&Value| object.pointer("/spec/replicas").and_then(Value::as_i64) == Some(0);
    let at_rest = live
        .owners
        .iter()
        .filter(is_primary)
        .any(|object| rests(&object));
    match live
        .owners
        .iter()
        .filter(is_primary)
        .find(|object| !rests(object))
    {
        Some(workload) => {
            let finding = inspect_missing(workload, events);
            match &finding.verdict {
                Verdict::Hopeless(cause) => Seen::Hopeless(cause.clone()),
                _ => Seen::NotReady(finding),
            }
        }
        // Taken away on purpose.
        None if at_rest || session.spec.state == Some(State::Stopped) => Seen::NoWorkload,
        None if applied.is_some_and(|applied| applied.primary.is_some())
            && !super::is_start_asked(session) =>
        {
            Seen::Lost
        }
        None => Seen::NoWorkload,
    }
}
