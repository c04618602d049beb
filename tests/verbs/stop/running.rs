//! Fixtures: running sessions as `create` leaves them, and the writes of a stop.

use kubectl_session_stop::Stop;
use serde_json::{Value, json};
use session_support::{Execution, FakeApi, Recorded};

use crate::play::{Play, Played};

pub const KIND: &str = "sessions.streaming.platform";
const START: &str = "2026-03-01T10:00:00Z";

/// A running session.
#[derive(Clone, Copy)]
pub struct Running<'a> {
    pub name: &'a str,
    /// Kind of its workload: Pod, StatefulSet or Deployment.
    pub kind: &'a str,
    pub sync: bool,
    pub claim: bool,
    /// Replicas of its workload, if it is not a Pod.
    pub replicas: u32,
    /// The Pod has a finalizer and stays until that is removed.
    pub lingers: bool,
}

impl Default for Running<'_> {
    fn default() -> Self {
        Self {
            name: "alice",
            kind: "Pod",
            sync: true,
            claim: true,
            replicas: 2,
            lingers: false,
        }
    }
}

impl Running<'_> {
    /// Returns a server with the session.
    pub fn server(&self) -> FakeApi {
        let api = FakeApi::stateful();
        api.execute("sync-home", Execution::default());
        self.put(&api);
        api
    }

    pub fn put(&self, api: &FakeApi) {
        let name = self.name;
        let session = api.put(self.session());
        let mut owner = session.clone();
        let mut workload = Value::Null;
        if self.kind != "Pod" {
            workload = api.put(json!({"apiVersion": "apps/v1", "kind": self.kind,
                "metadata": self.metadata(&format!("tool-{name}"), Some(&session)), "spec": {"replicas": self.replicas}}));
            owner = workload.clone();
        }
        let pod = api.put(self.pod(&owner));
        if workload.is_null() {
            workload = pod;
        }
        api.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": self.metadata(&format!("tool-{name}"), Some(&session))}));
        if self.claim {
            let claim = self.metadata(&format!("home-{name}"), None);
            api.put(
                json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": claim}),
            );
        }
        let mut session = session;
        session["status"] = self.status(&workload);
        api.put(session);
    }

    fn session(&self) -> Value {
        json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": self.name, "namespace": "default", "labels": {"streaming.platform/user": "alice"}},
            "spec": {"userId": "alice", "template": "tool", "startRequest": START, "state": "running"},
        })
    }

    fn metadata(&self, name: &str, owner: Option<&Value>) -> Value {
        let mut metadata = json!({
            "name": name, "namespace": "default",
            "labels": {"streaming.platform/session": self.name, "streaming.platform/user": "alice"},
            "annotations": {"streaming.platform/user-id": "alice"},
        });
        if let Some(owner) = owner {
            metadata["ownerReferences"] = json!([{"apiVersion": owner["apiVersion"], "kind": owner["kind"],
                "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": true}]);
        }
        metadata
    }

    fn pod(&self, owner: &Value) -> Value {
        let mut metadata = self.metadata(&format!("tool-{}", self.name), Some(owner));
        metadata["labels"]["streaming.platform/primary"] = "true".into();
        if self.lingers {
            metadata["finalizers"] = json!(["example.com/kubelet"]);
        }
        let mut spec = json!({"containers": [{"name": "main"}]});
        if self.claim {
            let claim = json!({"claimName": format!("home-{}", self.name)});
            spec["volumes"] = json!([{"name": "home", "persistentVolumeClaim": claim}]);
        }
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec,
            "status": {"phase": "Running", "conditions": [
                {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]},
        })
    }

    fn status(&self, workload: &Value) -> Value {
        let hooks = if self.sync {
            json!({"sync": {"command": ["sync-home", "--all"], "timeout": "1m"}})
        } else {
            json!({})
        };
        let mut status = json!({
            "phase": "running", "startRequest": START, "startTime": START, "template": "tool", "podName": format!("tool-{}", self.name),
            "applied": {
                "primary": {"kind": self.kind, "name": format!("tool-{}", self.name), "container": "main"},
                "hooks": hooks,
                "objects": [{"apiVersion": workload["apiVersion"], "kind": self.kind, "name": format!("tool-{}", self.name),
                    "uid": workload["metadata"]["uid"]}],
            },
        });
        if self.kind != "Pod" {
            status["applied"]["replicas"] = json!({format!("{}/tool-{}", self.kind, self.name): 1});
        }
        status
    }
}

pub fn stop(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Stop>(words)
}

/// Runs stop and removes the Pod when it is watched, as a controller or kubelet does.
pub fn stop_and_end(api: &FakeApi, words: &str) -> Played {
    let awaited = "fieldSelector=metadata.name%3Dtool-alice";
    Play::on(api).meanwhile::<Stop>(words, |_, _| {
        let begun = std::time::Instant::now();
        while !api.lines().iter().any(|line| line.contains(awaited)) {
            assert!(begun.elapsed().as_secs() < 10, "nobody asked for {awaited}");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        api.remove("pods", "default", "tool-alice");
    })
}

/// Returns the writes in order: verb, object and subresource.
pub fn written(api: &FakeApi) -> Vec<String> {
    api.writes().iter().map(short).collect()
}

fn short(request: &Recorded) -> String {
    let path = request
        .path
        .split("/default/")
        .nth(1)
        .unwrap_or(&request.path);
    format!("{} {path}", request.method)
}

pub fn session(api: &FakeApi, name: &str) -> Value {
    api.object(KIND, "default", name).unwrap()
}
