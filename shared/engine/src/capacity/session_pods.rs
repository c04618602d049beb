//! Objects of many sessions out of one list: which session an object belongs to, and which Pods take capacity.

use std::collections::BTreeMap;

use serde_json::Value;
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::pods::has_pod_ended;
use session_model::objects::resource::SESSION;

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

/// Groups the objects by the session that they belong to. An object with the label of a session belongs to it if the session owns it, if
/// the last start recorded it, or if a controller owns it: the workload between is not read. What another Session of the same name left
/// behind, or somebody labelled by hand, belongs to none.
pub fn group_by_session<'o>(
    sessions: &'o [Value],
    objects: &'o [Value],
) -> BTreeMap<SessionKey<'o>, Vec<&'o Value>> {
    let known: BTreeMap<SessionKey<'_>, &Value> = sessions
        .iter()
        .map(|session| (session_key(session), session))
        .collect();
    let mut groups: BTreeMap<SessionKey<'_>, Vec<&Value>> = BTreeMap::new();
    for object in objects {
        let Some(key) = labelled_session(object) else {
            continue;
        };
        if known
            .get(&key)
            .is_some_and(|session| belongs(session, object))
        {
            groups.entry(key).or_default().push(object);
        }
    }
    groups
}

/// Returns true for a Pod that takes capacity of a node or waits for it: it has not ended.
pub fn is_live_pod(pod: &Value) -> bool {
    !has_pod_ended(pod)
}

fn belongs(session: &Value, object: &Value) -> bool {
    let Some(uid) = Untyped(session).uid() else {
        return false;
    };
    let mut owning_sessions = Untyped(object)
        .owners()
        .filter(|owner| owner.kind == SESSION.kind && owner.api_version == SESSION.api_version())
        .peekable();
    if owning_sessions.peek().is_some() {
        return owning_sessions.any(|owner| owner.uid == uid);
    }
    let mut recorded = Untyped(session).items_at("/status/applied/objects");
    Untyped(object).owners().any(|owner| owner.controller)
        || Untyped(object).annotation(labels::SESSION_UID) == Some(uid)
        || recorded.any(|entry| {
            entry
                .str_at("/uid")
                .is_some_and(|uid| Untyped(object).has_uid(uid))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(label: &str, fields: Value) -> Value {
        let mut object = json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "ns", "uid": "p-1",
            "labels": {labels::SESSION: label}}});
        for (key, value) in fields.as_object().unwrap() {
            object["metadata"][key] = value.clone();
        }
        object
    }

    fn is_grouped(object: Value) -> bool {
        let session = json!({"metadata": {"name": "a", "namespace": "ns", "uid": "s-1"},
            "status": {"applied": {"objects": [{"uid": "made-1"}]}}});
        let (sessions, objects) = ([session], [object]);
        let groups = group_by_session(&sessions, &objects);
        groups.contains_key(&("ns", "a"))
    }

    fn owner(kind: &str, uid: &str) -> Value {
        let version = if kind == "Session" {
            "streaming.platform/v1"
        } else {
            "apps/v1"
        };
        json!({"ownerReferences": [{"apiVersion": version, "kind": kind, "name": "o", "uid": uid, "controller": true}]})
    }

    #[test]
    fn an_object_belongs_to_the_session_that_its_owners_or_the_record_name() {
        assert!(is_grouped(object("a", owner("Session", "s-1"))));
        assert!(is_grouped(object("a", owner("ReplicaSet", "r-1"))));
        assert!(is_grouped(object("a", json!({"uid": "made-1"}))));
        assert!(is_grouped(object(
            "a",
            json!({"annotations": {labels::SESSION_UID: "s-1"}})
        )));
    }

    #[test]
    fn strangers_with_the_label_belong_to_none() {
        assert!(!is_grouped(object("a", json!({}))));
        assert!(!is_grouped(object("a", owner("Session", "another"))));
        assert!(!is_grouped(object("b", owner("Session", "s-1"))));
        let elsewhere = json!({"namespace": "other"});
        assert!(!is_grouped(object("a", elsewhere)));
    }

    #[test]
    fn a_pod_that_ended_takes_nothing() {
        let phase = |phase: &str| is_live_pod(&json!({"status": {"phase": phase}}));
        assert!(phase("Running") && phase("Pending") && is_live_pod(&json!({})));
        assert!(!phase("Succeeded") && !phase("Failed"));
    }
}
