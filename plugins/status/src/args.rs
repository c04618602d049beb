//! The command line of `status`.

use std::time::Duration;

use clap::Parser;
use clap::builder::ArgPredicate;
use session_shared::flags::connection::Connection;
use session_shared::flags::output::{ObjectOutput, Talk};
use session_shared::flags::waiting;

pub(crate) const ABOUT: &str = "Show a session on one screen: what it is, how it is, and what to do about it.

The phase is joined with what the session's Pods say, so that it is right without a controller as well. What you may not see \
is named as unknown, and the rest is shown. With -o json or yaml everything on the screen stands in one document of kind \
SessionReport.

For scripts, --wait-for waits until the session is in a phase (ready is another word for running): exit code 0 when it is, \
1 when the time is over, and 1 at once when it cannot get there.";

const EXAMPLES: &str = "  # Show a session
  kubectl session status alice

  # Keep the screen up to date
  kubectl session status alice -w

  # Wait in a script until a session is ready
  kubectl session status alice --wait-for ready --timeout 2m

  # Print why a session does not come up
  kubectl session status alice -o jsonpath='{.diagnosis[0].message}'";

/// Flags and arguments of `status`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "status", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session status NAME [options]")]
#[command(mut_arg("timeout", |timeout| waiting::default_timeout(timeout, crate::intent::USUAL_WAIT)))]
pub struct Args {
    /// Name of the session
    pub name: String,

    /// Show it again whenever it changes: in place on a terminal, one report after another elsewhere
    #[arg(short = 'w', long)]
    pub watch: bool,

    /// Wait until the session is ready, or in a phase: pending, running, stopped, terminating, failed
    #[arg(long, value_name = "PHASE", default_value_if("timeout", ArgPredicate::IsPresent, "ready"))]
    pub wait_for: Option<String>,

    /// How long to wait (30s, 5m; a number alone is seconds); 0 looks once. Without --wait-for it waits for ready. Default 5m
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = waiting::parse, allow_hyphen_values = true)]
    pub timeout: Duration,

    /// What is printed.
    #[command(flatten)]
    pub printing: ObjectOutput,
    /// How much is said.
    #[command(flatten)]
    pub talk: Talk,
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connection: Connection,
}
