//! `cargo cluster`: the local Kubernetes from the command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use session_cluster::{Cluster, Part};

/// A real Kubernetes on this machine, for tests and the demo.
#[derive(Parser)]
#[command(name = "cluster", bin_name = "cargo cluster")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build what is missing, start the cluster, wait until its node is ready
    Up,
    /// End and remove the cluster with all its data
    Down,
    /// Show the parts, the node, and what this machine lacks; exit code 1 unless all parts run
    Status,
    /// Print variables for a shell: eval "$(cargo cluster env)"
    Env,
    /// Print a part's log
    Logs {
        /// etcd, apiserver, controller-manager, scheduler, containerd, kubelet, csi-driver, csi-provisioner,
        /// csi-snapshotter, csi-resizer, snapshot-controller, proxy, kwok, or audit
        part: String,
    },
    /// Give the node an image in an OCI archive, as cargo image writes it
    Import {
        /// The archive
        file: PathBuf,
    },
    /// Make a user and print the path of the kubeconfig
    User {
        /// The user's name, alice@example.com
        name: String,
        /// A group the user is in; at most two
        #[arg(long)]
        group: Vec<String>,
        /// A ClusterRole to give the user: view, edit, admin, cluster-admin
        #[arg(long)]
        role: Option<String>,
        /// Where the role holds; everywhere without this
        #[arg(long, short, requires = "role")]
        namespace: Option<String>,
    },
    /// Remove the cluster once nobody uses it
    #[command(hide = true)]
    WatchIdle,
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode> {
    match verb {
        Verb::Up => drop(Cluster::shared()?),
        Verb::Down => Cluster::down()?,
        Verb::Status => {
            let status = Cluster::status()?;
            print(&status.text)?;
            if !status.is_up {
                return Ok(ExitCode::FAILURE);
            }
        }
        Verb::Env => {
            let cluster = running()?;
            cluster.touch();
            print(&cluster.env())?;
        }
        Verb::Logs { part } => logs(&part)?,
        Verb::Import { file } => {
            let cluster = running()?;
            cluster.touch();
            cluster.import_archive(&file)?;
        }
        Verb::User {
            name,
            group,
            role,
            namespace,
        } => user(&name, &group, role.as_deref(), namespace.as_deref())?,
        Verb::WatchIdle => session_cluster::watch_idle()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn logs(name: &str) -> Result<()> {
    let cluster = running()?;
    let path = match Part::named(name) {
        Some(part) => cluster.log(part),
        None if name == "audit" => cluster.audit_log(),
        None => bail!(
            "no part is called {name}: there are {} and audit",
            Part::ALL.map(Part::name).join(", ")
        ),
    };
    let mut file =
        std::fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    match std::io::copy(&mut file, &mut std::io::stdout()) {
        // `| head` has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        copied => copied.map(drop).context("cannot print the log"),
    }
}

fn user(name: &str, groups: &[String], role: Option<&str>, namespace: Option<&str>) -> Result<()> {
    let cluster = running()?;
    cluster.touch();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let path = cluster.user_kubeconfig(name, &groups)?;
    match (role, namespace) {
        (Some(role), Some(namespace)) => cluster.bind_role(namespace, name, role)?,
        (Some(role), None) => cluster.bind_cluster_role(name, role)?,
        (None, _) => {}
    }
    print(&format!("{}\n", path.display()))
}

fn running() -> Result<Cluster> {
    Cluster::running()?.context("the cluster is not up: run cargo cluster up")
}

fn print(text: &str) -> Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot print")
}
