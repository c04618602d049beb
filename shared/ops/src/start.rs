//! Execution of a start: writes the start request, the parameters Secret, the objects and the status, in this order. Every step
//! may be repeated.
//!
//! ```text
//! start:  StartPlan ─► patch of the Session ─┐
//! create: NewSession ─► POST of the Session ─┴► RequestedStart ─► carry_out ─► Started
//! ```

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::finish_start::Started;
use super::room::refused_start_error;
use super::room_wait::{RoomLimit, RoomWait};
use super::start_plan::StartPlan;
use super::stop::StopContext;
use super::trust;
use crate::Cluster;
use crate::Driver;
use crate::apply_plan::ApplyOptions;
use crate::wait_ready::AwaitedWorkloads;
use session_client::interrupt::{Interrupt, interrupted_error};
use session_client::{WriteOptions, parse_object};
use session_engine::plan::{Plan, PlanOutcome, Step, StepResult};
use session_engine::reconcile::{
    LiveObjects, RenderedStart, Rendering, TargetState, describe_evictions, reconcile,
    status_patch, usage_after_start,
};
use session_model::api::{ObjectRef, SessionSpec};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::names::parameters_secret_name;
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::resource::SECRET;
use session_model::progress::{ProgressEvent, ProgressSink};

/// Context of a start: write options, interrupt signal and time.
#[derive(Clone, Copy, Debug)]
pub struct StartContext<'a> {
    /// Dry run and field manager.
    pub write: &'a WriteOptions,
    /// Interrupt signal; takes effect between two steps.
    pub interrupt: &'a Interrupt,
    /// Time of the start.
    pub now: Timestamp,
}

impl<'a> From<StopContext<'a>> for StartContext<'a> {
    fn from(context: StopContext<'a>) -> Self {
        Self {
            write: context.write,
            interrupt: context.interrupt,
            now: context.now,
        }
    }
}

/// A start whose request is in the Session, by a POST or a patch. Parameters Secret, objects and status are still to be written.
#[derive(Clone, Debug)]
pub struct RequestedStart<'a> {
    /// The Session with every field, as the server returned it with the request.
    pub object: Value,
    /// The spec as this command sent it: the returned one may have been changed by somebody else.
    pub sent_spec: &'a SessionSpec,
    /// The rendered start.
    pub start: RenderedStart,
    /// The session's existing objects.
    pub live: &'a LiveObjects,
    /// The process that creates the objects.
    pub driver: Driver,
    /// Steps that write the parameters Secret.
    pub secret_plan: Plan,
    /// True if this command writes the Secret although a controller creates the objects: the user gave secret values.
    pub gave_secrets: bool,
    /// True if the caller deletes what was created after an error: Ctrl-C then ends the start before its status is written.
    pub rolls_back: bool,
}

impl RequestedStart<'_> {
    /// Writes the parameters Secret, the objects and the status, in this order, and returns the started session. Adds the objects
    /// that did not exist before to `created`, also if a later step fails. `render_again` renders the start with a Secret that was
    /// kept from an earlier session, whose values take precedence over new ones: kept data needs its old passwords.
    ///
    /// # Errors
    /// Refusals of the server; Interrupted.
    pub async fn carry_out(
        mut self,
        cluster: &Cluster,
        context: StartContext<'_>,
        created: &mut Vec<Value>,
        render_again: impl FnOnce(&Value) -> Result<Rendering>,
        sink: &mut dyn ProgressSink,
    ) -> Result<Started> {
        let (write, dry_run) = (context.write, context.write.dry_run);
        let ownership = self.start.ownership.clone();
        if !dry_run {
            let (uid, rendering) = (ownership.session_uid.as_deref(), &self.start.rendering);
            trust::record_trusted(cluster, uid, self.sent_spec, Some(rendering), sink);
        }
        let options = ApplyOptions {
            ownership: &ownership,
            write: write.clone(),
            interrupt: context.interrupt,
            wait_limit: std::time::Duration::MAX,
        };
        if !self.driver.is_controller() || self.gave_secrets {
            let outcome = cluster.apply_plan(&self.secret_plan, &options, sink).await;
            created.extend(outcome.created().cloned());
            if let Some(kept) = adopted_secret(outcome)? {
                self.start.rendering = render_again(&kept)?;
            }
        }
        let mut started = Started {
            session: parse_object(self.object.clone())?,
            object: self.object,
            start: self.start,
            objects: Vec::new(),
            driver: self.driver,
            awaited: AwaitedWorkloads::All,
        };
        if started.driver.is_controller() {
            return Ok(started);
        }
        let (start, target) = (Some(&started.start), TargetState::Running);
        let decision = reconcile(&started.session, target, start, self.live, context.now);
        let outcome = cluster.apply_plan(&decision.plan, &options, sink).await;
        created.extend(outcome.created().cloned());
        started.objects = require_success(outcome)?;
        if dry_run {
            return Ok(started);
        }
        if self.rolls_back && context.interrupt.is_set() {
            return Err(interrupted_error());
        }
        let (session, objects) = (&started.session, &started.objects);
        let usage = usage_after_start(session, self.live, objects, context.now);
        let status =
            status_patch::start_status(session, &started.start, objects, &usage, context.now);
        started.object = cluster.patch_status(&ownership, status, write).await?;
        started.session = parse_object(started.object.clone())?;
        Ok(started)
    }
}

impl StartPlan {
    /// Starts the session, without waiting until it is ready. If a step fails, created objects are kept: the next start continues
    /// from there.
    ///
    /// # Errors
    /// Refusals of the server, or Interrupted, with a hint how to continue.
    pub async fn start(
        &self,
        cluster: &Cluster,
        context: StartContext<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<Started> {
        let (namespace, name) = (self.observed.namespace(), self.observed.name());
        let started = self.try_start(cluster, context, sink).await;
        if started.is_ok() {
            let notes = describe_evictions(&self.observed.live, self.observed.uid());
            notes.for_each(|note| sink.tell(ProgressEvent::Note(note)));
        }
        started.map_err(|error| {
            let error = refused_start_error(name, namespace, error);
            if context.write.dry_run || failure::has_kind(&error, FailureKind::Forbidden) {
                return error;
            }
            with_hint(
                error,
                format!("continue with: kubectl session start {name} -n {namespace}"),
            )
        })
    }

    /// Starts the session as soon as there is room for it, as [`StartPlan::start`] does. The time of the start is that of `clock` then.
    ///
    /// # Errors
    /// As [`StartPlan::start`]; a wait that has come to its limit.
    pub async fn start_in_room(
        &self,
        cluster: &Cluster,
        limit: RoomLimit,
        context: StartContext<'_>,
        clock: impl Fn() -> Timestamp,
        sink: &mut dyn ProgressSink,
    ) -> Result<Started> {
        let Some(room) = &self.room else {
            return self.start(cluster, context, sink).await;
        };
        let start = async |sink: &mut dyn ProgressSink| {
            let now = clock();
            let context = StartContext { now, ..context };
            let start_plan = self.with_request_time(now);
            let started = start_plan.start(cluster, context, sink).await?;
            Ok(Started {
                awaited: AwaitedWorkloads::AllInRoom,
                ..started
            })
        };
        let wait = RoomWait::new(limit, context.interrupt);
        wait.start_in_room(cluster, room.clone(), sink, start).await
    }

    async fn try_start(
        &self,
        cluster: &Cluster,
        context: StartContext<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<Started> {
        let patch = self.session_patch.clone();
        let ownership = &self.start.ownership;
        let object = cluster
            .patch_session(ownership, patch, context.write)
            .await?;
        let requested = RequestedStart {
            object,
            sent_spec: &self.spec,
            start: self.start.clone(),
            live: &self.observed.live,
            driver: self.observed.driver,
            secret_plan: self.parameters_secret_plan(),
            gave_secrets: self.has_new_secrets,
            rolls_back: false,
        };
        // The stored values are rendered already.
        let render_again = |_: &Value| Ok(self.start.rendering.clone());
        requested
            .carry_out(cluster, context, &mut Vec::new(), render_again, sink)
            .await
    }

    /// Returns the step that creates the parameters Secret, or patches it if values are new.
    fn parameters_secret_plan(&self) -> Plan {
        let Some(stored) = &self.stored_secrets else {
            return self.start.parameters_plan();
        };
        let wanted = &self.start.rendering.secrets;
        let new: BTreeMap<&String, &String> = wanted
            .iter()
            .filter(|(name, value)| stored.get(*name) != Some(value))
            .collect();
        let mut plan = Plan::default();
        let secret = parameters_secret_name(self.start.ownership.session.as_str());
        let mut own = self.observed.live.own_data(&self.observed.session);
        let found = own.find(|object| has_kind_and_name(object, "Secret", &secret));
        if let Some(found) = found.filter(|_| !new.is_empty()) {
            plan.push_stage(vec![Step::Patch {
                target: ObjectRef::from_object(found),
                resource: SECRET.clone(),
                patch: json!({ "stringData": new }),
            }]);
        }
        plan
    }
}

/// Returns the Secret that was kept from an earlier session and is used again, if the steps were carried out.
///
/// # Errors
/// As [`require_success`].
fn adopted_secret(outcome: PlanOutcome) -> Result<Option<Value>> {
    let adopted = outcome.results.iter().find_map(|result| match result {
        StepResult::Adopted(secret) => Some(secret.clone()),
        _ => None,
    });
    require_success(outcome).map(|_| adopted)
}

/// Returns the objects of a successful outcome.
///
/// # Errors
/// The step that failed, and its cause.
pub fn require_success(outcome: PlanOutcome) -> Result<Vec<Value>> {
    let objects = outcome.objects();
    match outcome.failed {
        None => Ok(objects),
        Some((_, error)) if failure::find_failure(&error).is_some() => Err(error),
        Some((step, error)) => Err(error).with_context(|| format!("failed to {}", step.describe())),
    }
}
