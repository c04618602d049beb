//! Flags of verbs that wait.

use std::time::Duration;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::is_given;
use session_model::go_duration::parse;

/// Flags of verbs that wait. Each verb has a default of `--timeout` of its own, which [`with_default_timeout`] puts into its help.
#[derive(Clone, Debug)]
pub struct WaitFlags {
    /// `--wait`.
    pub wait: bool,
    /// True if `--wait` was given.
    pub is_wait_given: bool,
    /// `--timeout`; `None` if it was not given.
    pub timeout: Option<Duration>,
}

/// The flags as clap reads them.
#[derive(Args)]
struct WaitArgs {
    /// If true, wait for the operation to finish; if false, return once the server has accepted the request
    #[arg(help_heading = "Waiting", long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", action = clap::ArgAction::Set)]
    wait: bool,

    /// Time to wait before giving up (30s, 5m, 1h30m; a number alone is seconds); 0 is the same as no --timeout
    #[arg(help_heading = "Waiting", long, value_name = "DURATION", default_value = "5m", value_parser = parse)]
    timeout: Duration,
}

impl FromArgMatches for WaitFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let WaitArgs { wait, timeout } = WaitArgs::from_arg_matches(matches)?;
        let timeout = is_given(matches, "timeout").then_some(timeout);
        Ok(Self {
            wait,
            is_wait_given: is_given(matches, "wait"),
            timeout,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for WaitFlags {
    fn augment_args(command: Command) -> Command {
        WaitArgs::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        WaitArgs::augment_args_for_update(command)
    }
}

impl Default for WaitFlags {
    fn default() -> Self {
        Self {
            wait: true,
            is_wait_given: false,
            timeout: None,
        }
    }
}

impl WaitFlags {
    /// Returns `--timeout`; `None` means the default of the verb.
    pub fn given(&self) -> Option<Duration> {
        self.timeout.filter(|limit| !limit.is_zero())
    }

    /// Returns the time to wait: `--timeout`, or the verb's default if it was not given or is 0.
    pub fn timeout_or(&self, default: Duration) -> Duration {
        self.given().unwrap_or(default)
    }
}

/// Sets the default that help shows for `--timeout`: to be called with the value that [`WaitFlags::timeout`] is called with.
pub fn with_default_timeout(arg: Arg, limit: Duration) -> Arg {
    arg.default_value(format_go_duration(limit))
}

/// Writes a duration of whole seconds as Go's flags do, in its largest whole unit: `5m`.
fn format_go_duration(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds > 0 && seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds > 0 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Verb {
        #[command(flatten)]
        wait_flags: WaitFlags,
    }

    #[test]
    fn the_default_is_what_help_shows() {
        for (seconds, text) in [(300, "5m"), (3600, "1h"), (90, "90s"), (0, "0s")] {
            assert_eq!(format_go_duration(Duration::from_secs(seconds)), text);
        }
        let command = <Verb as clap::CommandFactory>::command().mut_arg("timeout", |arg| {
            with_default_timeout(arg, Duration::from_secs(600))
        });
        let mut timeout = command
            .get_arguments()
            .filter(|arg| arg.get_id() == "timeout");
        assert_eq!(timeout.next().unwrap().get_default_values(), ["10m"]);
        drop(timeout);
        let matches = command.get_matches_from(["x"]);
        assert_eq!(WaitFlags::from_arg_matches(&matches).unwrap().timeout, None);
    }

    #[test]
    fn waiting_is_the_rule() {
        let flags = |line: &str| Verb::parse_from(line.split(' ')).wait_flags;
        assert!(flags("x").wait && flags("x --wait").wait && !flags("x --wait=false").wait);
        assert_eq!(
            flags("x --timeout=2m").timeout_or(Duration::from_secs(1)),
            Duration::from_secs(120)
        );
        for line in ["x", "x --timeout=0"] {
            assert_eq!(
                flags(line).timeout_or(Duration::from_secs(9)),
                Duration::from_secs(9)
            );
        }
    }
}
