//! The command line of `list`.

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::ListScopeFlags;
use session_shared::flags::output::{ListOutputFlags, VerbosityFlags};
use session_shared::flags::session_selection::SelectionFlags;

pub(crate) const ABOUT: &str = "List sessions, or the data kept from deleted sessions

PHASE is computed from the sessions' Pods, so it is current even without a controller. If a Pod has a more specific status, \
such as CrashLoopBackOff, PHASE shows that instead; Terminating stands for a session or Pod that is being deleted. --phase and -o json have \
the phase itself, and the reason in the condition Ready, as status has them. USER is the session's owner. EXPIRES is the time left of \
the session's lifetime, \"expired\" when it is over, or <none> if the lifetime has no end. An expired session keeps its PHASE: it \
runs on until its owner or an admin runs cleanup --expired, which stops or deletes it. A stopped session's lifetime begins anew \
with its next start; until then, cleanup --expired deletes it only if its template says so.

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

  # List the sessions of a roster that are in the cluster
  kubectl session list --roster class.csv --ignore-not-found

  # List expired sessions
  kubectl session list -A --no-headers | grep -w expired

  # List the data kept from deleted sessions
  kubectl session list --kept

  # List all sessions, then watch for changes
  kubectl session list -w";

/// Flags and arguments of `list`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "list", visible_alias = "ls", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session list [NAME... | -l QUERY | --template NAME | --user-id ID | --phase PHASE | --roster FILENAME] [options]")]
pub struct Args {
    /// Sessions to list; all of the namespace if omitted.
    #[command(flatten)]
    pub selection: SelectionFlags,

    /// If true, list the data kept from deleted sessions: claims, snapshots and secret parameters
    #[arg(long)]
    pub kept: bool,

    /// If true, watch for changes after listing
    #[arg(short = 'w', long)]
    pub watch: bool,

    /// If true, do not report missing sessions as an error
    #[arg(long)]
    pub ignore_not_found: bool,

    /// Namespaces and pages.
    #[command(flatten)]
    pub scope: ListScopeFlags,
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
