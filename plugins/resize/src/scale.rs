//! `--replicas` and `--min-replicas`: the number of Pods of the session's workloads.
//!
//! ```text
//! WorkloadCount ─┐
//! ObservedSession, HorizontalPodAutoscalers ─► plan_scaling ─► ScaleChange ─► patch, wait until ready, print
//! ```
//!
//! A count lives on its workload: `stop` records it, and the next start restores it. A minimum lives on the autoscaler, in an
//! annotation too, because a start writes the autoscaler again from the template.

use anyhow::{Result, anyhow, bail};
use futures::future::try_join_all;
use serde_json::{Value, json};
use session_shared::client::interrupt::interrupted_error;
use session_shared::client::{DryRun, ListOptions, Scope, timed_out};
use session_shared::failure::{self, FailureKind, with_hint};
use session_shared::labels::{MIN_REPLICAS, PART, TEMPLATE};
use session_shared::objects::resource::{HORIZONTAL_POD_AUTOSCALER, SESSION};
use session_shared::objects::rest_method::RestMethod;
use session_shared::objects::{ObjectRef, ResourceType, Untyped};
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::wait_ready::{AwaitedWorkloads, WaitContext, WaitOutcome};
use session_shared::ops::{Cluster, ObservedSession};
use session_shared::progress::{ProgressSink, WaitStage};
use session_shared::quantity::Quantity;
use session_shared::reconcile::{NamedWorkload, WorkloadName, WorkloadState, find_workload};
use session_shared::session_batch::{BatchWork, RUN_AGAIN, SessionBatch};
use session_shared::verb::Environment;

use crate::claim_expansion::{STORAGE_REQUEST, quantity_at};
use crate::intent::Intent;
use crate::workload_count::WorkloadCount;

/// A patch of a workload's or autoscaler's count.
#[derive(Clone, Debug, PartialEq)]
struct ScaleChange {
    target: ObjectRef,
    resource: ResourceType,
    patch: Value,
    /// The change for people, and what it does not change.
    notes: Vec<String>,
}

/// A session and the patches of its workloads and autoscalers; none for counts that hold already.
struct Scaling {
    session: ObservedSession,
    changes: Vec<ScaleChange>,
}

/// Changes the counts of workloads and the minimums of autoscalers, waits until the workloads are ready, and prints the results.
///
/// # Errors
/// Of each session: no running Pods; a workload that cannot be scaled or that an autoscaler scales; refusals of the server.
pub(crate) async fn scale_sessions(
    cluster: &Cluster,
    intent: &Intent,
    environment: &mut Environment,
) -> Result<()> {
    let (sessions, scalers) = futures::try_join!(
        SessionBatch::select_undriven(cluster, &intent.selection),
        list_scalers(cluster)
    )?;
    if scalers.is_none() {
        let console = &mut environment.console;
        console.note("HorizontalPodAutoscalers not checked: no permission to list them");
    }
    let scalers = scalers.unwrap_or_default();
    let plan = async |selected: SelectedSession| {
        let session = cluster.observe_selected_session(selected).await?;
        let changes = plan_scaling(intent, &session, &scalers)?;
        Ok(Scaling { session, changes })
    };
    let work = BatchWork {
        stage: WaitStage::Applying,
        pace: &intent.pace,
        dry_run: intent.mutation.dry_run,
        is_idle: |scaling: &Scaling| scaling.changes.is_empty(),
        left_hint: RUN_AGAIN,
    };
    let scale = async |scaling: &Scaling, sink: &mut dyn ProgressSink| {
        scaling.write(cluster, intent, environment, sink).await
    };
    let planned = sessions.map(plan).await;
    let scaled = planned.apply(work, environment, scale).await?;
    let word = |(scaling, ()): &(Scaling, ())| match scaling.changes.is_empty() {
        true => "unchanged",
        false => "resized",
    };
    let mut mutations = intent.mutation.printer();
    let console = &mut environment.console;
    let errors = scaled.print(console, word, |(scaling, ()), word, console| {
        console.print(&mutations.print_result(&scaling.session.object, word)?)?;
        for change in &scaling.changes {
            change.notes.iter().for_each(|note| console.note(note));
        }
        Ok(())
    })?;
    failure::combine_errors(errors)
}

impl Scaling {
    /// Writes the patches and waits until the workloads are ready.
    async fn write(
        &self,
        cluster: &Cluster,
        intent: &Intent,
        environment: &Environment,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        if intent.mutation.dry_run == DryRun::Client || self.changes.is_empty() {
            return Ok(());
        }
        let namespace = cluster.namespace();
        let patches = self.changes.iter().map(|change| {
            let (kind, name) = (&change.resource, &change.target.name);
            let (patch, write) = (&change.patch, &intent.mutation.write);
            cluster.merge_patch(kind, namespace, name, None, patch, write)
        });
        let written = try_join_all(patches).await?;
        if intent.mutation.dry_run == DryRun::None {
            wait_scaled(cluster, intent, &self.session, &written, environment, sink).await?;
        }
        Ok(())
    }
}

/// Lists the autoscalers of the namespace; `None` without the permission.
async fn list_scalers(cluster: &Cluster) -> Result<Option<Vec<Value>>> {
    let scope = Scope::Namespace(cluster.namespace());
    let all = ListOptions::default();
    match cluster.list(&HORIZONTAL_POD_AUTOSCALER, scope, &all).await {
        Ok(list) => Ok(Some(list.items)),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Computes the patches; none for counts that hold already.
fn plan_scaling(
    intent: &Intent,
    session: &ObservedSession,
    scalers: &[Value],
) -> Result<Vec<ScaleChange>> {
    let (name, namespace) = (session.name(), session.namespace());
    if !session.has_live_workload() {
        let error = anyhow!("cannot resize session {name:?}: session has no running Pod");
        let start = format!("start the session: kubectl session start {name} -n {namespace}");
        return Err(with_hint(error, start));
    }
    let replicas = intent.replicas.iter();
    let replicas = replicas.map(|wanted| plan_replicas(session, scalers, wanted));
    let least = intent.min_replicas.iter();
    let least = least.map(|wanted| plan_minimum(session, scalers, wanted));
    let all: Result<Vec<_>> = replicas.chain(least).collect();
    Ok(all?.into_iter().flatten().collect())
}

fn plan_replicas(
    session: &ObservedSession,
    scalers: &[Value],
    wanted: &WorkloadCount,
) -> Result<Option<ScaleChange>> {
    let workload = scalable_workload(session, &wanted.workload)?;
    let (label, count) = (label_of(&workload), wanted.count);
    if let Some(scaler) = scalers.iter().find(|scaler| scales(scaler, &workload)) {
        let (least, most) = replica_range(scaler);
        let error = anyhow!(
            "cannot set the replicas of {label}: HorizontalPodAutoscaler {:?} keeps them between {least} and {most}",
            Untyped(scaler).name()
        );
        let (name, namespace) = (session.name(), session.namespace());
        let command = format!(
            "kubectl session resize {name} -n {namespace} --min-replicas {}={count}",
            workload.name
        );
        return Err(with_hint(error, format!("change the minimum: {command}")));
    }
    let mut owners = session.live.owners.iter();
    let object = owners.find(|object| Untyped(object).has_uid(&workload.uid));
    let before = object.and_then(|object| object.pointer("/spec/replicas")?.as_i64());
    let before = before.unwrap_or(1);
    if before == count {
        return Ok(None);
    }
    let resource = ResourceType::find_known(&workload.api_version, &workload.kind);
    let Some(resource) = resource.cloned() else {
        bail!("{label} cannot be scaled");
    };
    let small_claims = object.filter(|_| count > before);
    let small_claims = small_claims.and_then(|object| small_claims_note(session, object, &label));
    let change = format!("{label}: replicas {before}, now {count}");
    Ok(Some(ScaleChange {
        patch: json!({ "metadata": { "uid": workload.uid }, "spec": { "replicas": count } }),
        notes: [change].into_iter().chain(small_claims).collect(),
        target: workload,
        resource,
    }))
}

/// Tells that a StatefulSet makes claims that are smaller than those it has: the size in it cannot be changed, and a start writes it
/// anew.
fn small_claims_note(session: &ObservedSession, workload: &Value, label: &str) -> Option<String> {
    let wanted = session.session.spec.storage.as_ref()?.size.as_ref()?;
    let wanted: Quantity = wanted.to_string().parse().ok()?;
    let claims = Untyped(workload).items_at("/spec/volumeClaimTemplates");
    let sizes = claims.filter_map(|claim| quantity_at(claim.0, STORAGE_REQUEST));
    let smallest = sizes.filter(|size| *size < wanted).min()?;
    let name = session.name();
    Some(format!(
        "{label}: new claims have {smallest} until session {name:?} is stopped and started, which expands them to {wanted}"
    ))
}

fn plan_minimum(
    session: &ObservedSession,
    scalers: &[Value],
    wanted: &WorkloadCount,
) -> Result<Option<ScaleChange>> {
    let workload = scalable_workload(session, &wanted.workload)?;
    let (label, count) = (label_of(&workload), wanted.count);
    let (name, namespace) = (session.name(), session.namespace());
    let Some(scaler) = scalers.iter().find(|scaler| scales(scaler, &workload)) else {
        let error =
            anyhow!("cannot set a minimum for {label}: no HorizontalPodAutoscaler scales it");
        let command = format!(
            "kubectl session resize {name} -n {namespace} --replicas {}={count}",
            workload.name
        );
        return Err(with_hint(error, format!("set the replicas: {command}")));
    };
    let scaler_name = Untyped(scaler).name();
    if !Untyped(scaler).is_owned_by(session.uid()) {
        let error = anyhow!(
            "cannot set a minimum for {label}: HorizontalPodAutoscaler {scaler_name:?} is not part of session {name:?}"
        );
        return Err(match setup_command(scaler, count, namespace) {
            Some(command) => with_hint(error, format!("change it for the namespace: {command}")),
            None => error,
        });
    }
    let (before, most) = replica_range(scaler);
    if count > most {
        bail!(
            "cannot set a minimum of {count} for {label}: HorizontalPodAutoscaler {scaler_name:?} keeps its replicas between {before} and {most}"
        );
    }
    if before == count {
        return Ok(None);
    }
    let target = ObjectRef::from_object(scaler);
    Ok(Some(ScaleChange {
        patch: json!({
            "metadata": { "uid": target.uid, "annotations": { MIN_REPLICAS: count.to_string() } },
            "spec": { "minReplicas": count },
        }),
        notes: vec![format!(
            "{label}: at least {before} replicas, now at least {count}"
        )],
        target,
        resource: HORIZONTAL_POD_AUTOSCALER.clone(),
    }))
}

/// Returns the command that changes the minimum of an autoscaler that `setup autoscaling` made.
fn setup_command(scaler: &Value, count: i64, namespace: &str) -> Option<String> {
    let scaler = Untyped(scaler);
    let template = scaler
        .label(TEMPLATE)
        .filter(|_| scaler.label(PART).is_some())?;
    Some(format!(
        "kubectl session setup autoscaling --for {template} --min-replicas {count} -n {namespace}"
    ))
}

/// Finds a workload with a replica count.
fn scalable_workload(session: &ObservedSession, name: &WorkloadName) -> Result<ObjectRef> {
    match find_workload(&session.session, &session.live, name)? {
        NamedWorkload::Workload(found)
            if RestMethod::of_kind(&found.kind) == Some(RestMethod::Replicas) =>
        {
            Ok(found)
        }
        other => bail!(
            "cannot scale {}: only Deployments, StatefulSets and ReplicaSets have replicas",
            other.to_text()
        ),
    }
}

fn label_of(workload: &ObjectRef) -> String {
    format!("{}/{}", workload.kind.to_lowercase(), workload.name)
}

fn scales(scaler: &Value, workload: &ObjectRef) -> bool {
    let target = |field: &str| Untyped(scaler).str_at(&format!("/spec/scaleTargetRef/{field}"));
    target("kind") == Some(workload.kind.as_str()) && target("name") == Some(workload.name.as_str())
}

/// Returns the fewest and the most replicas that an autoscaler sets.
fn replica_range(scaler: &Value) -> (i64, i64) {
    let number = |path: &str| scaler.pointer(path).and_then(Value::as_i64);
    let least = number("/spec/minReplicas").unwrap_or(1);
    (least, number("/spec/maxReplicas").unwrap_or(least))
}

/// Waits until the scaled workloads have all their Pods ready. The Pods of a new minimum come later, from the autoscaler.
async fn wait_scaled(
    cluster: &Cluster,
    intent: &Intent,
    session: &ObservedSession,
    written: &[Value],
    environment: &Environment,
    sink: &mut dyn ProgressSink,
) -> Result<()> {
    let (Some(limit), false) = (intent.wait, intent.replicas.is_empty()) else {
        return Ok(());
    };
    let mut owners = session.live.owners.clone();
    for owner in &mut owners {
        let uid = Untyped(owner).uid().map(str::to_owned);
        if let Some(after) = written
            .iter()
            .find(|after| Untyped(after).uid() == uid.as_deref())
        {
            *owner = after.clone();
        }
    }
    let namespace = cluster.namespace();
    let now = environment.clock();
    let mut context = WaitContext {
        interrupt: &environment.interrupt,
        sink,
        now: &now,
    };
    let all = AwaitedWorkloads::All;
    let session_object = &session.session;
    let wait = cluster.wait_ready(namespace, session_object, owners, all, limit, &mut context);
    match wait.await? {
        WaitOutcome::Settled { state, .. } => match state.cause() {
            Some(cause) if !matches!(*state, WorkloadState::Ready { .. }) => {
                let name = session.name();
                Err(cause.to_error(&format!("session {name:?} is resized but not ready")))
            }
            _ => Ok(()),
        },
        WaitOutcome::TimedOut(state) => {
            let error = timed_out(&SESSION, session.name());
            Err(match state.cause() {
                Some(cause) => cause.attach_to(error),
                None => error,
            })
        }
        WaitOutcome::Interrupted(_) => Err(interrupted_error()),
    }
}
