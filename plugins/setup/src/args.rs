//! The command line of `setup`.

use std::time::Duration;

use clap::{Parser, Subcommand};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::{ObjectOutputFlags, VerbosityFlags};
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;

use crate::namespace::args as namespace;
use crate::part::{autoscaling, ingress, isolation, mesh, monitoring, storage};
use crate::secret::args as secrets;

/// Default of `--timeout`: the time until the server serves a new CustomResourceDefinition.
pub(crate) const ESTABLISHED_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) const ABOUT: &str = "Install the session API into a cluster

Apply the CustomResourceDefinitions, the namespace session-system, the roles, the admission policy and the built-in \
templates, and wait until the API server serves the CustomResourceDefinitions. A cluster admin runs setup once per \
cluster. Objects that are up to date are left unchanged. To install only some parts, name them: crds, roles, admission, \
templates.

The ClusterRoles: session-client (sessions, resize, snapshots) is part of edit, session-viewer of view, \
session-manager (other users' sessions) of admin. session-reader (templates and classes) is bound to all users. \
session-template-admin writes templates. session-user is for users of a controller, which does not exist yet; the namespace \
session-system is reserved for it. To let a user work with sessions in a namespace, bind edit to the user there.

The admission policy allows only the owner of a session, and users who may `manage` sessions, as the ClusterRole \
session-manager allows, to change it. It requires Kubernetes 1.30. On older servers it is skipped, and users of a \
namespace can change each other's sessions: give each user a namespace of their own.

The commands below prepare a namespace: for a user, or with the objects that the platform of a template has beside its sessions. \
Each prints its objects with --dry-run=client -o yaml, and removes them with --remove.

With roles --for TEMPLATE, only the Role of the platform's session manager is applied, in the namespace, with its ServiceAccount and \
RoleBinding: nvim, gimp (also blender, inkscape, gimp-cloud) or lab. Who may not grant these rights can print the objects for an \
administrator.

With --remove, delete what setup installed. While sessions exist, removing the crds is refused without --force. Claims, \
Secrets of parameters and snapshots of sessions are kept.";

const EXAMPLES: &str = "  # Install everything
  kubectl session setup

  # Install or update only the built-in templates
  kubectl session setup templates

  # Check on the server what would change
  kubectl session setup --dry-run=server

  # Prepare a namespace for a user
  kubectl session setup namespace dev-alice --user-id alice@company.com

  # Let the session manager of a platform work in a namespace
  kubectl session setup roles --for nvim -n nvim-web

  # Have Prometheus collect the metrics of a preview environment, and alert
  kubectl session setup monitoring --for preview --alerts -n pr-17

  # Remove everything, if no sessions exist
  kubectl session setup --remove";

/// Flags and arguments of `setup`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "setup", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session setup [PART...] [options]
  kubectl session setup [PART...] --remove [--force] [options]
  kubectl session setup roles --for TEMPLATE [--bind-to SUBJECT] [options]
  kubectl session setup COMMAND [options]", disable_help_subcommand = true, subcommand_value_name = "COMMAND", args_conflicts_with_subcommands = true)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, ESTABLISHED_TIMEOUT)))]
pub struct Args {
    /// Subcommand
    #[command(subcommand)]
    pub command: Option<SetupCommand>,

    /// Parts to install or remove: crds, roles, admission, templates. All parts if none is named
    #[arg(value_name = "PART")]
    pub parts: Vec<String>,

    /// Template whose session manager gets a Role in the namespace; only with roles
    #[arg(long = "for", value_name = "TEMPLATE")]
    pub template: Option<String>,

    /// Who gets the Role, as user:NAME, group:NAME or serviceaccount:NAME; defaults to the platform's ServiceAccount
    #[arg(long, value_name = "SUBJECT", requires = "template")]
    pub bind_to: Option<String>,

    /// If true, remove the parts instead of installing them
    #[arg(long)]
    pub remove: bool,

    /// If true, --remove removes the API even if sessions exist; they are deleted with it, their claims are kept
    #[arg(long)]
    pub force: bool,

    /// Output format.
    #[command(flatten)]
    pub output: ObjectOutputFlags,
    /// Verbosity.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Dry run and field manager.
    #[command(flatten)]
    pub write_flags: WriteFlags,
    /// Waiting and timeout.
    #[command(flatten)]
    pub wait_flags: WaitFlags,
    /// Connection to the cluster.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// A subcommand of `setup`.
#[derive(Subcommand, Clone, Debug)]
pub enum SetupCommand {
    /// Prepare the namespace of a user
    #[command(visible_alias = "ns", long_about = namespace::LONG_ABOUT, after_long_help = namespace::EXAMPLES, override_usage = "kubectl session setup namespace [NAME] --user-id USER [-f FILENAME] [options]
  kubectl session setup namespace NAME --remove [--force] [options]")]
    Namespace(Box<namespace::SetupNamespaceArgs>),
    /// Scale the workloads of a platform by their use
    #[command(long_about = autoscaling::LONG_ABOUT, after_long_help = autoscaling::EXAMPLES, override_usage = "kubectl session setup autoscaling --for TEMPLATE [--min-replicas COUNT] [--max-replicas COUNT] [options]")]
    Autoscaling(Box<autoscaling::SetupAutoscalingArgs>),
    /// Make the router of a platform reachable from outside the cluster
    #[command(long_about = ingress::LONG_ABOUT, after_long_help = ingress::EXAMPLES, override_usage = "kubectl session setup ingress --for TEMPLATE [--host HOST]... [options]")]
    Ingress(Box<ingress::SetupIngressArgs>),
    /// Allow the Pods of a platform only the connections that it needs
    #[command(long_about = isolation::LONG_ABOUT, after_long_help = isolation::EXAMPLES, override_usage = "kubectl session setup isolation --for TEMPLATE [--egress MODE] [options]")]
    Isolation(Box<isolation::SetupIsolationArgs>),
    /// Route the requests of a platform through a service mesh
    #[command(long_about = mesh::LONG_ABOUT, after_long_help = mesh::EXAMPLES, override_usage = "kubectl session setup mesh --for TEMPLATE [--host HOST]... [options]")]
    Mesh(Box<mesh::SetupMeshArgs>),
    /// Have Prometheus collect metrics of a platform and alert
    #[command(long_about = monitoring::LONG_ABOUT, after_long_help = monitoring::EXAMPLES, override_usage = "kubectl session setup monitoring --for TEMPLATE [--alerts] [options]")]
    Monitoring(Box<monitoring::SetupMonitoringArgs>),
    /// Set keys of a Secret, or have it filled from an external store
    #[command(long_about = secrets::LONG_ABOUT, after_long_help = secrets::EXAMPLES, override_usage = secrets::USAGE)]
    Secrets(Box<secrets::SetupSecretsArgs>),
    /// Create the storage classes of a platform
    #[command(long_about = storage::LONG_ABOUT, after_long_help = storage::EXAMPLES, override_usage = "kubectl session setup storage --for TEMPLATE [--driver NAME] [options]")]
    Storage(Box<storage::SetupStorageArgs>),
}
