//! What is there of a session: its Pods and the objects that own them, and what that amounts to.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::api::Session;
use crate::diagnosis::{Cause, EventNote, Finding, Verdict, inspect, inspect_missing};
use crate::labels;
use crate::objects::ObjectRef;
use crate::objects::pods::pod_metadata_paths;
use crate::objects::resource::text;

/// What the cluster has of one session, as it was read: everything that carries the session's label. Others' objects may be
/// among it (labels can be written by anybody): only what an owner chain leads back to the Session's UID counts.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Pods.
    pub pods: Vec<Pod>,
    /// StatefulSets, Deployments, ReplicaSets, Jobs, …: what Pods can be owned by.
    pub owners: Vec<Value>,
    /// PersistentVolumeClaims and the parameters Secret.
    pub data: Vec<Value>,
}

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
    },
}

impl Live {
    /// The session's own Pods, found by owner chain.
    pub fn own_pods<'a>(&'a self, session_uid: &'a str) -> impl Iterator<Item = &'a Pod> {
        let owners = self.own_owners(session_uid);
        self.pods.iter().filter(move |pod| {
            let mut uids = pod
                .metadata
                .owner_references
                .iter()
                .flatten()
                .map(|owner| owner.uid.as_str());
            uids.any(|uid| uid == session_uid || owners.contains(&uid))
        })
    }

    /// UIDs of everything between the Session and its Pods.
    fn own_owners(&self, session_uid: &str) -> Vec<&str> {
        let mut own: Vec<&str> = Vec::new();
        // Session → Deployment → ReplicaSet → Pod: two rounds reach the longest chain.
        for _ in 0..2 {
            for object in &self.owners {
                let uid = text(object, "/metadata/uid");
                let is_own =
                    owner_uids(object).any(|owner| owner == session_uid || own.contains(&owner));
                if is_own && !own.contains(&uid) {
                    own.push(uid);
                }
            }
        }
        own
    }

    /// The session's workloads: what it owns directly and has Pods, by identity.
    pub fn workloads(&self, session_uid: &str) -> Vec<ObjectRef> {
        let owned = self
            .owners
            .iter()
            .filter(|o| owner_uids(o).any(|uid| uid == session_uid));
        let mut found: Vec<ObjectRef> = owned
            .filter(|o| !pod_metadata_paths(text(o, "/kind")).is_empty())
            .map(ObjectRef::of)
            .collect();
        found.extend(
            self.pods
                .iter()
                .filter(|pod| is_owned_directly(pod, session_uid))
                .map(pod_ref),
        );
        found
    }

    /// Claims and the parameters Secret that are this session's. Data has no owner: what carries the session's label and the
    /// same raw user id is its own, since any other Session of that name and Namespace must be gone.
    pub fn own_data<'a>(&'a self, session: &'a Session) -> impl Iterator<Item = &'a Value> {
        self.data
            .iter()
            .filter(move |object| is_data_of(object, session))
    }
}

fn is_data_of(object: &Value, session: &Session) -> bool {
    let entry = |field: &str, key: &str| {
        object
            .pointer(field)
            .and_then(|map| map.get(key))
            .and_then(Value::as_str)
    };
    entry("/metadata/labels", labels::SESSION) == session.metadata.name.as_deref()
        && entry("/metadata/annotations", labels::USER_ID) == Some(session.spec.user_id.as_str())
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    let owners = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    owners
        .into_iter()
        .flatten()
        .map(|owner| text(owner, "/uid"))
}

fn is_owned_directly(pod: &Pod, session_uid: &str) -> bool {
    pod.metadata
        .owner_references
        .iter()
        .flatten()
        .any(|owner| owner.uid == session_uid)
}

/// A Pod's identity.
pub(super) fn pod_ref(pod: &Pod) -> ObjectRef {
    ObjectRef {
        api_version: "v1".into(),
        kind: "Pod".into(),
        name: pod.metadata.name.clone().unwrap_or_default(),
        uid: pod.metadata.uid.clone().unwrap_or_default(),
    }
}

fn is_primary(pod: &Pod) -> bool {
    pod.metadata
        .labels
        .as_ref()
        .is_some_and(|labels| labels.contains_key(labels::PRIMARY))
}

/// What `live` amounts to for `session`.
pub fn look(session: &Session, live: &Live, events: &[EventNote]) -> Seen {
    let uid = session.metadata.uid.as_deref().unwrap_or_default();
    let pods: Vec<&Pod> = live.own_pods(uid).filter(|pod| is_primary(pod)).collect();
    if pods.is_empty() {
        return without_pods(session, live, events, uid);
    }
    let wanted = wanted_replicas(session);
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
            },
            Verdict::Waiting | Verdict::Ready => Seen::NotReady(finding),
        },
    }
}

/// How many Pods of the primary workload make the session ready.
fn wanted_replicas(session: &Session) -> usize {
    let applied = session
        .status
        .as_ref()
        .and_then(|status| status.applied.as_ref());
    let count = applied.and_then(|applied| {
        let primary = applied.primary.as_ref()?;
        applied
            .replicas
            .get(&format!("{}/{}", primary.kind, primary.name))
            .copied()
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
    match live.owners.iter().find(is_primary) {
        Some(workload) => {
            let finding = inspect_missing(workload, events);
            match &finding.verdict {
                Verdict::Hopeless(cause) => Seen::Hopeless(cause.clone()),
                _ => Seen::NotReady(finding),
            }
        }
        None if applied.is_some_and(|applied| applied.primary.is_some())
            && !super::is_start_asked(session) =>
        {
            Seen::Lost
        }
        None => Seen::NoWorkload,
    }
}
