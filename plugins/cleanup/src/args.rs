//! The command line of `cleanup`.

use clap::Parser;
use session_shared::flags::connection::Connection;
use session_shared::flags::numbers;
use session_shared::flags::output::Talk;
use session_shared::flags::trust_manifest::TrustManifest;
use session_shared::flags::waiting::Waiting;
use session_shared::flags::writing::Writing;
use session_shared::go_duration;

pub(crate) const ABOUT: &str = "Clean up what sessions leave behind.

--expired ends sessions whose time is over, as their template's onExpiry has it: they are stopped, or deleted by their \
data policy. --unhealthy deletes sessions that cannot be used any more, by their data policy. --orphans deletes what is \
left of sessions that are gone, but never data: that goes only by --kept-older-than, --snapshots-older-than and \
--snapshot-contents, which --all does not mean. Objects that a Pod, a workload, a ServiceAccount or an Ingress uses are left \
alone. First the plan is shown: what is done, why, whose it is, and what becomes of data; then it is asked on a \
terminal, and needs -y elsewhere. Each object is looked at once more before anything is done to it. One that fails is \
reported and the rest goes on.";

const EXAMPLES: &str = "  # Show what would be done, everywhere
  kubectl session cleanup --all -A --dry-run=client

  # End the sessions whose time is over
  kubectl session cleanup --expired -A -y

  # Destroy what was kept of sessions that nobody has made again for 90 days
  kubectl session cleanup --kept-older-than 90d -A

  # Destroy what deleted snapshots have left at the driver, in all namespaces
  kubectl session cleanup --snapshot-contents -A

  # Delete what one user has left
  kubectl session cleanup --orphans -l streaming.platform/user=alice

  # End them every five minutes, at most 20 at a time, until Ctrl-C
  kubectl session cleanup --expired --interval 5m --max 20 -y";

/// Flags of `cleanup`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "cleanup", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session cleanup (--expired | --unhealthy | --orphans | --all | --kept-older-than DURATION | --snapshots-older-than DURATION | --snapshot-contents) [options]")]
pub struct Args {
    /// Sessions whose time is over
    #[arg(long)]
    pub expired: bool,

    /// Sessions that have failed, whose node is gone, that were ready and are not for ten minutes, or whose create was never finished: they are deleted, by their data policy
    #[arg(long)]
    pub unhealthy: bool,

    /// What is left of sessions that are gone; never claims that were bound, snapshots or parameters
    #[arg(long)]
    pub orphans: bool,

    /// All of these
    #[arg(long)]
    pub all: bool,

    /// Data that was kept so long ago and that no session has taken up since (30d, 12h); it is destroyed, but for parameters that a snapshot needs. What carries no date, as after a plain kubectl delete session, gets one, and counts from then
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub kept_older_than: Option<String>,

    /// Snapshots of sessions that were taken so long ago (30d, 12h); they are destroyed
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub snapshots_older_than: Option<String>,

    /// What deleted snapshots of sessions have left at the driver, where their class has deletionPolicy Retain; it is destroyed. Only contents that carry the session's labels; those of snapshots that still exist get them
    #[arg(long)]
    pub snapshot_contents: bool,

    /// Sessions by name are deleted by `delete`
    #[arg(value_name = "NAME", hide = true)]
    pub names: Vec<String>,

    /// Only what these labels are on: '=', '==', '!=', 'in', 'notin', as in -l key1=value1,key2=value2
    #[arg(short = 'l', long, value_name = "QUERY")]
    pub selector: Option<String>,

    /// In all namespaces; the namespace of the context and of --namespace is ignored
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,

    /// Do it again and again, after so long (5m, 1h30m; a number alone is seconds), until Ctrl-C
    #[arg(long, value_name = "DURATION", value_parser = go_duration::parse, allow_hyphen_values = true)]
    pub interval: Option<std::time::Duration>,

    /// Do no more than so many things at once, those that are due the longest first; the rest is left to the next call
    #[arg(long, value_name = "NUMBER", value_parser = numbers::count, allow_hyphen_values = true)]
    pub max: Option<u32>,

    /// Ask, with a terminal or without one
    #[arg(short = 'i', long)]
    pub interactive: bool,

    /// Answer yes to the question whether the plan is to be carried out
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// Whether what the session stores is run whoever has written it.
    #[command(flatten)]
    pub trust: TrustManifest,

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
