//! Resizes the session in place or by a restart, waits, and prints the result.

use anyhow::{Error, Result};
use futures::future::try_join_all;
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::capacity::run_record::{RunAmounts, add_resize};
use session_shared::client::{DryRun, WriteOptions, parse_object};
use session_shared::diagnosis::pod_resize::{NodeFit, ResizeState, pod_resize_state};
use session_shared::objects::resource::STATEFUL_SET;
use session_shared::ops::ObservedSession;
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::start_plan::StartPlan;
use session_shared::ops::stop::STOP;
use session_shared::ops::{Cluster, ResizeWait};
use session_shared::prompt::confirmation::{self, Confirmation};
use session_shared::prompt::started;
use session_shared::report::console::Console;
use session_shared::verb::Environment;

use crate::in_place_errors::{infeasible_error, unfinished_error};
use crate::intent::Intent;
use crate::observe::{Observed, check_node_fit, prepare_start, resize_pod};
use crate::plan::ResourceChange;

/// Word of the result line.
const RESIZED: &str = "resized";

/// The outcome of a resize in place.
enum InPlaceOutcome {
    /// The Pods have the new size. Holds the Session.
    Done(Value),
    /// The wait ended early: the kubelet continues, and the new size is written into the Session.
    Unfinished(Error),
    /// The kubelet reports the size as infeasible: the Pods have their old size again.
    Infeasible(Error),
}

/// Expands the claims, resizes the session in place or restarts it, and prints the result. A resize that turns out to be
/// infeasible becomes a restart if `--restart` is given.
///
/// # Errors
/// The failed step, with a hint how to continue.
pub(crate) async fn resize_session(
    cluster: &Cluster,
    intent: &Intent,
    observed: Observed,
    environment: &mut Environment,
) -> Result<()> {
    for note in &observed.notes {
        environment.console.note(note);
    }
    // Claims cannot shrink again: nothing that comes after their expansion may be refused.
    if let (Some(start_plan), DryRun::None) = (&observed.start_plan, intent.mutation.dry_run) {
        let context = environment.stop_context(&intent.mutation.write, &observed.permissions);
        start_plan
            .require_restart_access(&intent.stop_options, context)
            .await?;
    }
    let expanded = match intent.mutation.dry_run {
        DryRun::Client => None,
        _ => {
            let (expansion, session) = (&observed.claim_expansion, &observed.session);
            expansion
                .apply(
                    cluster,
                    intent,
                    session,
                    &intent.mutation.write,
                    environment,
                )
                .await?
        }
    };
    if let (Some(start_plan), false) = (
        &observed.start_plan,
        intent.mutation.dry_run == DryRun::Client,
    ) {
        return restart_session(cluster, intent, &observed, start_plan, environment).await;
    }
    match resize_in_place(cluster, intent, &observed, environment).await? {
        // Only the claims were expanded: their expansion returned the newest Session.
        InPlaceOutcome::Done(_) if expanded.is_some() && !observed.resize_plan.has_changes() => {
            print_result(
                intent,
                &observed,
                &expanded.unwrap_or_default(),
                environment,
            )
        }
        InPlaceOutcome::Done(object) => print_result(intent, &observed, &object, environment),
        InPlaceOutcome::Unfinished(error) => Err(error),
        InPlaceOutcome::Infeasible(error) if !intent.restart => Err(error),
        InPlaceOutcome::Infeasible(_) => {
            let start_plan = prepare_start(cluster, &observed.session, intent, environment).await?;
            if !confirm_restart(intent, &observed.session, &mut environment.console)? {
                return Ok(());
            }
            restart_session(cluster, intent, &observed, &start_plan, environment).await
        }
    }
}

/// Asks for confirmation of the restart if it destroys data, and returns the answer; a dry run only prints the losses.
///
/// # Errors
/// Data would be destroyed, and there is neither a terminal nor `--yes`.
pub(crate) fn confirm_restart(
    intent: &Intent,
    observed: &ObservedSession,
    console: &mut Console,
) -> Result<bool> {
    let losses = [SessionLosses::of_stop(observed)];
    if intent.mutation.dry_run != DryRun::None {
        confirmation::print_dry_run_losses(&losses, console);
        return Ok(true);
    }
    Confirmation::for_data_loss(STOP, intent.yes).ask(&losses, console)
}

fn print_result(
    intent: &Intent,
    observed: &Observed,
    object: &Value,
    environment: &mut Environment,
) -> Result<()> {
    let has_changes = observed.resize_plan.has_changes() || observed.claim_expansion.has_changes();
    let word = if has_changes { RESIZED } else { "unchanged" };
    let mut mutations = intent.mutation.printer();
    let line = mutations.print_result(object, word)?;
    environment.console.print(&line)?;
    note_change(observed, &mut environment.console);
    Ok(())
}

/// Prints a note with the changed limits, which are the same for all Pods.
fn note_change(observed: &Observed, console: &mut Console) {
    let mut pods = observed.resize_plan.pods.iter();
    if let Some(change) = pods.find(|change| change.is_needed()) {
        console.note(&change.describe());
    }
}

/// Resizes the Pods, waits, and then writes the size into the workload and the Session, so that an infeasible size is never
/// stored.
async fn resize_in_place(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    environment: &mut Environment,
) -> Result<InPlaceOutcome> {
    let write = &intent.mutation.write;
    if intent.mutation.dry_run == DryRun::Client {
        return Ok(InPlaceOutcome::Done(observed.session.object.clone()));
    }
    // Ctrl-C ends the waiting, not the process: the size still has to be written.
    let _guard = environment.interrupt.guard()?;
    let resizes = observed.resize_plan.pods.iter().map(|change| async move {
        match change.is_needed() {
            true => resize_pod(cluster, change, true, write).await,
            false => Ok(change.object.clone()),
        }
    });
    let pods = try_join_all(resizes).await?;
    let waited = match intent.wait.filter(|_| !write.dry_run) {
        Some(limit) => wait_resized(cluster, observed, &pods, limit, environment).await?,
        None => Vec::new(),
    };
    let changed = observed.resize_plan.pods.iter().zip(&waited);
    for (change, resized) in changed {
        if let ResizeState::Infeasible(message) = &resized.state {
            let figures = node_figures(cluster, change).await;
            revert_pods(cluster, observed, write).await?;
            let error = infeasible_error(&observed.session, resized, message, figures);
            return Ok(InPlaceOutcome::Infeasible(error));
        }
    }
    let object = write_size(cluster, observed, write, environment.now()).await?;
    for (change, resized) in observed.resize_plan.pods.iter().zip(&waited) {
        if let Some(kind) = resized.aborted_by {
            let figures = node_figures(cluster, change).await;
            let error = unfinished_error(&observed.session, resized, kind, figures);
            return Ok(InPlaceOutcome::Unfinished(error));
        }
    }
    Ok(InPlaceOutcome::Done(object))
}

/// Waits for all Pods at the same time. A Pod that has the size already is waited for only if its status says otherwise.
async fn wait_resized(
    cluster: &Cluster,
    observed: &Observed,
    pods: &[Value],
    limit: std::time::Duration,
    environment: &Environment,
) -> Result<Vec<ResizeWait>> {
    let waits = observed
        .resize_plan
        .pods
        .iter()
        .zip(pods)
        .map(|(change, pod)| {
            let (interrupt, mut sink) = (
                environment.interrupt.clone(),
                environment.console.progress(),
            );
            async move {
                let is_accepted = matches!(
                    pod_resize_state(&parse_object(pod.clone())?, &change.container),
                    ResizeState::Done | ResizeState::InProgress
                );
                if is_accepted && !change.is_needed() {
                    return Ok(ResizeWait {
                        pod: pod.clone(),
                        state: ResizeState::Done,
                        aborted_by: None,
                    });
                }
                let container = &change.container;
                cluster
                    .wait_resized(pod, container, limit, &interrupt, &mut sink)
                    .await
            }
        });
    try_join_all(waits).await
}

/// Resizes the Pods to their old size.
async fn revert_pods(cluster: &Cluster, observed: &Observed, write: &WriteOptions) -> Result<()> {
    let changed = observed
        .resize_plan
        .pods
        .iter()
        .filter(|change| change.is_needed());
    let back = changed.map(|change| resize_pod(cluster, change, false, write));
    try_join_all(back).await.map(drop)
}

/// Writes the size into the Pod template, for later Pods, and into the Session, for later starts and the record of its runs. Returns the
/// Session.
async fn write_size(
    cluster: &Cluster,
    observed: &Observed,
    write: &WriteOptions,
    now: Timestamp,
) -> Result<Value> {
    if let Some(template) = &observed.resize_plan.pod_template {
        let namespace = observed.session.namespace();
        let (set, patch) = (template.object_ref(), template.patch(&template.after));
        cluster
            .strategic_patch(&STATEFUL_SET, namespace, &set.name, None, &patch, write)
            .await?;
    }
    match &observed.resize_plan.session_patch {
        Some(patch) => {
            let session = &observed.session.session;
            let amounts = RunAmounts {
                storage: observed.claim_expansion.storage_after,
                ..observed.resize_plan.amounts_after(&observed.session)
            };
            let mut patch = patch.clone();
            add_resize(&mut patch, session, &amounts, now);
            cluster.patch_session(session, patch, write).await
        }
        None => Ok(observed.session.object.clone()),
    }
}

/// Returns figures of the node's free resources if they can be read and do not suffice.
async fn node_figures(cluster: &Cluster, change: &ResourceChange) -> Vec<String> {
    match check_node_fit(cluster, change).await {
        Ok(NodeFit::NodeFull(figures) | NodeFit::NodeTooSmall(figures)) => figures,
        _ => Vec::new(),
    }
}

/// Stops the session and starts it with the new size. The size is written first, so that any start after the stop has it.
async fn restart_session(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    start_plan: &StartPlan,
    environment: &mut Environment,
) -> Result<()> {
    let _guard = environment.interrupt.guard()?;
    let (options, write) = (&intent.stop_options, &intent.mutation.write);
    let started = {
        let context = environment.stop_context(write, &observed.permissions);
        start_plan.require_restart_access(options, context).await?;
        if let Some(patch) = &observed.resize_plan.session_patch {
            let session = &observed.session.session;
            cluster.patch_session(session, patch.clone(), write).await?;
        }
        let mut sink = environment.console.progress();
        start_plan
            .restart(cluster, options, context, &mut sink)
            .await?
    };
    let mut mutations = intent.mutation.printer();
    started::print_started(&started, RESIZED, &mut mutations, &mut environment.console)?;
    note_change(observed, &mut environment.console);
    started::finish(cluster, started, intent.wait, write, environment).await
}
