//! Deletes the sessions and prints the results.

use anyhow::Result;
use session_shared::api::DataPolicy;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::encode::shell;
use session_shared::failure;
use session_shared::objects::resource::SESSION;
use session_shared::ops::Cluster;
use session_shared::ops::deletion::Deletion;
use session_shared::progress::{ProgressSink, WaitStage};
use session_shared::report::console::Console;
use session_shared::report::mutation::dry_run_suffix;
use session_shared::session_batch::{BatchWork, SessionBatch};
use session_shared::verb::Environment;

use crate::intent::Intent;
use crate::observe::Observed;

/// The deleted sessions.
pub(crate) type Outcome = SessionBatch<(Deletion, ())>;

/// Deletes the sessions.
///
/// # Errors
/// Interrupted before the first session.
pub(crate) async fn delete_sessions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    observed: Observed,
    environment: &Environment,
) -> Result<Outcome> {
    let context = environment.stop_context(&intent.mutation.write, permissions);
    let delete =
        async |deletion: &Deletion, sink: &mut dyn ProgressSink| match intent.mutation.dry_run {
            DryRun::Client => Ok(()),
            DryRun::None | DryRun::Server => {
                deletion
                    .delete(cluster, &intent.stop_options, context, sink)
                    .await
            }
        };
    let work = BatchWork {
        stage: WaitStage::Terminating,
        pace: &intent.pace,
        dry_run: intent.mutation.dry_run,
        is_idle: |_| false,
        left_hint: "run the same command again with --ignore-not-found to continue",
    };
    observed.apply(work, environment, delete).await
}

/// Prints a line for each deleted session and, on standard error, a line for each piece of its data.
///
/// # Errors
/// The errors of all other sessions, as one.
pub(crate) fn print_results(
    cluster: &Cluster,
    intent: &Intent,
    deleted: Outcome,
    console: &mut Console,
) -> Result<()> {
    let namespace = cluster.namespace();
    let mutations = intent.mutation.printer();
    let errors = deleted.print(
        console,
        |_| "deleted",
        |(deletion, ()), _, console| {
            let name = deletion.name();
            console.print(&mutations.print_deleted(&SESSION, name, namespace, false))?;
            let lines = data_lines(&deletion, namespace);
            let suffix = dry_run_suffix(intent.mutation.dry_run);
            let is_quiet = console.is_quiet();
            for line in lines.iter().filter(|_| !is_quiet) {
                console.print_error_line(&format!("{line}{suffix}"));
            }
            Ok(())
        },
    )?;
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
