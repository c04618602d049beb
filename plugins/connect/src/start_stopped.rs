//! Starts a stopped session, so that it can be connected to.

use anyhow::{Result, anyhow};
use session_shared::client::WriteOptions;
use session_shared::failure::{exit_error, with_hint};
use session_shared::labels::MANAGER;
use session_shared::ops::finish_start::ReadySession;
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
    let start_plan = plan_start(cluster, observed, environment).await?;
    check_nothing_lost(cluster, intent, &start_plan)?;
    let mut planned = observed.session.clone();
    planned.status.get_or_insert_default().applied = Some(start_plan.start.start_record(&[]));
    plan::resolve_target(intent, &planned)?;
    let note = format!("starting stopped session \"{}\"", intent.name);
    environment.console.note(&note);
    for note in &start_plan.notes {
        environment.console.note(note);
    }
    let ready = start_and_wait(cluster, intent, start_plan, environment).await?;
    let mut observed_again = cluster.observe_ready_session(ready).await?;
    observed_again.live = observed_again.live.beside_strangers(&observed.live);
    Ok(observed_again)
}

/// Reads what a start needs beside what `observed` holds, and validates it.
async fn plan_start(
    cluster: &Cluster,
    observed: &ObservedSession,
    environment: &mut Environment,
) -> Result<StartPlan> {
    let mut stopped = observed.clone();
    let (driver, ()) = futures::try_join!(
        cluster.choose_driver(cluster.namespace(), None),
        stopped.load(cluster, &Part::WORKLOAD_AND_DATA)
    )?;
    stopped.driver = driver;
    let now = environment.now();
    let mut sink = environment.console.progress();
    let options = StartOptions::default();
    let start_plan = StartPlan::prepare(cluster, stopped, &options, now, &mut sink).await;
    sink.tell(ProgressEvent::Done);
    start_plan
}

/// Checks that the start destroys no data: `start` asks about that.
fn check_nothing_lost(cluster: &Cluster, intent: &Intent, start_plan: &StartPlan) -> Result<()> {
    let Some(losses) = SessionLosses::of_start(start_plan) else {
        return Ok(());
    };
    let (name, lost) = (&intent.name, losses.destroyed.join(", "));
    let error = anyhow!(
        "starting session {:?} would destroy data: {lost}",
        name.as_str()
    );
    let start = format!(
        "start the session first: kubectl session start {name} -n {}",
        cluster.namespace()
    );
    Err(with_hint(error, start))
}

/// Carries the start out, and waits until the session is ready.
async fn start_and_wait(
    cluster: &Cluster,
    intent: &Intent,
    start_plan: StartPlan,
    environment: &mut Environment,
) -> Result<ReadySession> {
    let write = WriteOptions::by(MANAGER);
    // Ctrl-C takes effect between two steps, so that the error can name the command to continue with.
    let _guard = environment.interrupt.guard()?;
    let started = {
        let interrupt = environment.interrupt.clone();
        let now = start_plan.requested_at;
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
    started::wait_ready(cluster, &started, intent.limit, &write, environment).await
}
