//! Scene: a session with claims, a server with the snapshot API, and a minimal CSI driver.

use kubectl_session_snapshot::Snapshot;
use serde_json::{Value, json};
use session_support::{Execution, FakeApi};

use crate::play::{Play, Played};

pub const SESSIONS: &str = "sessions.streaming.platform";
pub const SNAPSHOTS: &str = "volumesnapshots.snapshot.storage.k8s.io";
pub const DRIVER: &str = "disks.example.com";
pub const START: &str = "2026-03-01T10:00:00Z";

/// Behavior of the driver for a new snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Takes the snapshot, which becomes ready.
    Works,
    /// Takes the snapshot, which never becomes ready.
    Cuts,
    /// Reports an error.
    Fails,
    /// Does nothing.
    Hangs,
}

#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub claims: &'a [&'a str],
    pub driver: Driver,
    /// Adds a ready Pod.
    pub runs: bool,
    pub hooks: bool,
}

impl Default for Scene<'_> {
    fn default() -> Self {
        Self {
            claims: &["home-alice"],
            driver: Driver::Works,
            runs: true,
            hooks: true,
        }
    }
}

impl Scene<'_> {
    pub fn server(&self) -> FakeApi {
        self.on(FakeApi::stateful())
    }

    /// Replaces the answer of a hook.
    pub fn server_with(&self, hook: &str, execution: Execution) -> FakeApi {
        let api = FakeApi::stateful();
        api.execute(hook, execution);
        self.on(api)
    }

    fn on(&self, api: FakeApi) -> FakeApi {
        api.serve(
            "snapshot.storage.k8s.io/v1",
            "VolumeSnapshot",
            "volumesnapshots",
            true,
        );
        api.serve(
            "snapshot.storage.k8s.io/v1",
            "VolumeSnapshotClass",
            "volumesnapshotclasses",
            false,
        );
        api.execute("freeze", Execution::default());
        api.execute("thaw", Execution::default());
        api.put(class("cuts", DRIVER, true));
        let driver = self.driver;
        api.react(SNAPSHOTS, move |snapshot| acted(driver, snapshot));
        self.put(&api);
        api
    }

    fn put(&self, api: &FakeApi) {
        let mut session = api.put(json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": "alice", "namespace": "default", "uid": "u-alice"},
            "spec": {"userId": "alice@example.com", "template": "tool", "startRequest": START,
                "state": if self.runs { "running" } else { "stopped" }},
        }));
        let mut applied = json!({"primary": {"kind": "Pod", "name": "tool-alice", "container": "main"}, "objects": []});
        if self.hooks {
            applied["hooks"] = json!({"quiesce": {"command": ["freeze", "/home"]}, "resume": {"command": ["thaw", "/home"]}});
        }
        session["status"] = json!({"phase": if self.runs { "running" } else { "stopped" }, "startRequest": START,
            "startTime": START, "template": "tool", "applied": applied});
        let session = api.put(session);
        if self.runs {
            api.put(pod(&session));
        }
        for name in self.claims {
            api.put(claim(name));
        }
    }
}

pub fn class(name: &str, driver: &str, default: bool) -> Value {
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "driver": driver, "deletionPolicy": "Delete",
        "metadata": {"name": name, "annotations": {"snapshot.storage.kubernetes.io/is-default-class": default.to_string()}}})
}

pub fn metadata(name: &str) -> Value {
    json!({
        "name": name, "namespace": "default",
        "labels": {"app.kubernetes.io/managed-by": "kubectl-session", "streaming.platform/session": "alice",
            "streaming.platform/user": "alice-example.com-ff8d9819"},
        "annotations": {"streaming.platform/user-id": "alice@example.com", "streaming.platform/template": "tool",
            "streaming.platform/session-uid": "u-alice", "streaming.platform/run": "an-earlier-one"},
    })
}

pub fn claim(name: &str) -> Value {
    let mut metadata = metadata(name);
    metadata["annotations"]["volume.kubernetes.io/storage-provisioner"] = DRIVER.into();
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata,
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "volumeMode": "Filesystem",
            "volumeName": format!("pvc-{name}"), "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}})
}

fn pod(session: &Value) -> Value {
    let mut metadata = metadata("tool-alice");
    metadata["labels"]["streaming.platform/primary"] = "true".into();
    metadata["ownerReferences"] = json!([{"apiVersion": session["apiVersion"], "kind": "Session", "name": "alice",
        "uid": session["metadata"]["uid"], "controller": true}]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Running", "conditions": [
            {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]}})
}

fn acted(driver: Driver, snapshot: &Value) -> Vec<Value> {
    if !snapshot["status"].is_null() || driver == Driver::Hangs {
        return Vec::new();
    }
    let mut snapshot = snapshot.clone();
    snapshot["status"] = match driver {
        Driver::Fails => json!({"readyToUse": false, "error": {"message": "the array is on fire"}}),
        _ => {
            json!({"readyToUse": driver == Driver::Works, "restoreSize": "1Gi", "creationTime": START,
            "boundVolumeSnapshotContentName": "snapcontent-1"})
        }
    };
    vec![snapshot]
}

pub fn snapshot(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Snapshot>(words)
}

/// All requests in order, one line each.
pub fn requests(api: &FakeApi) -> String {
    api.lines().iter().map(|line| format!("{line}\n")).collect()
}
