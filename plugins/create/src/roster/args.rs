//! Flags of `create --roster`.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use session_shared::failure::usage_error;
use session_shared::flags::output::ObjectOutputFlags;
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::schedule::ScheduleFlags;
use session_shared::flags::values::ValueFlags;
use session_shared::report::console::Console;

use super::report::ReportFormat;
use super::schedule::{RosterSchedule, ScheduleRun};
use session_shared::roster::reader::Roster;

/// Flags of `create` for the sessions of a roster.
#[derive(Args, Clone, Debug, Default)]
pub struct RosterFlags {
    /// CSV file with a session per line: columns user, and optionally name, template, preset, namespace, timeout; other
    /// columns are parameters. "-" means standard input
    ///
    /// The first line names the columns; user may be called user_id or email, too. Empty cells take the value of the flag (--template,
    /// --preset, --namespace, --expires-in, --set). Without a name, the session is named after its user. Sessions that exist
    /// already are left unchanged, so that the same command continues after an interruption. With --roster, -o is one of csv, json, name
    /// or wide, and create waits for ready sessions only with an explicit --wait.
    #[arg(help_heading = "Roster", long, value_name = "FILENAME", conflicts_with_all = ["name", "filename", "config", "user_id", "generate_name", "replace", "primary", "rendered", "wait_for_room"])]
    pub roster: Option<String>,

    /// Pace of a roster.
    #[command(flatten)]
    pub pace: PaceFlags,

    /// Time at which a CronJob creates the sessions of the roster, once (07:45, "2026-03-02 07:45"); without a date, the next
    /// time that the clock shows
    ///
    /// All rows are checked now, with quotas and nodes. The roster is stored in a ConfigMap, so it may have at most 1 MiB and no values
    /// of secret parameters. The CronJob suspends itself when it runs, and a run that fails is repeated once, which creates no session
    /// twice. Its ServiceAccount may create sessions for all users of the namespace; whoever may create Pods there can use it until the
    /// schedule is deleted. If you have no permission to create the Role and the RoleBinding, they are printed for an admin to apply.
    /// -o prints the objects. `kubectl session schedule list` shows whether the class was created, `kubectl session schedule delete`
    /// deletes the schedule.
    // That it needs a roster is checked later: clap drops that rule where another flag excludes the roster.
    #[arg(
        help_heading = "Roster",
        long,
        value_name = "TIME",
        conflicts_with = "ready_by"
    )]
    pub at: Option<String>,

    /// As --at, but the time at which the sessions are to be ready
    ///
    /// The CronJob starts earlier by an estimate: 1 minute for its Pod, the number of rows divided by --rate (2/s if omitted), and
    /// --timeout until a session is ready.
    #[arg(help_heading = "Roster", long, value_name = "TIME")]
    pub ready_by: Option<String>,

    /// Time zone and image.
    #[command(flatten)]
    pub schedule: ScheduleFlags,

    /// CronJob that runs this command, and its time
    #[arg(long, value_name = "NAME@TIME", hide = true, conflicts_with_all = ["at", "ready_by"])]
    pub schedule_run: Option<ScheduleRun>,
}

/// A roster with a valid header, and how its sessions are created.
#[derive(Debug)]
pub(crate) struct RosterOptions {
    pub(super) roster: Roster,
    pub(super) pace: PaceFlags,
    pub(super) format: ReportFormat,
    /// True if the command line names a template.
    pub(super) has_template: bool,
    /// When a CronJob creates the sessions; `None` for now.
    pub(crate) schedule: Option<RosterSchedule>,
    /// The CronJob that runs this command.
    pub(super) schedule_run: Option<ScheduleRun>,
}

impl RosterFlags {
    /// Reads the roster; `None` without one.
    ///
    /// # Errors
    /// Flags that need a roster or do not go together with it; as [`Roster::read`].
    pub(crate) fn read_options(
        self,
        output: &ObjectOutputFlags,
        values: &ValueFlags,
        has_template: bool,
        ready_time: Duration,
        console: &mut Console,
    ) -> Result<Option<RosterOptions>> {
        let Self {
            roster: file,
            pace,
            at,
            ready_by,
            schedule: flags,
            schedule_run,
        } = self;
        let time = at.map(|time| ("--at", time));
        let time = time.or(ready_by.map(|time| ("--ready-by", time)));
        if time.is_none() && flags.is_given() {
            return Err(usage_error(
                "--time-zone and --image require --at or --ready-by",
            ));
        }
        let Some(file) = file else {
            return match (time.is_some() || schedule_run.is_some(), pace.is_given()) {
                (true, _) => Err(usage_error("--at and --ready-by require --roster")),
                (_, true) => Err(usage_error("--rate and --parallel require --roster")),
                _ => Ok(None),
            };
        };
        let schedule = time
            .map(|(flag, time)| RosterSchedule::parse(&file, flag, &time, &flags, ready_time))
            .transpose()?;
        let format = match schedule {
            // The objects of the schedule are printed as those of other verbs.
            Some(_) => ReportFormat::Lines,
            None => ReportFormat::parse(output.output.as_deref())?,
        };
        if file == "-" && values.reads_input() {
            return Err(usage_error("standard input can be read only once"));
        }
        let roster = Roster::read(&file, console.input())?;
        require_template(&roster, has_template)?;
        Ok(Some(RosterOptions {
            roster,
            pace,
            format,
            has_template,
            schedule,
            schedule_run,
        }))
    }
}

fn require_template(roster: &Roster, has_template: bool) -> Result<()> {
    if has_template || roster.has_templates() {
        return Ok(());
    }
    Err(usage_error(
        "--template is required: the roster has no column \"template\"",
    ))
}
