//! What every live test has: the cluster, a namespace of its own, and the umbrella binary.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, Result, ensure};
use session_cluster::{Cluster, Lease, Namespace};

/// What a run of the binary printed and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// Exit code; 128 + n for a signal.
    pub(crate) code: i32,
}

impl Output {
    /// Itself, if the run ended with that code.
    pub(crate) fn exits(self, code: i32) -> Result<Self> {
        ensure!(
            self.code == code,
            "exit code {} instead of {code}\nstdout: {}\nstderr: {}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }
}

/// Held by whoever changes the template `lab`, or compares it with the program's. To be taken with the cluster's lease in hand: whoever
/// holds this must not wait for a test that has the cluster to itself.
pub(crate) static LAB_TEMPLATE: Mutex<()> = Mutex::new(());

/// Held, with the cluster's lease in hand, by tests whose Pods request a large part of the one node: `create` refuses what has no room.
pub(crate) static LARGE_SESSION: Mutex<()> = Mutex::new(());

/// A test's world. Fields are dropped in order: the namespace, which reports on failure, before the lease.
pub(crate) struct World {
    /// The namespace.
    pub(crate) namespace: Namespace,
    /// The cluster.
    pub(crate) cluster: Lease,
    kubeconfig: PathBuf,
    /// What the suite remembers: not among what it remembers of the user's own sessions.
    state: tempfile::TempDir,
}

impl World {
    /// A world with a namespace whose name begins with `prefix`.
    pub(crate) fn new(prefix: &str) -> Result<Self> {
        Self::in_lease(Cluster::shared()?, prefix)
    }

    /// A world with the API, the roles and the templates installed, by the first test of a run that asks.
    pub(crate) fn installed(prefix: &str) -> Result<Self> {
        static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
        let world = Self::new(prefix)?;
        let install = || {
            world.session(&["setup"])?.exits(0)?;
            world.cluster.await_aggregation("streaming.platform")
        };
        let installed = INSTALLED.get_or_init(|| install().map_err(|error| format!("{error:#}")));
        installed.clone().map_err(anyhow::Error::msg)?;
        Ok(world)
    }

    /// A world whose cluster no other test uses meanwhile.
    pub(crate) fn alone(prefix: &str) -> Result<Self> {
        Self::in_lease(Cluster::exclusive()?, prefix)
    }

    fn in_lease(cluster: Lease, prefix: &str) -> Result<Self> {
        let namespace = cluster.namespace(prefix)?;
        let kubeconfig = cluster.admin_kubeconfig();
        Ok(Self {
            namespace,
            cluster,
            kubeconfig,
            state: tempfile::tempdir()?,
        })
    }

    /// The umbrella binary, built by cargo for this test.
    pub(crate) fn binary() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_kubectl-session"))
    }

    /// A command of the suite as the admin in this world's namespace.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_as(&self.kubeconfig, args)
    }

    /// A command of the suite with another kubeconfig, in this world's namespace.
    pub(crate) fn command_as(&self, kubeconfig: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(Self::binary());
        command
            .args(["--namespace", self.namespace.name()])
            .args(args)
            .env("KUBECONFIG", kubeconfig)
            .env("XDG_STATE_HOME", self.state.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command of the suite.
    pub(crate) fn session(&self, args: &[&str]) -> Result<Output> {
        run(&mut self.command(args))
    }

    /// Applies a template; `NAME` in its text stands for `name`.
    pub(crate) fn template(&self, name: &str, text: &str) -> Result<()> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(text.replace("NAME", name).as_bytes())?;
        let path = file.path().to_string_lossy();
        self.session(&["template", "apply", "-f", &path])?
            .exits(0)?;
        Ok(())
    }

    /// What a Pod's shell says to a script.
    pub(crate) fn inside(&self, pod: &str, script: &str) -> Result<String> {
        let words = ["exec", pod, "--", "sh", "-c", script];
        self.namespace.kubectl(&words, None)
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<Output> {
    use std::os::unix::process::ExitStatusExt;
    let done = command
        .output()
        .with_context(|| format!("{command:?} does not start"))?;
    Ok(Output {
        stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
        code: done
            .status
            .code()
            .or_else(|| done.status.signal().map(|signal| 128 + signal))
            .unwrap_or(-1),
    })
}
