//! The command line of `snapshot` and of what it can do.

use clap::{Args as Group, Parser, Subcommand};
use session_shared::flags::connection::Connection;
use session_shared::flags::numbers;
use session_shared::flags::output::{ListOutput, NameOutput, ObjectOutput, Talk};
use session_shared::flags::selection::Selecting;
use session_shared::flags::trust_manifest::TrustManifest;
use session_shared::flags::waiting::Waiting;
use session_shared::flags::writing::Writing;

use crate::file_args::{FromFile, ToFile};

pub(crate) const ABOUT: &str = "Take snapshots of a session's data, go back to them, make other sessions of them.

A snapshot is a VolumeSnapshot of every claim of a session; those of several claims share its name. While they are cut, the \
session pauses if its template has quiesce and resume hooks. Snapshots outlive the session. They need a CSI driver that can \
cut them, and the snapshot-controller.";

const EXAMPLES: &str = "  # Take a snapshot before something risky
  kubectl session snapshot create alice

  # See what there is to go back to, and go back
  kubectl session snapshot list alice
  kubectl session stop alice
  kubectl session snapshot restore alice-20260301-120000 --in-place

  # Keep the newest five
  kubectl session snapshot prune alice --keep 5";

/// Flags and arguments of `snapshot`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "snapshot", visible_alias = "snapshots", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session snapshot COMMAND [options]", disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub action: Action,

    /// How much is said.
    #[command(flatten)]
    pub talk: Talk,
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connection: Connection,
}

/// What `snapshot` can do.
#[derive(Subcommand, Clone, Debug)]
pub enum Action {
    /// Take a snapshot of every claim of a session
    #[command(after_long_help = CREATE, override_usage = "kubectl session snapshot create NAME [options]")]
    Create(Create),
    /// List snapshots
    #[command(visible_alias = "ls", after_long_help = LIST, override_usage = "kubectl session snapshot list [NAME] [options]")]
    List(List),
    /// Bring the data of a stopped session back to a snapshot, or make another session with it
    #[command(after_long_help = RESTORE, override_usage = "kubectl session snapshot restore SNAPSHOT (--into NEW | --in-place) [options]
  kubectl session snapshot restore NAME --from FILE [options]")]
    Restore(Restore),
    /// Make another session with the data that a session has now
    #[command(after_long_help = CLONE, override_usage = "kubectl session snapshot clone NAME NEW [options]")]
    Clone(CloneArgs),
    /// Delete snapshots by name
    #[command(visible_alias = "rm", after_long_help = DELETE, override_usage = "kubectl session snapshot delete SNAPSHOT... [options]")]
    Delete(Delete),
    /// Delete old snapshots
    #[command(after_long_help = PRUNE, override_usage = "kubectl session snapshot prune (NAME | --all) (--keep NUMBER | --older-than DURATION) [options]")]
    Prune(Prune),
    /// Have snapshots taken by the clock
    ///
    /// A CronJob in the session's Namespace runs `snapshot create NAME --keep NUMBER`, with a ServiceAccount that may do that and
    /// nothing else. All of it goes with the session; the snapshots stay. Snapshots that were taken by hand are not counted, and
    /// never deleted. Of a session that is stopped one is taken, and the next after it has been started. Given again, it changes
    /// what is there; `status NAME` and `snapshot list NAME` tell of it.
    ///
    /// Where you may not make the Role and the RoleBinding, everything else is made, and these are printed for an admin to apply.
    ///
    /// The image holds this program and nothing else. `cargo image` in the suite's sources writes it as an OCI archive: import
    /// that on your nodes, or push it to your registry and name it with --image.
    #[command(after_long_help = SCHEDULE, override_usage = "kubectl session snapshot schedule NAME (--cron CRON --keep NUMBER | --remove) [options]")]
    Schedule(Schedule),
}

impl Action {
    /// How it is written; `None` where nothing is.
    pub(crate) fn writing(&self) -> Option<&Writing> {
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

const CREATE: &str = "  # Take a snapshot, and wait until it can be restored
  kubectl session snapshot create alice

  # Give it a name, and choose how it is taken
  kubectl session snapshot create alice --name before-upgrade --class fast

  # Take it although the session cannot be paused, and do not wait
  kubectl session snapshot create alice --skip-hooks --wait=false

  # Without claims: copy the files of its container to a file
  kubectl session snapshot create alice --to alice.tar.gz";

/// Flags and arguments of `snapshot create`.
#[derive(Group, Clone, Debug)]
pub struct Create {
    /// Name of the session, also as session/NAME
    #[arg(value_name = "NAME")]
    pub session: String,
    /// Name of the snapshot; by default the session's, and the time in UTC
    #[arg(long, value_name = "SNAPSHOT")]
    pub name: Option<String>,
    /// VolumeSnapshotClass; by default that of the claims' driver
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
    /// Digest of the hooks that a schedule was made with
    #[arg(long, value_name = "SHA256", hide = true)]
    pub known_hooks: Option<String>,
    /// Take it as a schedule does: mark it, then delete all that are marked but the newest NUMBER; of a stopped session, take one only
    #[arg(long, value_name = "NUMBER", value_parser = numbers::count, allow_hyphen_values = true)]
    pub keep: Option<u32>,
    #[command(flatten)]
    pub file: ToFile,
    #[command(flatten)]
    pub trust: TrustManifest,
    #[command(flatten)]
    pub printing: ObjectOutput,
    #[command(flatten)]
    pub writing: Writing,
    #[command(flatten)]
    pub waiting: Waiting,
}

const LIST: &str = "  # List the snapshots of a session
  kubectl session snapshot list alice

  # List all snapshots of one user, the newest last
  kubectl session snapshot list -l streaming.platform/user=alice --sort-by .metadata.creationTimestamp";

/// Flags and arguments of `snapshot list`.
#[derive(Group, Clone, Debug)]
pub struct List {
    /// Only those of this session, which need not exist any more
    #[arg(value_name = "NAME")]
    pub session: Option<String>,
    #[command(flatten)]
    pub selecting: Selecting,
    #[command(flatten)]
    pub printing: ListOutput,
}

const RESTORE: &str =
    "  # Go back to a snapshot; what the session holds now becomes a snapshot first
  kubectl session stop alice
  kubectl session snapshot restore alice-20260301-120000 --in-place
  kubectl session start alice

  # Look at what was, beside what is
  kubectl session snapshot restore alice-20260301-120000 --into alice-before
  kubectl session start alice-before

  # See what would be done
  kubectl session snapshot restore before-upgrade --in-place --dry-run=client

  # Copy the files of a file into a session that runs
  kubectl session snapshot restore alice --from alice.tar.gz";

/// Flags and arguments of `snapshot restore`.
#[derive(Group, Clone, Debug)]
pub struct Restore {
    /// Name of the snapshot, or of a single VolumeSnapshot; with --from, of the session
    #[arg(value_name = "SNAPSHOT")]
    pub snapshot: String,
    /// Name of a session that is made with the data, of the same template; it is stopped
    #[arg(long, value_name = "NEW")]
    pub into: Option<String>,
    /// Replace the claims of the session that it was taken of
    #[arg(long)]
    pub in_place: bool,
    /// Size of the new session's claims; by default that of the old ones
    #[arg(long, value_name = "SIZE")]
    pub storage: Option<String>,
    /// VolumeSnapshotClass of the snapshot that is taken first; by default that of the claims' driver
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    #[command(flatten)]
    pub file: FromFile,
    #[command(flatten)]
    pub trust: TrustManifest,
    #[command(flatten)]
    pub printing: ObjectOutput,
    #[command(flatten)]
    pub writing: Writing,
    #[command(flatten)]
    pub waiting: Waiting,
}

const CLONE: &str = "  # Make a session like alice's, with a copy of its data
  kubectl session snapshot clone alice alice-2
  kubectl session start alice-2

  # The same with more room, from a certain class of snapshots
  kubectl session snapshot clone alice alice-3 --storage 20Gi --class fast";

/// Flags and arguments of `snapshot clone`.
#[derive(Group, Clone, Debug)]
pub struct CloneArgs {
    /// Name of the session, also as session/NAME
    #[arg(value_name = "NAME")]
    pub session: String,
    /// Name of the session that is made; it is stopped
    #[arg(value_name = "NEW")]
    pub new: String,
    /// VolumeSnapshotClass of the snapshot it is made through; by default that of the claims' driver
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
    /// Size of the new session's claims; by default that of the old ones
    #[arg(long, value_name = "SIZE")]
    pub storage: Option<String>,
    #[command(flatten)]
    pub trust: TrustManifest,
    #[command(flatten)]
    pub printing: ObjectOutput,
    #[command(flatten)]
    pub writing: Writing,
    #[command(flatten)]
    pub waiting: Waiting,
}

const DELETE: &str = "  # Delete a snapshot; it asks first
  kubectl session snapshot delete alice-20260301-120000

  # Delete all snapshots of a session
  kubectl session snapshot list alice -o name | xargs -r kubectl session snapshot delete -y";

/// Flags and arguments of `snapshot delete`.
#[derive(Group, Clone, Debug)]
pub struct Delete {
    /// Names of snapshots, or of single VolumeSnapshots
    #[arg(value_name = "SNAPSHOT", required = true)]
    pub names: Vec<String>,
    /// Treat a snapshot that does not exist as deleted
    #[arg(long)]
    pub ignore_not_found: bool,
    /// Answer yes to what would be asked: data that is destroyed
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub printing: NameOutput,
    #[command(flatten)]
    pub writing: Writing,
    #[command(flatten)]
    pub waiting: Waiting,
}

const PRUNE: &str = "  # See what would go: all but the newest five of a session
  kubectl session snapshot prune alice --keep 5 --dry-run=client

  # Of every session keep three, and whatever is younger than a week
  kubectl session snapshot prune --all --keep 3 --older-than 7d -y";

/// Flags and arguments of `snapshot prune`.
#[derive(Group, Clone, Debug)]
pub struct Prune {
    /// Name of the session, which need not exist any more
    #[arg(value_name = "NAME")]
    pub session: Option<String>,
    /// Those of all sessions in the namespace, each by itself
    #[arg(long)]
    pub all: bool,
    /// How many of the newest stay; one that is not ready is not counted, and stays
    #[arg(long, value_name = "NUMBER", value_parser = numbers::count, allow_hyphen_values = true)]
    pub keep: Option<u32>,
    /// Only those that are older (12h, 7d; a number alone is seconds), ready or not
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub older_than: Option<String>,
    /// Answer yes to what would be asked: data that is destroyed
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[command(flatten)]
    pub printing: NameOutput,
    #[command(flatten)]
    pub writing: Writing,
    #[command(flatten)]
    pub waiting: Waiting,
}

const SCHEDULE: &str = "  # Every night at half past three in Berlin, keep a week
  kubectl session snapshot schedule alice --cron \"30 3 * * *\" --time-zone Europe/Berlin --keep 7

  # Every hour; run it again to change it
  kubectl session snapshot schedule alice --cron @hourly --keep 24 --image registry.example.com/kubectl-session:1

  # See what would be made
  kubectl session snapshot schedule alice --cron @daily --keep 7 --dry-run=client -o yaml

  # No more; the snapshots stay
  kubectl session snapshot schedule alice --remove";

/// Flags and arguments of `snapshot schedule`.
#[derive(Group, Clone, Debug)]
pub struct Schedule {
    /// Name of the session, also as session/NAME
    #[arg(value_name = "NAME")]
    pub session: String,
    /// When: minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly, @yearly
    #[arg(long, value_name = "CRON", allow_hyphen_values = true)]
    pub cron: Option<String>,
    /// How many of the newest that it took stay
    #[arg(long, value_name = "NUMBER", value_parser = numbers::count, allow_hyphen_values = true)]
    pub keep: Option<u32>,
    /// Time zone of --cron, as Europe/Berlin; by default that of the cluster's controllers, mostly UTC
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// VolumeSnapshotClass; by default that of the claims' driver, as it is now
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
    /// Image of this program; by default localhost/kubectl-session of this version, which no registry has
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Take the schedule away; the snapshots stay
    #[arg(long)]
    pub remove: bool,
    #[command(flatten)]
    pub trust: TrustManifest,
    #[command(flatten)]
    pub printing: ObjectOutput,
    #[command(flatten)]
    pub writing: Writing,
}
