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

/// How long it waits when it is not told: drivers that copy a volume take minutes.
const USUAL_WAIT: Duration = Duration::from_secs(600);

/// Takes a snapshot of every claim of a session.
///
/// # Errors
/// What the user got wrong, before any request; a session without claims; classes; hooks; the driver.
pub(crate) async fn run(args: &Create, connection: &Connection, ground: &mut Ground) -> Result<()> {
    if let (true, Some(to)) = (args.file.is_asked()?, &args.file.to) {
        return save::run(args, to, connection, ground).await;
    }
    // no request: everything the user can have got wrong
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
        let note = format!("none is taken: it is stopped, and snapshot {name:?} holds all of it");
        ground.console.note(&note);
    }
    let mut errors: Vec<anyhow::Error> = taken.err().into_iter().collect();
    if let Some(keep) = keep
        && !errors.iter().any(|error| is(error, Kind::Interrupted))
    {
        // Whatever became of this one: those that were not ready in time must not heap up. In a rehearsal it is not there.
        let missing = writes.dry_run != DryRun::None && held.is_none();
        let keep = keep - u32::from(missing);
        let belonging = &present.belonging;
        let pruned = pruning::prune(&cluster, belonging, keep, &writes, &mutations, ground);
        errors.extend(pruned.await.unwrap_or_else(|error| vec![error]));
    }
    failure::all(errors)
}

/// Marks a snapshot as one of a schedule; the name of the one that holds all that it would, if there is one.
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

/// How many stay of those that are taken with `--keep`.
fn keep(args: &Create, format: &Format) -> Result<Option<u32>> {
    let whole = matches!(format, Format::Objects(printer) if !printer.is_name());
    if args.keep.is_some() && whole {
        return Err(usage(
            "--keep tells of several objects: only -o name can be given with it",
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

/// A session as the server has it.
pub(crate) async fn chosen(cluster: &Cluster, name: &SessionName) -> Result<Chosen> {
    let which = Which::Named(vec![name.clone()]);
    let mut chosen = cluster.chosen(cluster.namespace(), &which).await?;
    chosen
        .pop()
        .unwrap_or_else(|| Err(anyhow!("session {:?} was not read", name.as_str())))
}

/// A session, and all that is there of it. Whether a controller looks after it makes no difference to its data.
pub(crate) async fn present(cluster: &Cluster, name: &SessionName) -> Result<Present> {
    Present::of(cluster, chosen(cluster, name).await?, false).await
}
