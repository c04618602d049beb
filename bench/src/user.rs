//! A user of the embedded cluster whose every request can be told from all others.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use session_cluster::{AuditEvent, Cluster, Namespace};
use session_shared::client::Agent;
use session_shared::flags::connection::ConnectionFlags;

use crate::process::output;

/// A user who may edit one namespace.
#[derive(Debug)]
pub struct User {
    name: String,
    kubeconfig: PathBuf,
    namespace: Namespace,
}

/// Sets the API up with the program under test, where nobody has yet: a bench is also the first that is run on a new cluster.
///
/// # Errors
/// When the program fails.
pub fn set_up(cluster: &Cluster, umbrella: &Path) -> Result<()> {
    let mut setup = Command::new(umbrella);
    setup
        .arg("setup")
        .arg("--kubeconfig")
        .arg(cluster.admin_kubeconfig());
    output(setup.env_remove("KUBECONFIG")).map(drop)
}

impl User {
    /// A new user with a namespace that is deleted with the handle.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub fn new(cluster: &Cluster, prefix: &str) -> Result<Self> {
        let namespace = cluster.namespace(prefix)?;
        let name = format!("{}@bench.test", namespace.name());
        let kubeconfig = cluster.user_kubeconfig(&name, &[])?;
        cluster.bind_role(namespace.name(), &name, "edit")?;
        Ok(Self {
            name,
            kubeconfig,
            namespace,
        })
    }

    /// What the server knows the user as.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// A program that asks as this user.
    #[must_use]
    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(["--namespace", self.namespace.name()])
            .env_remove("KUBECONFIG");
        command
    }

    /// The same user's way to the cluster for requests of our own.
    #[must_use]
    pub fn connection(&self) -> ConnectionFlags {
        connection(&self.kubeconfig, self.namespace.name())
    }

    /// The user's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The user's finished requests.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn requests(&self, cluster: &Cluster) -> Result<Vec<AuditEvent>> {
        cluster.audit_where(|event| event.user == self.name)
    }

    /// The same once nothing is added to the log any more: watches and upgrades are written down when they end, after the
    /// program.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn settled_requests(&self, cluster: &Cluster) -> Result<Vec<AuditEvent>> {
        let mut events = self.requests(cluster)?;
        loop {
            sleep(Duration::from_secs(1));
            let later = self.requests(cluster)?;
            if later.len() == events.len() {
                return Ok(events);
            }
            events = later;
        }
    }

    /// How many of them a program made, by the beginning of its `User-Agent`.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn count_of(&self, cluster: &Cluster, agent: &str) -> Result<usize> {
        let events = self.settled_requests(cluster)?;
        let is_its = |event: &&AuditEvent| event.user_agent.starts_with(agent);
        Ok(events.iter().filter(is_its).count())
    }
}

/// Connection flags.
#[must_use]
pub fn connection(kubeconfig: &Path, namespace: &str) -> ConnectionFlags {
    ConnectionFlags {
        kubeconfig: Some(kubeconfig.to_string_lossy().into_owned()),
        namespace: Some(namespace.to_owned()),
        request_timeout: "0".to_owned(),
        ..ConnectionFlags::default()
    }
}

/// A client as the suite has it.
///
/// # Errors
/// When the configuration does not hold.
pub async fn connect(connection: &ConnectionFlags) -> Result<session_shared::ops::Cluster> {
    let agent = Agent {
        program: "kubectl-session-bench".to_owned(),
        version: env!("CARGO_PKG_VERSION"),
    };
    session_shared::ops::Cluster::connect(&connection.options()?, agent)
        .await
        .context("cannot connect")
}

/// One thread, as the suite runs on.
///
/// # Errors
/// When the system has none.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")
}
