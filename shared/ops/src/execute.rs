//! Carries out a plan: stage after stage, all steps of a stage at once, every step so that it may be carried out twice.

use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::Cluster;
use crate::gone::short;
use crate::whose::NAMELESS;
use crate::whose::Whose;
use crate::whose::foreign;
use crate::whose::of_another_template;
use crate::whose::unproven;
use crate::whose::whose;
use session_client::Delete;
use session_client::Write;
use session_client::interrupt::Interrupt;
use session_client::interrupt::interrupted;
use session_engine::diagnosis::refusal;
use session_engine::plan::{Done, Outcome, Plan, Propagation, Step};
use session_engine::reconcile::HookRun;
use session_model::api::ObjectRef;
use session_model::failure::{self, Failure, Kind, hinted};
use session_model::labels;
use session_model::objects::ResourceType;
use session_model::objects::belonging::{Belonging, is_parameters};
use session_model::objects::kept::{is_claim, was_bound};
use session_model::objects::resource::{annotation, is_going, text};
use session_model::progress::{Event, Sink, Stage};

/// So long a name may be taken by what has been deleted already: a finalizer takes a moment, a Pod its grace period.
const GOING: Duration = Duration::from_secs(60);

/// What a plan is carried out with.
#[derive(Clone, Debug)]
pub struct Carrying<'a> {
    /// Whose objects these are: what is this session's is taken up, what is not is left alone.
    pub belonging: &'a Belonging,
    /// How to write.
    pub write: Write,
    /// Ends it between two stages, and while it waits.
    pub interrupt: &'a Interrupt,
    /// How long all waiting together may take.
    pub limit: Duration,
}

impl Cluster {
    /// Carries out `plan`. Never fails as a whole: what was done and what was not is the outcome.
    pub async fn carry_out(
        &self,
        plan: &Plan,
        with: &Carrying<'_>,
        sink: &mut dyn Sink,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        for stage in &plan.stages {
            if with.interrupt.is_set() {
                outcome.failed = stage.first().map(|step| (step.clone(), interrupted()));
                return outcome;
            }
            stage.iter().for_each(|step| sink.tell(announce(step)));
            let results = self.stage(stage, with, sink).await;
            for (step, result) in stage.iter().zip(results) {
                match result {
                    Ok(done) => outcome.done.push(done),
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

    /// All steps of a stage at once; what they have to say while they wait goes to `sink`.
    async fn stage(
        &self,
        stage: &[Step],
        with: &Carrying<'_>,
        sink: &mut dyn Sink,
    ) -> Vec<Result<Done>> {
        let (tell, mut told) = mpsc::unbounded_channel();
        let steps = stage.iter().map(|step| self.step(step, with, &tell));
        let mut work = std::pin::pin!(join_all(steps));
        loop {
            tokio::select! {
                biased;
                results = &mut work => return results,
                Some(event) = told.recv() => sink.tell(event),
            }
        }
    }

    async fn step(
        &self,
        step: &Step,
        with: &Carrying<'_>,
        tell: &UnboundedSender<Event>,
    ) -> Result<Done> {
        let namespace = with.belonging.namespace.as_str();
        match step {
            Step::Create { object, existing } => self.make(object, *existing, with, tell).await,
            Step::Apply { object, found } => self.apply_over(object, found, with, tell).await,
            Step::Adopt { claim } => self.take_up_by_name(claim, with, tell).await,
            Step::Keep { object } => Ok(Done::TakenUp(object.clone())),
            Step::Patch {
                target,
                resource,
                patch,
            } => {
                let mut patch = patch.clone();
                patch["metadata"]["uid"] = target.uid.as_str().into();
                let done = self
                    .merge_patch(resource, namespace, &target.name, None, &patch, &with.write)
                    .await?;
                Ok(Done::Patched(done))
            }
            Step::Sync {
                pod,
                container,
                command,
                limit,
            } if !with.write.dry_run => {
                let run = HookRun {
                    name: "sync",
                    pod: pod.clone(),
                    container: container.clone(),
                    command: command.clone(),
                    limit: *limit,
                };
                let synced = self.run_hook(namespace, &run);
                with.interrupt.race(synced).await.map(|()| Done::Synced)
            }
            Step::Sync { .. } => Ok(Done::Synced),
            Step::Delete {
                target,
                resource,
                propagation,
            } => {
                self.take_away(resource, namespace, target, *propagation, &with.write)
                    .await?;
                Ok(Done::Deleted(target.clone()))
            }
            // A server dry run deletes nothing, so there is nothing to wait for.
            Step::AwaitGone { .. } if with.write.dry_run => Ok(Done::Gone),
            Step::AwaitGone { targets, resource } => {
                let gone = self.await_gone_within(with.limit, resource, namespace, targets, tell);
                with.interrupt.race(gone).await.map(|()| Done::Gone)
            }
        }
    }

    /// POSTs one object. A name that is taken, and an answer that was lost, are looked into; nobody else's object is ever
    /// changed.
    pub(super) async fn make(
        &self,
        object: &Value,
        existing: bool,
        with: &Carrying<'_>,
        tell: &UnboundedSender<Event>,
    ) -> Result<Done> {
        let kind = text(object, "/kind");
        let Some(resource) = self.discover(text(object, "/apiVersion"), kind).await? else {
            let error = anyhow::anyhow!(
                "the server has no kind {kind:?} in {:?}",
                text(object, "/apiVersion")
            );
            return Err(hinted(
                error,
                "install what serves it, or take the object out of the manifest",
            ));
        };
        let namespace = with.belonging.namespace.as_str();
        let error = match self.create(&resource, namespace, object, &with.write).await {
            Ok(created) => return Ok(Done::Created(created)),
            Err(error) => error,
        };
        let taken = failure::is(&error, Kind::AlreadyExists);
        if !taken && !failure::is(&error, Kind::Unreachable) {
            return Err(remedied(error));
        }
        let name = text(object, "/metadata/name");
        let Ok(Some(found)) = self.get(&resource, namespace, name).await else {
            return Err(error);
        };
        if annotation(&found, labels::RUN) == annotation(object, labels::RUN) {
            return Ok(Done::Created(found));
        }
        let whose = whose(&found, object, with.belonging);
        if is_going(&found) && !matches!(whose, Whose::Others) {
            if with.write.dry_run {
                return Ok(Done::Created(object.clone()));
            }
            self.make_way(&resource, &found, with, tell).await?;
            return Box::pin(self.make(object, existing, with, tell)).await;
        }
        let is_secret = is_parameters(object);
        match whose {
            Whose::Ours => Ok(Done::TakenUp(found)),
            Whose::Kept if is_claim(&found) && !was_bound(&found) => {
                self.make_instead(&resource, &found, object, with, tell)
                    .await
            }
            Whose::Kept if is_secret && !existing && !self.is_vouched(&found, namespace).await => {
                let why = "nothing that was kept of it shows that the session made it";
                Err(unproven(&resource, &found, why))
            }
            Whose::Unattributed if !existing => Err(unproven(&resource, &found, NAMELESS)),
            Whose::Kept | Whose::Unattributed => {
                self.take_up(&resource, &found, object, with).await
            }
            Whose::KeptByOtherTemplate(template) => {
                Err(of_another_template(&resource, &found, &template))
            }
            Whose::Others if existing && !is_secret => Ok(Done::Used(found)),
            Whose::Others => Err(foreign(&resource, name, with.belonging)),
        }
    }

    /// Waits until what has been deleted already is gone. It is never taken up: what is written to a claim that is going goes
    /// with it when its Pod stops.
    pub(super) async fn make_way(
        &self,
        resource: &ResourceType,
        found: &Value,
        with: &Carrying<'_>,
        tell: &UnboundedSender<Event>,
    ) -> Result<()> {
        let (limit, target) = (with.limit.min(GOING), ObjectRef::of(found));
        let (namespace, targets) = (
            with.belonging.namespace.as_str(),
            std::slice::from_ref(&target),
        );
        let gone = self.await_gone_within(limit, resource, namespace, targets, tell);
        with.interrupt.race(gone).await
    }

    /// DELETE by UID; gone already, or replaced by another object of that name, is done.
    ///
    /// # Errors
    /// Whatever else the server refuses.
    pub async fn take_away(
        &self,
        resource: &ResourceType,
        namespace: &str,
        target: &ObjectRef,
        propagation: Propagation,
        write: &Write,
    ) -> Result<()> {
        let options = Delete {
            uid: target.uid.clone(),
            propagation,
            dry_run: write.dry_run,
            ..Delete::default()
        };
        match self
            .delete(resource, namespace, &target.name, &options)
            .await
        {
            Ok(_) => Ok(()),
            // Ours is gone, and its successor is not ours to take.
            Err(error) if is_of_another(&error) || failure::is(&error, Kind::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What the server refuses for a reason that is known says what to do about it.
fn remedied(error: anyhow::Error) -> anyhow::Error {
    let found = failure::of(&error).and_then(|failure| refusal(&failure.message));
    match found {
        Some(refusal) => hinted(error, refusal.remedy),
        None => error,
    }
}

/// True if a DELETE was refused because its UID precondition did not hold. Any other conflict (a webhook's, say) is a refusal.
fn is_of_another(error: &anyhow::Error) -> bool {
    let conflict = failure::of(error).filter(|failure| failure.kind == Kind::Conflict);
    let says = |failure: &Failure| {
        let message = failure.message.to_lowercase();
        message.contains("precondition") && message.contains("uid in")
    };
    conflict.is_some_and(says)
}

fn announce(step: &Step) -> Event {
    let (stage, object) = match step {
        Step::Create { object, .. } | Step::Apply { object, .. } | Step::Keep { object } => (
            Stage::Applying,
            format!(
                "{}/{}",
                text(object, "/kind").to_lowercase(),
                text(object, "/metadata/name")
            ),
        ),
        Step::Adopt { claim } => (Stage::Applying, short(&ObjectRef::of(claim))),
        Step::Patch { target, .. } => (Stage::Applying, short(target)),
        Step::Sync { pod, .. } => (Stage::Syncing, format!("pod/{pod}")),
        Step::Delete { target, .. } => (Stage::Terminating, short(target)),
        Step::AwaitGone { targets, .. } => (
            Stage::Terminating,
            targets.iter().map(short).collect::<Vec<_>>().join(", "),
        ),
    };
    Event::Waiting {
        stage,
        object,
        detail: String::new(),
    }
}
