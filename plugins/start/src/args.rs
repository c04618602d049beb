//! The command line of `start`.

use clap::Parser;
use session_shared::flags::choice::Choosing;
use session_shared::flags::connection::Connection;
use session_shared::flags::existing::Existing;
use session_shared::flags::output::{ObjectOutput, Talk};
use session_shared::flags::values::Values;
use session_shared::flags::waiting::Waiting;
use session_shared::flags::writing::Writing;

pub(crate) const ABOUT: &str = "Start sessions that were stopped, have ended, or were left half made.

A session is rendered anew, from its template as it is now, with the values it was created with, its secrets and its \
claims; --set and its kind change values for this start and later ones. What a workload cannot change is made anew, what \
the template no longer has goes, a claim grows and never shrinks. A session that runs is left alone; --restart stops it \
first, with its sync hook.

A session that does not get ready is kept, so that it can be looked at.";

const EXAMPLES: &str = "  # Start a session and wait until it is ready
  kubectl session start alice

  # Start it with another value, and a new password
  kubectl session start lab-1 --set VM_CPU=4 --set-file VSCODE_PASSWORD=password.txt

  # Take a newer template up in a session that runs
  kubectl session start lab-1 --restart

  # Start all sessions of one user
  kubectl session start -l streaming.platform/user=alice";

/// Flags and arguments of `start`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "start", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session start (NAME... | -l QUERY | --all) [options]")]
pub struct Args {
    /// Which sessions.
    #[command(flatten)]
    pub choosing: Choosing,

    /// What the template is given.
    #[command(flatten)]
    pub values: Values,

    /// Preset of the template: a named set of values
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,

    /// Lifetime of this start and later ones (3600, 2h, 7d); 0 or never for no end
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub expires_in: Option<String>,

    /// What becomes of what is already there.
    #[command(flatten)]
    pub existing: Existing,

    /// Stop what runs, with its sync hook, and start it again
    #[arg(long)]
    pub restart: bool,

    /// With --restart: go on without synchronising the session's data
    #[arg(long, requires = "restart")]
    pub skip_sync: bool,

    /// Answer yes to what would be asked: data that --restart destroys
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// Carry out what is stored even if others may have written it, or a manifest asks for privileges
    #[arg(long)]
    pub trust_manifest: bool,

    /// Do not check quotas, classes and claims before anything is written
    #[arg(long)]
    pub skip_checks: bool,

    /// What is printed.
    #[command(flatten)]
    pub printing: ObjectOutput,
    /// How much is said.
    #[command(flatten)]
    pub talk: Talk,
    /// How changes are sent.
    #[command(flatten)]
    pub writing: Writing,
    /// Whether to wait, and how long.
    #[command(flatten)]
    pub waiting: Waiting,
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connection: Connection,
}
