//! `snapshot run-schedule`: one run of a schedule, which takes a snapshot and deletes old ones.

use anyhow::Result;
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, has_kind};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::names::SessionName;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::ops::snapshot_plan::{
    SnapshotClasses, SnapshotOptions, SnapshotPlan, parse_class_name, read_snapshot_source,
};
use session_shared::ops::trust::trust_hooks;
use session_shared::report::console::Console;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;

use super::intent::check_keep;
use super::{pruning, stopped};
use crate::observe::get_session;
use crate::plan::SnapshotWrites;
use crate::schedule_args::RunScheduleArgs;
use crate::take::{confirm_hooks, take_snapshots};
use crate::timeouts::TAKE_TIMEOUT;

/// A validated `snapshot run-schedule`.
struct Intent {
    session: SessionName,
    options: SnapshotOptions,
    /// Number of newest scheduled snapshots to keep.
    keep: u32,
    /// Digest of the hooks that the schedule was created with.
    known_hooks: Option<String>,
    trust: TrustFlags,
    writes: SnapshotWrites,
}

/// The session, and the snapshot that this run takes of it.
struct ScheduledSnapshot {
    observed: ObservedSession,
    plan: SnapshotPlan,
    /// Name of a snapshot that already holds the same data; then none is taken.
    equivalent: Option<String>,
}

/// Takes a snapshot marked as scheduled, unless the session is stopped and has one, and prunes the scheduled ones.
///
/// # Errors
/// As `snapshot create`; the server's refusal to list or delete snapshots.
pub(crate) async fn run(
    args: RunScheduleArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments
    let intent = parse_intent(args, &mut environment.console)?;
    // reads only
    let cluster = environment
        .connect_trusting(connection, intent.trust)
        .await?;
    let planned = plan_snapshot(&cluster, &intent, environment).await?;
    let (console, dry_run) = (&mut environment.console, intent.writes.mutation.dry_run);
    if !confirm_hooks(&cluster, &planned.observed, &planned.plan, dry_run, console).await? {
        return Ok(());
    }
    // writes
    let taken = match &planned.equivalent {
        Some(_) => Ok(Vec::new()),
        None => {
            let _guard = environment.interrupt.guard()?;
            let (interrupt, mut sink) = (&environment.interrupt, environment.console.progress());
            take_snapshots(
                &cluster,
                &planned.plan,
                &intent.writes,
                interrupt,
                &mut sink,
            )
            .await
        }
    };
    // prints
    let mut mutations = intent.writes.mutation.printer();
    report_taken(&planned, &taken, &mut mutations, &mut environment.console)?;
    // Prune even after a failure, or snapshots that never become ready accumulate.
    let mut errors: Vec<anyhow::Error> = taken.err().into_iter().collect();
    let is_interrupted = |error| has_kind(error, FailureKind::Interrupted);
    if !errors.iter().any(is_interrupted) {
        errors.extend(prune(&cluster, &intent, &planned, &mutations, environment).await?);
    }
    failure::combine_errors(errors)
}

/// Validates the command line.
///
/// # Errors
/// Every mistake that can be found without a request.
fn parse_intent(args: RunScheduleArgs, console: &mut Console) -> Result<Intent> {
    let RunScheduleArgs {
        session,
        keep,
        class,
        skip_hooks,
        known_hooks,
        trust,
        output,
        write_flags,
        wait_flags,
    } = args;
    let session = parse_session_name(&session)?;
    let options = SnapshotOptions {
        name: None,
        class: parse_class_name(class.as_deref())?,
        skip_hooks,
    };
    let mutation = MutationOptions::for_names(&write_flags, &output, console)?;
    Ok(Intent {
        session,
        options,
        keep: check_keep(keep)?,
        known_hooks,
        trust,
        writes: SnapshotWrites::new(mutation, &wait_flags, TAKE_TIMEOUT),
    })
}

/// Reads the session and plans its snapshot. Hooks that are those of the schedule's creation are trusted from here on.
///
/// # Errors
/// A session without claims; no class for its snapshots; the server's refusal.
async fn plan_snapshot(
    cluster: &Cluster,
    intent: &Intent,
    environment: &Environment,
) -> Result<ScheduledSnapshot> {
    let (name, options) = (&intent.session, &intent.options);
    let read = get_session(cluster, name);
    let observed = read_snapshot_source(cluster, name, read, options.skip_hooks);
    let (observed, classes) = futures::join!(observed, SnapshotClasses::list(cluster));
    let (observed, now) = (observed?, environment.now());
    if let Some(digest) = &intent.known_hooks {
        trust_hooks(cluster, &observed.session, digest);
    }
    let mut plan =
        SnapshotPlan::prepare_with_classes(cluster, &observed, options, &classes, now).await?;
    let equivalent = mark_scheduled(cluster, &observed, &mut plan, environment).await?;
    Ok(ScheduledSnapshot {
        observed,
        plan,
        equivalent,
    })
}

/// Prints the snapshots that were taken, or why none was.
///
/// # Errors
/// Standard output is closed.
fn report_taken(
    planned: &ScheduledSnapshot,
    taken: &Result<Vec<Value>>,
    mutations: &mut MutationPrinter,
    console: &mut Console,
) -> Result<()> {
    for snapshot in taken.iter().flatten() {
        let line = mutations.print_result(snapshot, "created")?;
        console.print(&line)?;
    }
    if let Some(name) = &planned.equivalent {
        console.note(&format!(
            "no snapshot taken: the session is stopped, and snapshot {name:?} already holds its data"
        ));
    }
    Ok(())
}

/// Deletes all but the newest scheduled snapshots. Returns the errors of single snapshots.
///
/// # Errors
/// The Session has no owner.
async fn prune(
    cluster: &Cluster,
    intent: &Intent,
    planned: &ScheduledSnapshot,
    mutations: &MutationPrinter,
    environment: &mut Environment,
) -> Result<Vec<anyhow::Error>> {
    let (keep, writes) = (intent.keep, &intent.writes);
    // In a dry run the new snapshot does not exist, so one less is kept.
    let is_missing = writes.mutation.dry_run != DryRun::None && planned.equivalent.is_none();
    let keep = keep - u32::from(is_missing);
    let ownership = planned.observed.ownership()?;
    let pruned = pruning::prune_scheduled(cluster, ownership, keep, writes, mutations, environment);
    Ok(pruned.await.unwrap_or_else(|error| vec![error]))
}

/// Marks the planned snapshot as scheduled. Returns the name of a ready snapshot that already holds the same data, if any:
/// of a stopped session one is enough.
async fn mark_scheduled(
    cluster: &Cluster,
    observed: &ObservedSession,
    plan: &mut SnapshotPlan,
    environment: &Environment,
) -> Result<Option<String>> {
    pruning::label_scheduled(&mut plan.objects, &observed.ownership()?.session);
    if !stopped::mark_stopped(&mut plan.objects, observed) {
        return Ok(None);
    }
    let sink = &mut environment.console.progress();
    let taken = pruning::list_scheduled(cluster, observed.ownership()?, sink).await?;
    let equivalent = stopped::find_equivalent(&plan.objects, &taken);
    Ok(equivalent.map(|set| set.name.clone()))
}
