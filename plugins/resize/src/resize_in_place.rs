//! The resize of one session in place: its Pods, then its workload and the Session.

use anyhow::{Error, Result};
use futures::future::try_join_all;
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::capacity::run_record::{RunAmounts, add_resize};
use session_shared::client::{WriteOptions, parse_object};
use session_shared::diagnosis::pod_resize::{NodeFit, ResizeState, pod_resize_state};
use session_shared::objects::resource::STATEFUL_SET;
use session_shared::ops::{Cluster, ResizeWait};
use session_shared::progress::SharedSink;
use session_shared::verb::Environment;

use crate::in_place_errors::{infeasible_error, unfinished_error};
use crate::intent::Intent;
use crate::observe::{Observed, check_node_fit, resize_pod};
use crate::plan::ResourceChange;

/// The outcome of a resize in place.
pub(crate) enum InPlaceOutcome {
    /// The Pods have the new size. Holds the Session.
    Done(Value),
    /// The wait ended early: the kubelet continues, and the new size is written into the Session.
    Unfinished(Error),
    /// The kubelet reports the size as infeasible: the Pods have their old size again.
    Infeasible(Error),
}

/// Resizes the Pods, waits, and then writes the size into the workload and the Session, so that an infeasible size is never
/// stored.
pub(crate) async fn resize_in_place(
    cluster: &Cluster,
    intent: &Intent,
    observed: &Observed,
    environment: &Environment,
    sink: &SharedSink<'_>,
) -> Result<InPlaceOutcome> {
    let write = &intent.mutation.write;
    let resizes = observed.resize_plan.pods.iter().map(|change| async move {
        match change.is_needed() {
            true => resize_pod(cluster, change, true, write).await,
            false => Ok(change.object.clone()),
        }
    });
    let pods = try_join_all(resizes).await?;
    let waited = match intent.wait.filter(|_| !write.dry_run) {
        Some(limit) => wait_resized(cluster, observed, &pods, limit, environment, sink).await?,
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
    sink: &SharedSink<'_>,
) -> Result<Vec<ResizeWait>> {
    let interrupt = &environment.interrupt;
    let waits = observed
        .resize_plan
        .pods
        .iter()
        .zip(pods)
        .map(|(change, pod)| async move {
            let mut sink = sink;
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
                .wait_resized(pod, container, limit, interrupt, &mut sink)
                .await
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
