//! `snapshot create`.

use std::time::Duration;

use anyhow::{Result, anyhow};
use session_shared::Timestamp;
use session_shared::bulk_progress::describe_counts;
use session_shared::client::DryRun;
use session_shared::encode::shell;
use session_shared::failure::{self, usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::names::check_dns_subdomain;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::session_selection::SessionSelection;
use session_shared::ops::snapshot_plan::{
    SnapshotClasses, SnapshotOptions, SnapshotPlan, parse_class_name, read_snapshot_source,
};
use session_shared::ops::verb_forms::VerbForms;
use session_shared::ops::{Cluster, ObservedSession};
use session_shared::progress::{ProgressSink, WaitStage};
use session_shared::prompt::confirmation::Confirmation;
use session_shared::report::console::Console;
use session_shared::session_batch::{BatchWork, SessionBatch};
use session_shared::verb::Environment;

use crate::archive_args::reject_other_flags;
use crate::args::{CreateArgs, OldScheduleFlags, SnapshotFlags};
use crate::export::{self, Export, ExportedFiles};
use crate::plan::SnapshotWrites;
use crate::take::{confirm_hooks, take_snapshots};

/// The forms of what hooks do to a session.
const PAUSE: VerbForms = VerbForms {
    verb: "pause",
    participle: "paused",
    gerund: "pausing",
    noun: "snapshot",
    is_command: false,
};

/// A validated `snapshot create`.
enum Intent {
    /// A snapshot of every claim of each session.
    Snapshots(SnapshotIntent),
    /// `--to`: files of a container, to an archive.
    Export(Export),
}

/// A validated `snapshot create` without `--to`.
struct SnapshotIntent {
    selection: SessionSelection,
    pace: PaceFlags,
    options: SnapshotOptions,
    yes: bool,
    trust: TrustFlags,
    writes: SnapshotWrites,
}

/// One session and its planned snapshot.
struct SnapshotTask {
    observed: ObservedSession,
    plan: SnapshotPlan,
}

/// Takes a snapshot of every claim of the sessions, or with `--to` copies the files of one to an archive.
///
/// # Errors
/// Invalid arguments, before any request; a session without claims; a missing VolumeSnapshotClass; a failed hook; an error of
/// the CSI driver; those of [`export::run`].
pub(crate) async fn run(
    args: CreateArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments
    match parse_intent(args, &mut environment.console)? {
        Intent::Snapshots(intent) => create_snapshots(&intent, connection, environment).await,
        Intent::Export(export) => export::run(export, connection, environment).await,
    }
}

async fn create_snapshots(
    intent: &SnapshotIntent,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let writes = &intent.writes;
    // reads only
    let cluster = environment
        .connect_trusting(connection, intent.trust)
        .await?;
    let (sessions, classes) = futures::join!(
        SessionBatch::select_undriven(&cluster, &intent.selection),
        SnapshotClasses::list(&cluster)
    );
    let now = environment.now();
    let plan = async |selected| plan_snapshot(&cluster, selected, intent, &classes, now).await;
    let planned = sessions?.map(plan).await;
    // confirmation
    if !confirm_snapshots(&cluster, intent, &planned, &mut environment.console).await? {
        return Ok(());
    }
    // writes
    let work = BatchWork {
        stage: WaitStage::Snapshotting,
        pace: &intent.pace,
        dry_run: writes.mutation.dry_run,
        is_idle: |_| false,
        left_hint: "name only these: the same command would take another snapshot of the others",
    };
    let interrupt = environment.interrupt.clone();
    let take = async |task: &SnapshotTask, sink: &mut dyn ProgressSink| {
        take_snapshots(&cluster, &task.plan, writes, &interrupt, sink).await
    };
    let taken = planned.apply(work, environment, take).await?;
    // prints
    let console = &mut environment.console;
    let mut mutations = writes.mutation.printer();
    let errors = taken.print(
        console,
        |_| "taken",
        |(_, snapshots), _, console| {
            for snapshot in &snapshots {
                console.print(&mutations.print_result(snapshot, "created")?)?;
            }
            Ok(())
        },
    )?;
    failure::combine_errors(errors)
}

/// Reads the claims of a session and, for its hooks, its workload, and plans its snapshot.
async fn plan_snapshot(
    cluster: &Cluster,
    selected: SelectedSession,
    intent: &SnapshotIntent,
    classes: &SnapshotClasses,
    now: Timestamp,
) -> Result<SnapshotTask> {
    let (name, options) = (selected.session.name().parse()?, &intent.options);
    let read = std::future::ready(Ok(selected));
    let observed = read_snapshot_source(cluster, &name, read, options.skip_hooks).await?;
    let plan =
        SnapshotPlan::prepare_with_classes(cluster, &observed, options, classes, now).await?;
    Ok(SnapshotTask { observed, plan })
}

/// Shows the plan for several sessions and asks before hooks pause them; for one, asks before hooks run that may not be trusted. Returns
/// the answer.
async fn confirm_snapshots(
    cluster: &Cluster,
    intent: &SnapshotIntent,
    planned: &SessionBatch<SnapshotTask>,
    console: &mut Console,
) -> Result<bool> {
    let dry_run = intent.writes.mutation.dry_run;
    let paused = planned.sessions().filter(|task| task.plan.has_hooks());
    let paused = paused.map(|task| SessionLosses::none(&task.observed));
    let paused: Vec<SessionLosses> = paused.collect();
    if planned.len() > 1 && !console.is_quiet() {
        let snapshots = planned.sessions().map(|task| task.plan.objects.len());
        let failed = planned.len() - planned.sessions().count();
        let counts = [
            (snapshots.sum::<usize>() as u64, "VolumeSnapshots to create"),
            (paused.len() as u64, "sessions paused by their hooks"),
            (failed as u64, "failed"),
        ];
        let plan = describe_counts(&counts);
        console.print_error_line(&format!("{} sessions: {plan}", planned.len()));
    }
    if planned.len() > 1 && dry_run == DryRun::None {
        let question = Confirmation {
            interrupts_work: true,
            ..Confirmation::for_data_loss(PAUSE, intent.yes)
        };
        return question.ask(&paused, console);
    }
    match planned.single() {
        Some(task) => confirm_hooks(cluster, &task.observed, &task.plan, dry_run, console).await,
        None => Ok(true),
    }
}

/// Validates the command line.
///
/// # Errors
/// Every mistake that can be found without a request.
fn parse_intent(args: CreateArgs, console: &mut Console) -> Result<Intent> {
    let CreateArgs {
        selection,
        pace,
        snapshot,
        yes,
        old_schedule,
        file,
        trust,
        output,
        write_flags,
        wait_flags,
    } = args;
    let is_export = file.is_set()?;
    if is_export {
        let others = [
            ("--name", snapshot.name.is_some()),
            ("--class", snapshot.class.is_some()),
            ("--keep", old_schedule.keep.is_some()),
            ("--known-hooks", old_schedule.known_hooks.is_some()),
            ("--wait=false", !wait_flags.wait),
            ("--yes", yes),
            ("--rate", pace.rate.is_some()),
            ("--parallel", pace.parallel.is_some()),
        ];
        reject_other_flags("--to", &others)?;
    } else {
        refuse_old_schedule(&selection.names, &old_schedule)?;
    }
    let selection = selection.selection(console.input())?;
    require_single(&selection, is_export, snapshot.name.is_some())?;
    match selection.single_name() {
        Some(session) if is_export => Ok(Intent::Export(Export {
            files: ExportedFiles::parse(file, &output, console)?,
            session: session.clone(),
            skip_hooks: snapshot.skip_hooks,
            trust,
            mutation: MutationOptions::for_objects(&write_flags, &output, console)?,
            limit: wait_flags.timeout_or(Duration::ZERO),
        })),
        _ => Ok(Intent::Snapshots(SnapshotIntent {
            selection,
            pace,
            options: snapshot.parse()?,
            yes,
            trust,
            writes: SnapshotWrites::parse(&write_flags, &output, &wait_flags, console)?,
        })),
    }
}

/// Checks that there is one session where only one can be meant.
///
/// # Errors
/// There are several, and a flag for one.
fn require_single(selection: &SessionSelection, is_export: bool, is_named: bool) -> Result<()> {
    let single_only = [("--to", is_export), ("--name", is_named)];
    match single_only.iter().find(|(_, given)| *given) {
        Some((flag, _)) if selection.single_name().is_none() => {
            Err(usage_error(format!("{flag} requires exactly one NAME")))
        }
        _ => Ok(()),
    }
}

/// Refuses what the CronJobs of schedules ran before there was `run-schedule`.
///
/// # Errors
/// One of its flags is given.
fn refuse_old_schedule(sessions: &[String], flags: &OldScheduleFlags) -> Result<()> {
    let OldScheduleFlags { keep, known_hooks } = flags;
    if keep.is_none() && known_hooks.is_none() {
        return Ok(());
    }
    let session = sessions.first().map_or("NAME", String::as_str);
    let session = shell::quote_word(session);
    Err(with_hint(
        usage_error("--keep cannot be given with create: only schedules of older versions used it"),
        format!(
            "create the schedule again: kubectl session snapshot schedule {session} --cron CRON --keep NUMBER; to delete old snapshots, run kubectl session snapshot prune {session} --keep NUMBER"
        ),
    ))
}

impl SnapshotFlags {
    /// Returns the options of the snapshot.
    ///
    /// # Errors
    /// An invalid name of the snapshot or the class.
    fn parse(self) -> Result<SnapshotOptions> {
        let Self {
            name,
            class,
            skip_hooks,
        } = self;
        if let Some(name) = &name {
            check_dns_subdomain(name)
                .map_err(|why| anyhow!("invalid snapshot name {name:?}: {why}"))?;
        }
        Ok(SnapshotOptions {
            name,
            class: parse_class_name(class.as_deref())?,
            skip_hooks,
        })
    }
}
