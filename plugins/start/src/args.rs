//! The command line of `start`.

use clap::Parser;
use session_shared::flags::choice::SelectionFlags;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::existing::ExistingFlags;
use session_shared::flags::output::{ObjectOutputFlags, VerbosityFlags};
use session_shared::flags::values::ValueFlags;
use session_shared::flags::waiting::{WaitFlags, with_default_timeout};
use session_shared::flags::writing::WriteFlags;

pub(crate) const ABOUT: &str = "Start one or more stopped, ended or incomplete sessions

Render the session's template as it is now, with the values of the last start, the session's secrets and its \
PersistentVolumeClaims. Values given with --set, --set-file or --env-file apply to this start and to later ones. Workloads \
with immutable changes are replaced, objects that the template no longer contains are deleted, and claims are expanded but \
never shrunk.

A running session is left unchanged. With --restart it is stopped first, including its sync hook, and then started.

If a session does not become ready, it is kept so that you can inspect it.";

const EXAMPLES: &str = "  # Start a session and wait until it is ready
  kubectl session start alice

  # Start a session with a new value and a new password
  kubectl session start lab-1 --set VM_CPU=4 --set-file VSCODE_PASSWORD=password.txt

  # Apply the current template to a running session
  kubectl session start lab-1 --restart

  # Start all sessions of one user
  kubectl session start -l streaming.platform/user=alice";

/// Flags and arguments of `start`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "start", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session start (NAME... | -l QUERY | --all) [options]")]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, crate::plan::USUAL_WAIT)))]
pub struct Args {
    /// Sessions to start.
    #[command(flatten)]
    pub choosing: SelectionFlags,

    /// Parameter values.
    #[command(flatten)]
    pub values: ValueFlags,

    /// Name of a preset of the template (a named set of parameter values)
    #[arg(help_heading = "Parameter", long, value_name = "NAME")]
    pub preset: Option<String>,

    /// Lifetime of this start and later ones (3600, 2h, 7d; a number alone is seconds); 0 or never for no expiry
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
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

    /// If true, run the stored manifest and hooks even if other users may have written them or the manifest asks for privileges
    #[arg(long)]
    pub trust_manifest: bool,

    /// If true, do not check quotas, classes and claims before the first write
    #[arg(long)]
    pub skip_checks: bool,

    /// Output format.
    #[command(flatten)]
    pub printing: ObjectOutputFlags,
    /// Verbosity.
    #[command(flatten)]
    pub talk: VerbosityFlags,
    /// Dry run and field manager.
    #[command(flatten)]
    pub writing: WriteFlags,
    /// Waiting and its timeout.
    #[command(flatten)]
    pub waiting: WaitFlags,
    /// Cluster and credentials.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}
