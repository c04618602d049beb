//! Fixtures: objects of a session as the API server returns them.

use serde_json::{Value, json};

pub const KIND: &str = "sessions.streaming.platform";
pub const UID: &str = "5e550000-0000-4000-8000-000000000001";
pub const MADE: &str = "2026-03-01T10:00:00Z";
const READY: &str = "2026-03-01T10:00:05Z";

/// Returns the session `alice` with a template and a Pod as its workload.
pub fn session(phase: &str) -> Value {
    json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "alice", "namespace": "default", "uid": UID, "creationTimestamp": MADE, "generation": 1},
        "spec": {"userId": "alice@example.com", "template": "tool", "preset": "large", "extra": {"kept": true},
            "startRequest": MADE, "state": "running"},
        "status": {"phase": phase, "template": "tool", "startTime": MADE, "startRequest": MADE, "dataPolicy": "keep",
            "expiresAt": "2026-03-01T14:00:00Z",
            "applied": {"templateUID": "7e300000-0000-4000-8000-000000000001", "templateGeneration": 1, "onExpiry": "stop",
                "primary": {"kind": "Pod", "name": "tool-alice", "container": "main"},
                "connect": [{"name": "shell", "exec": ["/bin/sh", "-l"]}, {"name": "web", "http": {"port": 8080}}],
                "objects": [{"apiVersion": "v1", "kind": "Pod", "name": "tool-alice", "uid": "p-1"}]},
            "conditions": [{"type": "Ready", "status": if phase == "running" { "True" } else { "False" },
                "reason": if phase == "running" { "Ready" } else { "NotReady" }, "message": "", "lastTransitionTime": READY}]},
    })
}

pub fn template(generation: i64) -> Value {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: main, image: \"registry.example.com/tool:${TAG:-1}\"}]}\n";
    json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate",
        "metadata": {"name": "tool", "uid": "7e300000-0000-4000-8000-000000000001", "generation": generation},
        "spec": {"manifest": manifest, "generation": generation}})
}

/// Returns a Pod of the workload `owner` (kind, name, UID).
pub fn pod(name: &str, uid: &str, owner: (&str, &str, &str), status: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": uid, "creationTimestamp": MADE,
            "labels": {"streaming.platform/session": "alice", "streaming.platform/primary": "true"},
            "ownerReferences": [{"apiVersion": if owner.0 == "Session" { "streaming.platform/v1" } else { "apps/v1" },
                "kind": owner.0, "name": owner.1, "uid": owner.2, "controller": true}]},
        "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "registry.example.com/tool:1",
            "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "2Gi"}}}]},
        "status": status,
    })
}

pub const OWN: (&str, &str, &str) = ("Session", "alice", UID);

pub fn tool(status: Value) -> Value {
    pod("tool-alice", "p-1", OWN, status)
}

pub fn running() -> Value {
    json!({"phase": "Running", "podIP": "10.1.2.3", "hostIP": "192.0.2.1", "qosClass": "Burstable",
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True", "lastTransitionTime": READY}],
        "containerStatuses": [{"name": "main", "image": "registry.example.com/tool:1", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": "2026-03-01T10:00:03Z"}}}]})
}

/// Returns a container that is waiting for that reason.
pub fn waiting(reason: &str, message: &str) -> Value {
    json!({"phase": "Pending", "podIP": "10.1.2.3", "qosClass": "Burstable",
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False", "lastTransitionTime": MADE}],
        "containerStatuses": [{"name": "main", "image": "registry.example.com/tool:1", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": message}}}]})
}

pub fn crashing() -> Value {
    let mut status = waiting(
        "CrashLoopBackOff",
        "back-off 40s restarting failed container",
    );
    status["phase"] = "Running".into();
    let container = &mut status["containerStatuses"][0];
    container["restartCount"] = 4.into();
    container["lastState"] = json!({"terminated": {"exitCode": 3, "reason": "Error", "finishedAt": "2026-03-01T11:58:00Z"}});
    status
}

pub fn event(
    name: &str,
    about: (&str, &str, &str),
    reason: &str,
    message: &str,
    time: &str,
    count: i64,
) -> Value {
    let warning = ["Failed", "BackOff", "ProvisioningFailed"].contains(&reason);
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default", "creationTimestamp": time},
        "involvedObject": {"kind": about.0, "name": about.1, "uid": about.2, "namespace": "default"},
        "type": if warning { "Warning" } else { "Normal" }, "reason": reason, "message": message,
        "firstTimestamp": "2026-03-01T10:00:01Z", "lastTimestamp": time, "count": count})
}
