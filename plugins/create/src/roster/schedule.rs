//! The time of `create --roster --at` and `--ready-by`: when the CronJob has to start, and what its objects are called. Pure.
//!
//! ```text
//! RosterFlags ─► RosterSchedule ─► RosterStart
//! ```

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Result;
use session_shared::Timestamp;
use session_shared::encode::shell;
use session_shared::failure::usage_error;
use session_shared::flags::clock_time::ClockTime;
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::schedule::ScheduleFlags;
use session_shared::objects::cron_schedule::ScheduleName;
use session_shared::report::age::format_age;
use session_shared::report::console::Console;

/// Time zone of a time without one.
const DEFAULT_ZONE: &str = "Etc/UTC";
/// Time from the schedule's minute to the first session: the Job, its Pod and the checks of the roster.
const RUN_START: Duration = Duration::from_secs(60);
/// Time of one session where no rate is given, and how the plan calls it.
const DEFAULT_PACE: (Duration, &str) = (Duration::from_millis(500), "2/s");
/// When a CronJob creates the sessions of a roster, and what its objects are called.
#[derive(Clone, Debug)]
pub(crate) struct RosterSchedule {
    pub(super) clock: ClockTime,
    /// Time in which a session becomes ready, if the sessions are to be ready at the time of the clock.
    ready_time: Option<Duration>,
    /// Image; `None` for that of the existing schedule.
    pub(super) image: Option<String>,
    /// Name of all objects.
    pub(super) name: ScheduleName,
    /// Words that say whose the objects are: `--roster class.csv`.
    pub(super) selection: String,
}

/// When a run starts, and why then.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RosterStart {
    pub(super) at: Timestamp,
    lines: Vec<String>,
}

impl RosterStart {
    pub(super) fn print(&self, console: &mut Console) {
        if !console.is_quiet() {
            let lines = self.lines.iter();
            lines.for_each(|line| console.print_error_line(line));
        }
    }
}

impl RosterSchedule {
    /// Validates the flags. `file` is the value of `--roster`.
    ///
    /// # Errors
    /// A time or time zone that does not exist; a text that is no image name.
    pub(super) fn parse(
        file: &str,
        flag: &'static str,
        time: &str,
        flags: &ScheduleFlags,
        ready_time: Duration,
    ) -> Result<Self> {
        let zone = flags.time_zone()?.unwrap_or(DEFAULT_ZONE);
        let path = Path::new(file);
        let (stem, base) = (path.file_stem(), path.file_name());
        let stem = stem.and_then(OsStr::to_str).unwrap_or(file);
        let base = base.and_then(OsStr::to_str).unwrap_or(file);
        let stem = if file == "-" { "stdin" } else { stem };
        Ok(Self {
            clock: ClockTime::parse(flag, time, zone)?,
            ready_time: (flag == "--ready-by").then_some(ready_time),
            image: flags.image()?.map(str::to_owned),
            name: ScheduleName::for_roster(stem),
            selection: shell::quote_command(&["--roster", base]),
        })
    }

    /// Checks the flags of `create` that a schedule cannot keep.
    ///
    /// # Errors
    /// A usage error.
    pub(crate) fn check_flags(&self, create_namespace: bool, waits: bool) -> Result<()> {
        if create_namespace {
            return Err(usage_error(
                "--create-namespace cannot be used with --at and --ready-by: the CronJob needs the namespace",
            ));
        }
        if waits && self.ready_time.is_some() {
            return Err(usage_error(
                "--ready-by and --wait cannot be specified together",
            ));
        }
        Ok(())
    }

    /// Returns the time that the flag means.
    ///
    /// # Errors
    /// As [`ClockTime::next`].
    pub(super) fn time(&self, now: Timestamp) -> Result<Timestamp> {
        self.clock.next(now)
    }

    /// Determines when the run starts: at `time`, or before it by an estimate.
    ///
    /// # Errors
    /// A time that is too near, with the earliest one.
    pub(super) fn start(
        &self,
        time: Timestamp,
        rows: u64,
        pace: &PaceFlags,
        now: Timestamp,
    ) -> Result<RosterStart> {
        let paced = creation_time(rows, pace);
        let lead = match self.ready_time {
            Some(ready) => RUN_START.saturating_add(paced).saturating_add(ready),
            None => Duration::ZERO,
        };
        let at = self.clock.ahead_of(time, lead, now)?;
        let (job, start) = (self.name.as_str(), self.clock.describe(at));
        let mut lines = vec![format!("  by CronJob {job:?}, once, at {start}")];
        if let Some(ready) = self.ready_time {
            let rate = pace.rate.map(|rate| rate.to_string());
            let rate = rate.as_deref().unwrap_or(DEFAULT_PACE.1);
            let time = self.clock.describe(time);
            let [paced, ready, begin] = [paced, ready, RUN_START].map(format_length);
            lines.push(format!(
                "  ready by {time}: {begin} until the run begins, {paced} for {rows} rows at {rate}, {ready} until a session is ready (--timeout)"
            ));
        }
        Ok(RosterStart { at, lines })
    }
}

/// Returns the time that the creation of all rows takes at the pace.
pub(super) fn creation_time(rows: u64, pace: &PaceFlags) -> Duration {
    let interval = pace.rate.map(|rate| rate.interval());
    let interval = interval.unwrap_or(DEFAULT_PACE.0);
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    interval.saturating_mul(rows)
}

fn format_length(length: Duration) -> String {
    let whole = length.as_secs() + u64::from(length.subsec_nanos() > 0);
    let whole = Duration::from_secs(whole).try_into();
    whole.map_or_else(|_| "too long".to_owned(), format_age)
}

/// A run of a schedule: its CronJob, and the time that it is for.
#[derive(Clone, Debug)]
pub struct ScheduleRun {
    pub(super) cron_job: String,
    pub(super) time: Timestamp,
}

impl fmt::Display for ScheduleRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.cron_job, self.time)
    }
}

impl FromStr for ScheduleRun {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('@');
        let parts = parts.and_then(|(name, time)| Some((name.to_owned(), time.parse().ok()?)));
        let (cron_job, time) = parts.ok_or("must be NAME@TIME")?;
        Ok(Self { cron_job, time })
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
