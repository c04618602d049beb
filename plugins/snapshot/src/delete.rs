//! `snapshot delete`.

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::objects::Untyped;
use session_shared::objects::resource::VOLUME_SNAPSHOT;
use session_shared::ops::Cluster;
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;

use crate::args::DeleteArgs;
use crate::deletion;
use crate::plan::SnapshotWrites;
use crate::snapshot_set::{self, SnapshotSet};
use crate::timeouts::DELETE_TIMEOUT;

/// Deletes snapshots by name.
///
/// # Errors
/// No terminal to ask on; missing snapshots and the server's refusals, after the other snapshots have been deleted.
pub(crate) async fn run(
    args: DeleteArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let DeleteArgs {
        names: words,
        ignore_not_found,
        yes,
        output,
        write_flags,
        wait_flags,
    } = args;
    // no requests: validation of the arguments
    let mut names: Vec<&str> = Vec::new();
    for word in &words {
        let name = snapshot_set::parse_snapshot_name(word)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let console = &mut environment.console;
    let mutation = MutationOptions::for_names(&write_flags, &output, console)?;
    let writes = SnapshotWrites::new(mutation, &wait_flags, DELETE_TIMEOUT);
    // reads only
    let cluster = environment.connect(connection).await?;
    let all = snapshot_set::list_snapshot_sets(&cluster, None).await?;
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for name in names {
        match snapshot_set::find_snapshot_set(&cluster, &all, name).await {
            Ok(set) => found.push(set),
            Err(error) if ignore_not_found && failure::has_kind(&error, FailureKind::NotFound) => {}
            Err(error) => errors.push(error),
        }
    }
    // confirmation
    let agreed = yes || writes.mutation.dry_run != DryRun::None;
    if !agreed && !deletion::confirm_deletion(&found, &mut environment.console)? {
        return Ok(());
    }
    // writes and prints
    let mutations = writes.mutation.printer();
    errors.extend(delete_snapshot_sets(&cluster, &found, &writes, &mutations, environment).await?);
    failure::combine_errors(errors)
}

/// Deletes snapshots one after another and prints each. Returns the errors of those that were not deleted.
///
/// # Errors
/// Standard output is closed.
pub(crate) async fn delete_snapshot_sets(
    cluster: &Cluster,
    doomed: &[SnapshotSet],
    writes: &SnapshotWrites,
    mutations: &MutationPrinter,
    environment: &mut Environment,
) -> Result<Vec<anyhow::Error>> {
    let mut errors = Vec::new();
    let _guard = environment.interrupt.guard()?;
    let interrupt = environment.interrupt.clone();
    for set in doomed {
        if writes.mutation.dry_run != DryRun::Client {
            let with = writes.snapshot_run(&interrupt, writes.wait);
            let mut sink = environment.console.progress();
            let done = deletion::delete_snapshot_set(cluster, set, &with, &mut sink).await;
            sink.tell(ProgressEvent::Done);
            if let Err(error) = done {
                errors.push(error);
                continue;
            }
        }
        for snapshot in &set.snapshots {
            let name = Untyped(snapshot).name();
            let namespace = Untyped(snapshot).namespace().unwrap_or_default();
            let line = mutations.print_deleted(&VOLUME_SNAPSHOT, name, namespace, false);
            environment.console.print(&line)?;
        }
    }
    Ok(errors)
}
