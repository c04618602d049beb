//! The command line of `list`.

use clap::Parser;
use session_shared::flags::connection::Connection;
use session_shared::flags::output::{ListOutput, Talk};
use session_shared::flags::selection::Selecting;

pub(crate) const ABOUT: &str = "List sessions.

PHASE is joined with what the sessions' Pods say, so that it is right without a controller as well: CrashLoopBackOff and \
the like stand there as they are. EXPIRES is the time that is left. With names, only these sessions are listed.

With --kept, what outlived its session is listed instead: claims, snapshots and secret parameters. A create of the same name, \
user and template takes claims and secret parameters up again; they are lost only by cleanup --kept-older-than and \
--snapshots-older-than, snapshot delete and prune, or with their namespace. KEPT is the time since the deletion, <unknown> after a plain \
kubectl delete session.";

const EXAMPLES: &str = "  # List the sessions of the namespace
  kubectl session list

  # List everybody's sessions everywhere, with Pods, nodes and endpoints
  kubectl session list -A -o wide

  # List the sessions of one user that do not run
  kubectl session list --user-id alice@example.com --phase failed,stopped

  # List the data that was kept of sessions that are gone
  kubectl session list --kept

  # Watch sessions come and go
  kubectl session list -w";

/// Flags and arguments of `list`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "list", visible_alias = "ls", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session list [NAME...] [options]")]
pub struct Args {
    /// Names of sessions
    pub names: Vec<String>,

    /// Only sessions of this owner, as the organisation writes it
    #[arg(long, value_name = "ID")]
    pub user_id: Option<String>,

    /// Only sessions in these phases, after the Pods have been asked: pending, running, stopped, terminating, failed
    #[arg(long, value_name = "PHASE,...", value_delimiter = ',')]
    pub phase: Vec<String>,

    /// What was kept of sessions that are gone: claims, snapshots, secret parameters
    #[arg(long)]
    pub kept: bool,

    /// After listing, watch for changes
    #[arg(short = 'w', long)]
    pub watch: bool,

    /// Say nothing where there is nothing
    #[arg(long)]
    pub ignore_not_found: bool,

    /// Which of them.
    #[command(flatten)]
    pub selecting: Selecting,
    /// What is printed.
    #[command(flatten)]
    pub printing: ListOutput,
    /// How much is said.
    #[command(flatten)]
    pub talk: Talk,
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connection: Connection,
}
