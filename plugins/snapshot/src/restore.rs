//! `snapshot restore`: the claims of a stopped session are made anew from a snapshot, or another session is made with them.

use std::time::Duration;

use anyhow::{Result, anyhow};
use session_shared::cluster::{Cluster, Write};
use session_shared::failure::{Kind, hinted, is, usage};
use session_shared::flags::connection::Connection;
use session_shared::flags::selection::session_name;
use session_shared::flags::writing::DryRun;
use session_shared::lifecycle::copying::Copying;
use session_shared::lifecycle::restoring::{Replacing, Restored};
use session_shared::lifecycle::snapshotting::{Asked, Cutting, Taking};
use session_shared::lifecycle::stopping::Present;
use session_shared::objects::resource::text;
use session_shared::objects::snapshot::{SnapshotState, claim_name};
use session_shared::progress::{Event, Sink};
use session_shared::report::console::Console;
use session_shared::report::format::{Allowed, Format};
use session_shared::report::mutation::Mutations;
use session_shared::verb::Ground;

use crate::args::Restore;
use crate::chosen::{self, Set};
use crate::copy;
use crate::create::{class_of, present};

/// Brings the data of a stopped session back to a snapshot.
///
/// # Errors
/// What the user got wrong, before any request; a snapshot that is not ready; a session that is not there or runs; what the
/// server or the driver refuses, with the names of both snapshots.
pub(crate) async fn run(
    args: &Restore,
    connection: &Connection,
    ground: &mut Ground,
) -> Result<()> {
    // no request: everything the user can have got wrong
    if let Some(text) = args.writing.deprecation() {
        ground.console.warn(text);
    }
    if let Some(new) = &args.into {
        return into(args, new, connection, ground).await;
    }
    if !args.in_place {
        return Err(usage("--into or --in-place is required"));
    }
    if args.storage.is_some() {
        return Err(usage(
            "--storage cannot be given with --in-place: a claim keeps its size",
        ));
    }
    let name = chosen::name_of(&args.snapshot)?;
    let class = class_of(args.class.as_deref())?;
    let (dry_run, write) = (args.writing.dry_run()?, Write::of(&args.writing)?);
    let printing = &args.printing;
    let format = Format::parse(
        &printing.output,
        Allowed::Object,
        false,
        printing.show_managed_fields,
    )?;
    // reads only
    let cluster = ground.connect(connection).await?;
    let all = chosen::sets(&cluster, None).await?;
    let set = chosen::find(&cluster, &all, name).await?;
    ready(&set)?;
    let present = session_of(&cluster, &set).await?;
    let replacing = Replacing::of(&present, &set.snapshots)?;
    let asked = Asked {
        class,
        ..Asked::default()
    };
    let mut now = present.clone();
    now.live.data = replacing.held().cloned().collect();
    let saving = match now.live.data.is_empty() {
        true => None,
        false => Some(Cutting::of(&cluster, &now, &asked, ground.now()).await?),
    };
    // writes
    let restored = if dry_run == DryRun::None {
        let limit = args.waiting.limit(copy::USUAL_WAIT);
        let how = How {
            write: &write,
            limit,
            wait: args.waiting.wait,
        };
        Some(carry_out(&cluster, &replacing, saving.as_ref(), &set, &how, ground).await?)
    } else {
        rehearse(
            &cluster,
            &replacing,
            saving.as_ref(),
            dry_run,
            &write,
            ground,
        )
        .await?;
        None
    };
    // prints
    let mut mutations = Mutations::new(format, dry_run);
    let console = &mut ground.console;
    console.out(&mutations.done(&present.object, "restored")?)?;
    let saved = saving.as_ref().filter(|_| restored.is_some());
    if let Some(saving) = saved {
        console.note(&format!(
            "what its claims held before is snapshot {:?}",
            saving.set
        ));
    }
    if let Some(restored) = restored {
        pending(&restored, present.name(), console);
    }
    Ok(())
}

/// Makes another session with the data of a snapshot.
async fn into(
    args: &Restore,
    new: &str,
    connection: &Connection,
    ground: &mut Ground,
) -> Result<()> {
    // no request: everything the user can have got wrong
    if args.in_place {
        return Err(usage("--into and --in-place cannot be given together"));
    }
    if args.class.is_some() {
        return Err(usage(
            "--class cannot be given with --into: no snapshot is taken",
        ));
    }
    let name = chosen::name_of(&args.snapshot)?;
    let (new, size) = (session_name(new)?, copy::size(args.storage.as_deref())?);
    let (dry_run, write) = (args.writing.dry_run()?, Write::of(&args.writing)?);
    let printing = &args.printing;
    let format = Format::parse(
        &printing.output,
        Allowed::Object,
        false,
        printing.show_managed_fields,
    )?;
    // reads only
    let cluster = ground.connect(connection).await?;
    let all = chosen::sets(&cluster, None).await?;
    let set = chosen::find(&cluster, &all, name).await?;
    ready(&set)?;
    let source = source_of(&cluster, &set).await?;
    let claims: Vec<&str> = set.snapshots.iter().map(claim_name).collect();
    let copying = Copying::of(&cluster, &source, &new, &claims, size).await?;
    // writes
    let copied = if dry_run == DryRun::Client {
        copy::only_said(&copying)
    } else {
        let _guard = ground.interrupt.guard();
        let interrupt = ground.interrupt.clone();
        let with = Taking {
            write: &write,
            interrupt: &interrupt,
            wait: args.waiting.wait,
            limit: args.waiting.limit(copy::USUAL_WAIT),
        };
        copy::carry_out(&cluster, &copying, &set.snapshots, &set.name, &with, ground).await?
    };
    // prints
    copy::report(&copied, format, dry_run, &mut ground.console)
}

fn pending(restored: &Restored, session: &str, console: &mut Console) {
    if !restored.pending.is_empty() {
        console.note(&format!(
            "claim {} stays Pending until the next start, by its class: kubectl session start {session}",
            restored.pending.join(", ")
        ));
    }
}

fn ready(set: &Set) -> Result<()> {
    for snapshot in &set.snapshots {
        let state = SnapshotState::of(snapshot);
        if state != SnapshotState::Ready {
            return Err(anyhow!(
                "snapshot {:?} is not ready: {}",
                text(snapshot, "/metadata/name"),
                state.told()
            ));
        }
    }
    Ok(())
}

/// The session that the snapshot was taken of, at rest.
async fn session_of(cluster: &Cluster, set: &Set) -> Result<Present> {
    let found = source_of(cluster, set).await?;
    if !found.is_at_rest() {
        let (name, namespace) = (&set.session, cluster.namespace());
        let error = anyhow!("session {name:?} is not stopped: its claims are in use");
        let stop = format!("stop it first: kubectl session stop {name} -n {namespace}");
        return Err(hinted(error, stop));
    }
    Ok(found)
}

/// The session that the snapshot was taken of.
async fn source_of(cluster: &Cluster, set: &Set) -> Result<Present> {
    let name = set.session.parse()?;
    let namespace = cluster.namespace();
    let found = present(cluster, &name).await;
    let found = match found {
        Err(error) if is(&error, Kind::NotFound) => {
            let error = anyhow!(
                "session {:?} is gone: nothing says what its data belongs to",
                set.session
            );
            let create = format!(
                "create it again, then stop it: kubectl session create {name} -n {namespace}"
            );
            return Err(hinted(error, create));
        }
        other => other?,
    };
    let whose = set.belonging()?.user_id;
    if whose != found.belonging.user_id {
        return Err(anyhow!(
            "snapshot {:?} is of user {:?}, and session {:?} is of user {:?}",
            set.name,
            whose.as_str(),
            set.session,
            found.belonging.user_id.as_str()
        ));
    }
    Ok(found)
}

struct How<'a> {
    write: &'a Write,
    limit: Duration,
    wait: bool,
}

async fn carry_out(
    cluster: &Cluster,
    replacing: &Replacing,
    saving: Option<&Cutting>,
    set: &Set,
    how: &How<'_>,
    ground: &mut Ground,
) -> Result<Restored> {
    let _guard = ground.interrupt.guard();
    let interrupt = ground.interrupt.clone();
    let with = Taking {
        write: how.write,
        interrupt: &interrupt,
        wait: true,
        limit: how.limit,
    };
    let mut sink = ground.console.progress();
    if let Some(saving) = saving {
        // Whatever comes, what there is now can be had again.
        let saved = saving.take(cluster, &with, &mut sink).await;
        saved.map_err(|error| {
            hinted(
                error,
                "nothing is restored: what there is now could not be saved, and stays",
            )
        })?;
    }
    let restored = replacing
        .carry_out(
            cluster,
            &Taking {
                wait: how.wait,
                ..with
            },
            &mut sink,
        )
        .await;
    sink.tell(Event::Done);
    restored.map_err(|mut error| {
        let namespace = cluster.namespace();
        if let Some(saving) = saving {
            let held = format!(
                "nothing is lost: what the claims held before is snapshot {:?}",
                saving.set
            );
            error = hinted(error, held);
        }
        let again = format!(
            "go on with it: kubectl session snapshot restore {} --in-place -n {namespace}",
            set.name
        );
        hinted(error, again)
    })
}

/// What can be rehearsed: the snapshots. Nothing can be made by the names of claims that are still there.
async fn rehearse(
    cluster: &Cluster,
    replacing: &Replacing,
    saving: Option<&Cutting>,
    dry_run: DryRun,
    write: &Write,
    ground: &mut Ground,
) -> Result<()> {
    for claim in &replacing.claims {
        let name = text(&claim.wanted, "/metadata/name");
        ground.console.note(&format!(
            "claim {name:?} would be made anew from snapshot {:?}",
            claim.snapshot
        ));
    }
    if let (Some(saving), DryRun::Server) = (saving, dry_run) {
        let interrupt = ground.interrupt.clone();
        let with = Taking {
            write,
            interrupt: &interrupt,
            wait: false,
            limit: Duration::ZERO,
        };
        let mut sink = ground.console.progress();
        saving.take(cluster, &with, &mut sink).await?;
    }
    Ok(())
}
