//! Scene: the template `tool`, with an object of every tier and a generated password, and the observed requests.

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_support::{FakeApi, Recorded};

use crate::play::{Play, Played};

/// The template's manifest, in an order that differs from the order of creation.
const MANIFEST: &str = r#"
apiVersion: v1
kind: Pod
metadata:
  name: tool-${SESSION_ID}
  labels: {app: tool}
spec:
  restartPolicy: Never
  serviceAccountName: tool-${SESSION_ID}
  containers:
  - name: main
    image: "${IMAGE:-tool:1}"
    env:
    - name: PASSWORD
      valueFrom: {secretKeyRef: {name: "tool-${SESSION_ID}", key: password}}
  volumes: [{name: home, persistentVolumeClaim: {claimName: "home-${SESSION_ID}"}}]
---
apiVersion: v1
kind: Service
metadata: {name: "tool-${SESSION_ID}"}
spec:
  selector: {app: tool}
  ports: [{name: http, port: 80}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "home-${SESSION_ID}"}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: "${SIZE}"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "tool-${SESSION_ID}"}
data: {owner: "${USER_ID}"}
---
apiVersion: v1
kind: Secret
metadata: {name: "tool-${SESSION_ID}"}
stringData: {password: "${PASSWORD}"}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: "tool-${SESSION_ID}"}
"#;

/// Objects that `create alice --template tool` creates, in order.
pub const MADE: [&str; 8] = [
    "sessions.streaming.platform/alice",
    "secrets/session-alice-parameters",
    "serviceaccounts/tool-alice",
    "configmaps/tool-alice",
    "secrets/tool-alice",
    "persistentvolumeclaims/home-alice",
    "services/tool-alice",
    "pods/tool-alice",
];

pub fn template() -> Value {
    json!({
        "apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {
            "parameters": [
                {"name": "PASSWORD", "type": "secret", "generate": {"length": 24}},
                {"name": "SIZE", "type": "quantity", "default": "1Gi"},
            ],
            "primary": {"kind": "Pod", "name": "tool-${SESSION_ID}", "container": "main"},
            "connect": [{"name": "shell", "exec": ["/bin/sh", "-c", "echo hi"]}],
            "lifetime": {"timeout": "2h"},
            "manifest": MANIFEST,
        },
    })
}

/// A server with the template, on which no Pod becomes ready.
pub fn server() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(template());
    api
}

pub fn create(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Create>(words)
}

/// Every POST except reviews, as `resource/name`.
pub fn made(api: &FakeApi) -> Vec<String> {
    let posts = posts(api);
    posts.iter().map(subject).collect()
}

pub fn posts(api: &FakeApi) -> Vec<Recorded> {
    let all = api.requests().into_iter();
    all.filter(|request| request.method == "POST" && !request.path.ends_with("reviews"))
        .collect()
}

/// Object of a request, as `resource/name`; for a POST the name is in the body.
pub fn subject(request: &Recorded) -> String {
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["apis", group, _, rest @ ..] => (*group, rest),
        ["api", _, rest @ ..] => ("", rest),
        _ => panic!("{}", request.path),
    };
    let rest = match rest {
        ["namespaces", _, inner @ ..] if !inner.is_empty() => inner,
        rest => rest,
    };
    let dot = if group.is_empty() { "" } else { "." };
    let body = request.json();
    let name = match rest.get(1) {
        Some(name) => (*name).to_owned(),
        None => body["metadata"]["name"].as_str().unwrap_or("").to_owned(),
    };
    format!("{}{dot}{group}/{name}", rest[0])
}

/// Every DELETE: object, UID precondition and propagation policy.
pub fn deletions(api: &FakeApi) -> Vec<(String, String, String)> {
    let all = api.requests().into_iter();
    let deletes = all.filter(|request| request.method == "DELETE");
    deletes
        .map(|request| {
            let body = request.json();
            let word = |pointer: &str| {
                let found = body.pointer(pointer).and_then(Value::as_str);
                found.unwrap_or_default().to_owned()
            };
            let uid = word("/preconditions/uid");
            (subject(&request), uid, word("/propagationPolicy"))
        })
        .collect()
}

/// All objects except templates, as `resource/name`.
pub fn left(api: &FakeApi) -> Vec<String> {
    let kinds = [
        "namespaces",
        "sessions.streaming.platform",
        "secrets",
        "serviceaccounts",
        "configmaps",
        "persistentvolumeclaims",
        "services",
        "pods",
    ];
    let named = |kind: &str| -> Vec<String> {
        let objects = api.objects(kind);
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
        objects
            .iter()
            .map(|object| format!("{kind}/{}", name(object)))
            .collect()
    };
    kinds.iter().flat_map(|kind| named(kind)).collect()
}

/// A Pod whose probes succeed, as the kubelet reports it.
pub fn ready(pod: &Value) -> Value {
    let mut pod = pod.clone();
    pod["spec"]["nodeName"] = "node-1".into();
    pod["status"] = json!({
        "phase": "Running", "podIP": "10.0.0.7", "hostIP": "192.0.2.1",
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True"},
        ],
        "containerStatuses": [{"name": "main", "image": "tool:1", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": "2026-03-01T12:00:00Z"}}}],
    });
    pod
}

/// A Pod whose container waits for `reason`.
pub fn waiting(pod: &Value, reason: &str, message: &str) -> Value {
    let mut pod = pod.clone();
    pod["status"] = json!({
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "main", "image": "tool:1", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": message}}}],
    });
    pod
}

/// Requests of a run, one line each.
pub fn lines(api: &FakeApi) -> String {
    api.lines().iter().map(|line| format!("{line}\n")).collect()
}
