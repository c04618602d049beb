//! Execution of a [`Plan`]: stages run one after the other, the steps of a stage at the same time. Every step can be
//! repeated safely, so an interrupted plan is completed by running it again.
//!
//! ```text
//! Plan ─► apply_plan ─► stage ─► step ─┬─ create_or_adopt   POST, conflicts are classified (create_or_adopt.rs)
//!                                      ├─ apply_existing    server-side apply (apply_existing.rs)
//!                                      ├─ merge_patch, delete_if_present
//!                                      └─ wait_deleted      watch (wait_deleted.rs)
//!      ─► Outcome: the steps done, and the first that failed
//! ```
//!
//! [`Plan`]: session_engine::plan::Plan

use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::Cluster;
use crate::wait_deleted::kind_and_name;
use session_client::interrupt::Interrupt;
use session_client::interrupt::interrupted_error;
use session_client::{DeleteOptions, WriteOptions};
use session_engine::plan::{Plan, PlanOutcome, PropagationPolicy, Step, StepResult};
use session_engine::reconcile::HookRun;
use session_model::api::ObjectRef;
use session_model::failure::{self, Failure, FailureKind};
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::ownership::Ownership;
use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};

/// Options for applying a plan to one session.
#[derive(Clone, Debug)]
pub struct ApplyOptions<'a> {
    /// The session that owns the objects. Existing objects of this session are adopted; others are never changed.
    pub ownership: &'a Ownership,
    /// Options of every write.
    pub write: WriteOptions,
    /// Stops the run between two stages, and during waits.
    pub interrupt: &'a Interrupt,
    /// Time limit of all waits together.
    pub wait_limit: Duration,
}

impl Cluster {
    /// Applies `plan`. Never fails as a whole: the outcome lists the steps done and the first one that failed.
    pub async fn apply_plan(
        &self,
        plan: &Plan,
        with: &ApplyOptions<'_>,
        sink: &mut dyn ProgressSink,
    ) -> PlanOutcome {
        let mut outcome = PlanOutcome::default();
        for stage in &plan.stages {
            if with.interrupt.is_set() {
                outcome.failed = stage
                    .first()
                    .map(|step| (step.clone(), interrupted_error()));
                return outcome;
            }
            stage
                .iter()
                .for_each(|step| sink.tell(progress_event(step)));
            let results = self.apply_stage(stage, with, sink).await;
            for (step, result) in stage.iter().zip(results) {
                match result {
                    Ok(done) => outcome.results.push(done),
                    Err(error) if outcome.failed.is_none() => {
                        outcome.failed = Some((step.clone(), error))
                    }
                    Err(_) => {}
                }
            }
            if outcome.failed.is_some() {
                return outcome;
            }
        }
        outcome
    }

    /// Runs all steps of a stage at the same time and passes their progress to `sink`.
    async fn apply_stage(
        &self,
        stage: &[Step],
        with: &ApplyOptions<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Vec<Result<StepResult>> {
        let (tell, mut told) = mpsc::unbounded_channel();
        let steps = stage.iter().map(|step| self.apply_step(step, with, &tell));
        let mut work = std::pin::pin!(join_all(steps));
        loop {
            tokio::select! {
                biased;
                results = &mut work => return results,
                Some(event) = told.recv() => sink.tell(event),
            }
        }
    }

    /// Carries out one step.
    ///
    /// # Errors
    /// The server's refusal; a failed hook; a wait that takes too long or is interrupted.
    async fn apply_step(
        &self,
        step: &Step,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<StepResult> {
        match step {
            Step::Create {
                object,
                use_existing: existing,
            } => self.create_or_adopt(object, *existing, with, tell).await,
            Step::Apply { object, current } => {
                self.apply_existing(object, current, with, tell).await
            }
            Step::Adopt { claim } => self.adopt_claim_by_name(claim, with, tell).await,
            Step::LeaveUnchanged { object } => Ok(StepResult::Adopted(object.clone())),
            Step::Patch {
                target,
                resource,
                patch,
            } => self.patch_target(resource, target, None, patch, with).await,
            Step::Scale {
                target,
                resource,
                replicas,
            } => self.scale_target(resource, target, *replicas, with).await,
            Step::RunHook { .. } if with.write.dry_run => Ok(StepResult::HookRun),
            Step::RunHook {
                pod,
                container,
                command,
                timeout,
            } => self.run_sync(pod, container, command, *timeout, with).await,
            Step::Delete {
                target,
                resource,
                propagation,
            } => {
                let namespace = with.ownership.namespace.as_str();
                self.delete_if_present(resource, namespace, target, *propagation, &with.write)
                    .await?;
                Ok(StepResult::Deleted(target.clone()))
            }
            // A server-side dry run deletes nothing, so there is nothing to wait for.
            Step::WaitDeleted { .. } if with.write.dry_run => Ok(StepResult::WaitedDeleted),
            Step::WaitDeleted { targets, resource } => {
                self.wait_targets(resource, targets, with, tell).await
            }
        }
    }

    /// Runs the sync hook, until it ends or the command is interrupted.
    ///
    /// # Errors
    /// A hook that fails or takes longer than `limit`; `Interrupted`.
    async fn run_sync(
        &self,
        pod: &str,
        container: &str,
        command: &[String],
        limit: Duration,
        with: &ApplyOptions<'_>,
    ) -> Result<StepResult> {
        let run = HookRun {
            name: "sync",
            pod: pod.to_owned(),
            container: container.to_owned(),
            command: command.to_owned(),
            timeout: limit,
        };
        let synced = self.run_hook(with.ownership.namespace.as_str(), &run);
        let synced = with.interrupt.race(synced).await;
        synced.map(|()| StepResult::HookRun)
    }

    /// Waits until objects of one type are deleted, or the command is interrupted.
    ///
    /// # Errors
    /// The time limit of all waits has passed; `Interrupted`.
    async fn wait_targets(
        &self,
        resource: &ResourceType,
        targets: &[ObjectRef],
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<StepResult> {
        let namespace = with.ownership.namespace.as_str();
        let gone = self.wait_deleted(with.wait_limit, resource, namespace, targets, tell);
        let gone = with.interrupt.race(gone).await;
        gone.map(|()| StepResult::WaitedDeleted)
    }

    /// Sets the number of replicas of a workload, with its UID as a condition.
    async fn scale_target(
        &self,
        resource: &ResourceType,
        target: &ObjectRef,
        replicas: i32,
        with: &ApplyOptions<'_>,
    ) -> Result<StepResult> {
        let patch = json!({ "spec": { "replicas": replicas } });
        let subresource = Some("scale");
        self.patch_target(resource, target, subresource, &patch, with)
            .await
    }

    /// Patches an object, or a subresource of it, with its UID as a condition.
    async fn patch_target(
        &self,
        resource: &ResourceType,
        target: &ObjectRef,
        subresource: Option<&str>,
        patch: &Value,
        with: &ApplyOptions<'_>,
    ) -> Result<StepResult> {
        let mut patch = patch.clone();
        patch["metadata"]["uid"] = target.require_uid()?.into();
        let (namespace, name) = (with.ownership.namespace.as_str(), &target.name);
        let patched = self.merge_patch(resource, namespace, name, subresource, &patch, &with.write);
        Ok(StepResult::Patched(patched.await?))
    }

    /// Deletes an object by UID. An object that no longer exists, or was replaced by another of the same name, counts as
    /// deleted.
    ///
    /// # Errors
    /// Whatever else the server refuses.
    pub async fn delete_if_present(
        &self,
        resource: &ResourceType,
        namespace: &str,
        target: &ObjectRef,
        propagation: PropagationPolicy,
        write: &WriteOptions,
    ) -> Result<()> {
        let options = DeleteOptions {
            uid: Some(target.require_uid()?.to_owned()),
            propagation,
            dry_run: write.dry_run,
            ..DeleteOptions::default()
        };
        match self
            .delete(resource, namespace, &target.name, &options)
            .await
        {
            Ok(_) => Ok(()),
            // The object is gone, and its successor is not part of the session.
            Err(error)
                if is_uid_precondition_failure(&error)
                    || failure::has_kind(&error, FailureKind::NotFound) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// True if a DELETE was refused because its UID precondition did not hold. Other conflicts, such as a webhook's, are
/// errors.
fn is_uid_precondition_failure(error: &anyhow::Error) -> bool {
    let conflict =
        failure::find_failure(error).filter(|failure| failure.kind == FailureKind::Conflict);
    let says = |failure: &Failure| {
        let message = failure.message.to_lowercase();
        message.contains("precondition") && message.contains("uid in")
    };
    conflict.is_some_and(says)
}

fn progress_event(step: &Step) -> ProgressEvent {
    let (stage, object) = match step {
        Step::Create { object, .. }
        | Step::Apply { object, .. }
        | Step::LeaveUnchanged { object } => (
            WaitStage::Applying,
            format!(
                "{}/{}",
                Untyped(object).kind().to_lowercase(),
                Untyped(object).name()
            ),
        ),
        Step::Adopt { claim } => (
            WaitStage::Applying,
            kind_and_name(&ObjectRef::from_object(claim)),
        ),
        Step::Patch { target, .. } | Step::Scale { target, .. } => {
            (WaitStage::Applying, kind_and_name(target))
        }
        Step::RunHook { pod, .. } => (WaitStage::Syncing, format!("pod/{pod}")),
        Step::Delete { target, .. } => (WaitStage::Terminating, kind_and_name(target)),
        Step::WaitDeleted { targets, .. } => (
            WaitStage::Terminating,
            targets
                .iter()
                .map(kind_and_name)
                .collect::<Vec<_>>()
                .join(", "),
        ),
    };
    ProgressEvent::Waiting {
        stage,
        object,
        detail: String::new(),
    }
}
