//! A server with sessions on it, and the program in front of it.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
pub(super) use session_support::session_fixture::SESSIONS;
use session_support::{Answer, FakeApi, Listening, Output, SessionFixture, run_binary};

pub(super) const CLAIMS: &str = "persistentvolumeclaims";
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const MANIFEST: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: tool-alice}\n\
                        spec: {containers: [{name: main, image: \"tool:1\"}]}\n";

/// A fake server that children can reach.
pub(super) struct Scene {
    pub(super) api: FakeApi,
    listening: Listening,
}

/// A volume of a Pod, and where it is mounted.
pub(super) fn empty_dir(path: &str) -> (Value, Value) {
    (
        json!({"name": "home", "emptyDir": {}}),
        json!({"name": "home", "mountPath": path}),
    )
}

pub(super) fn claim_volume(name: &str) -> (Value, Value) {
    (
        json!({"name": "data", "persistentVolumeClaim": {"claimName": name}}),
        json!({"name": "data", "mountPath": "/data"}),
    )
}

/// Metadata as the suite writes them on an object of session `name`, of a run whose Session had that UID.
pub(super) fn marked(name: &str, session: &str, uid: &str) -> Value {
    json!({
        "name": name, "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"streaming.platform/session": session, "streaming.platform/user": "alice",
            "app.kubernetes.io/managed-by": "kubectl-session"},
        "annotations": {"streaming.platform/user-id": "alice", "streaming.platform/run": "r-1",
            "streaming.platform/session-uid": uid},
    })
}

pub(super) fn object(kind: &str, metadata: Value) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "metadata": metadata})
}

/// A Pod of somebody else, with this spec.
pub(super) fn foreign_pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "theirs", "namespace": "default"},
        "spec": spec, "status": {"phase": "Running"}})
}

/// A claim with a volume, kept since long ago.
pub(super) fn kept_claim(name: &str, session: &str) -> Value {
    let mut claim = object("PersistentVolumeClaim", marked(name, session, "gone"));
    claim["metadata"]["annotations"]["streaming.platform/kept-since"] =
        "2020-01-01T00:00:00Z".into();
    claim["spec"] = json!({"volumeName": "pv", "resources": {"requests": {"storage": "1Gi"}}});
    claim["status"] = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}});
    claim
}

impl Scene {
    pub(super) fn new() -> Self {
        let api = FakeApi::stateful();
        let listening = api.listen();
        Self { api, listening }
    }

    /// A session that runs, with one Pod of these volumes, and each claim that it mounts.
    pub(super) fn session(&self, name: &str, volumes: &[(Value, Value)]) -> &Self {
        let (sources, mounts): (Vec<Value>, Vec<Value>) = volumes.iter().cloned().unzip();
        let container = json!({"name": "main", "image": "tool:1", "volumeMounts": mounts});
        let mut fixture = SessionFixture::running(name)
            .session_fields(json!({"spec": {"template": null, "manifest": MANIFEST}, "status": {"template": null}}))
            .pod_fields(json!({"spec": {"containers": [container], "volumes": sources}}));
        for (source, _) in volumes {
            if let Some(claim) = source["persistentVolumeClaim"]["claimName"].as_str() {
                let claim = fixture.claim_object(claim);
                fixture = fixture.claim(claim);
            }
        }
        fixture.put(&self.api);
        self
    }

    /// Lets the server refuse what `denied` says of verb, resource, subresource and name.
    pub(super) fn deny(
        &self,
        denied: impl Fn(&str, &str, &str, &str) -> bool + Send + Sync + 'static,
    ) -> &Self {
        self.api.handle("POST", REVIEWS, move |request| {
            let mut review = request.json();
            let part = |key: &str| {
                let attributes = &review["spec"]["resourceAttributes"];
                attributes[key].as_str().unwrap_or_default().to_owned()
            };
            let (verb, resource) = (part("verb"), part("resource"));
            let denied = denied(&verb, &resource, &part("subresource"), &part("name"));
            review["status"] = json!({"allowed": !denied});
            Answer::json(201, review)
        });
        self
    }

    /// Lets the server answer no question about rights.
    pub(super) fn deny_reviews(&self) -> &Self {
        let resource = "selfsubjectaccessreviews.authorization.k8s.io";
        let forbidden = Answer::forbidden("alice", "create", resource, "");
        self.api.on("POST", REVIEWS, forbidden);
        self
    }

    pub(super) fn binary() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_kubectl-session"))
    }

    pub(super) fn kubeconfig(&self) -> &str {
        self.listening.kubeconfig().to_str().unwrap()
    }

    /// Runs the program without a terminal, nothing on its standard input.
    pub(super) fn run(&self, words: &str) -> Output {
        let words: Vec<&str> = words.split_whitespace().collect();
        run_binary(
            Self::binary(),
            &words,
            &[("KUBECONFIG", self.kubeconfig())],
            "",
        )
    }

    /// The program refuses, says each of `said`, and has written nothing.
    pub(super) fn refuses(&self, words: &str, said: &[&str]) -> Result<()> {
        let output = self.run(words);
        ensure!(output.code == 1, "{words}: {output:?}");
        for part in said {
            ensure!(output.stderr.contains(part), "{part:?}: {output:?}");
        }
        self.is_untouched()
    }

    /// The program succeeds; returns what it printed.
    pub(super) fn does(&self, words: &str) -> Result<Output> {
        let output = self.run(words);
        ensure!(output.code == 0, "{words}: {output:?}");
        Ok(output)
    }

    pub(super) fn is_untouched(&self) -> Result<()> {
        let writes: Vec<String> = self.api.writes().iter().map(|write| write.line()).collect();
        ensure!(writes.is_empty(), "{writes:?}");
        Ok(())
    }

    pub(super) fn has(&self, kind: &str, name: &str) -> bool {
        self.api.object(kind, "default", name).is_some()
    }
}
