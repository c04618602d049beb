//! Fixtures: running sessions with a size, and a fake kubelet.

use kubectl_session_resize::Resize;
use serde_json::{Value, json};
use session_support::FakeApi;

use crate::play::{Play, Played};

pub const KIND: &str = "sessions.streaming.platform";
const START: &str = "2026-03-01T10:00:00Z";

/// Limits of 1 CPU and 1Gi, with half of that requested.
pub fn half() -> Value {
    json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "512Mi"}})
}

/// Returns a server with session alice, whose workload has that kind and these resources; its Pod runs on node-1.
pub fn server(kind: &str, resources: &Value) -> FakeApi {
    let api = FakeApi::stateful();
    let mut session = api.put(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "alice", "namespace": "default", "labels": {"streaming.platform/user": "alice"}},
        "spec": {"userId": "alice", "template": "tool", "startRequest": START, "state": "running"},
    }));
    let containers = json!([{"name": "side"}, {"name": "main", "resources": resources}]);
    let mut workload = Value::Null;
    if kind != "Pod" {
        workload = api.put(
            json!({"apiVersion": "apps/v1", "kind": kind, "metadata": owned("tool-alice", &session),
            "spec": {"replicas": 1, "template": {"spec": {"containers": containers}}}}),
        );
    }
    let owner = if workload.is_null() {
        &session
    } else {
        &workload
    };
    let mut metadata = owned("tool-alice-0", owner);
    metadata["labels"]["streaming.platform/primary"] = "true".into();
    let actual = json!({"name": "main", "ready": true, "restartCount": 0, "image": "", "imageID": "",
        "state": {"running": {"startedAt": START}}, "resources": resources, "allocatedResources": resources["requests"]});
    let pod = api.put(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {"nodeName": "node-1", "containers": containers},
        "status": {"phase": "Running", "containerStatuses": [actual], "conditions": [
            {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]},
    }));
    let primary = if workload.is_null() { &pod } else { &workload };
    let uid = primary["metadata"]["uid"].clone();
    let primary = json!({"kind": kind, "name": primary["metadata"]["name"], "container": "main"});
    session["status"] = json!({
        "phase": "running", "startRequest": START, "startTime": START, "template": "tool",
        "applied": {"primary": primary, "objects": [{"apiVersion": if kind == "Pod" { "v1" } else { "apps/v1" }, "kind": kind,
            "name": primary["name"], "uid": uid}]},
    });
    api.put(session);
    api.put(
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}}),
    );
    api
}

fn owned(name: &str, owner: &Value) -> Value {
    json!({
        "name": name, "namespace": "default",
        "labels": {"streaming.platform/session": "alice", "streaming.platform/user": "alice"},
        "annotations": {"streaming.platform/user-id": "alice"},
        "ownerReferences": [{"apiVersion": owner["apiVersion"], "kind": owner["kind"],
            "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": true}],
    })
}

/// Adds a kubelet that completes every resize.
pub fn obeying(api: &FakeApi) {
    api.react("pods", |pod| {
        let mut after = pod.clone();
        let wanted = pod["spec"]["containers"][1]["resources"].clone();
        let actual = &mut after["status"]["containerStatuses"][0];
        actual["allocatedResources"] = wanted["requests"].clone();
        actual["resources"] = wanted;
        if after == *pod { vec![] } else { vec![after] }
    });
}

/// Adds a kubelet that answers every resize with a condition and does not resize the container.
pub fn answering(api: &FakeApi, r#type: &'static str, reason: &'static str, message: &'static str) {
    api.react("pods", move |pod| {
        let mut after = pod.clone();
        let wanted = &pod["spec"]["containers"][1]["resources"];
        let same = *wanted == pod["status"]["containerStatuses"][0]["resources"];
        let said = json!({"type": r#type, "status": "True", "reason": reason, "message": message});
        let conditions = after["status"]["conditions"].as_array_mut().unwrap();
        conditions.retain(|condition| condition["type"] != r#type);
        if !same {
            conditions.push(said);
        }
        if after == *pod { vec![] } else { vec![after] }
    });
}

/// Adds another Pod on node-1.
pub fn neighbour(api: &FakeApi, cpu: &str) {
    api.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "other", "namespace": "others"},
        "spec": {"nodeName": "node-1", "containers": [{"name": "x", "resources": {"requests": {"cpu": cpu}}}]},
        "status": {"phase": "Running"}}));
}

pub fn resize(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Resize>(words)
}

pub fn session(api: &FakeApi) -> Value {
    api.object(KIND, "default", "alice").unwrap()
}

/// Returns the `resources` of the container in the Pod.
pub fn resources(api: &FakeApi) -> Value {
    let pod = api.object("pods", "default", "tool-alice-0").unwrap();
    pod["spec"]["containers"][1]["resources"].clone()
}

/// Returns the writes that the server persisted.
pub fn kept(api: &FakeApi) -> Vec<String> {
    let all = api.writes().into_iter();
    all.map(|write| format!("{} {}", write.method, write.path))
        .collect()
}

/// Returns streams and requests in the form of the golden files.
pub fn told(api: &FakeApi, played: &Played) -> String {
    let lines: String = api.lines().iter().map(|line| format!("{line}\n")).collect();
    format!("{}--- requests\n{lines}", played.text())
}
