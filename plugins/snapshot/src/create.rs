//! `snapshot create`.

use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, has_kind, usage_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::names::{SessionName, check_dns_subdomain};
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::snapshot_plan::{
    SnapshotClasses, SnapshotOptions, SnapshotPlan, parse_class_name, read_snapshot_source,
};
use session_shared::ops::stop::ObservedSession;
use session_shared::ops::{Cluster, Driver};
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::prompt::trust;
use session_shared::report::format::Format;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;

use crate::args::CreateArgs;
use crate::export;
use crate::plan::MutationOptions;
use crate::schedule::intent::check_keep;
use crate::schedule::{pruning, stopped};

/// Default of `--timeout`: a CSI driver that copies the volume takes minutes.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// Takes a snapshot of every claim of a session.
///
/// # Errors
/// Invalid arguments, before any request; a session without claims; a missing VolumeSnapshotClass; a failed hook; an error of
/// the CSI driver.
pub(crate) async fn run(
    args: &CreateArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    if let (true, Some(to)) = (args.file.is_set()?, &args.file.to) {
        return export::run(args, to, connection, environment).await;
    }
    // no requests: validation of the arguments
    let (session, asked) = (parse_session_name(&args.session)?, parse_options(args)?);
    let writes = MutationOptions::from_flags(&args.write_flags, &args.wait_flags, DEFAULT_TIMEOUT)?;
    let format = Format::from_object_flags(&args.output)?;
    let keep = parse_keep(args, &format)?;
    // reads only
    let cluster = environment.connect(connection).await?;
    cluster
        .known_sessions()
        .trust_all(args.trust.trust_manifest);
    let found = get_session(&cluster, &session);
    let observed = read_snapshot_source(&cluster, &session, found, asked.skip_hooks);
    let (observed, offered) = futures::join!(observed, SnapshotClasses::list(&cluster));
    let observed = observed?;
    if let Some(digest) = &args.known_hooks {
        session_shared::ops::trust::trust_hooks(&cluster, &observed.session, digest);
    }
    let cutting =
        SnapshotPlan::prepare_with_classes(&cluster, &observed, &asked, offered, environment.now());
    let mut cutting = cutting.await?;
    let held = match keep {
        Some(_) => mark_scheduled(&cluster, &observed, &mut cutting, environment).await?,
        None => None,
    };
    let (runs_hooks, console) = (cutting.has_hooks(), &mut environment.console);
    let stored = &observed.session;
    if !trust::confirm_hooks(&cluster, stored, runs_hooks, writes.dry_run, console).await? {
        return Ok(());
    }
    // writes
    let taken = match &held {
        Some(_) => Ok(Vec::new()),
        None => create_snapshots(&cluster, &cutting, &writes, environment).await,
    };
    // prints
    let mut mutations = MutationPrinter::new(format, writes.dry_run);
    for snapshot in taken.iter().flatten() {
        environment
            .console
            .print(&mutations.print_result(snapshot, "created")?)?;
    }
    if let Some(name) = &held {
        let note = format!(
            "no snapshot taken: the session is stopped, and snapshot {name:?} already holds its data"
        );
        environment.console.note(&note);
    }
    let mut errors: Vec<anyhow::Error> = taken.err().into_iter().collect();
    if let Some(keep) = keep
        && !errors
            .iter()
            .any(|error| has_kind(error, FailureKind::Interrupted))
    {
        // Prune even after a failure, or snapshots that never become ready accumulate. In a dry run the new snapshot does not
        // exist, so one less is kept.
        let missing = writes.dry_run != DryRun::None && held.is_none();
        let keep = keep - u32::from(missing);
        let belonging = &observed.ownership;
        let pruned =
            pruning::prune_scheduled(&cluster, belonging, keep, &writes, &mutations, environment);
        errors.extend(pruned.await.unwrap_or_else(|error| vec![error]));
    }
    failure::combine_errors(errors)
}

/// Marks the planned snapshot as scheduled. Returns the name of a ready snapshot that already holds the same data, if any:
/// of a stopped session one is enough.
async fn mark_scheduled(
    cluster: &Cluster,
    observed: &ObservedSession,
    cutting: &mut SnapshotPlan,
    environment: &Environment,
) -> Result<Option<String>> {
    pruning::label_scheduled(&mut cutting.objects, &observed.ownership.session);
    if !stopped::mark_stopped(&mut cutting.objects, observed) {
        return Ok(None);
    }
    let sink = &mut environment.console.progress();
    let taken = pruning::list_scheduled(cluster, &observed.ownership, sink).await?;
    let held = stopped::find_equivalent(&cutting.objects, &taken);
    Ok(held.map(|set| set.name.clone()))
}

async fn create_snapshots(
    cluster: &Cluster,
    cutting: &SnapshotPlan,
    writes: &MutationOptions,
    environment: &mut Environment,
) -> Result<Vec<Value>> {
    if writes.dry_run == DryRun::Client {
        return Ok(cutting.objects.clone());
    }
    let _guard = environment.interrupt.guard()?;
    let interrupt = environment.interrupt.clone();
    let with = writes.snapshot_run(&interrupt, writes.wait);
    let mut sink = environment.console.progress();
    let taken = cutting.take(cluster, &with, &mut sink).await;
    sink.tell(ProgressEvent::Done);
    taken
}

/// Returns the validated value of `--keep`.
fn parse_keep(args: &CreateArgs, format: &Format) -> Result<Option<u32>> {
    let whole = matches!(format, Format::Objects(printer) if !printer.is_name());
    if args.keep.is_some() && whole {
        return Err(usage_error(
            "--keep prints several objects: only -o name can be given with it",
        ));
    }
    args.keep.map(check_keep).transpose()
}

fn parse_options(args: &CreateArgs) -> Result<SnapshotOptions> {
    if let Some(name) = &args.name {
        check_dns_subdomain(name)
            .map_err(|why| anyhow!("invalid snapshot name {name:?}: {why}"))?;
    }
    Ok(SnapshotOptions {
        name: args.name.clone(),
        class: parse_class_name(args.class.as_deref())?,
        skip_hooks: args.skip_hooks,
    })
}

/// Reads a session from the server.
pub(crate) async fn get_session(cluster: &Cluster, name: &SessionName) -> Result<SelectedSession> {
    cluster
        .get_selected_session(cluster.namespace(), name)
        .await
}

/// Reads a session and its objects. The data is the same with and without a controller, so no Lease is read.
pub(crate) async fn observe_session(
    cluster: &Cluster,
    name: &SessionName,
) -> Result<ObservedSession> {
    ObservedSession::read(cluster, get_session(cluster, name).await?, Driver::Client).await
}
