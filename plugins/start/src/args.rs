//! The command line of `start`.

use std::time::Duration;

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::existing::ExistingFlags;
use session_shared::flags::output::{ObjectOutputFlags, VerbosityFlags};
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::room::RoomFlags;
use session_shared::flags::session_selection::SelectionFlags;
use session_shared::flags::values::ValueFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;

/// Default of `--timeout`.
pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(300);

pub(crate) const ABOUT: &str = "Start one or more stopped, ended or incomplete sessions

Create the session's objects from the current version of its template, with the values of the last start. Secrets and \
PersistentVolumeClaims are used again. The lifetime begins anew. Values given with --set, --set-file, --env-file or --preset apply to this start and to later ones. Workloads \
with immutable changes are replaced, objects that the template no longer contains are deleted, and claims are expanded but \
never shrunk.

A running session is left unchanged. With --restart it is stopped first, after its sync hook (a command that saves unsaved \
work), and then started.

If a session does not become ready, it is kept so that you can inspect it. When its lifetime is over, it runs on until its \
owner or an admin runs cleanup --expired, which stops or deletes it as the onExpiry field of the template says.";

const EXAMPLES: &str = "  # Start a session and wait until it is ready
  kubectl session start dev

  # Start a session with a new value and a new password
  kubectl session start lab-1 --set VM_CPU=4 --set-file VSCODE_PASSWORD=password.txt

  # Apply the current template to a running session
  kubectl session start lab-1 --restart

  # Start a session when the quota of the namespace has room for it
  kubectl session start dev --wait-for-room

  # Start the stopped sessions of a class, at most 10 in a minute
  kubectl session start --template lab --phase stopped --rate 10/60s";

/// Flags and arguments of `start`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "start", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session start (NAME... | -l QUERY | --template NAME | --user-id ID | --phase PHASE | --roster FILENAME | --all) [options]")]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, USUAL_WAIT)))]
pub struct Args {
    /// Sessions to start.
    #[command(flatten)]
    pub selection: SelectionFlags,

    /// Parameter values.
    #[command(flatten)]
    pub values: ValueFlags,

    /// Time until the session expires, counted from each start (2h, 7d; a number alone is seconds); 0 or never: no expiry.
    /// Defaults to the session's own, else the template's
    #[arg(long, value_name = "DURATION")]
    pub expires_in: Option<String>,

    /// Treatment of existing objects.
    #[command(flatten)]
    pub existing: ExistingFlags,

    /// If true, stop a running session before the start; the stop runs its sync hook
    #[arg(long)]
    pub restart: bool,

    /// If true, --restart stops without running the template's sync hook
    #[arg(long, requires = "restart")]
    pub skip_sync: bool,

    /// If true, do not ask before --restart destroys data
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// If true, also use a stored manifest and hooks that another user may have changed, and a manifest that asks for
    /// privileges
    ///
    /// They run with your permissions, so read them first. Without this flag, a start of one session shows what another user
    /// may have changed and asks for confirmation. Without a terminal or for several sessions, such a session is refused,
    /// and so is a manifest that asks for privileges. Cannot be used with --all or --selector.
    #[arg(long)]
    pub trust_manifest: bool,

    /// SHA-256 digest of what the start runs, at the time the schedule was created
    #[arg(long, value_name = "SHA256", hide = true)]
    pub known_values: Option<String>,

    /// If true, do not check quotas, limits, free resources, classes and claims before the first write
    #[arg(long)]
    pub skip_checks: bool,

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
    /// Wait for room.
    #[command(flatten)]
    pub room_flags: RoomFlags,
    /// Cluster and credentials.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}
