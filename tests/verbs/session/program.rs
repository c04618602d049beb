//! The program, as it is installed, and a server it talks to.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, Listening, Output, SessionFixture, run_binary};

pub const VERBS: [&str; 16] = [
    "create", "list", "status", "logs", "connect", "stop", "start", "extend", "resize", "schedule",
    "snapshot", "delete", "cleanup", "quota", "template", "setup",
];

pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kubectl-session"))
}

/// A server with a template, a session and what discovery asks for.
pub fn server() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(json!({
        "apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {"manifest": "apiVersion: v1\nkind: Pod\nmetadata: {name: \"tool-${SESSION_ID}\"}\nspec:\n  containers:\n  - {name: main, image: busybox}\n"},
    }));
    api.put(session("alice"));
    discoverable(&api);
    api
}

pub fn session(name: &str) -> Value {
    SessionFixture::stopped(name)
        .session_fields(json!({"metadata": {"creationTimestamp": "2999-01-01T00:00:00Z"}}))
        .session()
}

/// What kubectl asks before it knows what `sessions` are.
pub fn discoverable(api: &FakeApi) {
    api.on(
        "GET",
        "/api",
        Answer::ok(json!({"kind": "APIVersions", "versions": ["v1"]})),
    );
    let version = json!({"groupVersion": "streaming.platform/v1", "version": "v1"});
    let group =
        json!({"name": "streaming.platform", "versions": [version], "preferredVersion": version});
    api.on(
        "GET",
        "/apis",
        Answer::ok(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]})),
    );
}

/// Runs the program under a name, against a server.
pub fn run_as(path: &Path, listening: &Listening, words: &str) -> Output {
    let config = listening.kubeconfig().to_str().unwrap();
    let args: Vec<&str> = words.split_whitespace().collect();
    run_binary(path, &args, &[("KUBECONFIG", config)], "")
}

pub fn run(listening: &Listening, words: &str) -> Output {
    run_as(program(), listening, words)
}

/// kubectl of the embedded cluster, and those of the machine, in several versions where it has them.
pub fn kubectls() -> Vec<PathBuf> {
    let mut found = vec![session_cluster::kubectl_program().unwrap()];
    for path in ["/usr/bin/kubectl", "/usr/local/bin/kubectl"] {
        let Ok(real) = Path::new(path).canonicalize() else {
            continue;
        };
        let beside = std::fs::read_dir(real.parent().unwrap()).unwrap();
        let versions = beside.map(|entry| entry.unwrap().path());
        let is_version = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.strip_prefix("kubectl.")
                .is_some_and(|rest| rest.starts_with("1."))
        };
        found.extend(versions.filter(is_version));
        found.push(real);
    }
    found
}

/// A folder with links to the program.
pub struct Links(tempfile::TempDir);

impl Links {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn link(&self, name: &str) -> PathBuf {
        let link = self.0.path().join(name);
        std::os::unix::fs::symlink(program(), &link).unwrap();
        link
    }

    /// A program of somebody else.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}
