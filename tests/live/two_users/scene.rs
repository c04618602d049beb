//! Alice and mallory, who share a namespace; alice's machine; a cluster without the policy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::world::{Output, World, run};

/// How long the server may take to notice a policy: it looks for new ones every second.
const NOTICE: Duration = Duration::from_secs(30);

/// What alice stores, and no node ever runs.
pub(super) const STORED: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: "own-${SESSION_ID}"}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "localhost/none:1", imagePullPolicy: Never}]
"#;

/// What alice runs, with a claim that can be cut and hooks that leave a trace on it.
pub(super) const MANIFEST: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "home-${SESSION_ID}"}
spec: {accessModes: [ReadWriteOnce], storageClassName: "${CLASS}", resources: {requests: {storage: 64Mi}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: "home-${SESSION_ID}"
  annotations:
    streaming.platform/sync: '{"command": [touch, /home/synced]}'
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    command: [sleep, "3600"]
    resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 100m, memory: 32Mi}}
    volumeMounts: [{name: home, mountPath: /home}]
  volumes: [{name: home, persistentVolumeClaim: {claimName: "home-${SESSION_ID}"}}]
"#;

/// Alice, who owns sessions, and mallory, who may write sessions and their status, and nothing else.
pub(super) struct TwoUsers {
    pub(super) world: World,
    pub(super) alice: PathBuf,
    pub(super) mallory: PathBuf,
    /// Alice's machine.
    pub(super) home: TempDir,
}

impl TwoUsers {
    pub(super) fn in_world(world: World) -> Result<Self> {
        let namespace = world.namespace.name().to_owned();
        let user = |name: &str, roles: &[&str]| -> Result<PathBuf> {
            let user = format!("{name}@{namespace}");
            for role in roles {
                world.cluster.bind_role(&namespace, &user, role)?;
            }
            world.cluster.user_kubeconfig(&user, &[])
        };
        let alice = user("alice", &["edit"])?;
        let mallory = user("mallory", &["session-user", "session-client"])?;
        let home = tempfile::tempdir()?;
        Ok(Self {
            world,
            alice,
            mallory,
            home,
        })
    }

    /// The name of one of them.
    pub(super) fn name(&self, user: &str) -> String {
        format!("{user}@{}", self.world.namespace.name())
    }

    /// A command of the suite as alice, from a machine.
    pub(super) fn command_from(&self, home: &Path, words: &[&str]) -> Command {
        let mut command = self.world.command_as(&self.alice, words);
        command.env("HOME", home).env_remove("XDG_STATE_HOME");
        command
    }

    /// Runs a command of the suite as alice, from her own machine.
    pub(super) fn alice(&self, words: &[&str]) -> Result<Output> {
        run(&mut self.command_from(self.home.path(), words))
    }

    /// Runs a command of the suite as alice, which has to end well and say nothing of trust.
    pub(super) fn unasked(&self, words: &[&str]) -> Result<Output> {
        let done = self
            .alice(words)?
            .exits(0)
            .with_context(|| format!("{words:?}"))?;
        ensure!(
            !done.stderr.contains("without confirmation"),
            "{words:?}: {done:?}"
        );
        Ok(done)
    }

    /// Runs kubectl as one of them.
    pub(super) fn kubectl(
        &self,
        kubeconfig: &Path,
        words: &[&str],
        input: Option<&str>,
    ) -> Result<Output> {
        use std::io::Write as _;
        let mut command = Command::new(self.world.cluster.kubectl_path());
        command
            .args(["--namespace", self.world.namespace.name()])
            .args(words)
            .env("KUBECONFIG", kubeconfig);
        let mut file = tempfile::tempfile()?;
        file.write_all(input.unwrap_or_default().as_bytes())?;
        std::io::Seek::rewind(&mut file)?;
        run(command.stdin(file))
    }

    pub(super) fn mallory(&self, words: &[&str]) -> Result<Output> {
        self.kubectl(&self.mallory, words, None)
    }

    /// Mallory writes into alice's session by a merge patch.
    pub(super) fn patch(&self, more: &[&str], patch: &str) -> Result<Output> {
        let words = ["patch", "session", "lab", "--type=merge", "-p", patch];
        self.mallory(&[&words, more].concat())
    }

    /// What the policy says to mallory.
    pub(super) fn is_denied(&self, done: &Output, what: &str) -> Result<()> {
        let verb = if what.contains("userId") {
            "assign"
        } else {
            "manage"
        };
        let said = done.code != 0
            && done.stderr.contains("(Forbidden)")
            && done.stderr.contains("session-owner.streaming.platform")
            && done.stderr.contains(&format!("verb '{verb}'"));
        ensure!(said, "{what}: {done:?}");
        Ok(())
    }

    /// A session document of mallory's for some owner.
    pub(super) fn document(&self, name: &str, owner: &str) -> String {
        format!(
            "apiVersion: streaming.platform/v1\nkind: Session\nmetadata: {{name: {name}}}\nspec: {{userId: \"{}\", template: shell, state: stopped}}\n",
            self.name(owner)
        )
    }

    /// Waits until the server refuses, or lets pass, a session that mallory would make for alice.
    pub(super) fn await_policy(&self, in_force: bool) -> Result<()> {
        let document = self.document("probe", "alice");
        let begun = Instant::now();
        loop {
            let words = ["create", "--dry-run=server", "-f", "-"];
            let done = self.kubectl(&self.mallory, &words, Some(&document))?;
            if (done.code != 0) == in_force {
                return Ok(());
            }
            ensure!(
                begun.elapsed() < NOTICE,
                "in force: {}, {done:?}",
                !in_force
            );
        }
    }

    /// The session `lab`, which alice has made of a manifest and stopped. No Pod of it ever runs.
    pub(super) fn stopped(&self) -> Result<()> {
        let file = manifest(STORED)?;
        let path = file.path().to_string_lossy();
        self.unasked(&["create", "lab", "-f", &path, "--wait=false"])?;
        self.unasked(&["stop", "lab", "-y"])?;
        Ok(())
    }
}

pub(super) fn manifest(text: &str) -> Result<tempfile::NamedTempFile> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    Ok(file)
}

/// A cluster without the policy, as long as this lives.
pub(super) struct Unguarded(pub(super) TwoUsers);

impl Unguarded {
    pub(super) fn new(prefix: &str) -> Result<Self> {
        let world = World::alone(prefix)?;
        world.session(&["setup"])?.exits(0)?;
        let users = Self(TwoUsers::in_world(world)?);
        users
            .0
            .world
            .session(&["setup", "admission", "--remove"])?
            .exits(0)?;
        users.0.await_policy(false)?;
        Ok(users)
    }
}

impl Drop for Unguarded {
    fn drop(&mut self) {
        let back = self.0.world.session(&["setup", "admission"]);
        if !back.is_ok_and(|done| done.code == 0) {
            eprintln!("the admission policy could not be put back");
        }
    }
}
