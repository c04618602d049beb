//! Alice's session on a fake server, and machines from which the program is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use session_support::{Execution, FakeApi, Listening, Output, run_binary};
use tempfile::TempDir;

pub(crate) const SESSIONS: &str = "sessions.streaming.platform";
pub(crate) const POLICIES: &str = "validatingadmissionpolicies.admissionregistration.k8s.io";
pub(crate) const BINDINGS: &str = "validatingadmissionpolicybindings.admissionregistration.k8s.io";
pub(crate) const POLICY: &str = "session-owner.streaming.platform";

/// What alice runs from a file of her own.
pub(crate) const MANIFEST: &str = r#"apiVersion: v1
kind: Pod
metadata:
  name: "own-${SESSION_ID}"
  annotations: {streaming.platform/sync: '{"command": ["save-home"]}'}
spec: {containers: [{name: main, image: "tool:1"}]}
"#;

/// A server that alice works with, and how it is reached.
pub(crate) struct Scene {
    pub(crate) api: FakeApi,
    server: Listening,
    /// Alice's own machine.
    pub(crate) machine: TempDir,
}

impl Scene {
    /// A server without the admission policy, with templates, where Pods get ready at once.
    pub(crate) fn unguarded() -> Result<Self> {
        let scene = Self::guarded()?;
        scene.api.unguarded();
        Ok(scene)
    }

    /// The same with the policy.
    pub(crate) fn guarded() -> Result<Self> {
        let api = FakeApi::stateful();
        api.put(template("tool", "save-home"));
        api.put(template("other", "save-other"));
        api.react("pods", ready);
        for command in ["save", "/bin/sh", "evil"] {
            api.execute(command, Execution::default());
        }
        let server = api.listen();
        Ok(Self {
            api,
            server,
            machine: tempfile::tempdir()?,
        })
    }

    /// Alice's session of a template, made and stopped from her machine.
    pub(crate) fn stopped(self) -> Result<Self> {
        self.run("create alice --template tool --set IMAGE=tool:1")?;
        self.run("stop alice -y")?;
        Ok(self)
    }

    /// Alice's session of a template, which runs.
    pub(crate) fn running(self) -> Result<Self> {
        self.run("create alice --template tool --set IMAGE=tool:1")?;
        Ok(self)
    }

    /// The same of a manifest of her own, stopped.
    pub(crate) fn stopped_manifest(self) -> Result<Self> {
        let made = self.call_with(self.machine.path(), "create alice -f -", MANIFEST);
        ensure!(made.code == 0, "{made:?}");
        self.run("stop alice -y")?;
        Ok(self)
    }

    /// Calls the program from alice's machine; it has to end well.
    pub(crate) fn run(&self, words: &str) -> Result<Output> {
        let done = self.call(self.machine.path(), words);
        ensure!(done.code == 0, "{words}: {done:?}");
        Ok(done)
    }

    /// Calls the program from a machine.
    pub(crate) fn call(&self, machine: &Path, words: &str) -> Output {
        self.call_with(machine, words, "")
    }

    fn call_with(&self, machine: &Path, words: &str, input: &str) -> Output {
        let words: Vec<&str> = words.split_whitespace().collect();
        let (home, config) = (machine.to_string_lossy(), self.server.kubeconfig());
        let config = config.to_string_lossy();
        let env = [("HOME", home.as_ref()), ("KUBECONFIG", config.as_ref())];
        run_binary(program(), &words, &env, input)
    }

    /// The program in front of a terminal.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(program());
        command
            .args(words.split_whitespace())
            .env("HOME", self.machine.path())
            .env("KUBECONFIG", self.server.kubeconfig())
            .env_remove("XDG_STATE_HOME");
        command
    }

    /// Calls the program from alice's machine: it has to refuse, in these words, and to write and execute nothing.
    pub(crate) fn refuses(&self, words: &str, parts: &[&str]) -> Result<()> {
        let (writes, executed) = (self.writes(), self.api.executed().len());
        let done = self.call(self.machine.path(), words);
        ensure!(done.code == 1, "{words}: {done:?}");
        for part in parts {
            ensure!(
                done.stderr.contains(part),
                "{words}: no {part:?} in {done:?}"
            );
        }
        let now = self.writes();
        ensure!(now == writes, "{words}: {:?}", &now[writes.len()..]);
        ensure!(self.api.executed().len() == executed, "{words}: executed");
        Ok(())
    }

    /// Everything that was written, but for questions about the caller.
    pub(crate) fn writes(&self) -> Vec<String> {
        let writes = self.api.writes().into_iter();
        let writes = writes.filter(|request| !request.path.ends_with("reviews"));
        writes.map(|request| request.line()).collect()
    }

    /// Somebody who may patch sessions writes `value` into alice's.
    pub(crate) fn tamper(&self, pointer: &str, value: Value) -> Result<()> {
        let found = self.api.object(SESSIONS, "default", "alice");
        let mut session = found.unwrap_or_default();
        let (parent, field) = pointer.rsplit_once('/').unwrap_or_default();
        let Some(parent) = session.pointer_mut(parent) else {
            anyhow::bail!("the session has no {parent}");
        };
        parent[field] = value;
        if pointer == "/metadata/uid" {
            // Another UID is another object.
            self.api.remove(SESSIONS, "default", "alice");
        }
        self.api.put(session);
        Ok(())
    }

    /// Files in which the program remembers sessions.
    pub(crate) fn known(&self) -> Result<Vec<PathBuf>> {
        let folder = self
            .machine
            .path()
            .join(".local/state/kubectl-session/known_sessions");
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            files.push(entry?.path());
        }
        Ok(files)
    }
}

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kubectl-session"))
}

fn template(name: &str, sync: &str) -> Value {
    let manifest = r#"
apiVersion: v1
kind: Pod
metadata: {name: "tool-${SESSION_ID}"}
spec: {containers: [{name: main, image: "${IMAGE:-tool:1}"}]}
"#;
    json!({
        "apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": { "name": name },
        "spec": {
            "connect": [{ "name": "shell", "exec": ["/bin/sh", "-l"] }],
            "hooks": { "sync": { "command": [sync] } },
            "lifetime": { "timeout": "2h" },
            "manifest": manifest,
        },
    })
}

/// A kubelet in the small.
fn ready(pod: &Value) -> Vec<Value> {
    if pod["status"]["phase"].is_string() {
        return Vec::new();
    }
    let mut pod = pod.clone();
    let at = "2026-01-01T00:00:00Z";
    pod["status"] = json!({
        "phase": "Running",
        "startTime": at,
        "conditions": [{ "type": "Ready", "status": "True" }],
        "containerStatuses": [{ "name": "main", "ready": true, "restartCount": 0, "image": "tool:1", "imageID": "",
            "state": { "running": { "startedAt": at } } }],
    });
    vec![pod]
}
