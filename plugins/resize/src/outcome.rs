//! Resizes the session in place or by a restart, waits, and prints the result.

use anyhow::{Error, Result};
use futures::future::try_join_all;
use serde_json::Value;
use session_shared::client::{DryRun, WriteOptions, parse_object};
use session_shared::diagnosis::pod_resize::{NodeFit, ResizeState, pod_resize_state};
use session_shared::objects::resource::STATEFUL_SET;
use session_shared::ops::ObservedSession;
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::start_plan::StartPlan;
use session_shared::ops::stop::{STOP, StopContext};
use session_shared::ops::{Cluster, ResizeWait};
use session_shared::prompt::confirmation::{self, Confirmation};
use session_shared::prompt::started;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;

use crate::in_place_errors::{infeasible_error, unfinished_error};
use crate::observe::{Observed, check_node_fit, prepare_start, resize_pod};
use crate::plan::{Intent, ResourceChange};

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
    found: Observed,
    write: &WriteOptions,
    format: Format,
    environment: &mut Environment,
) -> Result<()> {
    for note in &found.notes {
        environment.console.note(note);
    }
    let mut mutations = MutationPrinter::new(format, intent.dry_run);
    // Claims cannot shrink again: nothing that comes after their expansion may be refused.
    if let Some(start_plan) = &found.start_plan {
        let (interrupt, now) = (&environment.interrupt, environment.now());
        let with = StopContext {
            write,
            interrupt,
            now,
            permissions: &found.permissions,
        };
        if intent.dry_run == DryRun::None {
            start_plan
                .require_restart_access(&intent.stop_options, with)
                .await?;
        }
    }
    let grown = match intent.dry_run {
        DryRun::Client => None,
        _ => {
            let (growth, observed) = (&found.claim_expansion, &found.session);
            growth
                .apply(cluster, intent, observed, write, environment)
                .await?
        }
    };
    if let (Some(start_plan), false) = (&found.start_plan, intent.dry_run == DryRun::Client) {
        return restart_session(
            cluster,
            intent,
            &found,
            start_plan,
            write,
            &mut mutations,
            environment,
        )
        .await;
    }
    match resize_in_place(cluster, intent, &found, write, environment).await? {
        // Only the claims were expanded: their expansion returned the newest Session.
        InPlaceOutcome::Done(_) if grown.is_some() && !found.resize_plan.has_changes() => {
            print_result(
                &found,
                &grown.unwrap_or_default(),
                &mut mutations,
                environment,
            )
        }
        InPlaceOutcome::Done(object) => print_result(&found, &object, &mut mutations, environment),
        InPlaceOutcome::Unfinished(error) => Err(error),
        InPlaceOutcome::Infeasible(error) if !intent.restart => Err(error),
        InPlaceOutcome::Infeasible(_) => {
            let start_plan = prepare_start(cluster, &found.session, intent, environment).await?;
            if !confirm_restart(intent, &found.session, &mut environment.console)? {
                return Ok(());
            }
            restart_session(
                cluster,
                intent,
                &found,
                &start_plan,
                write,
                &mut mutations,
                environment,
            )
            .await
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
    let ending = [SessionLosses::of_stop(observed)];
    if intent.dry_run != DryRun::None {
        confirmation::print_dry_run_losses(&ending, console);
        return Ok(true);
    }
    Confirmation::for_data_loss(STOP, intent.yes).ask(&ending, console)
}

fn print_result(
    found: &Observed,
    object: &Value,
    mutations: &mut MutationPrinter,
    environment: &mut Environment,
) -> Result<()> {
    let word = if found.resize_plan.has_changes() || found.claim_expansion.has_changes() {
        RESIZED
    } else {
        "unchanged"
    };
    let line = mutations.print_result(object, word)?;
    environment.console.print(&line)?;
    if let Some(change) = found
        .resize_plan
        .pods
        .iter()
        .find(|change| change.is_needed())
    {
        environment.console.note(&change.describe());
    }
    Ok(())
}

/// Resizes the Pods, waits, and then writes the size into the workload and the Session, so that an infeasible size is never
/// stored.
async fn resize_in_place(
    cluster: &Cluster,
    intent: &Intent,
    found: &Observed,
    write: &WriteOptions,
    environment: &mut Environment,
) -> Result<InPlaceOutcome> {
    if intent.dry_run == DryRun::Client {
        return Ok(InPlaceOutcome::Done(found.session.object.clone()));
    }
    // Ctrl-C ends the waiting, not the process: the size still has to be written.
    let _guard = environment.interrupt.guard()?;
    let sized = found.resize_plan.pods.iter().map(|change| async move {
        match change.is_needed() {
            true => resize_pod(cluster, change, true, write).await,
            false => Ok(change.object.clone()),
        }
    });
    let pods = try_join_all(sized).await?;
    let waited = match intent.wait.filter(|_| !write.dry_run) {
        Some(limit) => wait_resized(cluster, found, &pods, limit, environment).await?,
        None => Vec::new(),
    };
    let changed = found.resize_plan.pods.iter().zip(&waited);
    for (change, resized) in changed {
        if let ResizeState::Infeasible(message) = &resized.state {
            let figures = node_figures(cluster, change).await;
            revert_pods(cluster, found, write).await?;
            let error = infeasible_error(&found.session, resized, message, figures);
            return Ok(InPlaceOutcome::Infeasible(error));
        }
    }
    let object = write_size(cluster, found, write).await?;
    for (change, resized) in found.resize_plan.pods.iter().zip(&waited) {
        if let Some(kind) = resized.aborted_by {
            let figures = node_figures(cluster, change).await;
            let error = unfinished_error(&found.session, resized, kind, figures);
            return Ok(InPlaceOutcome::Unfinished(error));
        }
    }
    Ok(InPlaceOutcome::Done(object))
}

/// Waits for all Pods at the same time. A Pod that has the size already is waited for only if its status says otherwise.
async fn wait_resized(
    cluster: &Cluster,
    found: &Observed,
    pods: &[Value],
    limit: std::time::Duration,
    environment: &Environment,
) -> Result<Vec<ResizeWait>> {
    let waits = found
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
                let settled = matches!(
                    pod_resize_state(&parse_object(pod.clone())?, &change.container),
                    ResizeState::Done | ResizeState::InProgress
                );
                if settled && !change.is_needed() {
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
async fn revert_pods(cluster: &Cluster, found: &Observed, write: &WriteOptions) -> Result<()> {
    let changed = found
        .resize_plan
        .pods
        .iter()
        .filter(|change| change.is_needed());
    let back = changed.map(|change| resize_pod(cluster, change, false, write));
    try_join_all(back).await.map(drop)
}

/// Writes the size into the Pod template, for later Pods, and into the Session, for later starts. Returns the Session.
async fn write_size(cluster: &Cluster, found: &Observed, write: &WriteOptions) -> Result<Value> {
    if let Some(template) = &found.resize_plan.pod_template {
        let namespace = found.session.namespace();
        let (set, patch) = (template.object_ref(), template.patch(&template.after));
        cluster
            .strategic_patch(&STATEFUL_SET, namespace, &set.name, None, &patch, write)
            .await?;
    }
    match &found.resize_plan.session_patch {
        Some(wish) => {
            let belonging = &found.session.ownership;
            cluster.patch_session(belonging, wish.clone(), write).await
        }
        None => Ok(found.session.object.clone()),
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
    found: &Observed,
    start_plan: &StartPlan,
    write: &WriteOptions,
    mutations: &mut MutationPrinter,
    environment: &mut Environment,
) -> Result<()> {
    let _guard = environment.interrupt.guard()?;
    let made = {
        let (interrupt, now) = (environment.interrupt.clone(), environment.now());
        let with = StopContext {
            write,
            interrupt: &interrupt,
            now,
            permissions: &found.permissions,
        };
        start_plan
            .require_restart_access(&intent.stop_options, with)
            .await?;
        if let Some(wish) = &found.resize_plan.session_patch {
            let belonging = &found.session.ownership;
            cluster
                .patch_session(belonging, wish.clone(), write)
                .await?;
        }
        let mut sink = environment.console.progress();
        start_plan
            .restart(cluster, &intent.stop_options, with, &mut sink)
            .await?
    };
    started::print_started(&made, RESIZED, mutations, &mut environment.console)?;
    if let Some(change) = found
        .resize_plan
        .pods
        .iter()
        .find(|change| change.is_needed())
    {
        environment.console.note(&change.describe());
    }
    started::finish(cluster, made, intent.wait, write, environment).await
}
