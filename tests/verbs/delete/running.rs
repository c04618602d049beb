//! Fixtures: a running session as `create` leaves it, and the writes of a deletion.

use kubectl_session_delete::Delete;
use serde_json::{Value, json};
use session_shared::client::interrupt::Interrupt;
use session_support::{Execution, FakeApi, Recorded};

use crate::play::{Play, Played};

pub const KIND: &str = "sessions.streaming.platform";
pub const SNAPSHOTS: &str = "volumesnapshots.snapshot.storage.k8s.io";
const START: &str = "2026-03-01T10:00:00Z";

/// A running session.
#[derive(Clone, Copy)]
pub struct Running<'a> {
    pub name: &'a str,
    /// Data policy in the status, as a start writes the template's.
    pub policy: &'a str,
    pub sync: bool,
    pub claim: bool,
    /// The Pod has a finalizer and stays until that is removed.
    pub lingers: bool,
}

impl Default for Running<'_> {
    fn default() -> Self {
        Self {
            name: "alice",
            policy: "keep",
            sync: true,
            claim: true,
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
        let pod = api.put(self.pod(&session));
        api.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": self.metadata(&format!("tool-{name}"), Some(&session))}));
        if self.claim {
            let claim = self.metadata(&format!("home-{name}"), None);
            api.put(
                json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": claim}),
            );
        }
        let mut secret = self.metadata(&format!("session-{name}-parameters"), None);
        secret["labels"]["streaming.platform/parameters"] = "true".into();
        api.put(json!({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "data": {"PASSWORD": "c2VjcmV0"}}));
        let mut session = session;
        session["status"] = self.status(&pod);
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
        if let Some(session) = owner {
            metadata["ownerReferences"] = json!([{"apiVersion": "streaming.platform/v1", "kind": "Session",
                "name": self.name, "uid": session["metadata"]["uid"], "controller": true}]);
        }
        metadata
    }

    fn pod(&self, session: &Value) -> Value {
        let mut metadata = self.metadata(&format!("tool-{}", self.name), Some(session));
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

    fn status(&self, pod: &Value) -> Value {
        let hooks = if self.sync {
            json!({"sync": {"command": ["sync-home", "--all"], "timeout": "1m"}})
        } else {
            json!({})
        };
        json!({
            "phase": "running", "startRequest": START, "startTime": START, "template": "tool", "dataPolicy": self.policy,
            "applied": {
                "primary": {"kind": "Pod", "name": format!("tool-{}", self.name), "container": "main"},
                "hooks": hooks,
                "objects": [{"apiVersion": "v1", "kind": "Pod", "name": format!("tool-{}", self.name), "uid": pod["metadata"]["uid"]}],
            },
        })
    }
}

pub fn delete(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Delete>(words)
}

/// Returns the writes in order: verb and name of each object.
pub fn written(api: &FakeApi) -> Vec<String> {
    api.writes().iter().map(short).collect()
}

fn short(request: &Recorded) -> String {
    let parts: Vec<&str> = request.path.rsplit('/').collect();
    format!("{} {}/{}", request.method, parts[1], parts[0])
}

/// Returns the names of all objects on the server, `resource/name`.
pub fn left(api: &FakeApi) -> Vec<String> {
    let kinds = [
        KIND,
        "pods",
        "services",
        "persistentvolumeclaims",
        "secrets",
        SNAPSHOTS,
    ];
    let named = |kind: &str| -> Vec<String> {
        let name =
            |object: Value| format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap());
        api.objects(kind).into_iter().map(name).collect()
    };
    kinds.iter().flat_map(|kind| named(kind)).collect()
}

/// Runs delete, and changes the server or interrupts the command when a given request arrives.
pub fn meanwhile(api: &FakeApi, awaited: &str, act: impl FnOnce(&Interrupt) + Send) -> Played {
    Play::on(api).meanwhile::<Delete>("alice", |_, interrupt| {
        let begun = std::time::Instant::now();
        while !api.lines().iter().any(|line| line.contains(awaited)) {
            assert!(begun.elapsed().as_secs() < 10, "nobody asked for {awaited}");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        act(interrupt);
    })
}
