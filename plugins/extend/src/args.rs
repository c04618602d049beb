//! The command line of `extend`.

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::{ObjectOutputFlags, VerbosityFlags};
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::session_selection::SelectionFlags;
use session_shared::flags::write::WriteFlags;

pub(crate) const ABOUT: &str = "Extend the lifetime of one or more running sessions

A session expires when its lifetime is over, counted from its last start; list and status show the time. An expired session \
runs on until its owner or an admin runs cleanup --expired, which stops or deletes it. Add time with --by, set a new expiry with --until, or remove the expiry \
with --no-expiry. The template's maximum lifetime, counted from the start, is the limit. Later starts get the lifetime from \
start to the new expiry.

A stop of a schedule before the new time of expiry waits until then, for up to 12 hours.

A stopped session cannot be extended: give the next start a lifetime with start --expires-in.";

const EXAMPLES: &str = "  # Extend a session by two hours
  kubectl session extend dev --by 2h

  # Extend all sessions until the end of a lecture
  kubectl session extend --all --until 2026-03-01T18:00:00+01:00

  # Remove the expiry of a session, if its template allows it
  kubectl session extend dev --no-expiry";

/// Flags and arguments of `extend`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "extend", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session extend (NAME... | -l QUERY | --template NAME | --user-id ID | --phase PHASE | --roster FILENAME | --all) (--by DURATION | --until TIME | --no-expiry) [options]")]
pub struct Args {
    /// Sessions to extend.
    #[command(flatten)]
    pub selection: SelectionFlags,

    /// Time to add to the expiry, or to now if the session has expired (90m, 2h, 7d12h; a number alone is seconds)
    ///
    /// A session without an expiry is refused, unless a schedule stops it: then only the stop waits.
    #[arg(long, value_name = "DURATION")]
    pub by: Option<String>,

    /// New expiry, later than the current one, in RFC 3339 with an offset from UTC (2026-03-01T18:00:00Z, 2026-03-01T18:00:00+01:00)
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// If true, remove the expiry; refused if the template has a maximum lifetime
    #[arg(long)]
    pub no_expiry: bool,

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
    /// Cluster and credentials.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}
