//! `create --roster --at`: writes the CronJob that runs this command once, later.
//!
//! ```text
//! RosterSchedule, RosterPlan ─► RosterStart ─► ScheduledRun ─► SchedulePlan ─► set_schedule
//! ```
//!
//! `schedule_command` says what the CronJob runs and what it may do.

use std::time::Duration;

use anyhow::{Result, anyhow};
use session_shared::Timestamp;
use session_shared::client::{DryRun, random_token};
use session_shared::failure::with_hint;
use session_shared::labels;
use session_shared::objects::cron_schedule::CREATE;
use session_shared::objects::resource::{CONFIG_MAP, CRON_JOB};
use session_shared::objects::{ResourceType, Untyped};
use session_shared::ops::Cluster;
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
use super::schedule::{RosterSchedule, ScheduleRun, creation_time};
use super::schedule_command::{self, FILE, FOLDER};

/// Largest roster, in bytes: a ConfigMap holds no more.
const ROSTER_MAX: usize = 1 << 20;
/// Time that a run may take beside twice its estimate, including the image pull.
const MORE_TIME: Duration = Duration::from_secs(3600);

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
            args: schedule_command::words(&self.intent.base, self.options.has_template, pace, &run),
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
