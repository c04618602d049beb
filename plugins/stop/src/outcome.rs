//! Stops the sessions and prints the results.

use anyhow::{Error, Result};
use serde_json::Value;
use session_shared::client::AccessReviews;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::progress::{ProgressSink, WaitStage};
use session_shared::reconcile::status_patch::format_rfc3339;
use session_shared::report::console::Console;
use session_shared::session_batch::{BatchWork, RUN_AGAIN, SessionBatch};
use session_shared::verb::Environment;

use crate::intent::Intent;
use crate::observe::Observed;
use crate::plan::Action;

/// The sessions, each with the Session after its stop.
pub(crate) type Outcome = SessionBatch<(ObservedSession, Value)>;

/// Stops the sessions.
///
/// # Errors
/// Interrupted before the first session.
pub(crate) async fn stop_sessions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    action: impl Fn(&ObservedSession) -> Action,
    observed: Observed,
    environment: &Environment,
) -> Result<Outcome> {
    let context = environment.stop_context(&intent.mutation.write, permissions);
    let stop = async |session: &ObservedSession, sink: &mut dyn ProgressSink| match action(session)
    {
        Action::Stop => {
            session
                .stop(cluster, &intent.stop_options, context, sink)
                .await
        }
        _ => Ok(session.object.clone()),
    };
    let work = BatchWork {
        stage: WaitStage::Terminating,
        pace: &intent.pace,
        dry_run: intent.mutation.dry_run,
        is_idle: ObservedSession::is_stopped,
        left_hint: RUN_AGAIN,
    };
    observed.apply(work, environment, stop).await
}

/// Prints a line for each session without an error, and returns the errors of the others.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn print_results(
    intent: &Intent,
    action: impl Fn(&ObservedSession) -> Action,
    stopped: Outcome,
    console: &mut Console,
) -> Result<Vec<Error>> {
    let mut mutations = intent.mutation.printer();
    let word = |(session, _): &(ObservedSession, Value)| action(session).as_str();
    stopped.print(console, word, |(session, object), word, console| {
        console.print(&mutations.print_result(&object, word)?)?;
        if let Action::Postponed(until) | Action::LeftRunning(until) = action(&session) {
            let (name, until) = (session.name(), format_rfc3339(until));
            console.note(&format!("session {name:?} is extended until {until}"));
        }
        Ok(())
    })
}
