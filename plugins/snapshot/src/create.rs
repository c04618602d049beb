//! `snapshot create`.

use std::time::Duration;

use anyhow::{Result, anyhow};
use session_shared::cluster::Cluster;
use session_shared::flags::choice::Which;
use session_shared::flags::connection::Connection;
use session_shared::flags::selection::session_name;
use session_shared::flags::writing::DryRun;
use session_shared::lifecycle::snapshotting::{Asked, Cutting};
use session_shared::lifecycle::stopping::Present;
use session_shared::names::{SessionName, check_subdomain};
use session_shared::progress::{Event, Sink};
use session_shared::report::mutation::Mutations;
use session_shared::verb::Ground;

use crate::args::Create;
use crate::plan::{Writes, object_format};
use crate::save;

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
    if let Some(text) = args.writing.deprecation() {
        ground.console.warn(text);
    }
    let (session, asked) = (session_name(&args.session)?, asked(args)?);
    let writes = Writes::of(&args.writing, &args.waiting, USUAL_WAIT)?;
    let format = object_format(&args.printing)?;
    // reads only
    let cluster = ground.connect(connection).await?;
    let present = present(&cluster, &session).await?;
    let cutting = Cutting::of(&cluster, &present, &asked, ground.now()).await?;
    // writes
    let taken = if writes.dry_run == DryRun::Client {
        cutting.objects.clone()
    } else {
        let _guard = ground.interrupt.guard();
        let interrupt = ground.interrupt.clone();
        let with = writes.taking(&interrupt, writes.wait);
        let mut sink = ground.console.progress();
        let taken = cutting.take(&cluster, &with, &mut sink).await;
        sink.tell(Event::Done);
        taken?
    };
    // prints
    let mut mutations = Mutations::new(format, writes.dry_run);
    for snapshot in &taken {
        ground.console.out(&mutations.done(snapshot, "created")?)?;
    }
    Ok(())
}

fn asked(args: &Create) -> Result<Asked> {
    if let Some(name) = &args.name {
        check_subdomain(name).map_err(|why| anyhow!("invalid snapshot name {name:?}: {why}"))?;
    }
    Ok(Asked {
        name: args.name.clone(),
        class: class_of(args.class.as_deref())?,
        skip_hooks: args.skip_hooks,
    })
}

/// The value of `--class`.
///
/// # Errors
/// One that is no name.
pub(crate) fn class_of(given: Option<&str>) -> Result<Option<String>> {
    if let Some(class) = given {
        check_subdomain(class)
            .map_err(|why| anyhow!("invalid VolumeSnapshotClass {class:?}: {why}"))?;
    }
    Ok(given.map(str::to_owned))
}

/// A session, and all that is there of it. Whether a controller looks after it makes no difference to its data.
pub(crate) async fn present(cluster: &Cluster, name: &SessionName) -> Result<Present> {
    let which = Which::Named(vec![name.clone()]);
    let mut chosen = cluster.chosen(cluster.namespace(), &which).await?;
    let chosen = chosen
        .pop()
        .unwrap_or_else(|| Err(anyhow!("session {:?} was not read", name.as_str())))?;
    Present::of(cluster, chosen, false).await
}
