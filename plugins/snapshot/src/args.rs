//! Command line of `snapshot` and its subcommands.

use clap::{Args as Group, Parser, Subcommand};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::ListFlags;
use session_shared::flags::numbers;
use session_shared::flags::output::{
    ListOutputFlags, NameOutputFlags, ObjectOutputFlags, VerbosityFlags,
};
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::session_selection::SelectionFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;

use crate::archive_args::{ExportFlags, ImportFlags};
use crate::schedule_args::{RunScheduleArgs, SCHEDULE_EXAMPLES, ScheduleArgs};
use crate::timeouts::{DELETE_TIMEOUT, TAKE_TIMEOUT};

pub(crate) const ABOUT: &str = "Take, schedule, list, restore and delete snapshots of sessions

A snapshot consists of one VolumeSnapshot for each PersistentVolumeClaim of a session. If the template has quiesce and resume \
hooks (commands in its container), they run before and after the VolumeSnapshots are created. Snapshots are kept when the \
session is deleted. The cluster needs a CSI driver that supports snapshots, the snapshot-controller, and a VolumeSnapshotClass.";

const EXAMPLES: &str = "  # Take a snapshot before a risky change
  kubectl session snapshot create dev

  # List the snapshots of a session, then restore one in place
  kubectl session snapshot list dev
  kubectl session stop dev
  kubectl session snapshot restore dev-20260301-120000 --in-place
  kubectl session start dev

  # Keep the newest five
  kubectl session snapshot prune dev --keep 5";

/// Flags and subcommand of `snapshot`, as typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "snapshot", visible_alias = "snapshots", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session snapshot COMMAND [options]", disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
pub struct Args {
    /// Operation to perform
    #[command(subcommand)]
    pub command: SnapshotCommand,

    /// Verbosity flags.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Cluster connection flags.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// Subcommands of `snapshot`.
#[derive(Subcommand, Clone, Debug)]
pub enum SnapshotCommand {
    /// Take snapshots of sessions' volumes, or copy a session's files to an archive
    ///
    /// If several sessions are selected and hooks pause some of them, snapshot create asks for confirmation; without a terminal
    /// it requires --yes.
    #[command(after_long_help = CREATE_EXAMPLES, override_usage = "kubectl session snapshot create (NAME... | -l QUERY | --template NAME | --user-id ID | --phase PHASE | --roster FILENAME | --all) [options]
  kubectl session snapshot create NAME --to FILE [options]")]
    Create(CreateArgs),
    /// List snapshots
    #[command(visible_alias = "ls", after_long_help = LIST_EXAMPLES, override_usage = "kubectl session snapshot list [NAME] [options]")]
    List(ListArgs),
    /// Restore a snapshot in place or into a new session, or copy an archive's files into a session
    ///
    /// --in-place needs a stopped session, --from a running one. --into creates a stopped session from the template of the old
    /// one, or from its stored manifest if it was created with create -f, with the same parameters, secrets and lifetime; the old
    /// session is not changed.
    #[command(after_long_help = RESTORE_EXAMPLES, override_usage = "kubectl session snapshot restore SNAPSHOT (--into NEW | --in-place) [options]
  kubectl session snapshot restore NAME --from FILE [options]")]
    Restore(RestoreArgs),
    /// Create a new session with a copy of a session's current data
    ///
    /// Take a snapshot of the session, which may be running, and create a stopped session from it, with the same parameters,
    /// secrets and lifetime. The snapshot is kept.
    #[command(after_long_help = CLONE_EXAMPLES, override_usage = "kubectl session snapshot clone NAME NEW [options]")]
    Clone(CloneArgs),
    /// Delete snapshots by name
    #[command(visible_alias = "rm", after_long_help = DELETE_EXAMPLES, override_usage = "kubectl session snapshot delete SNAPSHOT... [options]")]
    Delete(DeleteArgs),
    /// Delete old snapshots
    ///
    /// With both --keep and --older-than, delete snapshots that are older and not among the newest. Snapshots that a schedule
    /// has taken and others are counted alike.
    #[command(after_long_help = PRUNE_EXAMPLES, override_usage = "kubectl session snapshot prune (NAME | --all) (--keep NUMBER | --older-than DURATION)... [options]")]
    Prune(PruneArgs),
    /// Take snapshots on a cron schedule
    ///
    /// A CronJob in the session's namespace runs `snapshot run-schedule NAME --keep NUMBER` under a ServiceAccount that has only
    /// the permissions it needs. These objects are deleted with the session; the snapshots are kept. Snapshots taken by
    /// hand are neither counted nor deleted. Of a stopped session only one snapshot is taken; the next one follows after it
    /// has been started again. To change a schedule, run the command again; `status NAME` and `snapshot list NAME` show it.
    ///
    /// If you have no permission to create the Role and the RoleBinding, the other objects are created, these two are
    /// printed on standard output as YAML for an admin to apply, and the exit code is 0.
    ///
    /// The CronJob needs an image that contains this program. Build it with `cargo image` in the source tree. Push it to your
    /// registry and name it with --image, or import it on every node.
    #[command(after_long_help = SCHEDULE_EXAMPLES, override_usage = "kubectl session snapshot schedule NAME (--cron CRON --keep NUMBER | --remove) [options]")]
    Schedule(ScheduleArgs),
    /// Take a scheduled snapshot and delete old ones
    ///
    /// Command of a schedule's CronJob. Delete all but the newest NUMBER scheduled snapshots of the session. Of a
    /// stopped session only one snapshot is taken.
    #[command(
        hide = true,
        override_usage = "kubectl session snapshot run-schedule NAME --keep NUMBER [options]"
    )]
    RunSchedule(RunScheduleArgs),
}

const CREATE_EXAMPLES: &str = "  # Take a snapshot and wait until it is ready to restore
  kubectl session snapshot create dev

  # Choose the snapshot's name and VolumeSnapshotClass
  kubectl session snapshot create dev --name before-upgrade --class fast

  # Skip the quiesce and resume hooks, and do not wait
  kubectl session snapshot create dev --skip-hooks --wait=false

  # Take snapshots of the running sessions of a template, four at a time
  kubectl session snapshot create --template lab --phase running --parallel 4

  # Copy files of the session's container to an archive (works without claims)
  kubectl session snapshot create dev --to dev.tar.gz";

/// Flags and arguments of `snapshot create`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, TAKE_TIMEOUT)))]
pub struct CreateArgs {
    #[command(flatten)]
    pub selection: SelectionFlags,
    #[command(flatten)]
    pub pace: PaceFlags,
    #[command(flatten)]
    pub snapshot: SnapshotFlags,
    /// If true, do not ask before hooks pause several sessions
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub old_schedule: OldScheduleFlags,
    #[command(flatten)]
    pub file: ExportFlags,
    #[command(flatten)]
    pub trust: TrustFlags,
    #[command(flatten)]
    pub output: ObjectOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
    #[command(flatten)]
    pub wait_flags: WaitFlags,
}

/// Flags of a snapshot that is taken now.
#[derive(Group, Clone, Debug)]
pub struct SnapshotFlags {
    /// Name of the snapshot of one session; defaults to the session's name and the UTC time
    #[arg(long, value_name = "SNAPSHOT")]
    pub name: Option<String>,
    /// Name of the VolumeSnapshotClass; defaults to the default or only one of the claims' CSI driver
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// If true, do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
}

/// Flags of the CronJobs of old schedules.
#[derive(Group, Clone, Debug)]
pub struct OldScheduleFlags {
    /// Refused: the CronJobs of version 0.1 before its release ran `create --keep`
    #[arg(long, value_name = "NUMBER", hide = true)]
    pub keep: Option<String>,
    /// Refused, as --keep
    #[arg(long, value_name = "SHA256", hide = true)]
    pub known_hooks: Option<String>,
}

const LIST_EXAMPLES: &str = "  # List the snapshots of a session
  kubectl session snapshot list dev

  # List all snapshots of one owner, newest last; -L streaming.platform/user prints the label
  kubectl session snapshot list -l streaming.platform/user=alice --sort-by .metadata.creationTimestamp";

/// Flags and arguments of `snapshot list`.
#[derive(Group, Clone, Debug)]
pub struct ListArgs {
    /// Name of the session, also after its deletion; session/NAME is accepted, too. Defaults to all sessions
    #[arg(value_name = "NAME")]
    pub session: Option<String>,
    #[command(flatten)]
    pub selecting: ListFlags,
    #[command(flatten)]
    pub output: ListOutputFlags,
}

const RESTORE_EXAMPLES: &str =
    "  # Restore a snapshot in place; the current data is saved as another snapshot first
  kubectl session stop dev
  kubectl session snapshot restore dev-20260301-120000 --in-place
  kubectl session start dev

  # Restore a snapshot into a new session beside the current one
  kubectl session snapshot restore dev-20260301-120000 --into dev-before
  kubectl session start dev-before

  # Print what an in-place restore would do
  kubectl session snapshot restore before-upgrade --in-place --dry-run=client

  # Copy the files of an archive into a running session
  kubectl session snapshot restore dev --from dev.tar.gz";

/// Flags and arguments of `snapshot restore`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, TAKE_TIMEOUT)))]
pub struct RestoreArgs {
    /// Name of a snapshot, or of one of its VolumeSnapshots if the session has several claims; the output of -o name is
    /// accepted, too. With --from, name of the session
    #[arg(value_name = "SNAPSHOT")]
    pub snapshot: String,
    #[command(flatten)]
    pub target: TargetFlags,
    #[command(flatten)]
    pub file: ImportFlags,
    #[command(flatten)]
    pub trust: TrustFlags,
    #[command(flatten)]
    pub output: ObjectOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
    #[command(flatten)]
    pub wait_flags: WaitFlags,
}

/// Flags that say where a snapshot is restored to.
#[derive(Group, Clone, Debug)]
pub struct TargetFlags {
    /// Name of a new session to create with the snapshot's data, from the template or stored manifest of the old one; it is not started
    #[arg(long, value_name = "NEW")]
    pub into: Option<String>,
    /// If true, replace the claims of the session that the snapshot was taken from
    #[arg(long)]
    pub in_place: bool,
    /// With --into, size of the new session's claims (20Gi); defaults to the size of the original claims
    #[arg(long, value_name = "QUANTITY")]
    pub storage: Option<String>,
    /// With --in-place, name of the VolumeSnapshotClass for the snapshot of the current data; defaults to the default or only
    /// one of the claims' CSI driver
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
}

const CLONE_EXAMPLES: &str = "  # Create a session with a copy of dev's data
  kubectl session snapshot clone dev dev-2
  kubectl session start dev-2

  # Clone with larger claims and a chosen VolumeSnapshotClass
  kubectl session snapshot clone dev dev-3 --storage 20Gi --class fast";

/// Flags and arguments of `snapshot clone`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, TAKE_TIMEOUT)))]
pub struct CloneArgs {
    /// Name of the session; session/NAME and the output of -o name are accepted, too
    #[arg(value_name = "NAME")]
    pub session: String,
    /// Name of the new session; it is not started
    #[arg(value_name = "NEW")]
    pub new: String,
    /// Name of the VolumeSnapshotClass; defaults to the default or only one of the claims' CSI driver
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// If true, do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
    /// Size of the new session's claims (20Gi); defaults to the size of the original claims
    #[arg(long, value_name = "QUANTITY")]
    pub storage: Option<String>,
    #[command(flatten)]
    pub trust: TrustFlags,
    #[command(flatten)]
    pub output: ObjectOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
    #[command(flatten)]
    pub wait_flags: WaitFlags,
}

const DELETE_EXAMPLES: &str = "  # Delete a snapshot after a prompt for confirmation
  kubectl session snapshot delete dev-20260301-120000

  # Delete all snapshots of a session without a prompt
  kubectl session snapshot list dev -o name | xargs -r kubectl session snapshot delete -y";

/// Flags and arguments of `snapshot delete`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, DELETE_TIMEOUT)))]
pub struct DeleteArgs {
    /// Names of snapshots, or of single VolumeSnapshots if a session has several claims; the output of -o name is accepted, too
    #[arg(value_name = "SNAPSHOT", required = true)]
    pub names: Vec<String>,
    /// If true, treat a missing snapshot as deleted
    #[arg(long)]
    pub ignore_not_found: bool,
    /// If true, do not ask for confirmation
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: NameOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
    #[command(flatten)]
    pub wait_flags: WaitFlags,
}

const PRUNE_EXAMPLES: &str =
    "  # Print what would be deleted if the newest five of a session are kept
  kubectl session snapshot prune dev --keep 5 --dry-run=client

  # Delete snapshots older than a week, but keep the newest three of each session
  kubectl session snapshot prune --all --keep 3 --older-than 7d -y";

/// Flags and arguments of `snapshot prune`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, DELETE_TIMEOUT)))]
pub struct PruneArgs {
    /// Name of the session, also after its deletion; session/NAME is accepted, too
    #[arg(value_name = "NAME")]
    pub session: Option<String>,
    /// If true, prune the snapshots of all sessions of the namespace, each session separately
    #[arg(help_heading = "Selection", long)]
    pub all: bool,
    /// Number of newest ready snapshots to keep; without --older-than, snapshots that are not ready are kept too
    #[arg(long, value_name = "NUMBER", value_parser = numbers::parse_count)]
    pub keep: Option<u32>,
    /// Delete only snapshots older than this (12h, 7d; a number alone is seconds), ready or not
    #[arg(long, value_name = "DURATION")]
    pub older_than: Option<String>,
    /// If true, do not ask for confirmation
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: NameOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
    #[command(flatten)]
    pub wait_flags: WaitFlags,
}
