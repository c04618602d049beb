//! The command line of `list`.

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::ListFlags;
use session_shared::flags::output::{ListOutputFlags, VerbosityFlags};

pub(crate) const ABOUT: &str = "List sessions, or the data kept from deleted sessions

PHASE is computed from the sessions' Pods, so it is current even without a controller. If a Pod has a more specific status, \
such as CrashLoopBackOff, PHASE shows that instead; Terminating stands for a session or Pod that is being deleted. --phase and -o json have \
the phase itself, and the reason in the condition Ready, as status has them. USER is the session's owner. EXPIRES is the time left of \
the session's lifetime, \"expired\" when it is over, or <none> if the lifetime has no end. An expired session keeps its PHASE: it \
runs on until its owner or an admin runs cleanup --expired, which stops or deletes it.

The label streaming.platform/user is made from the owner: characters other than letters, digits, \".\", \"_\" and \"-\" become \
\"-\", and a hash follows. -L streaming.platform/user prints the label; --user-id selects by the owner itself.

With --kept, list the data of deleted sessions: PersistentVolumeClaims, VolumeSnapshots and secret parameters. The next \
create with the same name, owner and template uses the claims and secret parameters again. This data is deleted only by \
delete --delete-data or the data policy delete once the session exists again, by cleanup --kept-older-than and \
--snapshots-older-than, by snapshot delete and prune, by the pruning of a snapshot schedule, or with the namespace. KEPT is \
the time since the deletion; it is <unknown> after kubectl delete session.";

const EXAMPLES: &str = "  # List all sessions of the namespace
  kubectl session list

  # List the sessions of all namespaces, with Pods, nodes and endpoints
  kubectl session list -A -o wide

  # List the failed and stopped sessions of one owner
  kubectl session list --user-id alice@example.com --phase failed,stopped

  # List expired sessions
  kubectl session list -A --no-headers | grep -w expired

  # List the data kept from deleted sessions
  kubectl session list --kept

  # List all sessions, then watch for changes
  kubectl session list -w";

/// Flags and arguments of `list`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "list", visible_alias = "ls", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session list [NAME...] [options]")]
pub struct Args {
    /// Names of the sessions; session/NAME and the output of -o name are accepted, too
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Owner of the sessions (alice@example.com); defaults to all owners
    #[arg(help_heading = "Selection", long, value_name = "ID")]
    pub user_id: Option<String>,

    /// Phases of the sessions: pending, running, stopped, terminating or failed; may be repeated or comma-separated
    #[arg(
        help_heading = "Selection",
        long,
        value_name = "PHASE,...",
        value_delimiter = ','
    )]
    pub phase: Vec<String>,

    /// If true, list the data kept from deleted sessions: claims, snapshots and secret parameters
    #[arg(long)]
    pub kept: bool,

    /// If true, watch for changes after listing
    #[arg(short = 'w', long)]
    pub watch: bool,

    /// If true, do not report missing sessions as an error
    #[arg(long)]
    pub ignore_not_found: bool,

    /// Selection of sessions.
    #[command(flatten)]
    pub selecting: ListFlags,
    /// Output format.
    #[command(flatten)]
    pub output: ListOutputFlags,
    /// Verbosity.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Cluster and credentials.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}
