//! The command line of `stop`.

use clap::Parser;
use session_shared::flags::choice::Choosing;
use session_shared::flags::connection::Connection;
use session_shared::flags::output::{ObjectOutput, Talk};
use session_shared::flags::waiting::Waiting;
use session_shared::flags::writing::Writing;

pub(crate) const ABOUT: &str = "Stop sessions by name, or by selector: their workload goes, their data stays.

The session's data is synchronised first (the template's sync hook); a sync that fails stops nothing. Then Pods go with \
their grace period, StatefulSets and Deployments are scaled to 0; claims, Services and Secrets stay, and the next start \
takes them up again. Data outside claims (emptyDir and ephemeral volumes, container files) is lost. If a session has no \
claims, or people work in such a volume, stop asks for confirmation; without a terminal it requires --yes. A stop that was interrupted is finished by the next one.";

const EXAMPLES: &str = "  # Stop a session
  kubectl session stop alice

  # Stop it although its data cannot be synchronised
  kubectl session stop alice --skip-sync

  # Stop all sessions of one user, and lose what no claim keeps
  kubectl session stop -l streaming.platform/user=alice -y

  # Stop what a list has found
  kubectl session list --phase running -o name | xargs -r kubectl session stop -y";

/// Flags and arguments of `stop`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "stop", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session stop (NAME... | -l QUERY | --all) [options]")]
pub struct Args {
    /// Which sessions.
    #[command(flatten)]
    pub choosing: Choosing,

    /// Go on without synchronising the session's data
    #[arg(long)]
    pub skip_sync: bool,

    /// Answer yes to what would be asked: data that is destroyed
    #[arg(short = 'y', long)]
    pub yes: bool,

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
