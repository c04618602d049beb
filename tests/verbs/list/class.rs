//! Fixtures: a namespace with sessions in every state.

use kubectl_session_list::List;
use serde_json::{Value, json};
use session_support::FakeApi;

use crate::play::{Play, Played};

pub const KIND: &str = "sessions.streaming.platform";

/// A time later than any clock in the tests: the fake computes ages by the real clock, and these objects must always be new.
const MADE: &str = "2999-01-01T00:00:00Z";

pub fn session(namespace: &str, name: &str, user: &str, status: Value) -> Value {
    let mut session = json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": name, "namespace": namespace, "uid": format!("{namespace}-{name}"), "creationTimestamp": MADE,
            "labels": {"streaming.platform/user": session_shared::labels::to_label_value(user)}},
        "spec": {"userId": user, "template": "tool", "extra": {"kept": true}},
    });
    if !status.is_null() {
        session["status"] = status;
    }
    session
}

pub fn pod(namespace: &str, session: &str, status: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("tool-{session}"), "namespace": namespace, "creationTimestamp": MADE,
            "labels": {"streaming.platform/session": session, "streaming.platform/primary": "true"},
            "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": session,
                "uid": format!("{namespace}-{session}"), "controller": true}]},
        "spec": {"containers": [{"name": "main"}], "nodeName": "node-1"},
        "status": status,
    })
}

pub fn running() -> Value {
    json!({"phase": "Running", "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}], "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}}]})
}

pub fn crashing() -> Value {
    json!({"phase": "Running", "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]})
}

fn status(phase: &str, expires: &str) -> Value {
    let mut status = json!({"phase": phase, "template": "tool", "podName": "old", "endpoint": "tool.default.svc:80",
        "applied": {"primary": {"kind": "Pod", "name": "tool", "container": "main"}, "objects": []}});
    if !expires.is_empty() {
        status["expiresAt"] = expires.into();
    }
    status
}

/// Sessions in `default`: running, crashing, stopped, with a lost Pod, half created without labels, and being deleted; and one in
/// another namespace.
pub fn class() -> FakeApi {
    let api = FakeApi::stateful();
    let left = "2026-03-01T14:00:00Z";
    api.put(session(
        "default",
        "alice",
        "alice@example.com",
        status("pending", left),
    ));
    api.put(pod("default", "alice", running()));
    api.put(session(
        "default",
        "bob",
        "bob",
        status("running", "2026-03-01T12:01:30Z"),
    ));
    api.put(pod("default", "bob", crashing()));
    api.put(session(
        "default",
        "carol",
        "carol",
        status("stopped", "2026-03-01T11:00:00Z"),
    ));
    api.put(session("default", "dave", "dave", status("running", "")));
    let mut eve = session("default", "eve", "alice@example.com", Value::Null);
    eve["metadata"]
        .as_object_mut()
        .unwrap()
        .shift_remove("labels");
    api.put(eve);
    let mut frank = session("default", "frank", "frank", status("running", left));
    frank["metadata"]["deletionTimestamp"] = "2026-03-01T11:59:00Z".into();
    api.put(frank);
    api.put(pod("default", "frank", running()));
    api.put(session("team-b", "grace", "bob", status("running", left)));
    api.put(pod("team-b", "grace", running()));
    api
}

pub fn list(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<List>(words)
}

/// Returns the first column of the printed table, without the heading.
pub fn names(played: &Played) -> Vec<&str> {
    let lines = played.done().lines().skip(1);
    lines.map(|line| line.split(' ').next().unwrap()).collect()
}
