//! Scene: a running session.

use kubectl_session_connect::Connect;
use serde_json::{Value, json};
use session_support::{Execution, FakeApi};

use crate::play::{Play, Played};

pub const START: &str = "2026-03-01T10:00:00Z";

/// A server with session `alice`: one Pod `tool-alice` with containers `main` and `side`, and these connection methods.
pub fn server(methods: Value) -> FakeApi {
    let api = FakeApi::stateful();
    let session = api.put(session("alice"));
    let pod = api.put(pod("tool-alice", &session, &["main", "side"]));
    put_status(&api, session, &pod, methods);
    api
}

/// A session with a shell and a web page, in which every command ends at once.
pub fn usual() -> FakeApi {
    let api = server(json!([
        {"name": "shell", "exec": ["/bin/sh", "-l"]},
        {"name": "page", "http": {"port": "web", "path": "/start"}},
    ]));
    api.execute("", Execution::default());
    api
}

pub fn session(name: &str) -> Value {
    json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"userId": "alice", "template": "tool", "startRequest": START, "state": "running"},
    })
}

/// A ready primary Pod owned by `owner`.
pub fn pod(name: &str, owner: &Value, containers: &[&str]) -> Value {
    let containers: Vec<Value> = containers
        .iter()
        .map(|name| json!({"name": name, "ports": [{"name": if *name == "main" { "web" } else { "other" }, "containerPort": 8080}]}))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "default",
            "labels": {"streaming.platform/session": "alice", "streaming.platform/primary": "true"},
            "ownerReferences": [{"apiVersion": owner["apiVersion"], "kind": owner["kind"],
                "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": true}],
        },
        "spec": {"containers": containers},
        "status": {"phase": "Running", "podIP": "10.1.2.3", "conditions": [
            {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]},
    })
}

pub fn put_status(api: &FakeApi, mut session: Value, pod: &Value, methods: Value) {
    session["status"] = json!({
        "phase": "running", "startRequest": START, "startTime": START, "template": "tool",
        "applied": {
            "primary": {"kind": "Pod", "name": "tool-alice", "container": "main"},
            "connect": methods,
            "objects": [{"apiVersion": "v1", "kind": "Pod", "name": "tool-alice", "uid": pod["metadata"]["uid"]}],
        },
    });
    api.put(session);
}

/// Changes the existing session.
pub fn change(api: &FakeApi, change: impl FnOnce(&mut Value)) {
    let mut session = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap();
    change(&mut session);
    api.put(session);
}

pub fn connect(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Connect>(words)
}
