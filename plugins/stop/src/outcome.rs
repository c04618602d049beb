//! Reads the sessions, stops them, and prints the results.

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;
use session_shared::api::Session;
use session_shared::client::Permissions;
use session_shared::client::Write;
use session_shared::failure;
use session_shared::ops::Cluster;
use session_shared::ops::chosen::AT_ONCE;
use session_shared::ops::chosen::Which;
use session_shared::ops::stopping::{Present, Stopping};
use session_shared::progress::{Event, Silent, Sink, Stage};
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::{Mutations, no_resources};
use session_shared::verb::Ground;

use crate::plan::{Deed, Found, Intent};

/// Reads the sessions and their objects.
///
/// # Errors
/// Refusals of the server. A session that does not exist or is being deleted does not fail the call: its error is collected in
/// the result.
pub(crate) async fn observe(
    cluster: &Cluster,
    permissions: &Permissions,
    intent: &Intent,
) -> Result<Found> {
    let namespace = cluster.namespace();
    let (chosen, driver) = futures::try_join!(
        cluster.chosen(namespace, &intent.which),
        cluster.choose_driver(namespace, None)
    )?;
    let looks = futures::stream::iter(chosen).map(|chosen| async move {
        match chosen {
            Ok(chosen) => {
                let foreseen = |session: &Session| intent.foreseen(session);
                Present::with_rights(cluster, permissions, chosen, driver, foreseen).await
            }
            Err(missing) => Err(missing),
        }
    });
    let looked: Vec<Result<Present>> = looks.buffered(AT_ONCE).collect().await;
    let mut found = Found {
        present: Vec::new(),
        refused: Vec::new(),
    };
    for one in looked {
        match one {
            Ok(present) => found.present.push(present),
            Err(error) => found.refused.push(error),
        }
    }
    Ok(found)
}

/// Stops the sessions, a limited number at a time, and returns each Session after its stop or the error. A failure does not
/// affect the other sessions.
///
/// # Errors
/// Interrupted before the first session.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    permissions: &Permissions,
    intent: &Intent,
    present: &[Present],
    write: &Write,
    ground: &mut Ground,
) -> Result<Vec<Result<Value>>> {
    // Ctrl-C ends the waiting, not the process: the results still have to be printed.
    let _guard = ground.interrupt.guard()?;
    let (interrupt, now) = (ground.interrupt.clone(), ground.now());
    let with = Stopping {
        write,
        interrupt: &interrupt,
        now,
        permissions,
    };
    let mut sink = ground.console.progress();
    if let [one] = present {
        let stopped = deed(cluster, intent, one, with, &mut sink).await;
        sink.tell(Event::Done);
        return Ok(vec![stopped]);
    }
    sink.tell(Event::Waiting {
        stage: Stage::Terminating,
        object: format!("{} sessions", present.len()),
        detail: String::new(),
    });
    let all = futures::stream::iter(present)
        .map(|one| async move { deed(cluster, intent, one, with, &mut Silent).await });
    let stopped = all.buffered(AT_ONCE).collect().await;
    sink.tell(Event::Done);
    Ok(stopped)
}

async fn deed(
    cluster: &Cluster,
    intent: &Intent,
    one: &Present,
    with: Stopping<'_>,
    sink: &mut dyn Sink,
) -> Result<Value> {
    match Deed::of(intent, one.is_at_rest()) {
        Deed::Nothing | Deed::Say => Ok(one.object.clone()),
        Deed::Stop => one.stop(cluster, &intent.manner, with, sink).await,
    }
}

/// Prints a line for each stopped session.
///
/// # Errors
/// The errors of all other sessions, as one.
pub(crate) fn report(
    intent: &Intent,
    found: Found,
    stopped: Vec<Result<Value>>,
    format: Format,
    console: &mut Console,
) -> Result<()> {
    if found.present.is_empty() && matches!(intent.which, Which::Selected(_)) {
        console.err_line(&no_resources(None));
    }
    let mut mutations = Mutations::new(format, intent.dry_run);
    let mut errors = found.refused;
    for (present, stopped) in found.present.iter().zip(stopped) {
        let word = Deed::of(intent, present.is_at_rest()).word();
        match stopped {
            Ok(object) => console.out(&mutations.done(&object, word)?)?,
            Err(error) => errors.push(error),
        }
    }
    failure::all(errors)
}
