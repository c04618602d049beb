//! `create --roster`: creates a session for each row of a CSV file.
//!
//! ```text
//! Args ─► RosterIntent ─┐
//! file ─► Roster ───────┴► RosterFacts ─► RosterPlan: every row checked ─► RosterRun: each row ─► RowReport
//! args    rows             observe        plan, demands                    run                    report, progress
//! ```
//!
//! Each row takes the road of `create NAME`: its intent is the command line's with the row's cells. `scheduled_roster` writes a CronJob in place
//! of the run, which runs this command later.

pub(crate) mod args;
mod observe;
mod plan;
mod report;
mod rows;
mod run;
mod schedule;
mod schedule_command;
mod scheduled_roster;

use anyhow::{Result, bail};
use session_shared::bulk_progress::{BulkProgress, describe_counts};
use session_shared::client::interrupt::{Interrupt, interrupted_error};
use session_shared::client::{DryRun, random_token};
use session_shared::failure::{combine_errors, with_hint};
use session_shared::ops::Cluster;
use session_shared::ops::hours_check::SKIPPED_CHECKS_NOTE;
use session_shared::progress::{ProgressEvent, ProgressSink, WaitStage};
use session_shared::report::console::Console;
use session_shared::report::mutation::dry_run_suffix;
use session_shared::roster::problems::RowProblems;
use session_shared::verb::Environment;

use self::args::RosterOptions;
use self::observe::RosterFacts;
use self::plan::RosterPlan;
use self::report::{Counts, Reporter};
use self::rows::RosterIntent;
use self::run::RosterRun;
use self::scheduled_roster::ScheduledRoster;
use crate::creation::create_namespace;
use crate::intent::Intent;

/// Creates the sessions of a roster. `base` is the intent of a row without any cell but the user.
///
/// # Errors
/// The errors of all rows before anything is written; those of the rows that failed; Interrupted.
pub(crate) async fn create_roster(
    base: Intent,
    options: RosterOptions,
    environment: &mut Environment,
) -> Result<()> {
    let (roster, schedule) = (&options.roster, options.schedule.as_ref());
    // no requests: no rows, a time that there is not
    if roster.rows().next().is_none() {
        bail!("roster {:?} has no rows", roster.label);
    }
    let now = environment.now();
    let time = schedule.map(|schedule| schedule.time(now)).transpose()?;
    let cluster = environment.connect(&base.connection).await?;
    if let Some(run) = &options.schedule_run {
        run.begin(&cluster, now, &base.mutation.write).await?;
    }
    // reads only
    let intent = RosterIntent {
        namespace: cluster.namespace().parse()?,
        base,
        has_template: options.has_template,
        run: random_token()?,
        is_scheduled: schedule.is_some(),
    };
    let mut sink = environment.console.progress();
    let named = intent.named_objects(roster);
    let facts = observe::read_facts(&cluster, named, intent.base.driver, &mut sink).await?;
    let plan = plan::check_rows(&cluster, roster, &intent, &facts, now, &mut sink).await?;
    print_plan(&plan, intent.base.skip_checks, &mut environment.console);
    // writes and prints
    if let Some((schedule, time)) = schedule.zip(time) {
        let run = ScheduledRoster {
            cluster: &cluster,
            intent: &intent,
            options: &options,
            plan: &plan,
        };
        return run.create(schedule, time, environment).await;
    }
    let interrupt = environment.interrupt.clone();
    let _guard = interrupt.guard()?;
    create_namespaces(&cluster, &intent.base, &facts, &mut sink).await?;
    let run = RosterRun {
        cluster: &cluster,
        intent: &intent,
        facts: &facts,
        plan: &plan,
        clock: &environment.clock(),
        interrupt: &interrupt,
        uninterrupted: Interrupt::default(),
    };
    run_and_report(&run, &options, environment).await
}

fn print_plan(plan: &RosterPlan, skip_checks: bool, console: &mut Console) {
    if skip_checks {
        console.note(SKIPPED_CHECKS_NOTE);
    }
    for note in &plan.notes {
        console.note(note);
    }
    if !console.is_quiet() {
        for line in plan.lines() {
            console.print_error_line(&line);
        }
    }
}

/// Creates the namespaces that do not exist, with `--create-namespace`; a dry run creates none.
async fn create_namespaces(
    cluster: &Cluster,
    base: &Intent,
    facts: &RosterFacts,
    sink: &mut dyn ProgressSink,
) -> Result<()> {
    if !base.create_namespace {
        return Ok(());
    }
    let namespaces = facts.namespaces.iter();
    for (name, _) in namespaces.filter(|(_, namespace)| !namespace.exists) {
        match base.mutation.dry_run {
            DryRun::None => {
                create_namespace(cluster, name.as_str(), &base.mutation.write).await?;
            }
            DryRun::Client => {}
            DryRun::Server => sink.tell(ProgressEvent::Note(format!(
                "sessions not checked by the server: namespace {:?} does not exist yet",
                name.as_str()
            ))),
        }
    }
    Ok(())
}

/// Runs the rows, shows progress, and prints what became of each.
async fn run_and_report(
    run: &RosterRun<'_>,
    options: &RosterOptions,
    environment: &mut Environment,
) -> Result<()> {
    let roster = &options.roster;
    let (total, dry_run) = (run.plan.rows, run.intent.base.mutation.dry_run);
    let clock = environment.clock();
    let bulk = BulkProgress {
        stage: WaitStage::Applying,
        total,
        started: environment.now(),
    };
    let mut progress = environment.console.progress();
    let mut reporter = Reporter::new(options.format, dry_run);
    let mut counts = Counts::default();
    let mut problems = RowProblems::new(&roster.label);
    progress.tell(bulk.event(&counts.numbers(), counts.worked(), clock()));
    let console = &mut environment.console;
    let ran = run.run(roster, &options.pace, |row| {
        if let Some(error) = &row.error {
            problems.add(row.report.line, error);
        }
        counts.add(row.report.result);
        let text = reporter.add(row.report)?;
        if !text.is_empty() {
            console.print(&text)?;
        }
        progress.tell(bulk.event(&counts.numbers(), counts.worked(), clock()));
        Ok(())
    });
    let ran = ran.await;
    progress.tell(ProgressEvent::Done);
    ran?;
    let left = total - counts.done();
    environment
        .console
        .print(&reporter.finish(&counts, left)?)?;
    let suffix = dry_run_suffix(dry_run);
    if !environment.console.is_quiet() && problems.count == 0 {
        let line = format!("{}{suffix}", describe_counts(&counts.numbers()));
        environment.console.print_error_line(&line);
    }
    let mut errors = problems.into_errors(|_| {
        let counts = describe_counts(&counts.numbers());
        format!("{counts} of {total} rows{suffix}")
    });
    if left > 0 {
        let text =
            format!("{left} of {total} rows are left; run the same command again to continue");
        errors.push(with_hint(interrupted_error(), text));
    }
    combine_errors(errors)
}
