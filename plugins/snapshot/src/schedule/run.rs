//! `snapshot run-schedule`: one run of a schedule, which takes a snapshot and deletes old ones.

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, has_kind};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::ops::snapshot_plan::{
    SnapshotClasses, SnapshotOptions, SnapshotPlan, parse_class_name, read_snapshot_source,
};
use session_shared::ops::trust::trust_hooks;
use session_shared::verb::Environment;

use super::intent::check_keep;
use super::{pruning, stopped};
use crate::observe::get_session;
use crate::plan::SnapshotWrites;
use crate::schedule_args::RunScheduleArgs;
use crate::take::{confirm_hooks, take_snapshots};
use crate::timeouts::TAKE_TIMEOUT;

/// Takes a snapshot marked as scheduled, unless the session is stopped and has one, and prunes the scheduled ones.
///
/// # Errors
/// As `snapshot create`; the server's refusal to list or delete snapshots.
pub(crate) async fn run(
    args: RunScheduleArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
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
    // no requests: validation of the arguments
    let session = parse_session_name(&session)?;
    let options = SnapshotOptions {
        name: None,
        class: parse_class_name(class.as_deref())?,
        skip_hooks,
    };
    let console = &mut environment.console;
    let mutation = MutationOptions::for_names(&write_flags, &output, console)?;
    let writes = SnapshotWrites::new(mutation, &wait_flags, TAKE_TIMEOUT);
    let keep = check_keep(keep)?;
    // reads only
    let cluster = environment.connect_trusting(connection, trust).await?;
    let read = get_session(&cluster, &session);
    let observed = read_snapshot_source(&cluster, &session, read, options.skip_hooks);
    let (observed, classes) = futures::join!(observed, SnapshotClasses::list(&cluster));
    let (observed, now) = (observed?, environment.now());
    if let Some(digest) = &known_hooks {
        trust_hooks(&cluster, &observed.session, digest);
    }
    let mut plan =
        SnapshotPlan::prepare_with_classes(&cluster, &observed, &options, &classes, now).await?;
    let equivalent = mark_scheduled(&cluster, &observed, &mut plan, environment).await?;
    let (console, dry_run) = (&mut environment.console, writes.mutation.dry_run);
    if !confirm_hooks(&cluster, &observed, &plan, dry_run, console).await? {
        return Ok(());
    }
    // writes
    let taken = match &equivalent {
        Some(_) => Ok(Vec::new()),
        None => {
            let _guard = environment.interrupt.guard()?;
            let (interrupt, mut sink) = (&environment.interrupt, environment.console.progress());
            take_snapshots(&cluster, &plan, &writes, interrupt, &mut sink).await
        }
    };
    // prints
    let mut mutations = writes.mutation.printer();
    for snapshot in taken.iter().flatten() {
        let line = mutations.print_result(snapshot, "created")?;
        environment.console.print(&line)?;
    }
    if let Some(name) = &equivalent {
        environment.console.note(&format!(
            "no snapshot taken: the session is stopped, and snapshot {name:?} already holds its data"
        ));
    }
    // Prune even after a failure, or snapshots that never become ready accumulate. In a dry run the new snapshot does not
    // exist, so one less is kept.
    let mut errors: Vec<anyhow::Error> = taken.err().into_iter().collect();
    let is_interrupted = |error| has_kind(error, FailureKind::Interrupted);
    if !errors.iter().any(is_interrupted) {
        let is_missing = writes.mutation.dry_run != DryRun::None && equivalent.is_none();
        let keep = keep - u32::from(is_missing);
        let ownership = observed.ownership()?;
        let pruned =
            pruning::prune_scheduled(&cluster, ownership, keep, &writes, &mutations, environment);
        errors.extend(pruned.await.unwrap_or_else(|error| vec![error]));
    }
    failure::combine_errors(errors)
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
