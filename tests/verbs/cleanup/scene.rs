//! Scene: sessions to clean up, and the observed requests and objects.

use kubectl_session_cleanup::Cleanup;
use serde_json::{Value, json};
use session_support::{Execution, FakeApi};

use crate::play::{Play, Played};

pub const KIND: &str = "sessions.streaming.platform";
const START: &str = "2026-03-01T08:00:00Z";

/// A running session with its Pod and optionally a claim.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    /// Expiry in RFC 3339; empty for none.
    pub expires: &'a str,
    pub on_expiry: &'a str,
    pub policy: &'a str,
    pub claim: bool,
    pub sync: bool,
}

impl Default for Session<'_> {
    fn default() -> Self {
        Self {
            name: "alice",
            namespace: "default",
            expires: "2026-03-01T10:00:00Z",
            on_expiry: "stop",
            policy: "keep",
            claim: true,
            sync: false,
        }
    }
}

impl Session<'_> {
    /// Writes the session and its objects; returns the Session.
    pub fn put(&self, api: &FakeApi) -> Value {
        let name = self.name;
        let mut session = api.put(json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"userId": format!("{name}@example.com"), "template": "tool", "startRequest": START, "state": "running"},
        }));
        let pod = api.put(self.pod(&session));
        api.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": self.metadata(&format!("tool-{name}"), Some(&session))}));
        if self.claim {
            api.put(self.claim_of(&format!("home-{name}")));
        }
        session["status"] = self.status(&pod);
        api.put(session)
    }

    pub fn metadata(&self, name: &str, owner: Option<&Value>) -> Value {
        let mut metadata = json!({
            "name": name, "namespace": self.namespace,
            "labels": {"streaming.platform/session": self.name, "streaming.platform/user": self.name,
                "app.kubernetes.io/managed-by": "kubectl-session"},
            "annotations": {"streaming.platform/user-id": format!("{}@example.com", self.name),
                "streaming.platform/run": "r-1", "streaming.platform/session-uid": format!("uid-of-{}", self.name)},
        });
        if let Some(owner) = owner {
            metadata["ownerReferences"] = json!([{"apiVersion": owner["apiVersion"], "kind": owner["kind"],
                "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": true}]);
        }
        metadata
    }

    /// A bound claim.
    pub fn claim_of(&self, claim: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": self.metadata(claim, None),
            "spec": {"resources": {"requests": {"storage": "1Gi"}}, "volumeName": format!("pv-{claim}")},
            "status": {"phase": "Bound", "capacity": {"storage": "2Gi"}}})
    }

    fn pod(&self, session: &Value) -> Value {
        let mut metadata = self.metadata(&format!("tool-{}", self.name), Some(session));
        metadata["labels"]["streaming.platform/primary"] = "true".into();
        let mut spec = json!({"containers": [{"name": "main"}], "nodeName": "n1"});
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
            json!({"sync": {"command": ["sync-home"], "timeout": "1m"}})
        } else {
            json!({})
        };
        let mut status = json!({
            "phase": "running", "startRequest": START, "startTime": START, "template": "tool", "dataPolicy": self.policy,
            "applied": {
                "primary": {"kind": "Pod", "name": format!("tool-{}", self.name), "container": "main"},
                "hooks": hooks, "onExpiry": self.on_expiry,
                "objects": [{"apiVersion": "v1", "kind": "Pod", "name": format!("tool-{}", self.name), "uid": pod["metadata"]["uid"]}],
            },
        });
        if !self.expires.is_empty() {
            status["expiresAt"] = self.expires.into();
        }
        status
    }
}

/// Four expired sessions in two namespaces, and one that is not expired.
pub fn class() -> FakeApi {
    let api = FakeApi::stateful();
    api.execute("sync-home", Execution::default());
    Session {
        sync: true,
        ..Session::default()
    }
    .put(&api);
    Session {
        name: "bob",
        expires: "2026-03-01T09:00:00Z",
        on_expiry: "delete",
        ..Session::default()
    }
    .put(&api);
    Session {
        name: "carol",
        expires: "2026-03-01T11:50:00Z",
        on_expiry: "delete",
        policy: "delete",
        ..Session::default()
    }
    .put(&api);
    Session {
        name: "dora",
        namespace: "other",
        claim: false,
        ..Session::default()
    }
    .put(&api);
    Session {
        name: "erin",
        expires: "2026-03-01T12:00:01Z",
        ..Session::default()
    }
    .put(&api);
    api
}

pub fn cleanup(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Cleanup>(words)
}

/// Writes in order: verb, object and subresource.
pub fn written(api: &FakeApi) -> Vec<String> {
    let path = |path: &str| {
        path.rsplit("/namespaces/")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let writes = api.writes().into_iter();
    writes
        .map(|write| format!("{} {}", write.method, path(&write.path)))
        .collect()
}

/// Names of all objects, as `resource/namespace/name`.
pub fn left(api: &FakeApi) -> Vec<String> {
    let kinds = [
        KIND,
        "pods",
        "services",
        "persistentvolumeclaims",
        "secrets",
        "configmaps",
    ];
    let named = |kind: &str| -> Vec<String> {
        let name = |object: Value| {
            let text = |field: &str| object["metadata"][field].as_str().unwrap().to_owned();
            format!("{kind}/{}/{}", text("namespace"), text("name"))
        };
        api.objects(kind).into_iter().map(name).collect()
    };
    kinds.iter().flat_map(|kind| named(kind)).collect()
}
