//! Reads the sessions, stops them, and prints the results.

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;
use session_shared::api::Session;
use session_shared::client::{AccessReviews, WriteOptions};
use session_shared::failure;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::ops::selected_sessions::MAX_CONCURRENT_SESSIONS;
use session_shared::ops::selected_sessions::SessionSelection;
use session_shared::ops::stop::StopContext;
use session_shared::progress::{DiscardingSink, ProgressEvent, ProgressSink, WaitStage};
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::{MutationPrinter, no_resources_message};
use session_shared::verb::Environment;

use crate::plan::{Action, Intent, Observed};

/// Reads the sessions and their objects.
///
/// # Errors
/// Refusals of the server. A session that does not exist or is being deleted does not fail the call: its error is collected in
/// the result.
pub(crate) async fn read_sessions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
) -> Result<Observed> {
    let namespace = cluster.namespace();
    let (chosen, driver) = futures::try_join!(
        cluster.get_selected_sessions(namespace, &intent.selection),
        cluster.choose_driver(namespace, None)
    )?;
    let looks = futures::stream::iter(chosen).map(|chosen| async move {
        match chosen {
            Ok(chosen) => {
                let foreseen = |session: &Session| intent.needed_accesses(session);
                ObservedSession::read_with_access_reviews(
                    cluster,
                    permissions,
                    chosen,
                    driver,
                    foreseen,
                )
                .await
            }
            Err(missing) => Err(missing),
        }
    });
    let looked: Vec<Result<ObservedSession>> =
        looks.buffered(MAX_CONCURRENT_SESSIONS).collect().await;
    let mut found = Observed {
        sessions: Vec::new(),
        errors: Vec::new(),
    };
    for one in looked {
        match one {
            Ok(observed) => found.sessions.push(observed),
            Err(error) => found.errors.push(error),
        }
    }
    Ok(found)
}

/// Stops the sessions, a limited number at a time, and returns each Session after its stop or the error. A failure does not
/// affect the other sessions.
///
/// # Errors
/// Interrupted before the first session.
pub(crate) async fn stop_sessions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    observed: &[ObservedSession],
    write: &WriteOptions,
    environment: &mut Environment,
) -> Result<Vec<Result<Value>>> {
    // Ctrl-C ends the waiting, not the process: the results still have to be printed.
    let _guard = environment.interrupt.guard()?;
    let (interrupt, now) = (environment.interrupt.clone(), environment.now());
    let with = StopContext {
        write,
        interrupt: &interrupt,
        now,
        permissions,
    };
    let mut sink = environment.console.progress();
    if let [one] = observed {
        let stopped = stop_session(cluster, intent, one, with, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        return Ok(vec![stopped]);
    }
    sink.tell(ProgressEvent::Waiting {
        stage: WaitStage::Terminating,
        object: format!("{} sessions", observed.len()),
        detail: String::new(),
    });
    let all = futures::stream::iter(observed).map(|one| async move {
        stop_session(cluster, intent, one, with, &mut DiscardingSink).await
    });
    let stopped = all.buffered(MAX_CONCURRENT_SESSIONS).collect().await;
    sink.tell(ProgressEvent::Done);
    Ok(stopped)
}

async fn stop_session(
    cluster: &Cluster,
    intent: &Intent,
    one: &ObservedSession,
    with: StopContext<'_>,
    sink: &mut dyn ProgressSink,
) -> Result<Value> {
    match Action::of(intent, one.is_stopped()) {
        Action::Unchanged | Action::PrintOnly => Ok(one.object.clone()),
        Action::Stop => one.stop(cluster, &intent.stop_options, with, sink).await,
    }
}

/// Prints a line for each stopped session.
///
/// # Errors
/// The errors of all other sessions, as one.
pub(crate) fn print_results(
    intent: &Intent,
    found: Observed,
    stopped: Vec<Result<Value>>,
    format: Format,
    console: &mut Console,
) -> Result<()> {
    if found.sessions.is_empty() && matches!(intent.selection, SessionSelection::BySelector(_)) {
        console.print_error_line(&no_resources_message(None));
    }
    let mut mutations = MutationPrinter::new(format, intent.dry_run);
    let mut errors = found.errors;
    for (observed, stopped) in found.sessions.iter().zip(stopped) {
        let word = Action::of(intent, observed.is_stopped()).as_str();
        match stopped {
            Ok(object) => console.print(&mutations.print_result(&object, word)?)?,
            Err(error) => errors.push(error),
        }
    }
    failure::combine_errors(errors)
}
