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
use serde_json::{Value, json};

use super::manner::Manner;
use super::snapshotting::{Asked, Cutting, Taking};
use super::stopping::{DELETE, Present, Stopping, explain, untouched};
use super::trust::{self, Part};
use crate::chosen::Chosen;
use crate::execute::Carrying;
use crate::{Cluster, Driver};
use session_client::Delete;
use session_client::Place;
use session_client::Selection;
use session_client::Write;
use session_engine::plan::{Plan, Step};
use session_engine::reconcile::{HookRun, Live, Wanted, data_policy, kept_since, look, reconcile};
use session_model::api::{DataPolicy, ObjectRef, Session};
use session_model::failure::{self, Kind, hinted};
use session_model::labels;
use session_model::objects::belonging::Belonging;
use session_model::objects::kept::is_snapshot;
use session_model::objects::resource::{
    PERSISTENT_VOLUME_CLAIM, POD, SESSION, VOLUME_SNAPSHOT, text,
};
use session_model::objects::snapshot::claim_name;
use session_model::progress::Sink;

/// The deletion of one session: the session, its objects, and the snapshot that is taken first.
#[derive(Clone, Debug)]
pub struct Doomed {
    /// The Session, with the data policy of this deletion.
    pub session: Session,
    /// Its objects.
    pub live: Live,
    /// Ownership of its objects.
    pub belonging: Belonging,
    /// The process that carries out the deletion.
    pub driver: Driver,
    /// The Session with every field, as the server returned it.
    object: Value,
    /// The snapshot that is taken before the claims are deleted.
    pub(super) saving: Option<Cutting>,
}

impl Doomed {
    /// Combines a session with objects that have been read already. Sends no request.
    ///
    /// # Errors
    /// An invalid name, Namespace or owner of the Session.
    pub fn with(chosen: Chosen, live: Live, driver: Driver) -> Result<Self> {
        let Chosen { session, object } = chosen;
        let belonging = Belonging::of(&session)?;
        Ok(Self {
            session,
            live,
            belonging,
            driver,
            object,
            saving: None,
        })
    }

    /// Overrides the data policy, if one is given.
    pub fn under(mut self, policy: Option<DataPolicy>) -> Self {
        self.session.spec.data_policy = policy.or(self.session.spec.data_policy);
        self
    }

    /// Reads the session's snapshots and Pods of others that use its claims, and validates the snapshot that the data policy asks
    /// for, before anything is written.
    ///
    /// # Errors
    /// A claim that is in use or has lost its volume, no suitable VolumeSnapshotClass; refusals of the server.
    pub async fn prepared(
        mut self,
        cluster: &Cluster,
        class: Option<&str>,
        now: Timestamp,
    ) -> Result<Self> {
        let select = Selection::labelled(format!("{}={}", labels::SESSION, self.name()));
        let (snapshots, pods) = futures::try_join!(
            snapshots_of(cluster, self.namespace(), &select),
            self.pods_around(cluster)
        )?;
        self.live.hidden_snapshots = snapshots.is_none();
        self.live.data.extend(snapshots.unwrap_or_default());
        self.unused_by_others(&pods)?;
        let held = self.held();
        // A controller takes the snapshot itself, before it removes its finalizer.
        if self.policy() != DataPolicy::Snapshot || held.is_empty() || self.driver.is_controller() {
            return Ok(self);
        }
        let chosen = Chosen {
            session: self.session.clone(),
            object: self.object.clone(),
        };
        let mut present = Present::with(chosen, self.live.clone(), Driver::Client)?;
        present.live.data = held.into_iter().cloned().collect();
        let asked = Asked {
            class: class.map(str::to_owned),
            ..Asked::default()
        };
        let cutting = Cutting::of(cluster, &present, &asked, now).await;
        self.saving = Some(cutting.map_err(|error| self.ways_out(error))?);
        Ok(self)
    }

    /// Lists all Pods of the Namespace if claims will be deleted, since Pods of others may use them.
    async fn pods_around(&self, cluster: &Cluster) -> Result<Vec<Value>> {
        let goes = self.policy() != DataPolicy::Keep && !self.claims().is_empty();
        if !goes || self.driver.is_controller() {
            return Ok(Vec::new());
        }
        let place = Place::Namespace(self.namespace());
        Ok(cluster
            .list(&POD, place, &Selection::default())
            .await?
            .items)
    }

    /// Returns the session's name.
    pub fn name(&self) -> &str {
        self.session.metadata.name.as_deref().unwrap_or_default()
    }

    /// Returns the session's Namespace.
    pub fn namespace(&self) -> &str {
        self.belonging.namespace.as_str()
    }

    /// Returns the data policy of this deletion.
    pub fn policy(&self) -> DataPolicy {
        data_policy(&self.session)
    }

    /// Returns true if a deletion with these options runs hooks from this process: sync, quiesce or resume.
    pub fn runs_hooks(&self, manner: &Manner) -> bool {
        let seen = look(&self.session, &self.live, &[]);
        let sync = !manner.skip_sync && HookRun::of(&self.session, &seen, "sync").is_some();
        !self.driver.is_controller() && (sync || self.saving.as_ref().is_some_and(Cutting::pauses))
    }

    /// Returns the steps of the deletion, in order, without the snapshot, which `delete` takes after the sync hook.
    pub fn plan(&self, manner: &Manner, now: Timestamp) -> Plan {
        let wanted = Wanted::Gone {
            skip_sync: manner.skip_sync,
        };
        let mut plan = reconcile(&self.session, wanted, None, &self.live, &[], now).plan;
        if self.driver.is_controller() {
            // The controller's finalizer runs the hook and removes workload and data: only the DELETE remains.
            plan.stages
                .retain(|stage| stage.iter().any(is_about_session));
            plan.stages.splice(0..0, self.wish().map(|step| vec![step]));
        }
        if !manner.wait {
            plan.stages.retain(|stage| {
                !stage
                    .iter()
                    .all(|step| matches!(step, Step::AwaitGone { .. }))
            });
        }
        plan
    }

    /// Returns the step that writes an overriding data policy into the Session, for a controller.
    fn wish(&self) -> Option<Step> {
        let policy = self.session.spec.data_policy?;
        if text(&self.object, "/spec/dataPolicy") == policy.word() {
            return None;
        }
        Some(Step::Patch {
            target: ObjectRef::of(&self.object),
            resource: SESSION.clone(),
            patch: json!({ "spec": { "dataPolicy": policy } }),
        })
    }

    /// Checks before the first write that the caller has all rights of the deletion.
    async fn require(&self, cluster: &Cluster, manner: &Manner, with: Stopping<'_>) -> Result<()> {
        if self.driver.is_controller() || with.write.dry_run {
            return Ok(());
        }
        let mut last = self.clone();
        if self.saving.is_some() {
            let held = self.held().into_iter();
            let uids = held.map(|claim| text(claim, "/metadata/uid").to_owned());
            last.live.saved = uids.collect();
        }
        let needs = last.plan(manner, with.now).accesses();
        let (permitted, rehearsed) = futures::join!(
            with.permissions.require(self.namespace(), &needs),
            self.rehearse(cluster)
        );
        let allowed = permitted.and(rehearsed);
        allowed.map_err(|error| untouched(DELETE, self.name(), error))
    }

    /// Sends the DELETE of the Session as a server dry run. Access reviews do not know admission policies, and their refusal would
    /// come only after the workload is gone. A Conflict means that the name belongs to a new Session: the plan handles that.
    ///
    /// # Errors
    /// Refusals of the server.
    async fn rehearse(&self, cluster: &Cluster) -> Result<()> {
        let options = Delete {
            uid: self.belonging.session_uid.clone(),
            dry_run: true,
            ..Delete::default()
        };
        let (namespace, name) = (self.namespace(), self.name());
        match cluster.delete(&SESSION, namespace, name, &options).await {
            Err(error) if failure::is(&error, Kind::Conflict) => Ok(()),
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
        manner: &Manner,
        with: Stopping<'_>,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        self.live.tell_strangers(sink);
        if self.runs_hooks(manner) && !with.write.dry_run {
            trust::check(cluster, &self.session, Part::Hooks).await?;
        }
        self.require(cluster, manner, with).await?;
        let Some(saving) = &self.saving else {
            let plan = self.plan(manner, with.now);
            return self.end(cluster, &plan, manner, with, sink).await;
        };
        let mut sync = self.plan(manner, with.now);
        sync.stages.truncate(1);
        sync.stages
            .retain(|stage| matches!(stage.first(), Some(Step::Sync { .. })));
        self.carry_out(cluster, &sync, manner, with, sink).await?;
        let taking = Taking {
            write: with.write,
            interrupt: with.interrupt,
            wait: true,
            limit: manner.limit,
        };
        let taken = saving.take(cluster, &taking, sink).await;
        let rest = self.after(taken.map_err(|error| self.ways_out(error))?, with.write);
        let synced = Manner {
            skip_sync: true,
            ..*manner
        };
        let plan = rest.plan(&synced, with.now);
        let ended = rest.end(cluster, &plan, manner, with, sink).await;
        ended.map_err(|error| {
            let set = &saving.set;
            hinted(
                error,
                format!("the data is saved: snapshot {set:?} is ready"),
            )
        })
    }

    /// Returns the deletion after the snapshot: claims in it count as saved and may be deleted.
    fn after(&self, taken: Vec<Value>, write: &Write) -> Self {
        let mut after = self.clone();
        let is_saved = |claim: &&Value| {
            let name = text(claim, "/metadata/name");
            taken.iter().any(|snapshot| claim_name(snapshot) == name)
        };
        let saved = self.held().into_iter().filter(is_saved);
        after.live.saved = saved
            .map(|claim| text(claim, "/metadata/uid").to_owned())
            .collect();
        if !write.dry_run {
            after.live.data.extend(taken);
        }
        after
    }

    async fn end(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        manner: &Manner,
        with: Stopping<'_>,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        self.mark_snapshots(cluster, with).await;
        self.carry_out(cluster, plan, manner, with, sink).await
    }

    async fn carry_out(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        manner: &Manner,
        with: Stopping<'_>,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        let carrying = Carrying {
            belonging: &self.belonging,
            write: with.write.clone(),
            interrupt: with.interrupt,
            limit: manner.limit,
        };
        let outcome = cluster.carry_out(plan, &carrying, sink).await;
        match outcome.failed {
            None => Ok(()),
            Some((step, error)) if is_about_claims(&step) => {
                let look = format!("kubectl get persistentvolumeclaims -n {}", self.namespace());
                Err(hinted(
                    error,
                    format!("watch its claims, which are deleted when nothing uses them: {look}"),
                ))
            }
            Some((step, error)) => {
                let (name, namespace) = (self.name(), self.namespace());
                Err(explain(DELETE, name, namespace, &step, error))
            }
        }
    }

    /// Annotates the session's snapshots with the time since which they are kept. The annotation is only shown in lists: failures
    /// are ignored.
    async fn mark_snapshots(&self, cluster: &Cluster, with: Stopping<'_>) {
        if with.write.dry_run || self.driver.is_controller() || with.interrupt.is_set() {
            return;
        }
        let own = self.live.own_data(&self.session);
        let patches = own.filter(|object| is_snapshot(object)).map(|snapshot| {
            let mut patch = kept_since(with.now);
            patch["metadata"]["uid"] = text(snapshot, "/metadata/uid").into();
            async move {
                let name = text(snapshot, "/metadata/name");
                let namespace = self.namespace();
                let kind = &VOLUME_SNAPSHOT;
                cluster
                    .merge_patch(kind, namespace, name, None, &patch, with.write)
                    .await
            }
        });
        drop(join_all(patches).await);
    }

    /// Adds hints to an error of the snapshot: the other data policies.
    fn ways_out(&self, error: anyhow::Error) -> anyhow::Error {
        let (name, namespace) = (self.name(), self.namespace());
        let delete = format!("kubectl session delete {name} -n {namespace}");
        let nothing = format!("nothing has been deleted: session {name:?} is unchanged");
        let keep = format!("keep the data: {delete} --keep-data");
        let destroy = format!("delete the data: {delete} --delete-data -y");
        hinted(hinted(hinted(error, nothing), keep), destroy)
    }
}

/// Lists VolumeSnapshots. Returns `None` if the caller may not list them, and an empty list if the cluster does not serve them.
///
/// # Errors
/// Other refusals of the server.
pub async fn snapshots_of(
    cluster: &Cluster,
    namespace: &str,
    select: &Selection,
) -> Result<Option<Vec<Value>>> {
    let place = Place::Namespace(namespace);
    match cluster.list(&VOLUME_SNAPSHOT, place, select).await {
        Ok(list) => Ok(Some(list.items)),
        Err(error) if failure::is(&error, Kind::NoSuchResource) => Ok(Some(Vec::new())),
        Err(error) if failure::is(&error, Kind::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_about_session(step: &Step) -> bool {
    match step {
        Step::Delete { target, .. } | Step::Patch { target, .. } => target.kind == "Session",
        Step::AwaitGone { resource, .. } => resource.kind == "Session",
        _ => false,
    }
}

/// Returns true for the last step of a deletion: the wait until the claims are gone.
fn is_about_claims(step: &Step) -> bool {
    matches!(step, Step::AwaitGone { resource, .. } if *resource == PERSISTENT_VOLUME_CLAIM)
}

#[cfg(test)]
#[path = "deleting_tests.rs"]
mod tests;
