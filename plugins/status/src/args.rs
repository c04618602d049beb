//! The command line of `status`.

use std::time::Duration;

use clap::Parser;
use clap::builder::ArgPredicate;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::{ObjectOutputFlags, VerbosityFlags};
use session_shared::flags::wait;
use session_shared::go_duration;

/// Default of `--timeout`, the same as `create`'s.
pub(crate) const DEFAULT_WAIT: Duration = Duration::from_secs(300);

pub(crate) const ABOUT: &str = "Show the state of a session on one screen

Print the owner, phase, workloads, network, data, connection methods, conditions and events of a session. If the session is \
not ready, the report names the cause and a remedy. The phase is computed from the session's Pods, so it is current even \
without a controller. Parts that you have no permission to read are shown as <unknown>. With -o json or yaml, the report \
is one document of kind SessionReport.

With --wait-for, wait until the session is in a phase (ready means running). The exit code is 0 when the session reaches \
the phase, and 1 when the timeout expires or the session can no longer reach the phase.";

const EXAMPLES: &str = "  # Show the state of a session
  kubectl session status dev

  # Watch a session
  kubectl session status dev -w

  # Wait until a session is ready, at most 2 minutes
  kubectl session status dev --wait-for ready --timeout 2m

  # Print why a session is not ready
  kubectl session status dev -o jsonpath='{.diagnosis[*].message}'";

/// Flags and arguments of `status`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "status", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session status NAME [options]")]
#[command(mut_arg("timeout", |timeout| wait::with_default_timeout(timeout, DEFAULT_WAIT)))]
pub struct Args {
    /// Name of the session; session/NAME and the output of -o name are accepted, too
    pub name: String,

    /// If true, print the report again on every change (on a terminal, in place)
    #[arg(short = 'w', long)]
    pub watch: bool,

    /// Phase to wait for: ready, pending, running, stopped, terminating or failed
    #[arg(
        help_heading = "Waiting",
        long,
        value_name = "PHASE",
        default_value_if("timeout", ArgPredicate::IsPresent, "ready")
    )]
    pub wait_for: Option<String>,

    /// Time to wait for the phase of --wait-for (30s, 5m, 1h30m; a number alone is seconds); 0 checks once, without waiting. If
    /// given, --wait-for defaults to ready
    #[arg(help_heading = "Waiting", long, value_name = "DURATION", default_value = "5m", value_parser = go_duration::parse)]
    pub timeout: Duration,

    /// Output format.
    #[command(flatten)]
    pub output: ObjectOutputFlags,
    /// Verbosity.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Cluster and credentials.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}
