//! A namespace of the embedded cluster with a user of its own, whose every request can be told from all others.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use session_cluster::{AuditEvent, Cluster, EXPANDABLE_CLASS, Namespace, SNAPSHOT_CLASS};
use session_shared::client::UserAgent;
use session_shared::flags::connection::ConnectionFlags;
use tempfile::TempDir;

use crate::process::output;
use crate::program::{UMBRELLA, say};
use crate::scenario::{SetUp, Who};
use crate::sessions;
use crate::settings::Settings;

/// Namespace, user and files in which the commands of a stage run. The namespace is deleted when it is dropped.
pub(crate) struct Scene<'a> {
    /// The cluster.
    pub(crate) cluster: &'a Cluster,
    /// The flags of the run.
    pub(crate) settings: &'a Settings,
    /// The program under test.
    pub(crate) umbrella: PathBuf,
    user: String,
    kubeconfig: PathBuf,
    namespace: Namespace,
    folder: TempDir,
}

impl<'a> Scene<'a> {
    /// Makes what a stage wants to be there.
    pub(crate) fn new(
        cluster: &'a Cluster,
        settings: &'a Settings,
        name: &str,
        set_up: &SetUp,
    ) -> Result<Self> {
        let namespace = cluster.namespace(&format!("bench-{name}"))?;
        let user = format!("{}@bench.test", namespace.name());
        let kubeconfig = match set_up.who {
            Who::Admin => cluster.admin_kubeconfig(),
            Who::Editor | Who::SessionUser | Who::SessionManager => {
                cluster.user_kubeconfig(&user, &[])?
            }
        };
        let scene = Self {
            cluster,
            settings,
            umbrella: settings.program(UMBRELLA)?,
            user,
            kubeconfig,
            namespace,
            folder: tempfile::tempdir().context("cannot make a folder")?,
        };
        scene.prepare(set_up)?;
        Ok(scene)
    }

    fn prepare(&self, set_up: &SetUp) -> Result<()> {
        if set_up.storage {
            self.cluster.wait_for_storage()?;
        }
        // A bench may be the first that is run on a new cluster.
        let mut setup = Command::new(&self.umbrella);
        let setup = setup.arg("setup").arg("--kubeconfig");
        output(setup.arg(self.cluster.admin_kubeconfig()))?;
        let roles: &[&str] = match set_up.who {
            Who::Admin => &[],
            Who::Editor => &["edit"],
            Who::SessionUser => &["edit", "session-user"],
            Who::SessionManager => &["edit", "session-manager"],
        };
        for role in roles {
            self.cluster.bind_role(self.namespace(), &self.user, role)?;
        }
        for (text, name) in set_up.files.iter().zip(["FILE", "OTHER_FILE"]) {
            let text = text.replace("CLASS", EXPANDABLE_CLASS);
            std::fs::write(self.file(name), text).context("cannot write a manifest")?;
        }
        if set_up.fill {
            let (all, pods) = (
                self.settings.number("sessions")?,
                self.settings.number("pods")?,
            );
            runtime()?.block_on(async {
                let client = connect(&self.connection()).await?;
                sessions::fill(&client, all, pods).await
            })?;
            say(&format!("made {all} sessions, {pods} of them with a Pod"))?;
        }
        for command in set_up.commands {
            self.run(command)?;
        }
        Ok(())
    }

    /// The namespace's name.
    pub(crate) fn namespace(&self) -> &str {
        self.namespace.name()
    }

    /// The path of a file in the scene's own folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command of a line: `session`, `kubectl` or a path, and words that blanks part. FILE, OTHER_FILE and CLASS (of
    /// snapshots) are replaced, and the settings in braces. The user's kubeconfig and namespace stand before the words:
    /// behind `--` they would be the session's.
    pub(crate) fn command(&self, line: &str) -> Result<Command> {
        let line = self.settings.fill_in(line);
        let mut words = line.split(' ');
        let Some(program) = words.next().filter(|word| !word.is_empty()) else {
            bail!("no program in {line:?}");
        };
        let mut command = self.program(program);
        for word in words {
            match word {
                "FILE" | "OTHER_FILE" => command.arg(self.file(word)),
                "CLASS" => command.arg(SNAPSHOT_CLASS),
                word => command.arg(word),
            };
        }
        Ok(command)
    }

    /// A program that asks as this user.
    pub(crate) fn program(&self, program: &str) -> Command {
        let mut command = Command::new(match program {
            "session" => self.umbrella.clone(),
            "kubectl" => self.cluster.kubectl_path(),
            path => path.into(),
        });
        self.add_flags(&mut command);
        command
    }

    /// Adds the user's kubeconfig and namespace.
    pub(crate) fn add_flags(&self, command: &mut Command) {
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(["--namespace", self.namespace()])
            .env_remove("KUBECONFIG");
    }

    /// Runs a line and returns what it writes to standard output.
    pub(crate) fn run(&self, line: &str) -> Result<String> {
        output(&mut self.command(line)?)
    }

    /// The same user's way to the cluster for requests of our own.
    pub(crate) fn connection(&self) -> ConnectionFlags {
        connection(&self.kubeconfig, self.namespace())
    }

    fn requests(&self) -> Result<Vec<AuditEvent>> {
        self.cluster.audit_where(|event| event.user == self.user)
    }

    /// The user's requests, once nothing is added to the log any more: watches and upgrades are written down when they end,
    /// after the program.
    pub(crate) fn settled_requests(&self) -> Result<Vec<AuditEvent>> {
        let mut events = self.requests()?;
        loop {
            sleep(Duration::from_secs(1));
            let later = self.requests()?;
            if later.len() == events.len() {
                return Ok(events);
            }
            events = later;
        }
    }
}

/// Connection flags.
pub(crate) fn connection(kubeconfig: &Path, namespace: &str) -> ConnectionFlags {
    ConnectionFlags {
        kubeconfig: Some(kubeconfig.to_string_lossy().into_owned()),
        namespace: Some(namespace.to_owned()),
        request_timeout: "0".to_owned(),
        ..ConnectionFlags::default()
    }
}

/// A client as the suite has it.
pub(crate) async fn connect(connection: &ConnectionFlags) -> Result<session_shared::ops::Cluster> {
    let agent = UserAgent {
        program: "kubectl-session-bench".to_owned(),
        version: env!("CARGO_PKG_VERSION"),
    };
    session_shared::ops::Cluster::connect(&connection.options()?, agent)
        .await
        .context("cannot connect")
}

/// One thread, as the suite runs on.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")
}
