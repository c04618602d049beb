//! The command line of `stop`.

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::{ObjectOutputFlags, VerbosityFlags};
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::session_selection::SelectionFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;
use session_shared::ops::stop_options::STOP_TIMEOUT;

pub(crate) const ABOUT: &str = "Stop one or more sessions; data in PersistentVolumeClaims is kept

Run the template's sync hook (a command that saves unsaved work), delete the session's Pods with their grace period, and scale its StatefulSets and \
Deployments to 0. If the sync hook fails, the session is not stopped. PersistentVolumeClaims, Services and Secrets are \
kept, and the next start uses them again.

Data outside PersistentVolumeClaims (emptyDir and ephemeral volumes, container files) is lost. If a session has no \
claims, or if a home or working directory is on such a volume, stop asks for confirmation; without a terminal it requires \
--yes. To finish an interrupted stop, run the command again.";

const EXAMPLES: &str = "  # Stop a session
  kubectl session stop dev

  # Stop a session whose sync hook fails
  kubectl session stop dev --skip-sync

  # Stop all sessions of one owner without confirmation
  kubectl session stop --user-id alice@example.com -y

  # Stop all running sessions of a template, at most 10 in a minute
  kubectl session stop --template lab --phase running -y --rate 10/60s";

/// Flags and arguments of `stop`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "stop", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session stop (NAME... | -l QUERY | --template NAME | --user-id ID | --phase PHASE | --roster FILENAME | --all) [options]")]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, STOP_TIMEOUT)))]
pub struct Args {
    /// Sessions to stop.
    #[command(flatten)]
    pub selection: SelectionFlags,

    /// If true, stop without running the template's sync hook
    #[arg(long)]
    pub skip_sync: bool,

    /// If true, stop a session that has been extended when the extension is over, and wait for that for up to 12 hours; a session
    /// that is extended for longer is left running
    #[arg(long)]
    pub after_extension: bool,

    /// SHA-256 digest of the hooks at the time the schedule was created
    #[arg(long, value_name = "SHA256", hide = true)]
    pub known_hooks: Option<String>,

    /// If true, do not ask before data is destroyed
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// Trust in stored hooks.
    #[command(flatten)]
    pub trust: TrustFlags,

    /// Pace of the writes.
    #[command(flatten)]
    pub pace: PaceFlags,

    /// Output format.
    #[command(flatten)]
    pub output: ObjectOutputFlags,
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
