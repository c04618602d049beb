//! The command line of `extend`.

use clap::Parser;
use session_shared::flags::choice::Choosing;
use session_shared::flags::connection::Connection;
use session_shared::flags::output::{ObjectOutput, Talk};
use session_shared::flags::writing::Writing;

pub(crate) const ABOUT: &str = "Give sessions that run more time.

A start lives until it expires, which list and status show. --by adds time to what is left, --until names another end, \
--no-expiry takes it away; none of them goes beyond the longest lifetime that the template allows, counted from the start. \
Later starts of the session live as long as this one does now.";

const EXAMPLES: &str = "  # Two hours more
  kubectl session extend alice --by 2h

  # Until the end of the lecture, for everybody
  kubectl session extend --all --until 2026-03-01T18:00:00+01:00

  # Without an end, if the template allows that
  kubectl session extend alice --no-expiry";

/// Flags and arguments of `extend`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "extend", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session extend (NAME... | -l QUERY | --all) (--by DURATION | --until TIME | --no-expiry) [options]")]
pub struct Args {
    /// Which sessions.
    #[command(flatten)]
    pub choosing: Choosing,

    /// Time that is added to what is left (3600, 90m, 2h, 7d12h)
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub by: Option<String>,

    /// Time at which the session expires, with its offset from UTC (2026-03-01T18:00:00Z, 2026-03-01T18:00:00+01:00)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,

    /// The session never expires
    #[arg(long)]
    pub no_expiry: bool,

    /// What is printed.
    #[command(flatten)]
    pub printing: ObjectOutput,
    /// How much is said.
    #[command(flatten)]
    pub talk: Talk,
    /// How changes are sent.
    #[command(flatten)]
    pub writing: Writing,
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connection: Connection,
}
