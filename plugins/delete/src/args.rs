//! The command line of `delete`.

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::{NameOutputFlags, VerbosityFlags};
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::session_selection::SelectionFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;
use session_shared::ops::stop_options::STOP_TIMEOUT;

pub(crate) const ABOUT: &str = "Delete one or more sessions

Run the template's sync hook (a command that saves unsaved work), delete the session's workload, and then keep, snapshot or \
delete its PersistentVolumeClaims. A flag decides what happens to the claims; without one, the session's dataPolicy, then the \
template's, then keep. With keep, they are kept, \
and a create with the same name, owner and template uses them again. With snapshot, a snapshot is taken before the workload \
is deleted, and the claims are deleted when the snapshot is ready; later writes are not in it. With delete, the claims and \
their data are deleted.

Under every policy, existing snapshots and the secret parameters they need are kept, and data outside claims (emptyDir and \
ephemeral volumes, container files) is lost. If data would be lost, delete asks for confirmation; without a terminal it \
requires --yes.

If the sync hook or the snapshot fails, nothing is deleted. To finish an interrupted deletion, run the command again.";

const EXAMPLES: &str = "  # Delete a session
  kubectl session delete dev

  # Delete a session whose sync hook fails
  kubectl session delete dev --skip-sync

  # Delete a session and keep its data as a snapshot
  kubectl session delete dev --snapshot-data

  # Delete a session without claims, without confirmation
  kubectl session delete dev -y

  # Delete a session and its data, without confirmation
  kubectl session delete dev --delete-data -y

  # Delete all sessions of one owner, without confirmation
  kubectl session delete --user-id alice@example.com -y";

/// Flags and arguments of `delete`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "delete", visible_alias = "rm", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session delete (NAME... | -l QUERY | --template NAME | --user-id ID | --phase PHASE | --roster FILENAME | --all) [options]")]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, STOP_TIMEOUT)))]
pub struct Args {
    /// Sessions to delete.
    #[command(flatten)]
    pub selection: SelectionFlags,

    /// If true, delete without running the template's sync hook
    #[arg(long, help_heading = "Data")]
    pub skip_sync: bool,

    /// If true, keep the session's claims, overriding its data policy
    #[arg(long, help_heading = "Data")]
    pub keep_data: bool,

    /// If true, take a snapshot of the session's claims and then delete them, overriding its data policy
    #[arg(long, help_heading = "Data")]
    pub snapshot_data: bool,

    /// If true, delete the session's claims and their data, overriding its data policy
    #[arg(long, help_heading = "Data")]
    pub delete_data: bool,

    /// Name of the VolumeSnapshotClass; defaults to the default or only one of the claims' CSI driver
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    pub class: Option<String>,

    /// If true, treat a session that does not exist as deleted
    #[arg(long)]
    pub ignore_not_found: bool,

    /// If true, do not ask before several sessions are deleted or data is destroyed
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// If true, always ask for confirmation; without a terminal, the answer is read from standard input
    #[arg(short = 'i', long)]
    pub interactive: bool,

    /// Trust in stored hooks.
    #[command(flatten)]
    pub trust: TrustFlags,

    /// Pace of the writes.
    #[command(flatten)]
    pub pace: PaceFlags,

    /// Output format.
    #[command(flatten)]
    pub output: NameOutputFlags,
    /// Verbosity.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Dry run and field manager.
    #[command(flatten)]
    pub write_flags: WriteFlags,
    /// Waiting and its timeout.
    #[command(flatten)]
    pub wait_flags: WaitFlags,
    /// Cluster and credentials.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}
