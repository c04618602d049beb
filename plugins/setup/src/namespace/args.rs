//! The command line of `setup namespace`.

use std::time::Duration;

use clap::Args as Group;
use session_shared::flags::output::ObjectOutputFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;

/// Default of `--timeout`: the time until the server counts a new quota.
pub(crate) const COUNTED_TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) const LONG_ABOUT: &str = "Prepare the namespace of a user

Create a namespace for the sessions of one user, or change what differs. It gets:

- labels with the user, the team and the Pod Security level, baseline if --pod-security names no other
- the ResourceQuota and the LimitRange of a sindri.yaml's resourceQuota; set other quotas with \"kubectl session quota set\"
- the NetworkPolicy default-deny-all, and session, which allows the Pods of sessions DNS, public addresses, each other, and \
connections from session-system, ingress-nginx, istio-system and monitoring; with --for or a file, only to the ports of the \
templates and of the file; session-schedule, for scheduled snapshots
- a RoleBinding of the user to the ClusterRole edit, of which the rights on sessions are a part (setup roles)

A namespace of another user, or one that was not made by kubectl session, is refused. One that names no user is refused while \
other users have sessions in it; --force hands it over with them. If a namespace has NetworkPolicies of its \
own, those that would allow more are not added. Team, level and ports are kept unless the command line names others.

With --remove, delete these objects. The namespace itself is kept with its sessions and data. While sessions exist, --force is \
required: they run on without limits.";

pub(crate) const EXAMPLES: &str = "  # Prepare a namespace for a user
  kubectl session setup namespace dev-alice --user-id alice@company.com --team platform

  # Take namespace and quota from a sindri.yaml
  kubectl session setup namespace -f alice.sindri.yaml --user-id alice@company.com

  # Allow only Pods of the strictest Pod Security level
  kubectl session setup namespace dev-alice --user-id alice@company.com --pod-security restricted

  # Open only the ports of the templates that the user works with
  kubectl session setup namespace dev-alice --user-id alice@company.com --for nvim --for sindri

  # Print the objects for an administrator to apply
  kubectl session setup namespace dev-alice --user-id alice@company.com --dry-run=client -o yaml

  # Take the user's rights and limits away again
  kubectl session setup namespace dev-alice --remove";

/// Flags and arguments of `setup namespace`, unchecked.
#[derive(Group, Clone, Debug, Default)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, COUNTED_TIMEOUT)))]
pub struct SetupNamespaceArgs {
    /// Name of the namespace; defaults to that of the file. --namespace does not matter
    pub name: Option<String>,

    /// User of the namespace, as the API server names them (kubectl auth whoami)
    #[arg(long, value_name = "USER")]
    pub user_id: Option<String>,

    /// File with a sindri.yaml, whose namespace and resourceQuota are set; "-" means standard input
    #[arg(short = 'f', long, value_name = "FILENAME")]
    pub filename: Option<String>,

    /// Template whose ports are open to others in the sessions of the user; may be repeated. All ports if none is named
    #[arg(long = "for", value_name = "TEMPLATE")]
    pub templates: Vec<String>,

    /// Team of the user, for the label streaming.platform/team
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,

    /// Pod Security level that the server enforces: restricted, baseline or privileged
    #[arg(long, value_name = "LEVEL")]
    pub pod_security: Option<String>,

    /// If true, remove the objects of the namespace instead of creating them
    #[arg(long)]
    pub remove: bool,

    /// If true, prepare the namespace even if other users have sessions in it, or remove the objects even if sessions exist
    #[arg(long)]
    pub force: bool,

    #[command(flatten)]
    pub output: ObjectOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
    #[command(flatten)]
    pub wait_flags: WaitFlags,
}
