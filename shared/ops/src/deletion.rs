//! Deletion of a session: sync hook, snapshot if the data policy says so, workload, Session, and then the claims, which are kept
//! or deleted.
//!
//! ```text
//! Deletion::with ─► under(policy) ─► prepared ─► delete
//! session, objects  override by flag  snapshots,  rights, sync, snapshot, workload, Session, claims
//!                                     classes
//! ```

use anyhow::Result;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use super::snapshot_plan::{SnapshotOptions, SnapshotPlan, SnapshotRun};
use super::stop::{DELETE, ObservedSession, StopContext, explain_step_failure, nothing_done_hint};
use super::stop_options::StopOptions;
use super::trust::{self, StoredPart};
use crate::apply_plan::ApplyOptions;
use crate::selected_sessions::SelectedSession;
use crate::session_objects::session_selector;
use crate::{Cluster, Driver};
use session_client::{DeleteOptions, ListOptions, Scope, WriteOptions};
use session_engine::plan::{Plan, Step};
use session_engine::reconcile::{
    HookRun, LiveObjects, TargetState, assess_workload, effective_data_policy, kept_since_patch,
    reconcile,
};
use session_model::api::{DataPolicy, Session};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::objects::kept_data::is_snapshot;
use session_model::objects::ownership::Ownership;
use session_model::objects::resource::{
    PERSISTENT_VOLUME_CLAIM, POD, SESSION, VOLUME_SNAPSHOT, string_at,
};
use session_model::objects::volume_snapshot::source_claim_name;
use session_model::progress::ProgressSink;

/// The deletion of one session: the session, its objects, and the snapshot that is taken first.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// The Session, with the data policy of this deletion.
    pub session: Session,
    /// Its objects.
    pub live: LiveObjects,
    /// Ownership of its objects.
    pub ownership: Ownership,
    /// The process that carries out the deletion.
    pub driver: Driver,
    /// The Session with every field, as the server returned it.
    pub(super) object: Value,
    /// The snapshot that is taken before the claims are deleted.
    pub(super) snapshot_plan: Option<SnapshotPlan>,
}

impl Deletion {
    /// Combines a session with objects that have been read already. Sends no request.
    ///
    /// # Errors
    /// An invalid name, Namespace or owner of the Session.
    pub fn from_parts(chosen: SelectedSession, live: LiveObjects, driver: Driver) -> Result<Self> {
        let SelectedSession { session, object } = chosen;
        let ownership = Ownership::of_session(&session)?;
        Ok(Self {
            session,
            live,
            ownership: ownership,
            driver,
            object,
            snapshot_plan: None,
        })
    }

    /// Overrides the data policy, if one is given.
    pub fn with_data_policy(mut self, policy: Option<DataPolicy>) -> Self {
        self.session.spec.data_policy = policy.or(self.session.spec.data_policy);
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
        let select = session_selector(self.name());
        let (snapshots, pods) = futures::try_join!(
            list_snapshots(cluster, self.namespace(), &select),
            self.list_namespace_pods(cluster)
        )?;
        self.live.snapshots_unlistable = snapshots.is_none();
        self.live.data.extend(snapshots.unwrap_or_default());
        self.check_claims_unused(&pods)?;
        let held = self.bound_claims();
        // A controller takes the snapshot itself, before it removes its finalizer.
        if self.data_policy() != DataPolicy::Snapshot
            || held.is_empty()
            || self.driver.is_controller()
        {
            return Ok(self);
        }
        let chosen = SelectedSession {
            session: self.session.clone(),
            object: self.object.clone(),
        };
        let mut observed = ObservedSession::from_parts(chosen, self.live.clone(), Driver::Client)?;
        observed.live.data = held.into_iter().cloned().collect();
        let asked = SnapshotOptions {
            class: class.map(str::to_owned),
            ..SnapshotOptions::default()
        };
        let cutting = SnapshotPlan::prepare(cluster, &observed, &asked, now).await;
        self.snapshot_plan = Some(cutting.map_err(|error| self.with_data_hints(error))?);
        Ok(self)
    }

    /// Lists all Pods of the Namespace if claims will be deleted, since Pods of others may use them.
    async fn list_namespace_pods(&self, cluster: &Cluster) -> Result<Vec<Value>> {
        let goes = self.data_policy() != DataPolicy::Keep && !self.claim_names().is_empty();
        if !goes || self.driver.is_controller() {
            return Ok(Vec::new());
        }
        let scope = Scope::Namespace(self.namespace());
        Ok(cluster
            .list(&POD, scope, &ListOptions::default())
            .await?
            .items)
    }

    /// Returns the session's name.
    pub fn name(&self) -> &str {
        self.session.name()
    }

    /// Returns the session's Namespace.
    pub fn namespace(&self) -> &str {
        self.ownership.namespace.as_str()
    }

    /// Returns the data policy of this deletion.
    pub fn data_policy(&self) -> DataPolicy {
        effective_data_policy(&self.session)
    }

    /// Returns true if a deletion with these options runs hooks from this process: sync, quiesce or resume.
    pub fn runs_hooks(&self, options: &StopOptions) -> bool {
        let state = assess_workload(&self.session, &self.live);
        let sync = !options.skip_sync && HookRun::find(&self.session, &state, "sync").is_some();
        !self.driver.is_controller()
            && (sync
                || self
                    .snapshot_plan
                    .as_ref()
                    .is_some_and(SnapshotPlan::has_hooks))
    }

    /// Returns the steps of the deletion, in order, without the snapshot, which `delete` takes after the sync hook.
    pub fn steps(&self, options: &StopOptions, now: Timestamp) -> Plan {
        let wanted = TargetState::Deleted {
            skip_sync: options.skip_sync,
        };
        let mut plan = reconcile(&self.session, wanted, None, &self.live, now).plan;
        if self.driver.is_controller() {
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
        if self.driver.is_controller() || with.write.dry_run {
            return Ok(());
        }
        let mut last = self.clone();
        if self.snapshot_plan.is_some() {
            let held = self.bound_claims().into_iter();
            let uids = held.map(|claim| string_at(claim, "/metadata/uid").to_owned());
            last.live.snapshotted_claims = uids.collect();
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
            uid: self.ownership.session_uid.clone(),
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
        self.live.report_impostors(sink);
        if self.runs_hooks(options) && !with.write.dry_run {
            trust::check_trust(cluster, &self.session, StoredPart::Hooks).await?;
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
            let name = string_at(claim, "/metadata/name");
            taken
                .iter()
                .any(|snapshot| source_claim_name(snapshot) == name)
        };
        let saved = self.bound_claims().into_iter().filter(is_saved);
        after.live.snapshotted_claims = saved
            .map(|claim| string_at(claim, "/metadata/uid").to_owned())
            .collect();
        if !write.dry_run {
            after.live.data.extend(taken);
        }
        after
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
            ownership: &self.ownership,
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
                Err(explain_step_failure(DELETE, name, namespace, &step, error))
            }
        }
    }

    /// Annotates the session's snapshots with the time since which they are kept. The annotation is only shown in lists: failures
    /// are ignored.
    async fn annotate_snapshots(&self, cluster: &Cluster, with: StopContext<'_>) {
        if with.write.dry_run || self.driver.is_controller() || with.interrupt.is_set() {
            return;
        }
        let own = self.live.own_data(&self.session);
        let patches = own.filter(|object| is_snapshot(object)).map(|snapshot| {
            let mut patch = kept_since_patch(with.now);
            patch["metadata"]["uid"] = string_at(snapshot, "/metadata/uid").into();
            async move {
                let name = string_at(snapshot, "/metadata/name");
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

/// Lists VolumeSnapshots. Returns `None` if the caller may not list them, and an empty list if the cluster does not serve them.
///
/// # Errors
/// Other refusals of the server.
pub async fn list_snapshots(
    cluster: &Cluster,
    namespace: &str,
    select: &ListOptions,
) -> Result<Option<Vec<Value>>> {
    let scope = Scope::Namespace(namespace);
    match cluster.list(&VOLUME_SNAPSHOT, scope, select).await {
        Ok(list) => Ok(Some(list.items)),
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
            Ok(Some(Vec::new()))
        }
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}

fn targets_session(step: &Step) -> bool {
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

#[cfg(test)]
#[path = "deletion_tests.rs"]
mod tests;
