//! The command line of `delete`.

use clap::Parser;
use session_shared::flags::choice::Choosing;
use session_shared::flags::connection::Connection;
use session_shared::flags::output::{ObjectOutput, Talk};
use session_shared::flags::waiting::Waiting;
use session_shared::flags::writing::Writing;

pub(crate) const ABOUT: &str = "Delete sessions by name, or by selector.

The session's data is synchronised first (the template's sync hook), then its workload goes, then its data by the data \
policy. With keep it stays, and is taken up again by a create of the same name, user and template. With snapshot a snapshot \
is taken before anything goes, and claims go once it is ready; what is written after that moment is not in it. With delete \
it is destroyed. Data outside claims (emptyDir and ephemeral volumes, container files) is lost with the Pods under every \
policy. If data would be lost, delete asks for confirmation; without a terminal it requires --yes. Snapshots stay in any case, and the secret parameters with them. A sync or a snapshot that fails stops the \
deletion, and nothing is lost. A deletion that was interrupted is finished by the next one.";

const EXAMPLES: &str = "  # Delete a session
  kubectl session delete alice

  # Delete it although its data cannot be synchronised
  kubectl session delete alice --skip-sync

  # Delete it, and keep its data as a snapshot
  kubectl session delete alice --snapshot-data

  # Delete a session without claims, and lose what its Pods hold
  kubectl session delete alice -y

  # Delete it together with its data, without being asked
  kubectl session delete alice --delete-data -y

  # Delete all sessions of one user
  kubectl session delete -l streaming.platform/user=alice";

/// Flags and arguments of `delete`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "delete", visible_alias = "rm", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session delete (NAME... | -l QUERY | --all) [options]")]
pub struct Args {
    /// Which sessions.
    #[command(flatten)]
    pub choosing: Choosing,

    /// Go on without synchronising the session's data
    #[arg(long)]
    pub skip_sync: bool,

    /// Keep the session's data whatever its data policy says
    #[arg(long)]
    pub keep_data: bool,

    /// Take a snapshot of the session's data, then delete it, whatever its data policy says
    #[arg(long)]
    pub snapshot_data: bool,

    /// Delete the session's data whatever its data policy says
    #[arg(long)]
    pub delete_data: bool,

    /// VolumeSnapshotClass of a snapshot; by default that of the driver which is the default, or its only one
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,

    /// Treat a session that does not exist as deleted
    #[arg(long)]
    pub ignore_not_found: bool,

    /// Answer yes to what would be asked: several sessions at once, data that is destroyed
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// Ask before anything is deleted
    #[arg(short = 'i', long)]
    pub interactive: bool,

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
