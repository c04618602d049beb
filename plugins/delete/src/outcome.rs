//! Deletes the sessions and prints the results.

use anyhow::Result;
use futures::StreamExt;
use session_shared::api::DataPolicy;
use session_shared::client::{AccessReviews, DryRun, WriteOptions};
use session_shared::encode::shell;
use session_shared::failure;
use session_shared::objects::resource::SESSION;
use session_shared::ops::Cluster;
use session_shared::ops::deletion::Deletion;
use session_shared::ops::selected_sessions::MAX_CONCURRENT_SESSIONS;
use session_shared::ops::stop::StopContext;
use session_shared::progress::{DiscardingSink, ProgressEvent, ProgressSink, WaitStage};
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::{MutationPrinter, no_resources_message};
use session_shared::verb::Environment;

use crate::observe::Observed;
use crate::plan::Intent;

/// Deletes the sessions, a limited number at a time, and returns a result for each. A failure does not affect the other
/// sessions.
///
/// # Errors
/// Interrupted before the first session.
pub(crate) async fn delete_sessions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    deletion: &[Deletion],
    write: &WriteOptions,
    environment: &mut Environment,
) -> Result<Vec<Result<()>>> {
    if intent.dry_run == DryRun::Client {
        return Ok(deletion.iter().map(|_| Ok(())).collect());
    }
    // Ctrl-C ends the waiting, not the process: the results still have to be printed.
    let _guard = environment.interrupt.guard()?;
    let (interrupt, now) = (environment.interrupt.clone(), environment.now());
    let with = StopContext {
        write,
        interrupt: &interrupt,
        now,
        permissions,
    };
    let options = &intent.stop_options;
    let mut sink = environment.console.progress();
    if let [one] = deletion {
        let done = one.delete(cluster, options, with, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        return Ok(vec![done]);
    }
    let object = format!("{} sessions", deletion.len());
    sink.tell(ProgressEvent::Waiting {
        stage: WaitStage::Terminating,
        object,
        detail: String::new(),
    });
    let all = futures::stream::iter(deletion).map(|one| async move {
        one.delete(cluster, options, with, &mut DiscardingSink)
            .await
    });
    let done = all.buffered(MAX_CONCURRENT_SESSIONS).collect().await;
    sink.tell(ProgressEvent::Done);
    Ok(done)
}

/// Prints a line for each deleted session and, on standard error, a line for each piece of its data.
///
/// # Errors
/// The errors of all other sessions, as one.
pub(crate) fn print_results(
    cluster: &Cluster,
    intent: &Intent,
    found: Observed,
    done: Vec<Result<()>>,
    format: Format,
    console: &mut Console,
) -> Result<()> {
    let namespace = cluster.namespace();
    if found.deletions.is_empty() && found.errors.is_empty() {
        console.print_error_line(&no_resources_message(None));
        return Ok(());
    }
    let mutations = MutationPrinter::new(format, intent.dry_run);
    let mut errors = found.errors;
    for (deletion, done) in found.deletions.iter().zip(done) {
        match done {
            Err(error) => errors.push(error),
            Ok(()) => {
                console.print(&mutations.print_deleted(
                    &SESSION,
                    deletion.name(),
                    namespace,
                    false,
                ))?;
                data_lines(deletion, namespace)
                    .iter()
                    .for_each(|line| console.print_error_line(line));
            }
        }
    }
    failure::combine_errors(errors)
}

/// Returns lines that say which data of a session was kept, saved or destroyed.
fn data_lines(deletion: &Deletion, namespace: &str) -> Vec<String> {
    let claim = |word: &str, names: Vec<String>, more: &str| -> Vec<String> {
        let line = |name: &String| format!("{word}: persistentvolumeclaim/{name}{more}");
        names.iter().map(line).collect()
    };
    let again = ", used again by a create with the same name, owner and template";
    let name = deletion.name();
    let saved = deletion.snapshot_name().map(|set| {
        let restore = format!(
            "kubectl session snapshot restore {} -n {namespace}",
            shell::quote_word(set)
        );
        match deletion.observed.session.spec.manifest {
            None => format!("saved: snapshot/{set}, restore with: {restore} --into {name}"),
            Some(_) => format!("saved: snapshot/{set}, to restore create {name} again, stop it, and run: {restore} --in-place"),
        }
    });
    let unused = match deletion.data_policy() {
        DataPolicy::Snapshot => deletion.never_bound_claims(),
        DataPolicy::Keep | DataPolicy::Delete => Vec::new(),
    };
    let (snapshots, destroyed) = (
        deletion.existing_snapshot_names(),
        deletion.destroyed_data(),
    );
    let lines = claim("kept", deletion.kept_claims(), again)
        .into_iter()
        .chain(saved)
        .chain(destroyed.iter().map(|what| format!("destroyed: {what}")))
        .chain(claim("destroyed", unused, ", which never had a volume"));
    let stay = snapshots.iter();
    lines
        .chain(stay.map(|snapshot| format!("kept: volumesnapshot/{snapshot}")))
        .collect()
}
