//! Execution of a [`Plan`]: stages run one after the other, the steps of a stage at the same time. Every step can be
//! repeated safely, so an interrupted plan is completed by running it again.
//!
//! ```text
//! Plan ─► apply_plan ─► stage ─► step ─┬─ create_or_adopt   POST, conflicts are classified (name_conflict.rs)
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
use crate::name_conflict::NameConflict;
use crate::name_conflict::UNATTRIBUTED_REASON;
use crate::name_conflict::classify_conflict;
use crate::name_conflict::foreign_object_error;
use crate::name_conflict::other_template_error;
use crate::name_conflict::unproven_data_error;
use crate::wait_deleted::kind_and_name;
use session_client::interrupt::Interrupt;
use session_client::interrupt::interrupted_error;
use session_client::{DeleteOptions, WriteOptions};
use session_engine::diagnosis::parse_refusal;
use session_engine::plan::{Plan, PlanOutcome, PropagationPolicy, Step, StepResult};
use session_engine::reconcile::HookRun;
use session_model::api::ObjectRef;
use session_model::failure::{self, Failure, FailureKind, with_hint};
use session_model::labels;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::kept_data::{is_claim, was_bound};
use session_model::objects::ownership::{Ownership, is_parameters_secret};
use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};

/// Longest wait for a name that an object under deletion still occupies: finalizers and a Pod's grace period take a
/// moment.
const NAME_FREE_TIMEOUT: Duration = Duration::from_secs(60);

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

    async fn apply_step(
        &self,
        step: &Step,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<StepResult> {
        let namespace = with.ownership.namespace.as_str();
        match step {
            Step::Create {
                object,
                use_existing: existing,
            } => self.create_or_adopt(object, *existing, with, tell).await,
            Step::Apply {
                object,
                current: found,
            } => self.apply_existing(object, found, with, tell).await,
            Step::Adopt { claim } => self.adopt_claim_by_name(claim, with, tell).await,
            Step::LeaveUnchanged { object } => Ok(StepResult::Adopted(object.clone())),
            Step::Patch {
                target,
                resource,
                patch,
            } => {
                let mut patch = patch.clone();
                patch["metadata"]["uid"] = target.require_uid()?.into();
                let done = self
                    .merge_patch(resource, namespace, &target.name, None, &patch, &with.write)
                    .await?;
                Ok(StepResult::Patched(done))
            }
            Step::Scale {
                target,
                resource,
                replicas,
            } => {
                let patch = json!({
                    "metadata": { "uid": target.uid }, "spec": { "replicas": replicas },
                });
                let scale = Some("scale");
                let done = self
                    .merge_patch(
                        resource,
                        namespace,
                        &target.name,
                        scale,
                        &patch,
                        &with.write,
                    )
                    .await?;
                Ok(StepResult::Patched(done))
            }
            Step::RunHook {
                pod,
                container,
                command,
                timeout: limit,
            } if !with.write.dry_run => {
                let run = HookRun {
                    name: "sync",
                    pod: pod.clone(),
                    container: container.clone(),
                    command: command.clone(),
                    timeout: *limit,
                };
                let synced = self.run_hook(namespace, &run);
                with.interrupt
                    .race(synced)
                    .await
                    .map(|()| StepResult::HookRun)
            }
            Step::RunHook { .. } => Ok(StepResult::HookRun),
            Step::Delete {
                target,
                resource,
                propagation,
            } => {
                self.delete_if_present(resource, namespace, target, *propagation, &with.write)
                    .await?;
                Ok(StepResult::Deleted(target.clone()))
            }
            // A server-side dry run deletes nothing, so there is nothing to wait for.
            Step::WaitDeleted { .. } if with.write.dry_run => Ok(StepResult::WaitedDeleted),
            Step::WaitDeleted { targets, resource } => {
                let gone = self.wait_deleted(with.wait_limit, resource, namespace, targets, tell);
                with.interrupt
                    .race(gone)
                    .await
                    .map(|()| StepResult::WaitedDeleted)
            }
        }
    }

    /// Creates an object. If the name is taken, or the response was lost, the existing object is read: this run's own is
    /// a success, data of this session is adopted, and any other is an error, never changed.
    pub(super) async fn create_or_adopt(
        &self,
        object: &Value,
        existing: bool,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<StepResult> {
        let kind = Untyped(object).kind();
        let Some(resource) = self
            .discover_resource(Untyped(object).api_version(), kind)
            .await?
        else {
            let error = anyhow::anyhow!(
                "no matches for kind {kind:?} in version {:?}",
                Untyped(object).api_version()
            );
            return Err(with_hint(
                error,
                "install the CRD that defines this kind, or remove the object from the manifest",
            ));
        };
        let namespace = with.ownership.namespace.as_str();
        let error = match self.create(&resource, namespace, object, &with.write).await {
            Ok(created) => return Ok(StepResult::Created(created)),
            Err(error) => error,
        };
        let taken = failure::has_kind(&error, FailureKind::AlreadyExists);
        if !taken && !failure::has_kind(&error, FailureKind::Unreachable) {
            return Err(with_remedy_hint(error));
        }
        let name = Untyped(object).name();
        let Ok(Some(found)) = self.get(&resource, namespace, name).await else {
            return Err(error);
        };
        if Untyped(&found).annotation(labels::RUN) == Untyped(object).annotation(labels::RUN) {
            return Ok(StepResult::Created(found));
        }
        let whose = classify_conflict(&found, object, with.ownership);
        if Untyped(&found).is_terminating() && !matches!(whose, NameConflict::Foreign) {
            if with.write.dry_run {
                return Ok(StepResult::Created(object.clone()));
            }
            self.wait_name_free(&resource, &found, with, tell).await?;
            return Box::pin(self.create_or_adopt(object, existing, with, tell)).await;
        }
        let is_secret = is_parameters_secret(object);
        match whose {
            NameConflict::OwnedBySession => Ok(StepResult::Adopted(found)),
            NameConflict::Kept if is_claim(&found) && !was_bound(&found) => {
                self.replace_unbound_claim(&resource, &found, object, with, tell)
                    .await
            }
            NameConflict::Kept
                if is_secret && !existing && !self.is_proven_by_data(&found, namespace).await? =>
            {
                let why = "no kept claim or snapshot proves that the session created it";
                Err(unproven_data_error(&resource, &found, why))
            }
            NameConflict::Unattributed if !existing => {
                Err(unproven_data_error(&resource, &found, UNATTRIBUTED_REASON))
            }
            NameConflict::Kept | NameConflict::Unattributed => {
                self.adopt(&resource, &found, object, with).await
            }
            NameConflict::KeptByOtherTemplate(_) if existing && is_claim(&found) => {
                Ok(StepResult::UsedExisting(found))
            }
            NameConflict::KeptByOtherTemplate(template) => {
                Err(other_template_error(&resource, &found, &template))
            }
            NameConflict::Foreign if existing && !is_secret => Ok(StepResult::UsedExisting(found)),
            NameConflict::Foreign => Err(foreign_object_error(&resource, &found, with.ownership)),
        }
    }

    /// Waits until an object under deletion is gone and its name is free. Such an object is never adopted: data written
    /// to a claim under deletion is lost when its Pod stops.
    pub(super) async fn wait_name_free(
        &self,
        resource: &ResourceType,
        found: &Value,
        with: &ApplyOptions<'_>,
        tell: &UnboundedSender<ProgressEvent>,
    ) -> Result<()> {
        let (limit, target) = (
            with.wait_limit.min(NAME_FREE_TIMEOUT),
            ObjectRef::from_object(found),
        );
        let (namespace, targets) = (
            with.ownership.namespace.as_str(),
            std::slice::from_ref(&target),
        );
        let gone = self.wait_deleted(limit, resource, namespace, targets, tell);
        with.interrupt.race(gone).await
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

/// Adds the hint for a refusal with a known remedy.
fn with_remedy_hint(error: anyhow::Error) -> anyhow::Error {
    let found = failure::find_failure(&error).and_then(|failure| parse_refusal(&failure.message));
    match found {
        Some(refusal) => with_hint(error, refusal.remedy),
        None => error,
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
