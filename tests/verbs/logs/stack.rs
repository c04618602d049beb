//! Fixtures: a session with a StatefulSet, a Deployment of two Pods, and containers of every kind.

use kubectl_session_logs::Logs;
use serde_json::{Value, json};
use session_support::{FakeApi, session_fixture};

use crate::play::{Play, Played};

pub const SESSIONS: &str = "sessions.streaming.platform";

/// Returns the session; `container` is the primary container of the template.
pub fn session(api: &FakeApi, container: Option<&str>) -> Value {
    api.put(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "pr", "namespace": "default"},
        "spec": {"userId": "alice", "template": "preview", "state": "running"},
        "status": {"phase": "running", "applied": {
            "primary": {"kind": "StatefulSet", "name": "db", "container": container},
            "objects": [
                {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u-StatefulSet-db"},
                {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "uid": "u-Deployment-api"},
                {"apiVersion": "v1", "kind": "Service", "name": "api", "uid": ""},
            ],
        }},
    }))
}

/// Returns an object with an owner.
pub fn owned(api: &FakeApi, api_version: &str, kind: &str, name: &str, owner: &Value) -> Value {
    let metadata = json!({"name": name, "namespace": "default", "labels": {"streaming.platform/session": "pr"}});
    let object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata});
    let mut object = session_fixture::owned(object, owner);
    if kind != "Pod" {
        object["metadata"]["uid"] = format!("u-{kind}-{name}").into();
    } else {
        object["spec"] = json!({"restartPolicy": "Always", "containers": [{"name": "main"}, {"name": "side"}],
            "initContainers": [{"name": "prepare"}], "ephemeralContainers": [{"name": "debug"}]});
        object["status"] = json!({"phase": "Running", "containerStatuses": [
            status("main", "c://1", running(), json!({})), status("side", "c://2", running(), json!({}))]});
    }
    api.put(object)
}

pub fn status(name: &str, id: &str, state: Value, last: Value) -> Value {
    json!({"name": name, "containerID": id, "state": state, "lastState": last,
        "image": "", "imageID": "", "ready": true, "restartCount": 0})
}

pub fn running() -> Value {
    json!({"running": {}})
}

pub fn terminated(id: &str) -> Value {
    json!({"terminated": {"exitCode": 1, "containerID": id}})
}

/// Returns an API with all objects, and the line `POD/CONTAINER` in every log.
pub fn stack() -> FakeApi {
    stack_with(Some("main"))
}

pub fn stack_with(container: Option<&str>) -> FakeApi {
    let api = FakeApi::stateful();
    let session = session(&api, container);
    let set = owned(&api, "apps/v1", "StatefulSet", "db", &session);
    owned(&api, "v1", "Pod", "db-0", &set);
    let deployment = owned(&api, "apps/v1", "Deployment", "api", &session);
    let replicas = owned(&api, "apps/v1", "ReplicaSet", "api-5d", &deployment);
    owned(&api, "v1", "Pod", "api-a", &replicas);
    owned(&api, "v1", "Pod", "api-b", &replicas);
    // Somebody else's Pod that wears the label.
    let foreign =
        json!({"apiVersion": "v1", "kind": "Job", "metadata": {"name": "other", "uid": "other"}});
    owned(&api, "v1", "Pod", "foreign", &foreign);
    for pod in ["db-0", "api-a", "api-b"] {
        for container in ["prepare", "main", "side", "debug"] {
            api.write_log(
                pod,
                container,
                &time(0),
                format!("{pod}/{container}\n").as_bytes(),
            );
            if container != "main" && container != "side" {
                api.end_run(pod, container);
            }
        }
    }
    api
}

/// Returns the time that many nanoseconds after the first line.
pub fn time(nanoseconds: u32) -> String {
    format!("2026-03-01T12:00:00.{nanoseconds:09}Z")
}

pub fn logs(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Logs>(words)
}
