//! `snapshot delete`.

use std::time::Duration;

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::failure::{self, Kind};
use session_shared::flags::connection::Connection;
use session_shared::objects::resource::{VOLUME_SNAPSHOT, text};
use session_shared::ops::Cluster;
use session_shared::progress::{Event, Sink};
use session_shared::report::format::Format;
use session_shared::report::mutation::Mutations;
use session_shared::verb::Ground;

use crate::args::Delete;
use crate::chosen::{self, Set};
use crate::doomed;
use crate::plan::Writes;

/// How long it waits when it is not told: the driver gives the space back.
const USUAL_WAIT: Duration = Duration::from_secs(300);

/// Deletes snapshots by name.
///
/// # Errors
/// What is not there, and what the server refuses, after all others have been deleted; nobody to ask.
pub(crate) async fn run(args: &Delete, connection: &Connection, ground: &mut Ground) -> Result<()> {
    // no request: everything the user can have got wrong
    let mut names: Vec<&str> = Vec::new();
    for word in &args.names {
        let name = chosen::name_of(word)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let writes = Writes::of(&args.writing, &args.waiting, USUAL_WAIT)?;
    let format = Format::of_name(&args.printing)?;
    // reads only
    let cluster = ground.connect(connection).await?;
    let all = chosen::sets(&cluster, None).await?;
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for name in names {
        match chosen::find(&cluster, &all, name).await {
            Ok(set) => found.push(set),
            Err(error) if args.ignore_not_found && failure::is(&error, Kind::NotFound) => {}
            Err(error) => errors.push(error),
        }
    }
    // the user's word
    let agreed = args.yes || writes.dry_run != DryRun::None;
    if !agreed && !doomed::ask(&found, &mut ground.console)? {
        return Ok(());
    }
    // writes and prints
    let mutations = Mutations::new(format, writes.dry_run);
    errors.extend(carry_out(&cluster, &found, &writes, &mutations, ground).await?);
    failure::all(errors)
}

/// Deletes them one after another, and tells of each; the errors of those that are left.
///
/// # Errors
/// When standard output is closed.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    doomed: &[Set],
    writes: &Writes,
    mutations: &Mutations,
    ground: &mut Ground,
) -> Result<Vec<anyhow::Error>> {
    let mut errors = Vec::new();
    let _guard = ground.interrupt.guard()?;
    let interrupt = ground.interrupt.clone();
    for set in doomed {
        if writes.dry_run != DryRun::Client {
            let with = writes.taking(&interrupt, writes.wait);
            let mut sink = ground.console.progress();
            let done = doomed::delete(cluster, set, &with, &mut sink).await;
            sink.tell(Event::Done);
            if let Err(error) = done {
                errors.push(error);
                continue;
            }
        }
        for snapshot in &set.snapshots {
            let name = text(snapshot, "/metadata/name");
            let namespace = text(snapshot, "/metadata/namespace");
            let line = mutations.deleted(&VOLUME_SNAPSHOT, name, namespace, false);
            ground.console.out(&line)?;
        }
    }
    Ok(errors)
}
