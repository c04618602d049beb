//! Resizes the sessions in place or by a restart, waits, and prints the results.

use anyhow::{Error, Result};
use serde_json::Value;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::failure;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::ops::finish_start::Started;
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::start_plan::StartPlan;
use session_shared::ops::stop::StopContext;
use session_shared::ops::verb_forms::RESTART;
use session_shared::progress::{ProgressSink, SharedSink, WaitStage};
use session_shared::prompt::confirmation::{self, Confirmation};
use session_shared::prompt::started;
use session_shared::report::console::Console;
use session_shared::session_batch::{BatchWork, RUN_AGAIN, SessionBatch};
use session_shared::verb::Environment;

use crate::intent::Intent;
use crate::observe::{Observed, prepare_start};
use crate::resize_in_place::{InPlaceOutcome, resize_in_place};

/// Word of the result line.
const RESIZED: &str = "resized";

/// Word of a session that has the size already.
const UNCHANGED: &str = "unchanged";
/// Word of a session whose restart was declined.
const NOT_RESIZED: &str = "not resized";

/// The outcome of a resize of one session.
enum Resized {
    /// The Pods and claims have the size. Holds the Session.
    InPlace(Value),
    /// The session was restarted with the size.
    Restarted(Box<Started>),
    /// The kubelet reports the size as infeasible, the Pods have their old size again, and `--restart` is given.
    Infeasible(Box<StartPlan>),
}

/// The sessions with their outcomes.
type Outcome = SessionBatch<(Observed, Resized)>;

/// Prints the plan for several sessions: how many of them are resized in place, and how many restart.
pub(crate) fn print_plan(observed: &SessionBatch<Observed>, console: &mut Console) {
    let plan = observed.summary(
        |session| match (&session.start_plan, session.has_changes()) {
            (Some(_), _) => "to restart",
            (None, true) => "to resize in place",
            (None, false) => UNCHANGED,
        },
    );
    if let Some(plan) = plan.filter(|_| !console.is_quiet()) {
        console.print_error_line(&format!("{} sessions: {plan}", observed.len()));
    }
}

/// Asks for confirmation of restarts that destroy data, or of any if `several` sessions are selected, and returns the answer; a dry run
/// only prints the losses.
///
/// # Errors
/// Data would be destroyed or work interrupted, and there is neither a terminal nor `--yes`.
pub(crate) fn confirm_restarts(
    intent: &Intent,
    several: bool,
    restarted: &[&ObservedSession],
    console: &mut Console,
) -> Result<bool> {
    let losses = restarted.iter().copied().map(SessionLosses::of_stop);
    let losses: Vec<SessionLosses> = losses.collect();
    if intent.mutation.dry_run != DryRun::None {
        confirmation::print_dry_run_losses(&losses, console);
        return Ok(true);
    }
    let question = Confirmation {
        interrupts_work: several,
        ..Confirmation::for_data_loss(RESTART, intent.yes)
    };
    question.ask(&losses, console)
}

/// Resizes the sessions, then restarts those whose size turned out to be infeasible if `--restart` is given, waits for the restarted
/// ones, and prints the results.
///
/// # Errors
/// The errors of all sessions that were not resized, as one.
pub(crate) async fn resize_sessions(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    observed: SessionBatch<Observed>,
    environment: &mut Environment,
) -> Result<()> {
    let several = observed.len() > 1;
    for session in observed.sessions() {
        for note in &session.notes {
            print_note(session, several, note, &mut environment.console);
        }
    }
    let work = BatchWork {
        stage: WaitStage::Applying,
        pace: &intent.pace,
        dry_run: intent.mutation.dry_run,
        is_idle: Observed::is_idle,
        left_hint: RUN_AGAIN,
    };
    let resize = async |session: &Observed, sink: &mut dyn ProgressSink| {
        resize_session(cluster, permissions, intent, session, environment, sink).await
    };
    let resized = observed.apply(work, environment, resize).await?;
    let infeasible = resized.sessions().filter_map(infeasible_session);
    let infeasible: Vec<&ObservedSession> = infeasible.collect();
    let console = &mut environment.console;
    let (resized, refusal) = match confirm_restarts(intent, several, &infeasible, console) {
        Ok(true) if !infeasible.is_empty() => {
            let restarted = restart_infeasible(cluster, permissions, intent, resized, environment);
            (restarted.await?, None)
        }
        // Whoever declines leaves these sessions as they are.
        Ok(_) => (resized, None),
        Err(refusal) => (resized, Some(refusal)),
    };
    let (errors, waiting) = print_results(intent, resized, several, environment)?;
    let mut errors: Vec<Error> = errors.into_iter().chain(refusal).collect();
    let _guard = environment.interrupt.guard();
    for started in waiting {
        let write = &intent.mutation.write;
        let finished = started::finish(cluster, started, intent.wait, write, !several, environment);
        errors.extend(finished.await.err());
    }
    failure::combine_errors(errors)
}

fn infeasible_session((session, resized): &(Observed, Resized)) -> Option<&ObservedSession> {
    matches!(resized, Resized::Infeasible(_)).then_some(&session.session)
}

/// Prints a line for each session and its change. Returns the errors of the others, and the sessions that are starting.
fn print_results(
    intent: &Intent,
    resized: Outcome,
    several: bool,
    environment: &mut Environment,
) -> Result<(Vec<Error>, Vec<Started>)> {
    let console = &mut environment.console;
    let mut mutations = intent.mutation.printer();
    let mut waiting = Vec::new();
    let errors = resized.print(console, result_word, |(session, resized), word, console| {
        match resized {
            Resized::InPlace(object) => {
                console.print(&mutations.print_result(&object, word)?)?;
            }
            Resized::Restarted(started) => {
                started::print_started(&started, word, &mut mutations, console)?;
                waiting.push(*started);
            }
            Resized::Infeasible(_) => return Ok(()),
        }
        note_change(&session, several, console);
        Ok(())
    })?;
    Ok((errors, waiting))
}

fn result_word((session, resized): &(Observed, Resized)) -> &'static str {
    match resized {
        Resized::InPlace(_) if !session.has_changes() => UNCHANGED,
        Resized::InPlace(_) | Resized::Restarted(_) => RESIZED,
        Resized::Infeasible(_) => NOT_RESIZED,
    }
}

/// Expands the claims of a session, then resizes it in place or restarts it.
///
/// # Errors
/// The failed step, with a hint how to continue.
async fn resize_session(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    observed: &Observed,
    environment: &Environment,
    sink: &mut dyn ProgressSink,
) -> Result<Resized> {
    let dry_run = intent.mutation.dry_run;
    // Claims cannot shrink again: nothing that comes after their expansion may be refused.
    if let (Some(start_plan), DryRun::None) = (&observed.start_plan, dry_run) {
        let context = environment.stop_context(&intent.mutation.write, permissions);
        start_plan
            .require_restart_access(&intent.stop_options, context)
            .await?;
    }
    let session = &observed.session;
    if dry_run == DryRun::Client {
        return Ok(Resized::InPlace(session.object.clone()));
    }
    let shared = SharedSink::new(sink);
    let claims = &observed.claim_expansion;
    let expanded = claims.apply(cluster, intent, session, environment, &shared);
    let expanded = expanded.await?;
    if let Some(start_plan) = &observed.start_plan {
        let context = environment.stop_context(&intent.mutation.write, permissions);
        let mut sink = &shared;
        let restart = restart_session(cluster, intent, observed, start_plan, context, &mut sink);
        return Ok(Resized::Restarted(Box::new(restart.await?)));
    }
    match resize_in_place(cluster, intent, observed, environment, &shared).await? {
        // Only the claims were expanded: their expansion returned the newest Session.
        InPlaceOutcome::Done(object) if observed.resize_plan.has_changes() => {
            Ok(Resized::InPlace(object))
        }
        InPlaceOutcome::Done(object) => Ok(Resized::InPlace(expanded.unwrap_or(object))),
        InPlaceOutcome::Unfinished(error) => Err(error),
        InPlaceOutcome::Infeasible(error) if !intent.restart => Err(error),
        InPlaceOutcome::Infeasible(_) => {
            let (now, mut sink) = (environment.now(), &shared);
            let start_plan = prepare_start(cluster, session, intent, now, &mut sink);
            Ok(Resized::Infeasible(Box::new(start_plan.await?)))
        }
    }
}

/// Restarts the sessions whose size is infeasible in place.
///
/// # Errors
/// Interrupted before the first session.
async fn restart_infeasible(
    cluster: &Cluster,
    permissions: &AccessReviews,
    intent: &Intent,
    resized: Outcome,
    environment: &Environment,
) -> Result<Outcome> {
    let _guard = environment.interrupt.guard()?;
    let work = BatchWork {
        stage: WaitStage::Applying,
        pace: &intent.pace,
        dry_run: intent.mutation.dry_run,
        is_idle: |result: &(Observed, Resized)| infeasible_session(result).is_none(),
        left_hint: RUN_AGAIN,
    };
    let restart =
        async |(session, resized): &(Observed, Resized), sink: &mut dyn ProgressSink| match resized
        {
            Resized::Infeasible(start_plan) => {
                let context = environment.stop_context(&intent.mutation.write, permissions);
                restart_session(cluster, intent, session, start_plan, context, sink)
                    .await
                    .map(Some)
            }
            Resized::InPlace(_) | Resized::Restarted(_) => Ok(None),
        };
    let restarted = resized.apply(work, environment, restart).await?;
    let finish = async |((session, resized), started): ((Observed, Resized), Option<Started>)| {
        let restarted = started.map(|started| Resized::Restarted(Box::new(started)));
        Ok((session, restarted.unwrap_or(resized)))
    };
    Ok(restarted.map(finish).await)
}

/// Prints a note on a session, with its name if there are several.
fn print_note(observed: &Observed, several: bool, note: &str, console: &mut Console) {
    match several {
        true => console.note(&format!("session {:?}: {note}", observed.session.name())),
        false => console.note(note),
    }
}

/// Prints a note with the changed limits, which are the same for all Pods.
fn note_change(observed: &Observed, several: bool, console: &mut Console) {
    let mut pods = observed.resize_plan.pods.iter();
    if let Some(change) = pods.find(|change| change.is_needed()) {
        print_note(observed, several, &change.describe(), console);
    }
}

/// Stops the session and starts it with the new size. The size is written first, so that any start after the stop has it.
async fn restart_session(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    start_plan: &StartPlan,
    context: StopContext<'_>,
    sink: &mut dyn ProgressSink,
) -> Result<Started> {
    let options = &intent.stop_options;
    start_plan.require_restart_access(options, context).await?;
    if let Some(patch) = &observed.resize_plan.session_patch {
        let session = &observed.session.session;
        let written = cluster.patch_session(session, patch.clone(), context.write);
        written.await?;
    }
    start_plan.restart(cluster, options, context, sink).await
}
