//! The command line of `logs`.

use clap::{ArgAction, Parser};
use session_shared::flags::connection::Connection;
use session_shared::flags::numbers;
use session_shared::flags::output::Talk;
use session_shared::flags::waiting;

pub(crate) const ABOUT: &str = "Print the logs of a session.

Without WORKLOAD these are the logs of the session itself: of its primary workload's Pods, of the container that is entered by \
default. With -f they are followed from run to run and from Pod to Pod, every line once, until the session is stopped or \
deleted or its containers have ended for good. Several logs get a prefix before each line.";

const EXAMPLES: &str = "  # Print the logs of a session
  kubectl session logs alice

  # Follow them, whatever becomes of its Pod, beginning with the last 20 lines
  kubectl session logs alice -f --tail=20

  # See why its container does not stay up
  kubectl session logs alice --previous

  # Follow all containers of another of its workloads
  kubectl session logs pr-17 deployment/api -f --all-containers";

/// Flags and arguments of `logs`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "logs", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session logs NAME [WORKLOAD] [options]")]
pub struct Args {
    /// Name of the session
    pub name: String,

    /// Another of its workloads, as NAME or KIND/NAME, or one of its Pods
    pub workload: Option<String>,

    /// Go on as more is written
    #[arg(short = 'f', long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub follow: bool,

    /// Print the logs of the container's run before the present one, if there was one
    #[arg(short = 'p', long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub previous: bool,

    /// Print the logs of this container
    #[arg(short = 'c', long, value_name = "NAME")]
    pub container: Option<String>,

    /// Print the logs of all containers, init and ephemeral ones too, with a prefix before each line
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub all_containers: bool,

    /// Only what is newer than a length of time like 5s, 2m or 3h; at most one of --since and --since-time
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "0s",
        value_parser = duration,
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub since: String,

    /// Only what was written after a time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub since_time: Option<String>,

    /// Only so many of the last lines; -1 means all
    #[arg(long, value_name = "LINES", default_value = "-1", value_parser = numbers::integer, allow_hyphen_values = true)]
    pub tail: i64,

    /// Print the time before each line
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub timestamps: bool,

    /// Print the names of Pod and container before each line; where there are several logs that is the rule
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub prefix: Option<bool>,

    /// At most so many bytes of each log; 0 means all
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = numbers::integer, allow_hyphen_values = true)]
    pub limit_bytes: i64,

    /// How much is said.
    #[command(flatten)]
    pub talk: Talk,
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connection: Connection,
}

/// A length of time as it was typed: kubectl refuses one below zero later, and in other words.
fn duration(text: &str) -> Result<String, String> {
    waiting::parse(text).map(|_| text.to_owned())
}
