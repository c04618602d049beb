//! Command line of `snapshot` and its subcommands.

use clap::{Args as Group, Parser, Subcommand};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::numbers;
use session_shared::flags::output::{ListOutputFlags, NameOutputFlags, ObjectOutputFlags, VerbosityFlags};
use session_shared::flags::selection::ListFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::flags::waiting::{WaitFlags, with_default_timeout};
use session_shared::flags::writing::WriteFlags;

use crate::file_args::{FromFile, ToFile};

pub(crate) const ABOUT: &str = "Take, list, restore and delete snapshots of a session's data

A snapshot consists of one VolumeSnapshot for each PersistentVolumeClaim of a session. If the template has quiesce and resume \
hooks, they run before and after the VolumeSnapshots are created. Snapshots are kept when the session is deleted. The cluster \
needs a CSI driver that supports snapshots, and the snapshot-controller.";

const EXAMPLES: &str = "  # Take a snapshot before a risky change
  kubectl session snapshot create alice

  # List the snapshots of a session, then restore one in place
  kubectl session snapshot list alice
  kubectl session stop alice
  kubectl session snapshot restore alice-20260301-120000 --in-place

  # Keep the newest five
  kubectl session snapshot prune alice --keep 5";

/// Flags and subcommand of `snapshot`, as typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "snapshot", visible_alias = "snapshots", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session snapshot COMMAND [options]", disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
pub struct Args {
    /// Operation to perform
    #[command(subcommand)]
    pub action: Action,

    /// Verbosity flags.
    #[command(flatten)]
    pub talk: VerbosityFlags,
    /// Cluster connection flags.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// Subcommands of `snapshot`.
#[derive(Subcommand, Clone, Debug)]
pub enum Action {
    /// Take a snapshot of a session's volumes, or copy its files to an archive
    #[command(after_long_help = CREATE, override_usage = "kubectl session snapshot create NAME [options]")]
    Create(Create),
    /// List snapshots
    #[command(visible_alias = "ls", after_long_help = LIST, override_usage = "kubectl session snapshot list [NAME] [options]")]
    List(List),
    /// Restore a snapshot in place or into a new session, or copy an archive's files into a session
    #[command(after_long_help = RESTORE, override_usage = "kubectl session snapshot restore SNAPSHOT (--into NEW | --in-place) [options]
  kubectl session snapshot restore NAME --from FILE [options]")]
    Restore(Restore),
    /// Create a new session with a copy of a session's current data
    #[command(after_long_help = CLONE, override_usage = "kubectl session snapshot clone NAME NEW [options]")]
    Clone(CloneArgs),
    /// Delete snapshots by name
    #[command(visible_alias = "rm", after_long_help = DELETE, override_usage = "kubectl session snapshot delete SNAPSHOT... [options]")]
    Delete(Delete),
    /// Delete old snapshots
    #[command(after_long_help = PRUNE, override_usage = "kubectl session snapshot prune (NAME | --all) (--keep NUMBER | --older-than DURATION) [options]")]
    Prune(Prune),
    /// Take snapshots on a cron schedule
    ///
    /// A CronJob in the session's namespace runs `snapshot create NAME --keep NUMBER` under a ServiceAccount that has only
    /// the permissions it needs. These objects are deleted with the session; the snapshots are kept. Snapshots taken by
    /// hand are neither counted nor deleted. While a session is stopped, only one snapshot is taken. To change a schedule,
    /// run the command again; `status NAME` and `snapshot list NAME` show it.
    ///
    /// If you lack permission to create the Role and RoleBinding, the other objects are created, and these two are printed
    /// for an admin to apply.
    ///
    /// The image contains only this program. Run `cargo image` in the source tree to write it as an OCI archive, then import
    /// the archive on your nodes, or push it to your registry and pass its name with --image.
    #[command(after_long_help = SCHEDULE, override_usage = "kubectl session snapshot schedule NAME (--cron CRON --keep NUMBER | --remove) [options]")]
    Schedule(Schedule),
}

impl Action {
    /// Returns the flags for writes; `None` for a subcommand that only reads.
    pub(crate) fn writing(&self) -> Option<&WriteFlags> {
        match self {
            Action::Create(args) => Some(&args.writing),
            Action::Restore(args) => Some(&args.writing),
            Action::Clone(args) => Some(&args.writing),
            Action::Delete(args) => Some(&args.writing),
            Action::Prune(args) => Some(&args.writing),
            Action::Schedule(args) => Some(&args.writing),
            Action::List(_) => None,
        }
    }
}

const CREATE: &str = "  # Take a snapshot and wait until it is ready to restore
  kubectl session snapshot create alice

  # Choose the snapshot's name and VolumeSnapshotClass
  kubectl session snapshot create alice --name before-upgrade --class fast

  # Skip the quiesce and resume hooks, and do not wait
  kubectl session snapshot create alice --skip-hooks --wait=false

  # Copy files of the session's container to an archive (works without claims)
  kubectl session snapshot create alice --to alice.tar.gz";

/// Flags and arguments of `snapshot create`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, crate::create::USUAL_WAIT)))]
pub struct Create {
    /// Name of the session, also as session/NAME
    #[arg(value_name = "NAME")]
    pub session: String,
    /// Name of the snapshot; defaults to the session's name and the UTC time
    #[arg(long, value_name = "SNAPSHOT")]
    pub name: Option<String>,
    /// Name of the VolumeSnapshotClass; defaults to the one for the claims' CSI driver
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// If true, do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
    /// SHA-256 digest of the hooks at the time the schedule was created
    #[arg(long, value_name = "SHA256", hide = true)]
    pub known_hooks: Option<String>,
    /// Mark the snapshot as scheduled, then keep only the newest NUMBER scheduled ones (see schedule)
    #[arg(long, value_name = "NUMBER", value_parser = numbers::parse_count, allow_hyphen_values = true)]
    pub keep: Option<u32>,
    #[command(flatten)]
    pub file: ToFile,
    #[command(flatten)]
    pub trust: TrustFlags,
    #[command(flatten)]
    pub printing: ObjectOutputFlags,
    #[command(flatten)]
    pub writing: WriteFlags,
    #[command(flatten)]
    pub waiting: WaitFlags,
}

const LIST: &str = "  # List the snapshots of a session
  kubectl session snapshot list alice

  # List all snapshots of one user, newest last
  kubectl session snapshot list -l streaming.platform/user=alice --sort-by .metadata.creationTimestamp";

/// Flags and arguments of `snapshot list`.
#[derive(Group, Clone, Debug)]
pub struct List {
    /// Name of the session whose snapshots to list, also after its deletion; defaults to all sessions
    #[arg(value_name = "NAME")]
    pub session: Option<String>,
    #[command(flatten)]
    pub selecting: ListFlags,
    #[command(flatten)]
    pub printing: ListOutputFlags,
}

const RESTORE: &str =
    "  # Restore a snapshot in place; the current data is saved as another snapshot first
  kubectl session stop alice
  kubectl session snapshot restore alice-20260301-120000 --in-place
  kubectl session start alice

  # Restore a snapshot into a new session beside the current one
  kubectl session snapshot restore alice-20260301-120000 --into alice-before
  kubectl session start alice-before

  # Print what an in-place restore would do
  kubectl session snapshot restore before-upgrade --in-place --dry-run=client

  # Copy the files of an archive into a running session
  kubectl session snapshot restore alice --from alice.tar.gz";

/// Flags and arguments of `snapshot restore`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, crate::copy::USUAL_WAIT)))]
pub struct Restore {
    /// Name of a snapshot or of a single VolumeSnapshot; with --from, name of the session
    #[arg(value_name = "SNAPSHOT")]
    pub snapshot: String,
    /// Name of a new session to create from the same template with the snapshot's data; it is not started
    #[arg(long, value_name = "NEW")]
    pub into: Option<String>,
    /// If true, replace the claims of the session the snapshot was taken of
    #[arg(long)]
    pub in_place: bool,
    /// Size of the new session's claims (20Gi); defaults to the size of the original claims
    #[arg(long, value_name = "SIZE")]
    pub storage: Option<String>,
    /// VolumeSnapshotClass for the snapshot of the current data; defaults to the one for the claims' CSI driver
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    #[command(flatten)]
    pub file: FromFile,
    #[command(flatten)]
    pub trust: TrustFlags,
    #[command(flatten)]
    pub printing: ObjectOutputFlags,
    #[command(flatten)]
    pub writing: WriteFlags,
    #[command(flatten)]
    pub waiting: WaitFlags,
}

const CLONE: &str = "  # Create a session with a copy of alice's data
  kubectl session snapshot clone alice alice-2
  kubectl session start alice-2

  # Clone with larger claims and a chosen VolumeSnapshotClass
  kubectl session snapshot clone alice alice-3 --storage 20Gi --class fast";

/// Flags and arguments of `snapshot clone`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, crate::copy::USUAL_WAIT)))]
pub struct CloneArgs {
    /// Name of the session, also as session/NAME
    #[arg(value_name = "NAME")]
    pub session: String,
    /// Name of the new session; it is not started
    #[arg(value_name = "NEW")]
    pub new: String,
    /// VolumeSnapshotClass for the snapshot that is cloned; defaults to the one for the claims' CSI driver
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// If true, do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
    /// Size of the new session's claims (20Gi); defaults to the size of the original claims
    #[arg(long, value_name = "SIZE")]
    pub storage: Option<String>,
    #[command(flatten)]
    pub trust: TrustFlags,
    #[command(flatten)]
    pub printing: ObjectOutputFlags,
    #[command(flatten)]
    pub writing: WriteFlags,
    #[command(flatten)]
    pub waiting: WaitFlags,
}

const DELETE: &str = "  # Delete a snapshot after a prompt for confirmation
  kubectl session snapshot delete alice-20260301-120000

  # Delete all snapshots of a session without a prompt
  kubectl session snapshot list alice -o name | xargs -r kubectl session snapshot delete -y";

/// Flags and arguments of `snapshot delete`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, crate::delete::USUAL_WAIT)))]
pub struct Delete {
    /// Names of snapshots or of single VolumeSnapshots
    #[arg(value_name = "SNAPSHOT", required = true)]
    pub names: Vec<String>,
    /// If true, treat a missing snapshot as deleted
    #[arg(long)]
    pub ignore_not_found: bool,
    /// If true, delete snapshots without a prompt for confirmation
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub printing: NameOutputFlags,
    #[command(flatten)]
    pub writing: WriteFlags,
    #[command(flatten)]
    pub waiting: WaitFlags,
}

const PRUNE: &str = "  # Print what would be deleted if the newest five of a session are kept
  kubectl session snapshot prune alice --keep 5 --dry-run=client

  # Delete snapshots older than a week, but keep the newest three of each session
  kubectl session snapshot prune --all --keep 3 --older-than 7d -y";

/// Flags and arguments of `snapshot prune`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, crate::prune::USUAL_WAIT)))]
pub struct Prune {
    /// Name of the session, also after its deletion
    #[arg(value_name = "NAME")]
    pub session: Option<String>,
    /// If true, prune the snapshots of every session in the namespace, each session separately
    #[arg(long)]
    pub all: bool,
    /// Number of newest ready snapshots to keep; without --older-than, snapshots that are not ready are kept too
    #[arg(long, value_name = "NUMBER", value_parser = numbers::parse_count, allow_hyphen_values = true)]
    pub keep: Option<u32>,
    /// Delete only snapshots older than this (12h, 7d; a number alone is seconds), ready or not
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub older_than: Option<String>,
    /// If true, delete snapshots without a prompt for confirmation
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub printing: NameOutputFlags,
    #[command(flatten)]
    pub writing: WriteFlags,
    #[command(flatten)]
    pub waiting: WaitFlags,
}

const SCHEDULE: &str = "  # Take a snapshot every night at 03:30 in Berlin, and keep the newest seven
  kubectl session snapshot schedule alice --cron \"30 3 * * *\" --time-zone Europe/Berlin --keep 7

  # Change the schedule to every hour
  kubectl session snapshot schedule alice --cron @hourly --keep 24 --image registry.example.com/kubectl-session:1

  # Print the objects that would be created
  kubectl session snapshot schedule alice --cron @daily --keep 7 --dry-run=client -o yaml

  # Remove the schedule and keep the snapshots
  kubectl session snapshot schedule alice --remove";

/// Flags and arguments of `snapshot schedule`.
#[derive(Group, Clone, Debug)]
pub struct Schedule {
    /// Name of the session, also as session/NAME
    #[arg(value_name = "NAME")]
    pub session: String,
    /// Schedule in cron syntax (minute, hour, day of month, month, day of week), or @hourly, @daily, @weekly, @monthly,
    /// @yearly
    #[arg(long, value_name = "CRON", allow_hyphen_values = true)]
    pub cron: Option<String>,
    /// Number of newest scheduled snapshots to keep
    #[arg(long, value_name = "NUMBER", value_parser = numbers::parse_count, allow_hyphen_values = true)]
    pub keep: Option<u32>,
    /// Time zone of --cron (Europe/Berlin); defaults to that of the kube-controller-manager, usually UTC
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Name of the VolumeSnapshotClass; defaults to the current one for the claims' CSI driver
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// If true, do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
    /// Image with this program; defaults to localhost/kubectl-session:VERSION, which must be imported on the nodes
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// If true, remove the schedule and keep its snapshots
    #[arg(long)]
    pub remove: bool,
    #[command(flatten)]
    pub trust: TrustFlags,
    #[command(flatten)]
    pub printing: ObjectOutputFlags,
    #[command(flatten)]
    pub writing: WriteFlags,
}
