//! `create --roster --at` and `--ready-by`: a CronJob that runs this command once, later.
//!
//! ```text
//! RosterFlags ─► RosterSchedule ─┐
//! RosterPlan ────────────────────┴► RosterStart ─► ScheduledRun ─► SchedulePlan ─► set_schedule
//! ```
//!
//! `schedule_command` says what the CronJob runs and what it may do.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow};
use session_shared::Timestamp;
use session_shared::client::{DryRun, random_token};
use session_shared::encode::shell;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::clock_time::ClockTime;
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::schedule::ScheduleFlags;
use session_shared::labels;
use session_shared::objects::cron_schedule::{CREATE, ScheduleName};
use session_shared::objects::resource::{CONFIG_MAP, CRON_JOB};
use session_shared::objects::{ResourceType, Untyped};
use session_shared::ops::Cluster;
use session_shared::report::age::format_age;
use session_shared::report::console::Console;
use session_shared::scheduled_run::{
    CronRun, DEFAULT_IMAGE, MountedFile, ObservedPart, ScheduleOwner, SchedulePart, ScheduledRun,
    existing_image, plan_changes, selection_ownership,
};
use session_shared::schedules::{ScheduleCommands, observe_schedule, set_schedule};
use session_shared::verb::Environment;

use super::args::RosterOptions;
use super::plan::RosterPlan;
use super::rows::RosterIntent;
use super::run::PARALLEL;
use super::schedule_command::{self, FILE, FOLDER, ScheduleRun};

/// Largest roster, in bytes: a ConfigMap holds no more.
const ROSTER_MAX: usize = 1 << 20;
/// Time zone of a time without one.
const DEFAULT_ZONE: &str = "Etc/UTC";
/// Time from the schedule's minute to the first session: the Job, its Pod and the checks of the roster.
const RUN_START: Duration = Duration::from_secs(60);
/// Time of one session where no rate is given, and how the plan calls it.
const DEFAULT_PACE: (Duration, &str) = (Duration::from_millis(500), "2/s");
/// Time that a run may take beside twice its estimate, including the image pull.
const MORE_TIME: Duration = Duration::from_secs(3600);

/// When a CronJob creates the sessions of a roster, and what its objects are called.
#[derive(Clone, Debug)]
pub(crate) struct RosterSchedule {
    clock: ClockTime,
    /// Time in which a session becomes ready, if the sessions are to be ready at the time of the clock.
    ready_time: Option<Duration>,
    /// Image; `None` for that of the existing schedule.
    image: Option<String>,
    /// Name of all objects.
    name: ScheduleName,
    /// Words that say whose the objects are: `--roster class.csv`.
    selection: String,
}

/// When a run starts, and why then.
#[derive(Debug, PartialEq, Eq)]
struct RosterStart {
    at: Timestamp,
    lines: Vec<String>,
}

impl RosterStart {
    fn print(&self, console: &mut Console) {
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
    fn start(
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
            let rate = pace.rate.as_ref().map(|rate| rate.text.as_str());
            let rate = rate.unwrap_or(DEFAULT_PACE.1);
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
fn creation_time(rows: u64, pace: &PaceFlags) -> Duration {
    let interval = pace.rate.as_ref().map(|rate| rate.interval);
    let interval = interval.unwrap_or(DEFAULT_PACE.0);
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    interval.saturating_mul(rows)
}

fn format_length(length: Duration) -> String {
    let whole = length.as_secs() + u64::from(length.subsec_nanos() > 0);
    let whole = Duration::from_secs(whole).try_into();
    whole.map_or_else(|_| "too long".to_owned(), format_age)
}

/// A checked roster whose sessions a CronJob creates.
pub(super) struct ScheduledRoster<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) intent: &'a RosterIntent,
    pub(super) options: &'a RosterOptions,
    pub(super) plan: &'a RosterPlan,
}

impl ScheduledRoster<'_> {
    /// Creates or changes the schedule, and prints its objects. `time` is that of the flag.
    ///
    /// # Errors
    /// A time that is too near; a roster that no ConfigMap holds; another roster's schedule of this name; the server's refusal.
    pub(super) async fn create(
        &self,
        schedule: &RosterSchedule,
        time: Timestamp,
        environment: &mut Environment,
    ) -> Result<()> {
        let (cluster, mutation) = (self.cluster, &self.intent.base.mutation);
        let (text, now) = (self.roster_text()?, environment.now());
        let start = schedule.start(time, self.plan.rows, &self.options.pace, now)?;
        // reads only
        let parts = SchedulePart::of_schedule_with_file(&schedule.name);
        let kinds = self.plan.kinds.iter();
        let kinds = kinds.map(|(api_version, kind)| (api_version.as_str(), kind.as_str()));
        let (existing, made) = futures::try_join!(
            observe_schedule(cluster, parts),
            cluster.discover_resources(kinds)
        )?;
        // plan
        let (name, namespace) = (schedule.name.as_str(), cluster.namespace());
        let ownership = selection_ownership(&schedule.name, namespace, random_token()?)?;
        let owner = ScheduleOwner {
            ownership: &ownership,
            selection: Some(&schedule.selection),
        };
        let image = schedule.image.as_deref().or(existing_image(&existing));
        let image = image.unwrap_or(DEFAULT_IMAGE);
        let scheduled = ScheduledRun {
            owner,
            account: schedule.name.clone(),
            file: Some(MountedFile {
                folder: FOLDER,
                name: FILE,
                text,
            }),
            rules: schedule_command::rules(name, &made),
            runs: vec![self.run(schedule, start.at)],
            time_zone: Some(schedule.clock.zone),
            image,
        };
        let planned = plan_changes(scheduled.render(), &existing, &owner)?;
        let commands = ScheduleCommands::new(name, namespace, image);
        require_replaceable(&existing, text, name, &commands)?;
        // writes and prints
        start.print(&mut environment.console);
        set_schedule(cluster, planned, &owner, &commands, mutation, environment).await?;
        if mutation.dry_run == DryRun::None {
            print_next_steps(name, namespace, &commands, &mut environment.console);
        }
        Ok(())
    }

    /// Returns the text of the roster.
    fn roster_text(&self) -> Result<&str> {
        let text = self.options.roster.text()?;
        if text.len() <= ROSTER_MAX {
            return Ok(text);
        }
        let (label, size) = (&self.options.roster.label, text.len().div_ceil(1024));
        let error =
            anyhow!("cannot schedule roster {label:?}: {size} KiB, and a ConfigMap holds 1024 KiB");
        let hint = "split the roster into files of at most 1 MiB, and schedule each; or create the sessions now, without --at and --ready-by";
        Err(with_hint(error, hint))
    }

    fn run(&self, schedule: &RosterSchedule, at: Timestamp) -> CronRun {
        let (pace, rows) = (&self.options.pace, self.plan.rows);
        let parallel = u64::try_from(pace.parallel.unwrap_or(PARALLEL)).unwrap_or(1);
        let waits = self.intent.base.wait.map(|limit| {
            let turns = u32::try_from(rows.div_ceil(parallel)).unwrap_or(u32::MAX);
            limit.saturating_mul(turns)
        });
        let work = creation_time(rows, pace).saturating_add(waits.unwrap_or_default());
        let most = work.saturating_mul(2).saturating_add(MORE_TIME);
        let run = ScheduleRun {
            cron_job: schedule.name.as_str().to_owned(),
            time: at,
        };
        CronRun {
            name: schedule.name.clone(),
            container: CREATE,
            cron: schedule.clock.cron(at),
            args: schedule_command::words(&self.intent.base, self.options, &run),
            max_seconds: u32::try_from(most.as_secs()).unwrap_or(u32::MAX),
        }
    }
}

fn print_next_steps(
    name: &str,
    namespace: &str,
    commands: &ScheduleCommands,
    console: &mut Console,
) {
    let label = labels::SCHEDULE;
    let logs = format!("kubectl logs -n {namespace} -l {label}={name} --tail=-1");
    console.hint(&format!(
        "print the outcome of each row after the run: {logs}"
    ));
    console.hint(&format!("delete the schedule: {}", commands.remove));
}

/// Checks that the schedule of this name does not wait to create another roster, of a file of the same name.
fn require_replaceable(
    existing: &[ObservedPart],
    text: &str,
    name: &str,
    commands: &ScheduleCommands,
) -> Result<()> {
    let found = |resource: &ResourceType| {
        let mut parts = existing.iter();
        let found = parts.find(|part| part.part.resource == resource);
        found.and_then(ObservedPart::found).map(Untyped)
    };
    let stored = found(&CONFIG_MAP).and_then(|map| map.str_at("/data/roster.csv"));
    let waits = found(&CRON_JOB).is_some_and(|job| job.at("/spec/suspend") != Some(&true.into()));
    if !waits || stored.is_none_or(|stored| stored == text) {
        return Ok(());
    }
    let error = anyhow!(
        "schedule {name:?} already exists and has not yet created the sessions of another roster"
    );
    let error = with_hint(error, "give this roster another file name to schedule both");
    Err(with_hint(
        error,
        format!("or delete the existing schedule: {}", commands.remove),
    ))
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
