//! Sessions that every verb has a question about, and the program in front of a terminal or without one.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use session_support::terminal::{self, Terminal};
use session_support::{Answer, Execution, FakeApi, Listening};

/// The end of every question.
pub(crate) const PROMPT: &str = "(y/N): ";
/// So long a program may take to come to a read or to its end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const SESSIONS: &str = "sessions.streaming.platform";
const DRIVER: &str = "disks.example.com";

/// Sessions alice, whose home is a claim with a snapshot, and bob, whose home no claim keeps; the time of both is over.
pub(crate) struct Scene {
    pub(crate) api: FakeApi,
    listening: Listening,
    /// A folder of the user's; `@` in command lines.
    pub(crate) folder: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new() -> Result<Self> {
        let api = FakeApi::stateful();
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
        api.execute("command -v", says("in /home/dev\n"));
        api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": DRIVER}));
        api.put(template("bare", ""));
        api.put(template("kept", CLAIM));
        api.react("pods", |pod| vec![ready(pod)]);
        api.react("persistentvolumeclaims", |claim| vec![bound(claim)]);
        let cause = "Forbidden: memory limits cannot be decreased";
        let causes = [("spec.containers[0].resources.limits", cause)];
        let cannot_shrink = Answer::invalid("", "Pod", "tool-bob", &causes);
        let resize = "/api/v1/namespaces/default/pods/tool-bob/resize";
        api.on("PATCH", resize, cannot_shrink);
        let listening = api.listen();
        let scene = Self {
            api,
            listening,
            folder: tempfile::tempdir()?,
        };
        for words in [
            "create alice --template kept --expires-in 1h --wait=false",
            "create bob --template bare --expires-in 1h --wait=false",
        ] {
            let output = scene.command(words).output()?;
            ensure!(output.status.success(), "{words}: {output:?}");
        }
        for name in ["alice", "bob"] {
            let session = scene.api.object(SESSIONS, "default", name);
            let mut session = session.context("a session was made")?;
            session["status"]["phase"] = "running".into();
            session["status"]["expiresAt"] = "2020-01-01T00:00:00Z".into();
            scene.api.put(session);
        }
        let claim = scene
            .api
            .object("persistentvolumeclaims", "default", "home-alice");
        let mut metadata = claim.context("a claim was made")?["metadata"].clone();
        let uid = metadata["uid"].take();
        metadata["name"] = "first".into();
        metadata["annotations"]["streaming.platform/snapshot"] = "first".into();
        metadata["annotations"]["streaming.platform/claim-uid"] = uid;
        scene.api.put(json!({
            "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": metadata,
            "spec": {"source": {"persistentVolumeClaimName": "home-alice"}}, "status": {"readyToUse": true, "boundVolumeSnapshotContentName": "content-1"},
        }));
        let inside = scene.folder.path().join("notes");
        fs::write(inside, "work\n")?;
        let packed = Command::new("tar")
            .args(["-czf", "files.tar.gz", "notes"])
            .current_dir(scene.folder.path())
            .status()?;
        ensure!(packed.success(), "tar: {packed}");
        scene.api.forget_requests();
        Ok(scene)
    }

    /// A path in the user's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Words with the folder in the place of `@`.
    pub(crate) fn words(&self, line: &str) -> Vec<String> {
        let folder = self.folder.path().display().to_string();
        let words = line.split_whitespace();
        words.map(|word| word.replace('@', &folder)).collect()
    }

    /// The program with a command line.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(program());
        command
            .args(self.words(line))
            .env("KUBECONFIG", self.listening.kubeconfig())
            .env("KUBERC", "off")
            .env("HOME", self.folder.path())
            .env("TERM", "xterm")
            .stdin(Stdio::null());
        command
    }

    /// A shell line in which `session` is the program.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let folder = self.folder.path().display().to_string();
        let line = line.replace("session", "\"$0\"").replace('@', &folder);
        let inner = self.command("");
        let mut command = Command::new("bash");
        command.args(["-c", &line]).arg(inner.get_program());
        for (key, value) in inner.get_envs() {
            if let Some(value) = value {
                command.env(key, value);
            }
        }
        command.stdin(Stdio::null());
        command
    }

    /// Starts the program in front of a terminal and waits for its question.
    pub(crate) fn asked(&self, line: &str, terminal: &Terminal) -> Result<Child> {
        let child = terminal.run(&self.command(line))?;
        terminal.shows(PROMPT).context(line.to_owned())?;
        Ok(child)
    }

    /// Finds that nothing was written.
    pub(crate) fn is_untouched(&self, line: &str) -> Result<()> {
        let mut writes = self.api.writes();
        // A rehearsal changes nothing.
        writes.retain(|request| !request.raw_query.contains("dryRun=All"));
        ensure!(writes.is_empty(), "{line}: {writes:#?}");
        Ok(())
    }
}

/// What is attacked: `SESSION_BINARY`, a release build say, or else what cargo has built for this test.
pub(crate) fn program() -> PathBuf {
    let given = std::env::var_os("SESSION_BINARY").map(PathBuf::from);
    given.unwrap_or_else(|| env!("CARGO_BIN_EXE_kubectl-session").into())
}

/// Sends a signal to a program that has not ended yet.
pub(crate) fn send(child: &mut Child, signal: Signal) -> Result<()> {
    match child.try_wait()? {
        Some(_) => Ok(()),
        None => terminal::signal(child.id(), signal),
    }
}

/// Waits until every thread of a program waits for something, its verb's among them; or until it has ended.
pub(crate) fn until_it_waits(child: &mut Child) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    let mut waited = 0;
    // Several looks: a thread waits for a moment on its way, too.
    while waited < 10 {
        ensure!(Instant::now() < until, "the program never waits");
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        let states = states(child.id()).unwrap_or_default();
        let waits = states.len() > 1 && states.iter().all(|state| *state == 'S');
        waited = if waits { waited + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The state of each thread.
fn states(pid: u32) -> Result<Vec<char>> {
    let mut states = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = fs::read_to_string(thread?.path().join("stat"))?;
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        states.extend(after_name.chars().next());
    }
    Ok(states)
}

fn says(text: &str) -> Execution {
    Execution {
        stdout: text.as_bytes().to_vec(),
        ..Execution::default()
    }
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"tool-${SESSION_ID}\"}\nspec:\n  containers:\n  - name: main\n    \
                   image: \"${IMAGE:-x}\"\n    resources: {limits: {cpu: 100m, memory: 64Mi}}\n";
const CLAIM: &str = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: \"home-${SESSION_ID}\"}\nspec:\n  \
                     accessModes: [ReadWriteOnce]\n  storageClassName: fast\n  resources: {requests: {storage: 1Gi}}\n";

fn template(name: &str, more: &str) -> Value {
    json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": name}, "spec": {
        "primary": {"kind": "Pod", "name": "tool-${SESSION_ID}", "container": "main"},
        "connect": [{"name": "shell", "exec": ["/bin/sh"]}],
        "manifest": format!("{POD}{more}"),
    }})
}

fn ready(pod: &Value) -> Value {
    let mut pod = pod.clone();
    pod["status"] = json!({"phase": "Running", "conditions": [
        {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]});
    pod
}

fn bound(claim: &Value) -> Value {
    let mut claim = claim.clone();
    claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"] = DRIVER.into();
    claim["spec"]["volumeName"] = "pv-1".into();
    claim["status"] = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}});
    claim
}
