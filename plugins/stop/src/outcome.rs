//! Stops the sessions and prints the results.

use anyhow::Result;
use serde_json::Value;
use session_shared::client::AccessReviews;
use session_shared::failure;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::progress::{ProgressSink, WaitStage};
use session_shared::report::console::Console;
use session_shared::session_batch::{BatchWork, SessionBatch};
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
    observed: Observed,
    environment: &Environment,
) -> Result<Outcome> {
    let context = environment.stop_context(&intent.mutation.write, permissions);
    let stop = async |session: &ObservedSession, sink: &mut dyn ProgressSink| match Action::of(
        intent,
        session.is_stopped(),
    ) {
        Action::Unchanged | Action::PrintOnly => Ok(session.object.clone()),
        Action::Stop => {
            session
                .stop(cluster, &intent.stop_options, context, sink)
                .await
        }
    };
    let work = BatchWork {
        stage: WaitStage::Terminating,
        pace: &intent.pace,
        dry_run: intent.mutation.dry_run,
        is_idle: ObservedSession::is_stopped,
    };
    observed.apply(work, environment, stop).await
}

/// Prints a line for each stopped session.
///
/// # Errors
/// The errors of all other sessions, as one.
pub(crate) fn print_results(
    intent: &Intent,
    stopped: Outcome,
    console: &mut Console,
) -> Result<()> {
    let mut mutations = intent.mutation.printer();
    let errors = stopped.print(console, |(session, object), console| {
        let word = Action::of(intent, session.is_stopped()).as_str();
        console.print(&mutations.print_result(&object, word)?)
    })?;
    failure::combine_errors(errors)
}
