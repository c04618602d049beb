//! Carries the deletions out, and tells what became of them.

use anyhow::Result;
use futures::StreamExt;
use session_shared::cluster::chosen::AT_ONCE;
use session_shared::cluster::{Cluster, Write};
use session_shared::failure;
use session_shared::flags::writing::DryRun;
use session_shared::lifecycle::deleting::Doomed;
use session_shared::lifecycle::stopping::{DELETE, Stopping, explain};
use session_shared::objects::resource::SESSION;
use session_shared::plan::Outcome;
use session_shared::progress::{Event, Silent, Sink, Stage};
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::{Mutations, no_resources};
use session_shared::verb::Ground;

use crate::observe::Found;
use crate::plan::Intent;

/// Deletes all of them, some at a time; one that fails stops no other.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    intent: &Intent,
    doomed: &[Doomed],
    write: &Write,
    ground: &mut Ground,
) -> Vec<Outcome> {
    if intent.dry_run == DryRun::Client {
        return doomed.iter().map(|_| Outcome::default()).collect();
    }
    // Ctrl-C ends the waiting, not the process: what was begun and what is left is still to be told.
    let _guard = ground.interrupt.guard();
    let (interrupt, now) = (ground.interrupt.clone(), ground.now());
    let with = Stopping {
        write,
        interrupt: &interrupt,
        now,
    };
    let manner = &intent.manner;
    let mut sink = ground.console.progress();
    if let [one] = doomed {
        let outcome = one.delete(cluster, manner, with, &mut sink).await;
        sink.tell(Event::Done);
        return vec![outcome];
    }
    let object = format!("{} sessions", doomed.len());
    sink.tell(Event::Waiting {
        stage: Stage::Terminating,
        object,
        detail: String::new(),
    });
    let all = futures::stream::iter(doomed)
        .map(|one| async move { one.delete(cluster, manner, with, &mut Silent).await });
    let outcomes = all.buffered(AT_ONCE).collect().await;
    sink.tell(Event::Done);
    outcomes
}

/// Prints a line for each session that is gone, what was kept of it, and the errors after them.
///
/// # Errors
/// The errors of all that did not go, as one.
pub(crate) fn report(
    cluster: &Cluster,
    intent: &Intent,
    found: Found,
    outcomes: Vec<Outcome>,
    format: Format,
    console: &mut Console,
) -> Result<()> {
    let namespace = cluster.namespace();
    if found.doomed.is_empty() && found.missing.is_empty() {
        console.err_line(&no_resources(None));
        return Ok(());
    }
    let mutations = Mutations::new(format, intent.dry_run);
    let mut errors = found.missing;
    for (doomed, outcome) in found.doomed.iter().zip(outcomes) {
        match outcome.failed {
            Some((step, error)) => {
                errors.push(explain(DELETE, doomed.name(), namespace, &step, error))
            }
            None => {
                console.out(&mutations.deleted(&SESSION, doomed.name(), namespace, false))?;
                for claim in doomed.kept() {
                    console.err_line(&format!(
                        "kept: persistentvolumeclaim/{claim}, taken up again by a create of the same name, user and template"
                    ));
                }
            }
        }
    }
    failure::all(errors)
}
