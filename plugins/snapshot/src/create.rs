//! `snapshot create`.

use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::failure::{self, Kind, is, usage};
use session_shared::flags::connection::Connection;
use session_shared::flags::selection::session_name;
use session_shared::names::{SessionName, check_subdomain};
use session_shared::ops::Cluster;
use session_shared::ops::Driver;
use session_shared::ops::chosen::Chosen;
use session_shared::ops::chosen::Which;
use session_shared::ops::snapshotting::{Asked, Cutting, Offered, class_name, look_at};
use session_shared::ops::stopping::Present;
use session_shared::ops::trust::Part;
use session_shared::progress::{Event, Sink};
use session_shared::prompt::trust;
use session_shared::report::format::Format;
use session_shared::report::mutation::Mutations;
use session_shared::verb::Ground;

use crate::args::Create;
use crate::plan::Writes;
use crate::save;
use crate::schedule::intent::kept;
use crate::schedule::{pruning, resting};

/// Default of `--timeout`: a CSI driver that copies the volume takes minutes.
pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(600);

/// Takes a snapshot of every claim of a session.
///
/// # Errors
/// Invalid arguments, before any request; a session without claims; a missing VolumeSnapshotClass; a failed hook; an error of
/// the CSI driver.
pub(crate) async fn run(args: &Create, connection: &Connection, ground: &mut Ground) -> Result<()> {
    if let (true, Some(to)) = (args.file.is_asked()?, &args.file.to) {
        return save::run(args, to, connection, ground).await;
    }
    // no requests: validation of the arguments
    let (session, asked) = (session_name(&args.session)?, asked(args)?);
    let writes = Writes::of(&args.writing, &args.waiting, USUAL_WAIT)?;
    let format = Format::of_object(&args.printing)?;
    let keep = keep(args, &format)?;
    // reads only
    let cluster = ground.connect(connection).await?;
    cluster.known().trust_all(args.trust.trust_manifest);
    let found = chosen(&cluster, &session);
    let present = look_at(&cluster, &session, found, asked.skip_hooks);
    let (present, offered) = futures::join!(present, Offered::by(&cluster));
    let present = present?;
    if let Some(digest) = &args.known_hooks {
        session_shared::ops::trust::know_hooks(&cluster, &present.session, digest);
    }
    let cutting = Cutting::with(&cluster, &present, &asked, offered, ground.now());
    let mut cutting = cutting.await?;
    let held = match keep {
        Some(_) => by_the_clock(&cluster, &present, &mut cutting, ground).await?,
        None => None,
    };
    if cutting.pauses()
        && writes.dry_run == DryRun::None
        && !trust::ask(&cluster, &present.session, Part::Hooks, &mut ground.console).await?
    {
        return Ok(());
    }
    // writes
    let taken = match &held {
        Some(_) => Ok(Vec::new()),
        None => take(&cluster, &cutting, &writes, ground).await,
    };
    // prints
    let mut mutations = Mutations::new(format, writes.dry_run);
    for snapshot in taken.iter().flatten() {
        ground.console.out(&mutations.done(snapshot, "created")?)?;
    }
    if let Some(name) = &held {
        let note = format!(
            "no snapshot taken: the session is stopped, and snapshot {name:?} already holds its data"
        );
        ground.console.note(&note);
    }
    let mut errors: Vec<anyhow::Error> = taken.err().into_iter().collect();
    if let Some(keep) = keep
        && !errors.iter().any(|error| is(error, Kind::Interrupted))
    {
        // Prune even after a failure, or snapshots that never become ready accumulate. In a dry run the new snapshot does not
        // exist, so one less is kept.
        let missing = writes.dry_run != DryRun::None && held.is_none();
        let keep = keep - u32::from(missing);
        let belonging = &present.belonging;
        let pruned = pruning::prune(&cluster, belonging, keep, &writes, &mutations, ground);
        errors.extend(pruned.await.unwrap_or_else(|error| vec![error]));
    }
    failure::all(errors)
}

/// Marks the planned snapshot as scheduled. Returns the name of a ready snapshot that already holds the same data, if any:
/// of a stopped session one is enough.
async fn by_the_clock(
    cluster: &Cluster,
    present: &Present,
    cutting: &mut Cutting,
    ground: &Ground,
) -> Result<Option<String>> {
    pruning::mark(&mut cutting.objects, &present.belonging.session);
    if !resting::mark(&mut cutting.objects, present) {
        return Ok(None);
    }
    let sink = &mut ground.console.progress();
    let taken = pruning::taken(cluster, &present.belonging, sink).await?;
    let held = resting::holding(&cutting.objects, &taken);
    Ok(held.map(|set| set.name.clone()))
}

async fn take(
    cluster: &Cluster,
    cutting: &Cutting,
    writes: &Writes,
    ground: &mut Ground,
) -> Result<Vec<Value>> {
    if writes.dry_run == DryRun::Client {
        return Ok(cutting.objects.clone());
    }
    let _guard = ground.interrupt.guard()?;
    let interrupt = ground.interrupt.clone();
    let with = writes.taking(&interrupt, writes.wait);
    let mut sink = ground.console.progress();
    let taken = cutting.take(cluster, &with, &mut sink).await;
    sink.tell(Event::Done);
    taken
}

/// Returns the validated value of `--keep`.
fn keep(args: &Create, format: &Format) -> Result<Option<u32>> {
    let whole = matches!(format, Format::Objects(printer) if !printer.is_name());
    if args.keep.is_some() && whole {
        return Err(usage(
            "--keep prints several objects: only -o name can be given with it",
        ));
    }
    args.keep.map(kept).transpose()
}

fn asked(args: &Create) -> Result<Asked> {
    if let Some(name) = &args.name {
        check_subdomain(name).map_err(|why| anyhow!("invalid snapshot name {name:?}: {why}"))?;
    }
    Ok(Asked {
        name: args.name.clone(),
        class: class_name(args.class.as_deref())?,
        skip_hooks: args.skip_hooks,
    })
}

/// Reads a session from the server.
pub(crate) async fn chosen(cluster: &Cluster, name: &SessionName) -> Result<Chosen> {
    let which = Which::Named(vec![name.clone()]);
    let mut chosen = cluster.chosen(cluster.namespace(), &which).await?;
    chosen
        .pop()
        .unwrap_or_else(|| Err(anyhow!("session {:?} was not read", name.as_str())))
}

/// Reads a session and its objects. The data is the same with and without a controller, so no Lease is read.
pub(crate) async fn present(cluster: &Cluster, name: &SessionName) -> Result<Present> {
    Present::of(cluster, chosen(cluster, name).await?, Driver::Client).await
}
