//! Command line of `snapshot schedule`, and of `snapshot run-schedule`, which its CronJob runs.

use clap::Args as Group;
use session_shared::flags::numbers;
use session_shared::flags::output::{NameOutputFlags, ObjectOutputFlags};
use session_shared::flags::schedule::ScheduleFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;

use crate::timeouts::TAKE_TIMEOUT;

pub(crate) const SCHEDULE_EXAMPLES: &str = "  # Take a snapshot every night at 03:30 in Berlin, and keep the newest seven
  kubectl session snapshot schedule dev --cron \"30 3 * * *\" --time-zone Europe/Berlin --keep 7 --image registry.example.com/kubectl-session:0.1.0

  # Change the schedule to every hour
  kubectl session snapshot schedule dev --cron @hourly --keep 24 --image registry.example.com/kubectl-session:0.1.0

  # Print the objects that would be created
  kubectl session snapshot schedule dev --cron @daily --keep 7 --dry-run=client -o yaml

  # Remove the schedule and keep the snapshots
  kubectl session snapshot schedule dev --remove";

const SCHEDULE_TRUST: &str = "If true, also use stored hooks that another user may have changed

They run in the session's container at every snapshot, so read them first. Without this flag, such a session is refused.";

/// Flags and arguments of `snapshot schedule`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("trust_manifest", |trust| trust.long_help(SCHEDULE_TRUST)))]
pub struct ScheduleArgs {
    /// Name of the session; session/NAME and the output of -o name are accepted, too
    #[arg(value_name = "NAME")]
    pub session: String,
    /// Schedule in cron syntax (minute, hour, day of month, month, day of week), or @hourly, @daily, @weekly, @monthly,
    /// @yearly
    #[arg(long, value_name = "CRON")]
    pub cron: Option<String>,
    /// Number of newest scheduled snapshots to keep
    #[arg(long, value_name = "NUMBER", value_parser = numbers::parse_count)]
    pub keep: Option<u32>,
    /// Time zone and image.
    #[command(flatten)]
    pub schedule: ScheduleFlags,
    /// Name of the VolumeSnapshotClass; defaults to the default or only one of the claims' CSI driver
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// If true, do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
    /// If true, remove the schedule and keep its snapshots
    #[arg(long)]
    pub remove: bool,
    #[command(flatten)]
    pub trust: TrustFlags,
    #[command(flatten)]
    pub output: ObjectOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
}

/// Flags and arguments of `snapshot run-schedule`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, TAKE_TIMEOUT)))]
pub struct RunScheduleArgs {
    /// Name of the session
    #[arg(value_name = "NAME")]
    pub session: String,
    /// Number of newest scheduled snapshots to keep
    #[arg(long, value_name = "NUMBER", value_parser = numbers::parse_count)]
    pub keep: u32,
    /// Name of the VolumeSnapshotClass; defaults to the default or only one of the claims' CSI driver
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// If true, do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
    /// SHA-256 digest of the hooks at the time the schedule was created
    #[arg(long, value_name = "SHA256")]
    pub known_hooks: Option<String>,
    #[command(flatten)]
    pub trust: TrustFlags,
    #[command(flatten)]
    pub output: NameOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
    #[command(flatten)]
    pub wait_flags: WaitFlags,
}
