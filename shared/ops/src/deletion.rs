//! Deletion of a session: sync hook, snapshot if the data policy says so, workload, Session, and then the claims, which are kept
//! or deleted.
//!
//! ```text
//! ObservedSession ─► Deletion::new ─► with_data_policy ─► prepare ─► delete
//!                                     override by flag    snapshots,  rights, sync, snapshot, workload, Session, claims
//!                                                         classes
//! ```

use std::sync::Arc;

use anyhow::Result;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use super::observed_session::{ObservedSession, Part};
use super::snapshot_plan::{SnapshotOptions, SnapshotPlan, SnapshotRun};
use super::stop::{StopContext, explain_step_failure, nothing_done_hint};
use super::stop_options::StopOptions;
use super::trust::{self, StoredPart};
use super::verb_forms::DELETE;
use crate::Cluster;
use crate::apply_plan::ApplyOptions;
use session_client::{DeleteOptions, ListOptions, ObjectList, Scope, WriteOptions};
use session_engine::plan::{Plan, Step};
use session_engine::reconcile::{TargetState, effective_data_policy, kept_since_patch};
use session_model::api::DataPolicy;
use session_model::failure::{self, FailureKind, with_hint};
use session_model::objects::Untyped;
use session_model::objects::kept_data::is_snapshot;
use session_model::objects::resource::{PERSISTENT_VOLUME_CLAIM, POD, SESSION, VOLUME_SNAPSHOT};
use session_model::objects::volume_snapshot::source_claim_name;
use session_model::progress::ProgressSink;

/// The deletion of one session: the session, its objects, and the snapshot that is taken first.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// The session, with the data policy of this deletion, and its objects.
    pub observed: ObservedSession,
    /// The snapshot that is taken before the claims are deleted.
    pub(super) snapshot_plan: Option<SnapshotPlan>,
    /// The data policy that the user gave for this deletion, for the hint that finishes it.
    given_policy: Option<DataPolicy>,
}

impl Deletion {
    /// Returns the deletion of a session by its own data policy. Sends no request.
    pub fn new(observed: ObservedSession) -> Self {
        Self {
            observed,
            snapshot_plan: None,
            given_policy: None,
        }
    }

    /// Overrides the data policy, if one is given.
    pub fn with_data_policy(mut self, policy: Option<DataPolicy>) -> Self {
        self.given_policy = policy;
        self.observed.session.spec.data_policy = policy.or(self.observed.session.spec.data_policy);
        self
    }

    /// Reads the session's snapshots and Pods of others that use its claims, and validates the snapshot that the data policy asks
    /// for, before anything is written.
    ///
    /// # Errors
    /// A claim that is in use or has lost its volume, no suitable VolumeSnapshotClass; refusals of the server.
    pub async fn prepare(
        mut self,
        cluster: &Cluster,
        class: Option<&str>,
        now: Timestamp,
    ) -> Result<Self> {
        // Pods of others may use the claims.
        let deletes_claims = self.data_policy() != DataPolicy::Keep
            && !self.claim_names().is_empty()
            && !self.observed.driver.is_controller();
        let namespace = self.namespace().to_owned();
        let pods = async {
            match deletes_claims {
                true => list_namespace_pods(cluster, &namespace).await,
                false => Ok(Arc::default()),
            }
        };
        let ((), pods) = futures::try_join!(self.observed.load(cluster, &[Part::Snapshots]), pods)?;
        self.check_claims_unused(&pods.items)?;
        let held = self.bound_claims();
        // A controller takes the snapshot itself, before it removes its finalizer.
        if self.data_policy() != DataPolicy::Snapshot
            || held.is_empty()
            || self.observed.driver.is_controller()
        {
            return Ok(self);
        }
        let mut source = self.observed.clone();
        source.live.data = held.into_iter().cloned().collect();
        let asked = SnapshotOptions {
            class: class.map(str::to_owned),
            ..SnapshotOptions::default()
        };
        let cutting = SnapshotPlan::prepare(cluster, &source, &asked, now).await;
        self.snapshot_plan = Some(cutting.map_err(|error| self.with_data_hints(error))?);
        Ok(self)
    }

    /// Returns the session's name.
    pub fn name(&self) -> &str {
        self.observed.name()
    }

    /// Returns the session's Namespace.
    pub fn namespace(&self) -> &str {
        self.observed.namespace()
    }

    /// Returns the data policy of this deletion.
    pub fn data_policy(&self) -> DataPolicy {
        effective_data_policy(&self.observed.session)
    }

    /// Returns true if a deletion with these options runs hooks from this process: sync, quiesce or resume.
    pub fn runs_hooks(&self, options: &StopOptions) -> bool {
        let snapshot = self.snapshot_plan.as_ref();
        self.observed.runs_sync(options)
            || (!self.observed.driver.is_controller()
                && snapshot.is_some_and(SnapshotPlan::has_hooks))
    }

    /// Returns the steps of the deletion, in order, without the snapshot, which `delete` takes after the sync hook.
    pub fn steps(&self, options: &StopOptions, now: Timestamp) -> Plan {
        let wanted = TargetState::Deleted {
            skip_sync: options.skip_sync,
        };
        let mut plan = self.observed.plan(wanted, None, now);
        if self.observed.driver.is_controller() {
            // The controller's finalizer runs the hook and removes workload and data: only the DELETE remains.
            plan.stages
                .retain(|stage| stage.iter().any(targets_session));
            plan.stages
                .splice(0..0, self.data_policy_step().map(|step| vec![step]));
        }
        if !options.wait {
            plan.stages.retain(|stage| {
                !stage
                    .iter()
                    .all(|step| matches!(step, Step::WaitDeleted { .. }))
            });
        }
        plan
    }

    /// Checks before the first write that the caller has all rights of the deletion.
    async fn require_access(
        &self,
        cluster: &Cluster,
        options: &StopOptions,
        with: StopContext<'_>,
    ) -> Result<()> {
        if self.observed.driver.is_controller() || with.write.dry_run {
            return Ok(());
        }
        let mut last = self.clone();
        if self.snapshot_plan.is_some() {
            let held = self.bound_claims().into_iter();
            let uids = held.filter_map(|claim| Untyped(claim).uid().map(str::to_owned));
            last.observed.live.snapshotted_claims = uids.collect();
        }
        let needs = last.steps(options, with.now).required_permissions();
        let (permitted, rehearsed) = futures::join!(
            with.permissions.require(self.namespace(), &needs),
            self.dry_run_delete(cluster)
        );
        let allowed = permitted.and(rehearsed);
        allowed.map_err(|error| nothing_done_hint(DELETE, self.name(), error))
    }

    /// Sends the DELETE of the Session as a server dry run. Access reviews do not know admission policies, and their refusal would
    /// come only after the workload is gone. A Conflict means that the name belongs to a new Session: the plan handles that.
    ///
    /// # Errors
    /// Refusals of the server.
    async fn dry_run_delete(&self, cluster: &Cluster) -> Result<()> {
        let options = DeleteOptions {
            uid: Some(Untyped(&self.observed.object).require_uid()?.to_owned()),
            dry_run: true,
            ..DeleteOptions::default()
        };
        let (namespace, name) = (self.namespace(), self.name());
        match cluster.delete(&SESSION, namespace, name, &options).await {
            Err(error) if failure::has_kind(&error, FailureKind::Conflict) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Deletes the session. Nothing is deleted before the sync hook has succeeded and the snapshot, if any, is ready.
    ///
    /// # Errors
    /// A missing right or untrusted hooks, before anything is written; the step that failed, with a hint how to continue.
    pub async fn delete(
        &self,
        cluster: &Cluster,
        options: &StopOptions,
        with: StopContext<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        self.observed.live.report_impostors(sink);
        if self.runs_hooks(options) && !with.write.dry_run {
            trust::check_trust(cluster, &self.observed.session, StoredPart::Hooks).await?;
        }
        self.require_access(cluster, options, with).await?;
        let Some(saving) = &self.snapshot_plan else {
            let plan = self.steps(options, with.now);
            return self.remove(cluster, &plan, options, with, sink).await;
        };
        let mut sync = self.steps(options, with.now);
        sync.stages.truncate(1);
        sync.stages
            .retain(|stage| matches!(stage.first(), Some(Step::RunHook { .. })));
        self.apply_steps(cluster, &sync, options, with, sink)
            .await?;
        let taking = SnapshotRun {
            write: with.write,
            interrupt: with.interrupt,
            wait: true,
            timeout: options.timeout,
        };
        let taken = saving.take(cluster, &taking, sink).await;
        let rest = self.after_snapshot(
            taken.map_err(|error| self.with_data_hints(error))?,
            with.write,
        );
        let synced = StopOptions {
            skip_sync: true,
            ..*options
        };
        let plan = rest.steps(&synced, with.now);
        let ended = rest.remove(cluster, &plan, options, with, sink).await;
        ended.map_err(|error| {
            let set = &saving.name;
            with_hint(
                error,
                format!("the data is saved: snapshot {set:?} is ready"),
            )
        })
    }

    /// Returns the deletion after the snapshot: claims in it count as saved and may be deleted.
    fn after_snapshot(&self, taken: Vec<Value>, write: &WriteOptions) -> Self {
        let mut after = self.clone();
        let is_saved = |claim: &&Value| {
            let name = Untyped(claim).name();
            taken
                .iter()
                .any(|snapshot| source_claim_name(snapshot) == Some(name))
        };
        let saved = self.bound_claims().into_iter().filter(is_saved);
        after.observed.live.snapshotted_claims = saved
            .filter_map(|claim| Untyped(claim).uid().map(str::to_owned))
            .collect();
        if !write.dry_run {
            after.observed.live.data.extend(taken);
        }
        after
    }

    /// Returns the flags of the data policy that the user gave: without them the same command would keep or delete other data.
    fn policy_flags(&self) -> Vec<&'static str> {
        match self.given_policy {
            None => Vec::new(),
            Some(DataPolicy::Keep) => vec!["--keep-data"],
            Some(DataPolicy::Snapshot) => vec!["--snapshot-data"],
            Some(DataPolicy::Delete) => vec!["--delete-data", "-y"],
        }
    }

    async fn remove(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        options: &StopOptions,
        with: StopContext<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        self.annotate_snapshots(cluster, with).await;
        self.apply_steps(cluster, plan, options, with, sink).await
    }

    async fn apply_steps(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        options: &StopOptions,
        with: StopContext<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        let carrying = ApplyOptions {
            ownership: self.observed.ownership()?,
            write: with.write.clone(),
            interrupt: with.interrupt,
            wait_limit: options.timeout,
        };
        let outcome = cluster.apply_plan(plan, &carrying, sink).await;
        match outcome.failed {
            None => Ok(()),
            Some((step, error)) if is_claim_wait(&step) => {
                let look = format!("kubectl get persistentvolumeclaims -n {}", self.namespace());
                Err(with_hint(
                    error,
                    format!("watch its claims, which are deleted when nothing uses them: {look}"),
                ))
            }
            Some((step, error)) => {
                let (name, namespace) = (self.name(), self.namespace());
                let flags = [self.policy_flags(), options.repeated_flags()].concat();
                Err(explain_step_failure(
                    DELETE,
                    (name, namespace, &flags),
                    &step,
                    error,
                ))
            }
        }
    }

    /// Annotates the session's snapshots with the time since which they are kept. The annotation is only shown in lists: failures
    /// are ignored.
    async fn annotate_snapshots(&self, cluster: &Cluster, with: StopContext<'_>) {
        if with.write.dry_run || self.observed.driver.is_controller() || with.interrupt.is_set() {
            return;
        }
        let own = self.observed.live.own_data(&self.observed.session);
        let patches = own.filter(|object| is_snapshot(object)).map(|snapshot| {
            let mut patch = kept_since_patch(with.now);
            async move {
                patch["metadata"]["uid"] = Untyped(snapshot).require_uid()?.into();
                let name = Untyped(snapshot).name();
                let namespace = self.namespace();
                let kind = &VOLUME_SNAPSHOT;
                cluster
                    .merge_patch(kind, namespace, name, None, &patch, with.write)
                    .await
            }
        });
        drop(join_all(patches).await);
    }
}

/// Returns true for a step that patches, deletes or awaits the Session.
pub(super) fn targets_session(step: &Step) -> bool {
    match step {
        Step::Delete { target, .. } | Step::Patch { target, .. } => target.kind == "Session",
        Step::WaitDeleted { resource, .. } => resource.kind == "Session",
        _ => false,
    }
}

/// Returns true for the last step of a deletion: the wait until the claims are gone.
fn is_claim_wait(step: &Step) -> bool {
    matches!(step, Step::WaitDeleted { resource, .. } if *resource == PERSISTENT_VOLUME_CLAIM)
}

async fn list_namespace_pods(cluster: &Cluster, namespace: &str) -> Result<Arc<ObjectList>> {
    let (scope, all) = (Scope::Namespace(namespace), ListOptions::default());
    cluster.list_shared(&POD, scope, &all).await
}

#[cfg(test)]
#[path = "deletion_tests.rs"]
mod tests;
