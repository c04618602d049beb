//! Whether to wait for the end of what was begun, and for how long; and how kubectl writes a length of time.

use std::time::Duration;

use clap::Args;
use session_model::go_duration::parse;

/// Flags of verbs that wait.
#[derive(Args, Clone, Debug)]
pub struct Waiting {
    /// Wait until it is done; --wait=false returns as soon as the server has taken the request
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", action = clap::ArgAction::Set)]
    pub wait: bool,

    /// How long to wait before giving up (30s, 5m, 1h30m; a number alone is seconds); 0 leaves it to the verb
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse, allow_hyphen_values = true)]
    pub timeout: Duration,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            wait: true,
            timeout: Duration::ZERO,
        }
    }
}

impl Waiting {
    /// The time given; `None` leaves it to the verb.
    pub fn given(&self) -> Option<Duration> {
        Some(self.timeout).filter(|time| !time.is_zero())
    }

    /// The time given, or `usual` where none was.
    pub fn limit(&self, usual: Duration) -> Duration {
        if self.timeout.is_zero() {
            usual
        } else {
            self.timeout
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Verb {
        #[command(flatten)]
        waiting: Waiting,
    }

    #[test]
    fn waiting_is_the_rule() {
        let flags = |line: &str| Verb::parse_from(line.split(' ')).waiting;
        assert!(flags("x").wait && flags("x --wait").wait && !flags("x --wait=false").wait);
        assert_eq!(
            flags("x --timeout=2m").limit(Duration::from_secs(1)),
            Duration::from_secs(120)
        );
        assert_eq!(
            flags("x").limit(Duration::from_secs(9)),
            Duration::from_secs(9)
        );
    }
}
