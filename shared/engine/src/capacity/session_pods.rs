//! Objects of many sessions out of a few lists: which session an object belongs to, and which Pods take capacity.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::pods::{WORKLOAD_KINDS, has_pod_ended};
use session_model::objects::resource::SESSION;

/// Sessions and the objects that take something, as they were read. A list is `None` if the caller may not read it.
#[derive(Clone, Debug, Default)]
pub struct SessionObjects {
    /// Sessions.
    pub sessions: Vec<Value>,
    /// Pods.
    pub pods: Option<Vec<Value>>,
    /// PersistentVolumeClaims.
    pub claims: Option<Vec<Value>>,
    /// VolumeSnapshots.
    pub snapshots: Option<Vec<Value>>,
    /// Services.
    pub services: Option<Vec<Value>>,
    /// Namespaces with a ResourceQuota, which counts the objects of no session, too. Elsewhere these are left out of sums.
    pub quota_namespaces: BTreeSet<String>,
    /// True if the sessions are a selection: only their objects count.
    pub is_selection: bool,
}

/// Namespace and name of a session.
pub type SessionKey<'o> = (&'o str, &'o str);

/// Returns namespace and name of a Session.
pub fn session_key(session: &Value) -> SessionKey<'_> {
    (Untyped(session).home_namespace(), Untyped(session).name())
}

/// Returns namespace and name of the session whose label an object has.
pub fn labelled_session(object: &Value) -> Option<SessionKey<'_>> {
    let name = Untyped(object).label(labels::SESSION)?;
    Some((Untyped(object).home_namespace(), name))
}

/// Returns true for a Pod that takes capacity of a node or waits for it: it has not ended.
pub fn is_live_pod(pod: &Value) -> bool {
    !has_pod_ended(pod)
}

/// Returns true if the primary workload of a session is of a kind that is not built in, whose Pods need not have the session's label.
pub fn has_custom_primary(session: &Value) -> bool {
    let kind = Untyped(session).str_at("/status/applied/primary/kind");
    kind.is_some_and(|kind| !WORKLOAD_KINDS.contains(&kind))
}

/// The sessions that were read, to find the one that an object belongs to.
#[derive(Debug)]
pub struct SessionIndex<'o> {
    by_name: HashMap<SessionKey<'o>, &'o Value>,
    /// Sessions by namespace and UID, their own and those of the objects that their last start recorded.
    by_uid: HashMap<(&'o str, &'o str), &'o Value>,
}

impl<'o> SessionIndex<'o> {
    /// Indexes the Sessions of a list.
    pub fn of(sessions: &'o [Value]) -> Self {
        let mut index = Self {
            by_name: HashMap::new(),
            by_uid: HashMap::new(),
        };
        for session in sessions {
            let key = session_key(session);
            index.by_name.insert(key, session);
            let recorded = Untyped(session).items_at("/status/applied/objects");
            let recorded = recorded.filter_map(|entry| entry.str_at("/uid"));
            for uid in recorded.chain(Untyped(session).uid()) {
                index.by_uid.insert((key.0, uid), session);
            }
        }
        index
    }

    /// Returns the session that an object's label names, whoever wrote the label.
    pub fn labelled(&self, object: &'o Value) -> Option<&'o Value> {
        self.by_name.get(&labelled_session(object)?).copied()
    }

    /// Returns the session that an object belongs to. In this order:
    ///
    /// 1. An owner of kind Session decides alone.
    /// 2. The last start of the session recorded the object or one of its owners, such as a workload of a kind that is not built in.
    /// 3. The object has the session's label, and a controller (the workload between is not read) or the annotation with its UID.
    ///
    /// Anybody can write labels: what another Session of the same name left behind, or somebody labelled by hand, belongs to none.
    pub fn session_of(&self, object: &'o Value) -> Option<&'o Value> {
        let (namespace, object_uid) = (Untyped(object).home_namespace(), Untyped(object).uid());
        let with_uid = |uid: &'o str| self.by_uid.get(&(namespace, uid)).copied();
        let owners = || Untyped(object).owners();
        let is_session =
            |kind: &str, version: &str| kind == SESSION.kind && version == SESSION.api_version();
        let mut owning = owners()
            .filter(|owner| is_session(owner.kind, owner.api_version))
            .peekable();
        if owning.peek().is_some() {
            return owning.find_map(|owner| with_uid(owner.uid));
        }
        let mut uids = owners().map(|owner| owner.uid).chain(object_uid);
        uids.find_map(with_uid).or_else(|| {
            let session = self.labelled(object)?;
            let uid = Untyped(session).uid()?;
            let is_own = owners().any(|owner| owner.controller)
                || Untyped(object).annotation(labels::SESSION_UID) == Some(uid);
            is_own.then_some(session)
        })
    }
}

/// Groups the objects by the session that they belong to.
pub fn group_by_session<'o>(
    sessions: &'o [Value],
    objects: &'o [Value],
) -> BTreeMap<SessionKey<'o>, Vec<&'o Value>> {
    let index = SessionIndex::of(sessions);
    let mut groups: BTreeMap<SessionKey<'_>, Vec<&Value>> = BTreeMap::new();
    for object in objects {
        if let Some(session) = index.session_of(object) {
            groups.entry(session_key(session)).or_default().push(object);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(fields: Value) -> Value {
        let mut object =
            json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "ns", "uid": "p-1"}});
        for (key, value) in fields.as_object().unwrap() {
            object["metadata"][key] = value.clone();
        }
        object
    }

    fn labelled(fields: Value) -> Value {
        let mut object = object(fields);
        object["metadata"]["labels"] = json!({labels::SESSION: "a"});
        object
    }

    fn owner(version: &str, kind: &str, uid: &str) -> Value {
        json!({"ownerReferences": [{"apiVersion": version, "kind": kind, "name": "o", "uid": uid, "controller": true}]})
    }

    /// Returns the name of the session that an object belongs to, among two in `ns` and one in another namespace.
    fn found(object: &Value) -> Option<String> {
        let session = |namespace: &str, name: &str, made: &str| {
            json!({"metadata": {"name": name, "namespace": namespace, "uid": format!("s-{name}")},
                "status": {"applied": {"primary": {"kind": "Sandbox", "name": "box"}, "objects": [{"uid": made}]}}})
        };
        let sessions = [
            session("ns", "a", "made-a"),
            session("ns", "b", "made-b"),
            session("other", "c", "made-c"),
        ];
        let index = SessionIndex::of(&sessions);
        let session = index.session_of(object)?;
        Some(Untyped(session).name().to_owned())
    }

    #[test]
    fn an_owning_session_decides_whatever_the_label_says() {
        let own = |uid: &str| owner("streaming.platform/v1", "Session", uid);
        assert_eq!(found(&object(own("s-a"))).as_deref(), Some("a"));
        assert_eq!(found(&labelled(own("s-a"))).as_deref(), Some("a"));
        assert_eq!(found(&labelled(own("s-b"))).as_deref(), Some("b"));
        assert_eq!(found(&labelled(own("another"))), None);
        // A Session of another namespace owns nothing here.
        assert_eq!(found(&labelled(own("s-c"))), None);
        // Another API's kind of this name is a controller like any other.
        let foreign = owner("example.com/v1", "Session", "x");
        assert_eq!(found(&labelled(foreign.clone())).as_deref(), Some("a"));
        assert_eq!(found(&object(foreign)), None);
    }

    #[test]
    fn what_the_last_start_recorded_belongs_to_it_with_all_that_it_owns() {
        assert_eq!(
            found(&object(json!({"uid": "made-a"}))).as_deref(),
            Some("a")
        );
        // A Pod of a custom workload has no label.
        let of_sandbox = |uid: &str| object(owner("example.com/v1", "Sandbox", uid));
        assert_eq!(found(&of_sandbox("made-b")).as_deref(), Some("b"));
        assert_eq!(found(&of_sandbox("made-c")), None);
        assert_eq!(found(&of_sandbox("unknown")), None);
        let session = |kind: &str| json!({"status": {"applied": {"primary": {"kind": kind}}}});
        assert!(has_custom_primary(&session("Sandbox")));
        assert!(!has_custom_primary(&session("Pod")) && !has_custom_primary(&json!({})));
    }

    #[test]
    fn a_label_counts_with_a_controller_or_the_uid() {
        let replica_set = owner("apps/v1", "ReplicaSet", "r-1");
        assert_eq!(found(&labelled(replica_set.clone())).as_deref(), Some("a"));
        assert_eq!(found(&object(replica_set)), None);
        let annotated = |uid: &str| labelled(json!({"annotations": {labels::SESSION_UID: uid}}));
        assert_eq!(found(&annotated("s-a")).as_deref(), Some("a"));
        assert_eq!(found(&annotated("s-b")), None);
        assert_eq!(found(&labelled(json!({}))), None);
        let elsewhere = json!({"namespace": "other", "annotations": {labels::SESSION_UID: "s-a"}});
        assert_eq!(found(&labelled(elsewhere)), None);
    }

    #[test]
    fn a_pod_that_ended_takes_nothing() {
        let phase = |phase: &str| is_live_pod(&json!({"status": {"phase": phase}}));
        assert!(phase("Running") && phase("Pending") && is_live_pod(&json!({})));
        assert!(!phase("Succeeded") && !phase("Failed"));
    }
}
