//! Starts a stopped session, so that it can be connected to.

use anyhow::{Result, anyhow};
use session_shared::client::WriteOptions;
use session_shared::failure::{exit_error, with_hint};
use session_shared::labels::MANAGER;
use session_shared::ops::observed_session::Part;
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::start::StartContext;
use session_shared::ops::start_plan::{StartOptions, StartPlan};
use session_shared::ops::trust::StoredPart;
use session_shared::ops::{Cluster, ObservedSession};
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::prompt::started;
use session_shared::prompt::trust;
use session_shared::verb::Environment;

use crate::intent::Intent;
use crate::plan;

/// Starts a session, as `start` does without flags, waits until it is ready, and returns it. What `observed` holds is not read again.
///
/// # Errors
/// Those of `start`; an unknown method, before anything is written; a start that would destroy data.
pub(crate) async fn start_stopped(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    environment: &mut Environment,
) -> Result<ObservedSession> {
    if !trust::confirm_trust(
        cluster,
        &observed.session,
        StoredPart::Start,
        &mut environment.console,
    )
    .await?
    {
        return Err(exit_error(1, ""));
    }
    let mut stopped = observed.clone();
    let (driver, ()) = futures::try_join!(
        cluster.choose_driver(cluster.namespace(), None),
        stopped.load(cluster, &Part::WORKLOAD_AND_DATA)
    )?;
    stopped.driver = driver;
    let now = environment.now();
    let start_plan = {
        let mut sink = environment.console.progress();
        let start_plan =
            StartPlan::prepare(cluster, stopped, &StartOptions::default(), now, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        start_plan?
    };
    if let Some(losses) = SessionLosses::of_start(&start_plan) {
        let (name, lost) = (&intent.name, losses.destroyed.join(", "));
        let error = anyhow!(
            "starting session {:?} would destroy data: {lost}",
            name.as_str()
        );
        let start = format!(
            "start the session first: kubectl session start {name} -n {}",
            cluster.namespace()
        );
        return Err(with_hint(error, start));
    }
    let mut planned = observed.session.clone();
    planned.status.get_or_insert_default().applied = Some(start_plan.start.start_record(&[]));
    plan::resolve_target(intent, &planned)?;
    let note = format!("starting stopped session \"{}\"", intent.name);
    environment.console.note(&note);
    for note in &start_plan.notes {
        environment.console.note(note);
    }
    let write = WriteOptions::by(MANAGER);
    // Ctrl-C takes effect between two steps, so that the error can name the command to continue with.
    let _guard = environment.interrupt.guard()?;
    let started = {
        let interrupt = environment.interrupt.clone();
        let mut sink = environment.console.progress();
        let context = StartContext {
            write: &write,
            interrupt: &interrupt,
            now,
        };
        let started = start_plan.start(cluster, context, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        started?
    };
    let ready = started::wait_ready(cluster, &started, intent.limit, &write, environment).await?;
    let mut observed_again = cluster.observe_ready_session(ready).await?;
    observed_again.live = observed_again.live.beside_strangers(&observed.live);
    Ok(observed_again)
}
