//! Resize with --restart: the session is stopped and started if a resize in place is impossible.

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::play::Play;
use crate::scene::{kept, resize, session, told};

pub const MANIFEST: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: "tool-${SESSION_ID}"}
spec:
  containers:
  - name: main
    image: tool:1
    resources: {limits: {cpu: "2", memory: 1Gi}, requests: {cpu: "1", memory: 512Mi}}
  volumes: [{name: home, persistentVolumeClaim: {claimName: "home-${SESSION_ID}"}}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "home-${SESSION_ID}"}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"#;

/// Returns a server with session alice that cannot lower memory in place.
pub fn running() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {"manifest": MANIFEST}}));
    api.react("pods", |pod| {
        if pod["status"]["phase"].is_string() {
            return Vec::new();
        }
        let mut pod = pod.clone();
        pod["spec"]["nodeName"] = "node-1".into();
        pod["status"] = json!({"phase": "Running",
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                "state": {"running": {"startedAt": "2026-03-01T12:00:00Z"}}}]});
        vec![pod]
    });
    Play::on(&api).run::<Create>("alice --template tool").done();
    let cause = "Forbidden: memory limits cannot be decreased";
    let causes = [("spec.containers[0].resources.limits", cause)];
    let answer = Answer::invalid("", "Pod", "tool-alice", &causes);
    let path = "/api/v1/namespaces/default/pods/tool-alice/resize";
    api.on("PATCH", path, answer);
    api.forget_requests();
    api
}

fn limits(api: &FakeApi) -> Value {
    let pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["spec"]["containers"][0]["resources"].clone()
}

#[test]
fn it_is_stopped_and_started_with_the_new_size() {
    let api = running();
    let before = api.object("pods", "default", "tool-alice").unwrap();
    let played = resize(&api, "alice --memory 512Mi --restart");
    golden("resize-restart.txt", &told(&api, &played));
    let after = api.object("pods", "default", "tool-alice").unwrap();
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(
        limits(&api),
        json!({"limits": {"cpu": "2", "memory": "512Mi"}, "requests": {"cpu": "1", "memory": "256Mi"}})
    );
    let alice = session(&api);
    assert_eq!(alice["spec"]["resources"], json!({"memory": "512Mi"}));
    assert_eq!(alice["status"]["phase"], "running");
}

#[test]
fn without_the_word_nothing_happens() {
    let api = running();
    let played = resize(&api, "alice --memory 512Mi");
    assert!(
        played
            .failed()
            .contains("add --restart to stop the session and start it with the new size"),
        "{played:?}"
    );
    assert_eq!(kept(&api), Vec::<String>::new());
}

#[test]
fn a_deferred_resize_is_restarted_without_a_change_of_size() {
    let api = running();
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["status"]["conditions"] = json!([{ "type": "PodResizePending", "status": "True", "reason": "Deferred",
        "message": "Node didn't have enough resource: cpu" }, { "type": "Ready", "status": "True" }]);
    let before = api.put(pod);
    // Without the flag the command waits for the kubelet.
    resize(&api, "alice --cpu 2 --timeout=50ms").failed();
    let same = api.object("pods", "default", "tool-alice").unwrap();
    assert_eq!(same["metadata"]["uid"], before["metadata"]["uid"]);
    resize(&api, "alice --cpu 2 --restart").done();
    let after = api.object("pods", "default", "tool-alice").unwrap();
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);
}

#[test]
fn data_that_no_claim_keeps_needs_a_word() {
    let api = running();
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["spec"]["volumes"] = json!([]);
    api.put(pod);
    api.remove("persistentvolumeclaims", "default", "home-alice");
    let played = resize(&api, "alice --memory 512Mi --restart");
    let text = "restarting would destroy data: pod/tool-alice (container files)";
    assert!(played.failed().contains(text), "{played:?}");
    assert_eq!(kept(&api), Vec::<String>::new());
    resize(&api, "alice --memory 512Mi --restart -y").done();
    assert_eq!(limits(&api)["limits"]["memory"], "512Mi");
}

#[test]
fn a_rehearsal_restarts_nothing() {
    let api = running();
    for words in ["--dry-run=client", "--dry-run=server"] {
        let played = resize(&api, &format!("alice --memory 512Mi --restart {words}"));
        // A client dry run sends no write, so the server's refusal is not known.
        assert!(
            played
                .done()
                .starts_with("session.streaming.platform/alice resized"),
            "{played:?}"
        );
        assert_eq!(kept(&api), Vec::<String>::new());
    }
    assert_eq!(limits(&api)["limits"]["memory"], "1Gi");
}
