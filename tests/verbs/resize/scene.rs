//! Fixtures: running sessions with a size, and a fake kubelet.

use kubectl_session_resize::Resize;
use serde_json::{Value, json};
pub use session_support::session_fixture::SESSIONS;
use session_support::session_fixture::START;
use session_support::{Answer, FakeApi, SessionFixture};

use crate::play::{Play, Played};

/// Limits of 1 CPU and 1Gi, with half of that requested.
pub fn half() -> Value {
    json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "512Mi"}})
}

/// Returns a server with session alice, whose workload has that kind and these resources; its Pod runs on node-1.
pub fn server(kind: &str, resources: &Value) -> FakeApi {
    let api = FakeApi::stateful();
    let container = json!({"name": "main", "ready": true, "restartCount": 0, "image": "", "imageID": "",
        "state": {"running": {"startedAt": START}}, "resources": resources, "allocatedResources": resources["requests"]});
    SessionFixture::running("alice")
        .pod_name("tool-alice-0")
        .workload(kind, 1)
        .pod_fields(json!({
            "spec": {"nodeName": "node-1", "containers": [{"name": "side"}, {"name": "main", "resources": resources}]},
            "status": {"containerStatuses": [container]},
        }))
        .put(&api);
    api.put(
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}}),
    );
    api
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
    api.object(SESSIONS, "default", "alice").unwrap()
}

/// Returns the `resources` of the container in the Pod.
pub fn resources(api: &FakeApi) -> Value {
    let pod = api.object("pods", "default", "tool-alice-0").unwrap();
    pod["spec"]["containers"][1]["resources"].clone()
}

/// Lets the admission policy refuse every change of the session.
pub fn deny_change(api: &FakeApi) {
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions/alice";
    let why = "the session belongs to 'alice', but you are 'bobby'";
    api.on("PATCH", path, Answer::denied_by_policy("alice", why));
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
