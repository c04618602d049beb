//! Stop of a session: runs the sync hook and removes the workload. Claims, Services and Secrets are kept.
//!
//! `plan_stop` computes the steps, `stop` carries them out and writes the status. If a controller is alive, `stop` only patches
//! the Session and waits for the controller.

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Cluster;
use crate::apply_plan::ApplyOptions;
use crate::observed_session::ObservedSession;
use crate::stop_options::StopOptions;
use crate::trust::{self, StoredPart};
use crate::verb_forms::{DELETE, START, VerbForms};
use session_client::interrupt::Interrupt;
use session_client::{AccessReviews, WriteOptions};
use session_engine::plan::{Plan, Step, StepResult};
use session_engine::reconcile::status_patch::{self, StopRecord};
use session_engine::reconcile::{
    HookRun, PhaseReason, TargetState, WorkloadState, decide_phase, usage_after_stop,
};
use session_model::api::{DesiredState, ObjectRef, Phase};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::conditions::condition;
use session_model::objects::resource::SESSION;
use session_model::objects::rest_method::RestMethod;
use session_model::progress::ProgressSink;

impl ObservedSession {
    /// Returns true if the session has been stopped: spec, status and the absence of Pods agree.
    pub fn is_stopped(&self) -> bool {
        let phase = self.session.phase();
        self.session.spec.state == Some(DesiredState::Stopped)
            && self.state == WorkloadState::NoWorkload
            && self.live.own_pods(self.uid()).next().is_none()
            && matches!(phase, Some(Phase::Stopped | Phase::Failed))
    }

    /// Returns true if the workload exists and has not ended.
    pub fn has_live_workload(&self) -> bool {
        matches!(
            self.state,
            WorkloadState::Ready { .. }
                | WorkloadState::NotReady(_)
                | WorkloadState::Unrecoverable(_)
        )
    }

    /// Returns true if a stop with these options runs the sync hook from this process.
    pub fn runs_sync(&self, options: &StopOptions) -> bool {
        !self.driver.is_controller()
            && !options.skip_sync
            && HookRun::find(&self.session, &self.state, &self.live, "sync").is_some()
    }

    /// Returns true if a stop with these options carries out text that the session stores: the sync hook, or the patch that stops a
    /// workload of a kind that is not built in.
    pub fn runs_stored_text(&self, options: &StopOptions) -> bool {
        let is_patched = self
            .session
            .primary()
            .is_some_and(|primary| primary.stop.is_some());
        self.runs_sync(options)
            || (is_patched && self.live.custom.is_some() && !self.driver.is_controller())
    }

    /// Returns the steps of a stop, in order. `spec.state: stopped` is written after the sync hook, so that a failed hook stops
    /// nothing, and before the workload is removed, so that no controller makes it again.
    pub fn plan_stop(&self, options: &StopOptions, now: Timestamp) -> Plan {
        let skip_sync = options.skip_sync;
        let mut plan = self.plan(TargetState::Stopped { skip_sync }, None, now);
        if !options.wait {
            plan.stages
                .retain(|stage| !matches!(stage.first(), Some(Step::WaitDeleted { .. })));
        }
        let synced = matches!(plan.steps().next(), Some(Step::RunHook { .. }));
        if self.session.spec.state != Some(DesiredState::Stopped) {
            let step = self.session_patch_step(stopped_state_patch());
            plan.stages.insert(usize::from(synced), vec![step]);
        }
        plan
    }

    fn session_patch_step(&self, patch: Value) -> Step {
        Step::Patch {
            target: ObjectRef::from_object(&self.object),
            resource: SESSION.clone(),
            patch,
        }
    }

    /// Returns phase and reason after the stop. A workload that had ended by itself keeps its reason.
    fn stopped_reason(&self) -> PhaseReason {
        match self.state {
            WorkloadState::Terminated { .. } | WorkloadState::NoWorkload => {
                let target = TargetState::Stopped { skip_sync: false };
                decide_phase(&self.session, target, &self.state)
            }
            _ => PhaseReason {
                phase: Phase::Stopped,
                reason: "Stopped".into(),
                message: String::new(),
            },
        }
    }

    /// Stops the session and returns the Session after the stop.
    ///
    /// # Errors
    /// A missing right or untrusted hooks, before anything is written; the step that failed, with a hint how to continue.
    pub async fn stop(
        &self,
        cluster: &Cluster,
        options: &StopOptions,
        with: StopContext<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<Value> {
        self.live.report_impostors(sink);
        if self.driver.is_controller() {
            return self.stop_by_controller(cluster, options, &with, sink).await;
        }
        if self.runs_stored_text(options) && !with.write.dry_run {
            trust::check_trust(cluster, &self.session, StoredPart::Hooks).await?;
        }
        self.require_stop_access(options, &[], with).await?;
        let plan = self.plan_stop(options, with.now);
        self.check_state_patch(cluster, &plan, options.verb, with.write)
            .await?;
        let rest = self.live.replica_counts(self.uid());
        self.record_replicas(cluster, &rest, with.write).await?;
        let carrying = ApplyOptions {
            ownership: self.ownership()?,
            write: with.write.clone(),
            interrupt: with.interrupt,
            wait_limit: options.timeout,
        };
        let outcome = cluster.apply_plan(&plan, &carrying, sink).await;
        if let Some((step, error)) = outcome.failed {
            return Err(explain_step_failure(
                options.verb,
                (self.name(), self.namespace(), &options.repeated_flags()),
                &step,
                error,
            ));
        }
        let mut session = self.session.clone();
        let wish = outcome.results.iter().find_map(|done| match done {
            StepResult::Patched(object) if Untyped(object).kind() == "Session" => Some(object),
            _ => None,
        });
        session.metadata.generation = wish
            .and_then(|object| object.pointer("/metadata/generation")?.as_i64())
            .or(session.metadata.generation);
        if with.write.dry_run {
            return Ok(wish.unwrap_or(&self.object).clone());
        }
        let rest = StopRecord {
            replicas: rest,
            is_synced: outcome.results.contains(&StepResult::HookRun),
            unrecorded_workloads: self.unrecorded_workloads(),
            usage: Some(usage_after_stop(&session, &self.live, with.now)),
        };
        let patch = status_patch::stop_status(&session, &self.stopped_reason(), &rest, with.now);
        cluster.patch_status(&self.session, patch, with.write).await
    }

    /// Returns workloads at rest of an interrupted start that status.applied does not list yet. The stop records them,
    /// since from then on only recorded objects count as the session's.
    fn unrecorded_workloads(&self) -> Vec<ObjectRef> {
        let applied = self.session.applied();
        let recorded = |workload: &ObjectRef| {
            let mut objects = applied.iter().flat_map(|applied| &applied.objects);
            objects.any(|object| object.is_same_object(workload))
        };
        let mut rests = self.live.workloads(self.uid());
        rests.retain(|workload| {
            RestMethod::of_kind(&workload.kind).is_some() && !recorded(workload)
        });
        rests
    }

    /// Writes the replica counts into status.applied before the workloads are scaled to 0, if they differ from those recorded at
    /// the start. Otherwise an interrupted stop would lose them.
    async fn record_replicas(
        &self,
        cluster: &Cluster,
        counts: &std::collections::BTreeMap<String, i32>,
        write: &WriteOptions,
    ) -> Result<()> {
        let applied = self.session.applied();
        let Some(applied) = applied.filter(|_| !write.dry_run) else {
            return Ok(());
        };
        if counts
            .iter()
            .all(|entry| applied.replicas.get(entry.0) == Some(entry.1))
        {
            return Ok(());
        }
        let patch = json!({ "status": { "applied": { "replicas": counts } } });
        cluster
            .patch_status(&self.session, patch, write)
            .await
            .map(drop)
    }

    /// Stops the session through its controller: patches spec.state and waits for the phase that the controller writes.
    async fn stop_by_controller(
        &self,
        cluster: &Cluster,
        options: &StopOptions,
        with: &StopContext<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<Value> {
        let mut patch = stopped_state_patch();
        if options.skip_sync {
            patch["metadata"]["annotations"][labels::SKIP_SYNC] = "true".into();
        }
        let (namespace, name) = (self.namespace(), self.name());
        let object = cluster
            .patch_session(&self.session, patch, with.write)
            .await?;
        if !options.wait || with.write.dry_run {
            return Ok(object);
        }
        let settled = cluster
            .wait_stopped(namespace, name, options.timeout, with.interrupt, sink)
            .await?;
        if Untyped(&settled).str_at("/status/phase") == Some(Phase::Running.as_str()) {
            let condition = condition_summary(&settled, "Synced");
            let words = options.verb;
            let error = anyhow!("cannot {} session {name:?}: {condition}", words.verb);
            return Err(with_hint(error, skip_sync_hint(words, name, namespace)));
        }
        Ok(settled)
    }
}

/// Context of a stop, restart or deletion: write options, interrupt signal, time and permissions, shared by all sessions of a
/// command.
#[derive(Clone, Copy, Debug)]
pub struct StopContext<'a> {
    /// Dry run and field manager.
    pub write: &'a WriteOptions,
    /// Interrupt signal; takes effect between two steps and during waits.
    pub interrupt: &'a Interrupt,
    /// Current time.
    pub now: Timestamp,
    /// Answers of access reviews.
    pub permissions: &'a AccessReviews,
}

/// Returns the merge patch of a Session that asks for the stop.
pub(super) fn stopped_state_patch() -> Value {
    json!({ "spec": { "state": DesiredState::Stopped } })
}

fn condition_summary(session: &Value, r#type: &str) -> String {
    condition(session, r#type).map_or_else(String::new, |condition| {
        let condition = Untyped(condition);
        let reason = condition.str_at("/reason").unwrap_or(Untyped::NONE);
        match condition.str_at("/message") {
            Some(message) => format!("{reason}: {message}"),
            None => reason.to_owned(),
        }
    })
}

fn skip_sync_hint(words: VerbForms, name: &str, namespace: &str) -> String {
    let command = words.command(name, namespace, &["--skip-sync"]);
    format!("skip the sync hook and lose unsynchronised data: {command}")
}

/// Adds to a refusal the hint that nothing has been written.
pub(super) fn nothing_done_hint(
    words: VerbForms,
    name: &str,
    error: anyhow::Error,
) -> anyhow::Error {
    let done = words.participle;
    with_hint(
        error,
        format!("nothing has been {done}: session {name:?} is unchanged"),
    )
}

/// Adds the session and a hint how to continue to the error of a step of a stop or deletion of the session of that name and
/// namespace, with the flags that the command has to repeat.
pub(super) fn explain_step_failure(
    words: VerbForms,
    (name, namespace, flags): (&str, &str, &[&str]),
    step: &Step,
    error: anyhow::Error,
) -> anyhow::Error {
    // Ctrl-C during the sync hook is not a failure of the hook.
    if matches!(step, Step::RunHook { .. }) && !failure::has_kind(&error, FailureKind::Interrupted)
    {
        // As text, since a failure of the connection is printed without the context around it.
        let error = anyhow!(
            "cannot {} session {name:?}: sync hook failed: {error:#}",
            words.verb
        );
        return with_hint(error, skip_sync_hint(words, name, namespace));
    }
    if failure::has_kind(&error, FailureKind::Interrupted)
        || failure::has_kind(&error, FailureKind::TimedOut)
    {
        // The same command has its flags already.
        let flags = if words.is_command { flags } else { &[] };
        let command = words.command(name, namespace, flags);
        return with_hint(error, format!("finish it with: {command}"));
    }
    match step {
        // The Session says already that it is to be stopped.
        Step::Patch { target, .. } | Step::Scale { target, .. }
            if words.verb != DELETE.verb && target.kind != SESSION.kind =>
        {
            let hint = format!(
                "{target} still runs; when the server allows it: {}; to let it run: {}",
                words.command(name, namespace, &[]),
                START.command(name, namespace, &[])
            );
            with_hint(error, hint)
        }
        _ => error,
    }
}
