//! The command line of `logs`.

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::numbers;
use session_shared::flags::output::VerbosityFlags;
use session_shared::go_duration;

pub(crate) const ABOUT: &str = "Print the logs of a session

Print the logs of the default container in the Pods of the session's primary workload. WORKLOAD names another workload or \
Pod of the session. With several Pods or containers, each line begins with the names of its Pod and container.

With -f, follow the logs across container restarts and replaced Pods, without repeating lines, until the session is stopped \
or deleted or all containers have terminated. If lines may be missing because a log was rotated or deleted while the connection \
was lost, a warning names their time span; the exit code is 0 all the same.";

const EXAMPLES: &str = "  # Print the logs of a session
  kubectl session logs dev

  # Print the last 20 lines and follow the logs, even if the Pod is replaced
  kubectl session logs dev -f --tail=20

  # Print the logs of the container's previous run
  kubectl session logs dev --previous

  # Follow all containers of another workload
  kubectl session logs pr-17 deployment/api -f --all-containers";

/// Flags and arguments of `logs`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "logs", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session logs NAME [WORKLOAD] [options]")]
pub struct Args {
    /// Name of the session; session/NAME and the output of -o name are accepted, too
    pub name: String,

    /// Workload or Pod of the session, as NAME or KIND/NAME
    pub workload: Option<String>,

    /// If true, follow the logs as they are written
    #[arg(short = 'f', long)]
    pub follow: bool,

    /// If true, print the logs of the container's previous run
    #[arg(short = 'p', long)]
    pub previous: bool,

    /// Name of the container
    #[arg(short = 'c', long, value_name = "NAME")]
    pub container: Option<String>,

    /// If true, print the logs of all containers, including init and ephemeral ones
    #[arg(long)]
    pub all_containers: bool,

    /// Print only lines newer than this, such as 5s, 2m or 3h; 0s means all. Cannot be used with --since-time
    #[arg(
        help_heading = "Filter",
        long,
        value_name = "DURATION",
        default_value = "0s",
        value_parser = check_duration,
        hide_default_value = true,
    )]
    pub since: String,

    /// Print only lines written after this time (RFC 3339). Cannot be used with --since
    #[arg(help_heading = "Filter", long, value_name = "TIME")]
    pub since_time: Option<String>,

    /// Number of lines to print from the end of each log; -1 means all
    #[arg(help_heading = "Filter", long, value_name = "LINES", default_value = "-1", value_parser = numbers::parse_integer)]
    pub tail: i64,

    /// Maximum number of bytes to print of each log; 0 means all
    #[arg(help_heading = "Filter", long, value_name = "BYTES", default_value = "0", value_parser = numbers::parse_integer)]
    pub limit_bytes: i64,

    /// If true, print the timestamp before each line
    #[arg(help_heading = "Output", long)]
    pub timestamps: bool,

    /// If true, print the names of Pod and container before each line; defaults to true for several logs
    #[arg(help_heading = "Output", long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub prefix: Option<bool>,

    /// Verbosity.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Cluster and credentials.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// Checks a duration and returns its text. Negative durations are refused later, with kubectl's message.
fn check_duration(text: &str) -> Result<String, String> {
    go_duration::parse(text).map(|_| text.to_owned())
}
