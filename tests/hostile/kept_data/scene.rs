//! Alice's session on a server in the small, and what is seen of a call.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
pub(super) use session_support::session_fixture::{SESSIONS, START};
use session_support::{FakeApi, Output, SessionFixture, run_binary};

pub(super) const SNAPSHOTS: &str = "volumesnapshots.snapshot.storage.k8s.io";
pub(super) const CLAIMS: &str = "persistentvolumeclaims";
pub(super) const PARAMETERS: &str = "session-alice-parameters";
pub(super) const LOGGED: &str = "2026-03-01T10:00:01.000000000Z";

pub(super) fn call(api: &FakeApi, words: &str) -> Output {
    let server = api.listen();
    let config = server.kubeconfig().to_string_lossy().into_owned();
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session"));
    let words: Vec<&str> = words.split_whitespace().collect();
    run_binary(program, &words, &[("KUBECONFIG", &config)], "")
}

pub(super) fn succeeds(api: &FakeApi, words: &str) -> Result<Output> {
    let output = call(api, words);
    ensure!(output.code == 0, "{words}: {output:#?}");
    Ok(output)
}

pub(super) fn fails(api: &FakeApi, words: &str, because: &str) -> Result<Output> {
    let output = call(api, words);
    ensure!(output.code == 1, "{words}: {output:#?}");
    says(&output, because)?;
    Ok(output)
}

pub(super) fn says(output: &Output, part: &str) -> Result<()> {
    ensure!(output.stderr.contains(part), "no {part:?} in {output:#?}");
    Ok(())
}

pub(super) fn names(api: &FakeApi, kind: &str) -> Vec<String> {
    let objects = api.objects(kind).into_iter();
    let name = |object: Value| object["metadata"]["name"].as_str().map(str::to_owned);
    objects.filter_map(name).collect()
}

pub(super) fn leaves(api: &FakeApi, kind: &str, wanted: &[&str]) -> Result<()> {
    let left = names(api, kind);
    ensure!(left == wanted, "left: {left:?}");
    Ok(())
}

pub(super) fn asked_for(api: &FakeApi, part: &str) -> bool {
    api.lines().iter().any(|line| line.contains(part))
}

pub(super) const MANIFEST: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: "tool-${SESSION_ID}"}
spec: {containers: [{name: main, image: x}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "home-${SESSION_ID}"}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Secret
metadata: {name: "tool-${SESSION_ID}"}
stringData: {password: "${PASSWORD}"}
"#;

/// A server with a template that has a claim and a password, and one that has neither.
pub(super) fn server() -> FakeApi {
    let api = FakeApi::stateful();
    api.serve(
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshot",
        "volumesnapshots",
        true,
    );
    let template = |name: &str, manifest: &str| {
        json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate",
            "metadata": {"name": name}, "spec": {"manifest": manifest}})
    };
    let mut tool = template("tool", MANIFEST);
    tool["spec"]["parameters"] =
        json!([{"name": "PASSWORD", "type": "secret", "generate": {"length": 24}}]);
    tool["spec"]["primary"] =
        json!({"kind": "Pod", "name": "tool-${SESSION_ID}", "container": "main"});
    api.put(tool);
    let pod = MANIFEST.split("---").next().unwrap_or_default();
    api.put(template("bare", pod));
    for class in ["fast", "slow"] {
        api.put(
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": class}, "provisioner": "disks.example.com"}),
        );
    }
    api
}

/// Alice's session, started; `objects` are what its start recorded: kind, name and UID.
pub(super) fn session(
    api: &FakeApi,
    state: &str,
    primary: &str,
    objects: &[(&str, &Value)],
) -> Value {
    let mut session = sessions_of(api, state);
    let recorded: Vec<Value> = objects
        .iter()
        .map(|(kind, object)| {
            json!({"apiVersion": object["apiVersion"], "kind": kind,
            "name": object["metadata"]["name"], "uid": object["metadata"]["uid"]})
        })
        .collect();
    let phase = if state == "running" {
        "running"
    } else {
        "stopped"
    };
    session["status"] = json!({"phase": phase, "startRequest": START, "startTime": START, "template": "tool",
        "applied": {"primary": {"kind": primary, "name": "tool-alice", "container": "main"}, "objects": recorded}});
    api.put(session)
}

pub(super) fn sessions_of(api: &FakeApi, state: &str) -> Value {
    api.object(SESSIONS, "default", "alice").unwrap_or_else(|| {
        api.put(json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": "alice", "namespace": "default", "uid": "S"},
            "spec": {"userId": "alice", "template": "tool", "startRequest": START, "state": state}}))
    })
}

fn fixture() -> SessionFixture {
    SessionFixture::running("alice").session_fields(json!({"metadata": {"uid": "S"}}))
}

pub(super) fn metadata(name: &str) -> Value {
    let mut metadata = fixture().metadata(name);
    metadata["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
    metadata
}

/// A ready Pod that names `owner`.
pub(super) fn pod(name: &str, owner: &Value) -> Value {
    let container = json!({"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 0,
        "containerID": "c://1", "state": {"running": {}}});
    fixture()
        .pod_name(name)
        .pod_fields(json!({"status": {"containerStatuses": [container]}}))
        .pod(owner)
}

pub(super) fn kept_claim(name: &str) -> Value {
    let mut metadata = metadata(name);
    metadata["annotations"]["streaming.platform/kept-since"] = "2026-02-01T00:00:00Z".into();
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata,
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "slow", "volumeName": "v",
            "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}})
}
