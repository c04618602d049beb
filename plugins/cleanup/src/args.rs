//! Command line of `cleanup`.

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::numbers;
use session_shared::flags::output::VerbosityFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;
use session_shared::go_duration;
use session_shared::ops::stop_options::STOP_TIMEOUT;

pub(crate) const ABOUT: &str = "Clean up expired sessions and what sessions leave behind

Select what to clean up with at least one flag. --expired stops or deletes expired sessions, as the onExpiry field of their \
template says: stop or delete (default: stop). A session stopped this way stays until you delete it. --unhealthy deletes \
sessions that no longer work. --orphans deletes objects of sessions that no longer exist. --all selects these three, not all \
sessions.

When a session is deleted, its data policy decides what happens to its data. Kept data, snapshots and snapshot contents are \
deleted only with --kept-older-than, --snapshots-older-than and --snapshot-contents; --all does not select them. --orphans only \
reports VolumeSnapshotContents. Objects that a Pod, a workload, a ServiceAccount or an Ingress still uses are not deleted.

cleanup prints a plan first: each action with its reason, the owner, and what happens to the data. It then asks for \
confirmation; without a terminal it requires --yes. Every object is checked again before it is changed. If an action fails, the \
error is printed, the remaining actions are carried out, and the exit code is 1. --dry-run=client prints the plan alone and \
foresees no refusal; --dry-run=server lets the server check each request.

Cleaning up sessions of other users requires the verb manage on sessions, which the ClusterRoles session-manager and admin \
grant. Hooks run with your permissions. A session with a sync hook that another user may have changed is left with an error, \
unless --trust-manifest is given; a hook of the session's template, and every hook that the admission policy of setup has \
protected, runs without it.";

const EXAMPLES: &str = "  # Print the plan for all namespaces
  kubectl session cleanup --all -A --dry-run=client

  # Stop or delete all expired sessions
  kubectl session cleanup --expired -A -y

  # Print what would be deleted of data older than 30 days
  kubectl session cleanup --kept-older-than 30d --snapshots-older-than 30d -A --dry-run=client

  # Delete claims and secret parameters whose session was deleted 90 days ago
  kubectl session cleanup --kept-older-than 90d -A

  # Delete storage snapshots that remain after their VolumeSnapshot was deleted
  kubectl session cleanup --snapshot-contents -A

  # Delete orphaned objects of one owner
  kubectl session cleanup --orphans --user-id alice@example.com

  # Clean up expired sessions every five minutes, at most 20 at a time, until Ctrl-C
  kubectl session cleanup --expired --interval 5m --max 20 -y";

const TRUST: &str = "If true, also run stored sync hooks that another user may have changed

They run with your permissions, so read them first. Without this flag, such a session is left with an error, and the exit \
code is 1.";

/// Flags of `cleanup`, as typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "cleanup", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session cleanup (--expired | --unhealthy | --orphans | --all | --kept-older-than DURATION | --snapshots-older-than DURATION | --snapshot-contents)... [options]")]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, STOP_TIMEOUT)))]
#[command(mut_arg("trust_manifest", |trust| trust.long_help(TRUST)))]
pub struct Args {
    /// Selection of what is cleaned up.
    #[command(flatten)]
    pub targets: TargetFlags,

    /// Names are rejected with a pointer to `delete`
    #[arg(value_name = "NAME", hide = true)]
    pub names: Vec<String>,

    /// Label selector of the objects (-l key1=value1,key2=value2); supports =, ==, !=, in and notin
    #[arg(help_heading = "Selection", short = 'l', long, value_name = "QUERY")]
    pub selector: Option<String>,

    /// Owner of the sessions and objects (alice@example.com); applies to everything the plan lists
    #[arg(help_heading = "Selection", long, value_name = "ID")]
    pub user_id: Option<String>,

    /// If true, clean up in all namespaces; --namespace and the namespace of the context are ignored
    #[arg(help_heading = "Selection", short = 'A', long)]
    pub all_namespaces: bool,

    /// Repeat at this interval until Ctrl-C (5m, 1h30m; a number alone is seconds); defaults to a single run
    #[arg(long, value_name = "DURATION", value_parser = go_duration::parse)]
    pub interval: Option<std::time::Duration>,

    /// Maximum number of actions, oldest first; the rest is left for the next run. Defaults to no limit
    #[arg(long, value_name = "NUMBER", value_parser = numbers::parse_count)]
    pub max: Option<u32>,

    /// If true, always ask for confirmation; without a terminal, the answer is read from standard input
    #[arg(short = 'i', long)]
    pub interactive: bool,

    /// If true, do not ask for confirmation
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// Trust in hooks stored in sessions.
    #[command(flatten)]
    pub trust: TrustFlags,

    /// Verbosity flags.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Flags for writes.
    #[command(flatten)]
    pub write_flags: WriteFlags,
    /// Waiting flags.
    #[command(flatten)]
    pub wait_flags: WaitFlags,
    /// Cluster connection flags.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// Flags that select what is cleaned up; at least one is required.
#[derive(clap::Args, Clone, Debug)]
pub struct TargetFlags {
    /// If true, stop or delete sessions that have expired
    #[arg(help_heading = "Selection", long)]
    pub expired: bool,

    /// If true, delete sessions that no longer work
    ///
    /// These are sessions that have failed, whose node no longer exists, that were ready but have not been for ten minutes,
    /// or whose creation was never finished.
    #[arg(help_heading = "Selection", long)]
    pub unhealthy: bool,

    /// If true, delete objects of sessions that no longer exist, except their data
    ///
    /// Data is: claims that were ever bound, snapshots, and the Secret with the session's parameters. VolumeSnapshotContents
    /// that remain after their snapshot are reported.
    #[arg(help_heading = "Selection", long)]
    pub orphans: bool,

    /// If true, select --expired, --unhealthy and --orphans; does not mean all sessions
    #[arg(help_heading = "Selection", long)]
    pub all: bool,

    /// Delete claims and secret parameters whose session was deleted at least this long ago (30d, 12h); for snapshots use
    /// --snapshots-older-than
    ///
    /// A Secret with parameters is not deleted while a snapshot needs it. Data without a date, as after kubectl delete
    /// session, is dated now and deleted after this time. A dry run does not date it.
    #[arg(help_heading = "Selection", long, value_name = "DURATION")]
    pub kept_older_than: Option<String>,

    /// Delete snapshots that were taken at least this long ago (30d, 12h), also those of existing sessions
    #[arg(help_heading = "Selection", long, value_name = "DURATION")]
    pub snapshots_older_than: Option<String>,

    /// If true, delete VolumeSnapshotContents of deleted snapshots, and the storage behind them
    ///
    /// With deletionPolicy Retain, a VolumeSnapshotContent remains after its VolumeSnapshot is deleted. Only contents that
    /// carry a session's labels are deleted; contents of existing snapshots are labeled for a later cleanup. Their age is
    /// not considered.
    #[arg(help_heading = "Selection", long)]
    pub snapshot_contents: bool,
}
