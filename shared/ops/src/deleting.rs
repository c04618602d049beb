//! Taking a session away: its data is synchronised and, where its data policy says so, saved in a snapshot; its workload goes;
//! its data goes or stays.

use anyhow::Result;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::manner::Manner;
use super::snapshotting::{Asked, Cutting, Taking};
use super::stopping::{DELETE, Present, Stopping, explain, untouched};
use super::trust::{self, Part};
use crate::Cluster;
use crate::chosen::Chosen;
use crate::execute::Carrying;
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

/// One session that is to be deleted, and all that is there of it.
#[derive(Clone, Debug)]
pub struct Doomed {
    /// The Session, with the data policy that holds for this deletion.
    pub session: Session,
    /// What is there of it.
    pub live: Live,
    /// Whose everything is.
    pub belonging: Belonging,
    /// Whether a controller does the work.
    pub controller: bool,
    /// The Session as the server has it.
    object: Value,
    /// What is taken of its claims before they go.
    pub(super) saving: Option<Cutting>,
}

impl Doomed {
    /// A session, with everything that is there of it.
    ///
    /// # Errors
    /// When its name, Namespace or owner is not legal.
    pub fn with(chosen: Chosen, live: Live, controller: bool) -> Result<Self> {
        let Chosen { session, object } = chosen;
        let belonging = Belonging::of(&session)?;
        Ok(Self {
            session,
            live,
            belonging,
            controller,
            object,
            saving: None,
        })
    }

    /// The same under another data policy, where one is given.
    pub fn under(mut self, policy: Option<DataPolicy>) -> Self {
        self.session.spec.data_policy = policy.or(self.session.spec.data_policy);
        self
    }

    /// Looks at its snapshots, and at what the data policy's snapshot is taken with; everything that is wrong with that is found
    /// here, before anything is written.
    ///
    /// # Errors
    /// A claim that has lost its volume, classes that do not fit, with the ways out; what the server refuses.
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
        // A controller takes it itself, before it lets the Session go.
        if self.policy() != DataPolicy::Snapshot || held.is_empty() || self.controller {
            return Ok(self);
        }
        let chosen = Chosen {
            session: self.session.clone(),
            object: self.object.clone(),
        };
        let mut present = Present::with(chosen, self.live.clone(), false)?;
        present.live.data = held.into_iter().cloned().collect();
        let asked = Asked {
            class: class.map(str::to_owned),
            ..Asked::default()
        };
        let cutting = Cutting::of(cluster, &present, &asked, now).await;
        self.saving = Some(cutting.map_err(|error| self.ways_out(error))?);
        Ok(self)
    }

    /// All Pods of the Namespace, where claims go: somebody else's may use them.
    async fn pods_around(&self, cluster: &Cluster) -> Result<Vec<Value>> {
        let goes = self.policy() != DataPolicy::Keep && !self.claims().is_empty();
        if !goes || self.controller {
            return Ok(Vec::new());
        }
        let place = Place::Namespace(self.namespace());
        Ok(cluster
            .list(&POD, place, &Selection::default())
            .await?
            .items)
    }

    /// Name of the session.
    pub fn name(&self) -> &str {
        self.session.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its Namespace.
    pub fn namespace(&self) -> &str {
        self.belonging.namespace.as_str()
    }

    /// The data policy that holds.
    pub fn policy(&self) -> DataPolicy {
        data_policy(&self.session)
    }

    /// True if a deletion of that manner runs hooks here: sync, or those around the snapshot.
    pub fn runs_hooks(&self, manner: &Manner) -> bool {
        let seen = look(&self.session, &self.live, &[]);
        let sync = !manner.skip_sync && HookRun::of(&self.session, &seen, "sync").is_some();
        !self.controller && (sync || self.saving.as_ref().is_some_and(Cutting::pauses))
    }

    /// Everything that is to be done, in order, but for the snapshot: it is taken after the sync.
    pub fn plan(&self, manner: &Manner, now: Timestamp) -> Plan {
        let wanted = Wanted::Gone {
            skip_sync: manner.skip_sync,
        };
        let mut plan = reconcile(&self.session, wanted, None, &self.live, &[], now).plan;
        if self.controller {
            // Its finalizer syncs, and sees to workload and data: what is left to do here is the DELETE itself.
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

    /// Tells a controller of another data policy.
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

    /// Finds whether the caller may do all that the deletion does, before anything is written.
    async fn require(&self, cluster: &Cluster, manner: &Manner, with: Stopping<'_>) -> Result<()> {
        if self.controller || with.write.dry_run {
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

    /// Lets the server rehearse the deletion of the Session: an access review says nothing of admission policies, and the
    /// deletion comes when its workload is gone. One that has been made anew under its name is not what the plan is about.
    ///
    /// # Errors
    /// What the server refuses.
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

    /// Deletes it: nothing goes before its data is synchronised, and saved where that is wanted.
    ///
    /// # Errors
    /// What failed, with the way on; a right that is missing, before anything is written.
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
                format!("its data is saved: snapshot {set:?} is ready"),
            )
        })
    }

    /// The same once the snapshot is ready: what it holds may go.
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
                    format!("the session is gone; its claims go once nothing uses them: {look}"),
                ))
            }
            Some((step, error)) => {
                let (name, namespace) = (self.name(), self.namespace());
                Err(explain(DELETE, name, namespace, &step, error))
            }
        }
    }

    /// Writes on snapshots since when they are kept. A help for who lists them: one that cannot be written is kept all the same.
    async fn mark_snapshots(&self, cluster: &Cluster, with: Stopping<'_>) {
        if with.write.dry_run || self.controller || with.interrupt.is_set() {
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

    /// An error of the snapshot, with what else can be done about the data.
    fn ways_out(&self, error: anyhow::Error) -> anyhow::Error {
        let (name, namespace) = (self.name(), self.namespace());
        let delete = format!("kubectl session delete {name} -n {namespace}");
        let nothing = format!("nothing has been deleted: session {name:?} is as it was");
        let keep = format!("keep its data as it is: {delete} --keep-data");
        let destroy = format!("destroy its data: {delete} --delete-data -y");
        hinted(hinted(hinted(error, nothing), keep), destroy)
    }
}

/// VolumeSnapshots; `None` where the caller may not see them. A cluster without such things has none.
///
/// # Errors
/// What else the server refuses.
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

/// The last thing of all: claims that are waited for.
fn is_about_claims(step: &Step) -> bool {
    matches!(step, Step::AwaitGone { resource, .. } if *resource == PERSISTENT_VOLUME_CLAIM)
}

#[cfg(test)]
#[path = "deleting_tests.rs"]
mod tests;
