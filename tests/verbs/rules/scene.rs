//! Servers for the rules: with what each verb needs, and with nobody to carry out what it wants.

use serde_json::{Value, json};
use session_shared::labels;
use session_support::session_fixture::{SESSIONS, ready_pod_status};
use session_support::{Answer, Execution, FakeApi, SessionFixture};

const SNAPSHOTS: &str = "volumesnapshots.snapshot.storage.k8s.io";
const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";
const DRIVER: &str = "disks.example.com";

/// Session alice as the verb wants it: stopped for a start, otherwise running with data in a claim.
pub(super) fn session(verb: &str) -> SessionFixture {
    let resources = json!({"limits": {"cpu": "1"}, "requests": {"cpu": "1"}});
    let container = json!({"name": "main", "image": "tool:1", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {"startedAt": "2026-03-01T10:00:00Z"}}, "resources": resources,
        "allocatedResources": resources["requests"]});
    let session = SessionFixture::running("alice")
        .home()
        .service()
        .secret()
        .sync()
        // The server computes ages by its own clock: this one is always new.
        .session_fields(json!({"metadata": {"creationTimestamp": "2999-01-01T00:00:00Z"}}))
        .status(json!({"expiresAt": "2026-03-01T13:00:00Z"}))
        .pod_fields(json!({
            "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "tool:1", "resources": resources}]},
            "status": {"containerStatuses": [container]},
        }));
    match verb {
        "start" => session.at_rest(),
        "cleanup" => session.status(
            json!({"expiresAt": "2026-03-01T11:00:00Z", "applied": {"onExpiry": "delete"}}),
        ),
        _ => session,
    }
}

/// A server on which everything that a verb wants comes to pass at once.
pub(super) fn server(verb: &str) -> FakeApi {
    let api = with_session(verb, session(verb));
    api.react("pods", kubelet);
    api.react(SNAPSHOTS, |snapshot| {
        with_status(
            snapshot,
            json!({"readyToUse": true, "restoreSize": "1Gi",
            "creationTime": "2026-03-01T12:00:00Z", "boundVolumeSnapshotContentName": "content-1"}),
        )
    });
    api.react("persistentvolumeclaims", |claim| {
        with_status(
            claim,
            json!({"phase": "Bound", "capacity": {"storage": "1Gi"}}),
        )
    });
    api.react("resourcequotas", |quota| {
        let hard = &quota["spec"]["hard"];
        with_status(quota, json!({"hard": hard, "used": hard}))
    });
    api.react(DEFINITIONS, |definition| {
        with_status(definition, json!({"conditions": [
            {"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}]}))
    });
    api
}

/// A server on which nobody does anything: no kubelet, no CSI driver; Pods stay.
pub(super) fn stalled(verb: &str) -> FakeApi {
    let session =
        session(verb).pod_fields(json!({"metadata": {"finalizers": ["example.com/kubelet"]}}));
    with_session(
        verb,
        match verb {
            "connect" => SessionFixture::pending("alice").home(),
            _ => session,
        },
    )
}

fn with_session(verb: &str, session: SessionFixture) -> FakeApi {
    let api = FakeApi::stateful();
    let group = "snapshot.storage.k8s.io/v1";
    api.serve(group, "VolumeSnapshot", "volumesnapshots", true);
    api.serve(group, "VolumeSnapshotClass", "volumesnapshotclasses", false);
    if verb == "setup" {
        api.unguarded();
        return api;
    }
    api.execute("", Execution::default());
    let summary = Answer::ok(json!({"pods": []}));
    api.on("GET", "/api/v1/nodes/*/proxy/stats/summary", summary);
    api.put(json!({"apiVersion": group, "kind": "VolumeSnapshotClass", "driver": DRIVER, "deletionPolicy": "Delete",
        "metadata": {"name": "cuts", "annotations": {"snapshot.storage.kubernetes.io/is-default-class": "true"}}}));
    api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
        "provisioner": DRIVER, "volumeBindingMode": "Immediate"}));
    api.put(
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}}),
    );
    api.put(json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {"lifetime": {"timeout": "2h", "maximum": "24h"}, "manifest": MANIFEST}}));
    if verb != "create" {
        session.put(&api);
        let mut claim = api
            .object("persistentvolumeclaims", "default", "home-alice")
            .unwrap();
        claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"] =
            DRIVER.into();
        api.put(claim);
        if api.object("pods", "default", "tool-alice").is_some() {
            api.write_log("tool-alice", "main", "2026-03-01T10:00:00Z", b"hello\n");
        }
    }
    api.forget_requests();
    api
}

const MANIFEST: &str = r#"apiVersion: v1
kind: Pod
metadata: {name: "tool-${SESSION_ID}"}
spec:
  containers: [{name: main, image: "tool:1", resources: {limits: {cpu: "1"}, requests: {cpu: "1"}}}]
  volumes: [{name: home, persistentVolumeClaim: {claimName: "home-${SESSION_ID}"}}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "home-${SESSION_ID}"}
spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}
"#;

/// Makes new Pods ready and resizes those that run.
fn kubelet(pod: &Value) -> Vec<Value> {
    let mut after = pod.clone();
    let resources = pod["spec"]["containers"][0]["resources"].clone();
    if pod["status"]["phase"].is_null() {
        after["status"] = ready_pod_status();
        after["status"]["containerStatuses"] = json!([{"name": "main", "image": "tool:1", "imageID": "", "ready": true,
            "restartCount": 0, "state": {"running": {"startedAt": "2026-03-01T12:00:00Z"}}}]);
    }
    if let Some(container) = after.pointer_mut("/status/containerStatuses/0") {
        container["allocatedResources"] = resources["requests"].clone();
        container["resources"] = resources;
    }
    if after == *pod { vec![] } else { vec![after] }
}

fn with_status(object: &Value, status: Value) -> Vec<Value> {
    if !object["status"].is_null() {
        return Vec::new();
    }
    let mut object = object.clone();
    object["status"] = status;
    vec![object]
}

/// A controller in the small: it says that what is asked for is done.
pub(super) fn controlled(session: &Value) -> Vec<Value> {
    let mut after = session.clone();
    after["status"]["startRequest"] = session["spec"]["startRequest"].clone();
    after["status"]["observedGeneration"] = session["metadata"]["generation"].clone();
    after["status"]["phase"] = match session["spec"]["state"].as_str() {
        Some("stopped") => "stopped".into(),
        _ => "running".into(),
    };
    if after == *session {
        vec![]
    } else {
        vec![after]
    }
}

/// Claim `bobs`, which wears the labels of alice's session.
pub(super) fn claim_of_another() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Bound"},
        "metadata": {"name": "bobs", "namespace": "default", "annotations": {labels::USER_ID: "bob"},
            "labels": {labels::SESSION: "alice", labels::USER: "alice"}}})
}

/// All objects of the types that verbs change.
pub(super) fn objects(api: &FakeApi) -> Vec<Value> {
    let kinds = [
        SESSIONS,
        "pods",
        "services",
        "persistentvolumeclaims",
        "secrets",
        SNAPSHOTS,
        DEFINITIONS,
        "sessiontemplates.streaming.platform",
        "namespaces",
    ];
    kinds.iter().flat_map(|kind| api.objects(kind)).collect()
}
