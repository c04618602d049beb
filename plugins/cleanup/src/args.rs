//! Command line of `cleanup`.

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::numbers;
use session_shared::flags::output::VerbosityFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::flags::waiting::{WaitFlags, with_default_timeout};
use session_shared::flags::writing::WriteFlags;
use session_shared::go_duration;
use session_shared::ops::manner::STOP_TIMEOUT;

pub(crate) const ABOUT: &str = "Clean up expired sessions and what sessions leave behind

Select what to clean up with at least one flag. --expired stops or deletes expired sessions, depending on the onExpiry field of \
their template. --unhealthy deletes sessions that no longer work. --orphans deletes objects of sessions that no longer exist. --all \
selects all three.

When a session is deleted, its data policy decides what happens to its data. Kept data, snapshots and snapshot contents are \
deleted only with --kept-older-than, --snapshots-older-than and --snapshot-contents; --all does not select them. Objects that a \
Pod, a workload, a ServiceAccount or an Ingress still uses are not deleted.

cleanup prints a plan first: each action with its reason, the owner, and what happens to the data. It then asks for \
confirmation; without a terminal it requires --yes. Every object is checked again before it is changed. If an action fails, the \
error is printed and the remaining actions are carried out.";

const EXAMPLES: &str = "  # Print the plan for all namespaces
  kubectl session cleanup --all -A --dry-run=client

  # Stop or delete all expired sessions
  kubectl session cleanup --expired -A -y

  # Delete data of deleted sessions that has been kept for 90 days
  kubectl session cleanup --kept-older-than 90d -A

  # Delete storage snapshots that remain after their VolumeSnapshot was deleted
  kubectl session cleanup --snapshot-contents -A

  # Delete orphaned objects of one user
  kubectl session cleanup --orphans -l streaming.platform/user=alice

  # Clean up expired sessions every five minutes, at most 20 at a time, until Ctrl-C
  kubectl session cleanup --expired --interval 5m --max 20 -y";

/// Flags of `cleanup`, as typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "cleanup", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session cleanup (--expired | --unhealthy | --orphans | --all | --kept-older-than DURATION | --snapshots-older-than DURATION | --snapshot-contents) [options]")]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, STOP_TIMEOUT)))]
pub struct Args {
    /// Stop or delete sessions that have expired
    #[arg(long)]
    pub expired: bool,

    /// Delete sessions that no longer work
    ///
    /// These are sessions that have failed, whose node no longer exists, that were ready but have not been for ten minutes,
    /// or whose creation was never finished.
    #[arg(long)]
    pub unhealthy: bool,

    /// Delete objects of sessions that no longer exist, except their data
    ///
    /// Data is: claims that were ever bound, snapshots, and the Secret with the session's parameters.
    #[arg(long)]
    pub orphans: bool,

    /// Same as --expired --unhealthy --orphans
    #[arg(long)]
    pub all: bool,

    /// Delete data kept for at least this long after its session was deleted (30d, 12h)
    ///
    /// A Secret with parameters is not deleted while a snapshot needs it. Data without a date, as after kubectl delete
    /// session, is dated now and deleted after this time.
    #[arg(
        help_heading = "Data",
        long,
        value_name = "DURATION",
        allow_hyphen_values = true
    )]
    pub kept_older_than: Option<String>,

    /// Delete snapshots of sessions that are at least this old (30d, 12h)
    #[arg(
        help_heading = "Data",
        long,
        value_name = "DURATION",
        allow_hyphen_values = true
    )]
    pub snapshots_older_than: Option<String>,

    /// Delete VolumeSnapshotContents of deleted snapshots, and the storage behind them
    ///
    /// With deletionPolicy Retain, a VolumeSnapshotContent remains after its VolumeSnapshot is deleted. Only contents that
    /// carry a session's labels are deleted; contents of existing snapshots are labeled for a later cleanup.
    #[arg(help_heading = "Data", long)]
    pub snapshot_contents: bool,

    /// Names are rejected with a pointer to `delete`
    #[arg(value_name = "NAME", hide = true)]
    pub names: Vec<String>,

    /// Label query to filter on; supports '=', '==', '!=', 'in', 'notin' (-l key1=value1,key2=value2)
    #[arg(help_heading = "Selection", short = 'l', long, value_name = "QUERY")]
    pub selector: Option<String>,

    /// If true, clean up in all namespaces; --namespace and the namespace of the context are ignored
    #[arg(help_heading = "Selection", short = 'A', long)]
    pub all_namespaces: bool,

    /// Repeat at this interval until Ctrl-C (5m, 1h30m; a number alone is seconds)
    #[arg(long, value_name = "DURATION", value_parser = go_duration::parse, allow_hyphen_values = true)]
    pub interval: Option<std::time::Duration>,

    /// Maximum number of actions, oldest first; the rest is left for the next run
    #[arg(long, value_name = "NUMBER", value_parser = numbers::parse_count, allow_hyphen_values = true)]
    pub max: Option<u32>,

    /// If true, always ask for confirmation, even without a terminal
    #[arg(short = 'i', long)]
    pub interactive: bool,

    /// If true, carry out the plan without a prompt for confirmation
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// Trust in hooks stored in sessions.
    #[command(flatten)]
    pub trust: TrustFlags,

    /// Verbosity flags.
    #[command(flatten)]
    pub talk: VerbosityFlags,
    /// Flags for writes.
    #[command(flatten)]
    pub writing: WriteFlags,
    /// Waiting flags.
    #[command(flatten)]
    pub waiting: WaitFlags,
    /// Cluster connection flags.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}
