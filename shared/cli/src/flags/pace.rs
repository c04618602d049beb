//! Flags of verbs that act on many sessions: how many at a time, and how many in a time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use session_model::go_duration;

/// Largest `--parallel`: more than an API server takes from one client at a time.
const MAX_PARALLEL: usize = 64;

/// Flags of verbs that act on many sessions.
#[derive(Args, Clone, Debug, Default)]
pub struct PaceFlags {
    /// Maximum number of sessions in a time (10/60s, 2/s), spread evenly; no limit if omitted
    #[arg(help_heading = "Pace", long, value_name = "COUNT/DURATION")]
    pub rate: Option<Rate>,

    /// Number of sessions at the same time, 1 to 64; defaults to 16, with create to 4
    #[arg(help_heading = "Pace", long, value_name = "NUMBER", value_parser = parse_parallel)]
    pub parallel: Option<usize>,
}

impl PaceFlags {
    /// Returns true if one of the flags was given.
    pub fn is_given(&self) -> bool {
        self.rate.is_some() || self.parallel.is_some()
    }
}

fn parse_parallel(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=MAX_PARALLEL) => Ok(number),
        _ => Err(format!("must be a whole number from 1 to {MAX_PARALLEL}")),
    }
}

/// Value of `--rate`: a number of sessions in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    time: Duration,
}

impl Rate {
    /// Returns the time from one session to the next; never 0.
    pub fn interval(&self) -> Duration {
        self.time.checked_div(self.count).unwrap_or_default()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, time } = self;
        match time.subsec_nanos() {
            0 => write!(f, "{count}/{}s", time.as_secs()),
            _ => write!(f, "{count}/{}ns", time.as_nanos()),
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "must be COUNT/DURATION, as in 10/60s".to_owned();
        let (count, time) = text.split_once('/').ok_or_else(form)?;
        let count: u32 = count.parse().map_err(|_| form())?;
        // Go has no duration without a number, but "2/s" is how a rate is said.
        let time = match time.starts_with(|first: char| first.is_ascii_alphabetic()) {
            true => go_duration::parse(&format!("1{time}")).map_err(|_| form())?,
            false => go_duration::parse(time)?,
        };
        let rate = Self { count, time };
        if rate.interval().is_zero() {
            return Err("must be more than 0 sessions in more than 0 seconds".into());
        }
        Ok(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_in_a_time() {
        for (text, milliseconds) in [
            ("10/60s", 6000),
            ("10/60", 6000),
            ("2/s", 500),
            ("1/1m", 60_000),
            ("3/1m30s", 30_000),
        ] {
            let rate: Rate = text.parse().unwrap();
            let interval = Duration::from_millis(milliseconds);
            assert_eq!(rate.interval(), interval, "{text}");
            assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }
        let shown = ["10/60", "3/1m30s", "1/0.5s"].map(|text| text.parse::<Rate>().unwrap());
        let shown = shown.map(|rate| rate.to_string());
        assert_eq!(shown, ["10/60s", "3/90s", "1/500000000ns"]);
        for text in [
            "10", "x/60s", "-1/s", "10/", "10/x", "0/60s", "10/0s", "1.5/s",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn at_least_one_session_runs_at_a_time() {
        assert_eq!(parse_parallel("1"), Ok(1));
        for text in ["0", "65", "-1", "many"] {
            assert!(parse_parallel(text).is_err(), "{text}");
        }
    }
}
