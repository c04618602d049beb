//! Snapshots of a session's claims. The workload is quiesced, all VolumeSnapshots are cut, the workload is resumed, and only then
//! the command waits until the snapshots are ready.
//!
//! ```text
//! ObservedSession + SnapshotOptions + SnapshotClasses ─► SnapshotPlan ─► quiesce, POST, cut, resume, ready ─► VolumeSnapshots
//! ```
//!
//! To cut is the CSI specification's word for the moment at which a snapshot's content is fixed.

use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::future::{join_all, try_join_all};
use futures::join;
use jiff::Timestamp;
use serde_json::Value;

use super::quiesce_hooks::{QuiesceHooks, QuiesceMessages};
use super::session_record::record_session;
use super::snapshot_classes::{ClassChoice, choose_classes};
pub use super::snapshot_classes::{SnapshotClasses, clarify_unserved, parse_class_name};
use super::snapshot_name::find_unused_name;
pub use super::snapshot_name::generate_snapshot_name;
use super::snapshot_source::find_bound_claims;
pub use super::snapshot_source::{has_snapshot_hooks, read_snapshot_source};
use crate::Cluster;
use crate::observed_session::ObservedSession;
use crate::wait_snapshots::SnapshotDriverError;
use crate::wait_snapshots::SnapshotMilestone;
use session_client::interrupt::Interrupt;
use session_client::{WriteOptions, random_token};
use session_engine::plan::PropagationPolicy;
use session_model::api::ObjectRef;
use session_model::encode::shell;
use session_model::failure::{self, FailureKind, with_hint};
use session_model::labels;
use session_model::names::check_dns_subdomain;
use session_model::objects::Untyped;
use session_model::objects::ownership::Ownership;
use session_model::objects::resource::{VOLUME_SNAPSHOT, VOLUME_SNAPSHOT_CONTENT};
use session_model::objects::volume_snapshot::{
    VolumeSnapshot, build_snapshots, content_label_patch, source_claim_name,
};
use session_model::progress::{ProgressEvent, ProgressSink};

/// Longest time that a workload stays quiesced. If its snapshots are not cut by then, it is resumed and they are deleted.
const MAX_QUIESCE: Duration = Duration::from_secs(120);

/// Options of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct SnapshotOptions {
    /// Name of the snapshot; `None` for session and time.
    pub name: Option<String>,
    /// VolumeSnapshotClass; `None` for the driver's default.
    pub class: Option<String>,
    /// Runs neither the quiesce nor the resume hook.
    pub skip_hooks: bool,
}

/// A validated snapshot of one session: names, classes and VolumeSnapshot objects are final, so taking it can fail only on the
/// server's or the driver's side.
#[derive(Clone, Debug)]
pub struct SnapshotPlan {
    /// Name of the snapshot, shared by the VolumeSnapshots of all claims.
    pub name: String,
    /// The VolumeSnapshot of each claim, complete.
    pub objects: Vec<Value>,
    /// The user chose the name: existing VolumeSnapshots of that name may come from an interrupted command.
    named: bool,
    session: String,
    namespace: String,
    pausing: QuiesceHooks,
    retaining: Vec<String>,
}

/// Context of a snapshot or restore: write options, interrupt signal and wait.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotRun<'a> {
    /// Dry run and field manager.
    pub write: &'a WriteOptions,
    /// Interrupt signal; it ends waits, but the resume hook still runs.
    pub interrupt: &'a Interrupt,
    /// Waits until snapshots are ready or claims are bound.
    pub wait: bool,
    /// Timeout of each wait.
    pub timeout: Duration,
}

impl SnapshotPlan {
    /// Validates a snapshot of the session. Reads only the VolumeSnapshotClasses and what their choice needs.
    ///
    /// # Errors
    /// A session without claims or with an unbound one; an invalid name; no suitable class; a server without snapshots.
    pub async fn prepare(
        cluster: &Cluster,
        observed: &ObservedSession,
        asked: &SnapshotOptions,
        now: Timestamp,
    ) -> Result<Self> {
        let offered = SnapshotClasses::list(cluster).await;
        Self::prepare_with_classes(cluster, observed, asked, &offered, now).await
    }

    /// As [`SnapshotPlan::prepare`], with classes that have been listed already.
    ///
    /// # Errors
    /// As [`SnapshotPlan::prepare`].
    pub async fn prepare_with_classes(
        cluster: &Cluster,
        observed: &ObservedSession,
        asked: &SnapshotOptions,
        offered: &SnapshotClasses,
        now: Timestamp,
    ) -> Result<Self> {
        let (session, namespace) = (observed.name(), observed.namespace());
        let claims = find_bound_claims(observed)?;
        let set = asked
            .name
            .clone()
            .unwrap_or_else(|| generate_snapshot_name(session, now));
        let classes = choose_classes(cluster, &claims, asked.class.as_deref(), offered);
        let (ClassChoice { names, retaining }, set) = match asked.name {
            Some(_) => (classes.await?, set),
            None => {
                let (classes, set) =
                    join!(classes, find_unused_name(cluster, namespace, set, &claims));
                (classes?, set)
            }
        };
        let ownership = Ownership {
            command_token: random_token()?,
            ..observed.ownership()?.clone()
        };
        let mut objects = build_snapshots(&ownership, &set, &claims, &names);
        record_session(&observed.object, &mut objects);
        for name in objects.iter().map(|object| Untyped(object).name()) {
            check_dns_subdomain(name)
                .map_err(|why| anyhow!("invalid snapshot name {name:?}: {why}"))?;
        }
        let words = QuiesceMessages {
            failure: format!("cannot take a snapshot of session {session:?}"),
            skip_hint: format!(
                "take the snapshot without hooks: kubectl session snapshot create {session} -n {namespace}"
            ),
        };
        Ok(Self {
            name: set,
            objects,
            named: asked.name.is_some(),
            session: session.to_owned(),
            namespace: namespace.to_owned(),
            pausing: QuiesceHooks::of_session(observed, asked.skip_hooks, words),
            retaining,
        })
    }

    /// Returns true if hooks run around the snapshot.
    pub fn has_hooks(&self) -> bool {
        self.pausing.has_hooks()
    }

    /// Takes the snapshot and returns the VolumeSnapshots. If the driver fails, or the snapshots are not cut while the workload is
    /// quiesced, they are deleted again. If they are only slow to become ready, they are kept.
    ///
    /// # Errors
    /// A failing hook, a refusal of the server, a failure of the driver, TimedOut, Interrupted; with hints how to continue.
    pub async fn take(
        &self,
        cluster: &Cluster,
        with: &SnapshotRun<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<Vec<Value>> {
        if with.write.dry_run {
            return self.create_all(cluster, with.write).await;
        }
        let cut = self.create_and_wait_cut(cluster, with, sink);
        let made = self
            .pausing
            .run_around(cluster, with.interrupt, cut)
            .await?;
        if !with.wait {
            return Ok(made);
        }
        let (limit, interrupt) = (with.timeout, with.interrupt);
        let ready = cluster
            .wait_snapshots(&made, SnapshotMilestone::Ready, limit, interrupt, sink)
            .await;
        match ready {
            Ok(ready) => {
                self.label_contents(cluster, &ready, with.write).await;
                Ok(ready)
            }
            Err(error) => Err(self
                .wait_failure(cluster, &made, error, with.write, false)
                .await),
        }
    }

    /// Labels retained VolumeSnapshotContents, which outlive their snapshots, so that `cleanup --snapshot-contents` recognises them.
    /// Most users lack that right; a failure is ignored, as it does not affect the snapshot.
    async fn label_contents(&self, cluster: &Cluster, ready: &[Value], write: &WriteOptions) {
        let retained = ready.iter().filter(|snapshot| {
            let class = VolumeSnapshot::of(snapshot).class();
            class.is_some_and(|class| self.retaining.iter().any(|retaining| retaining == class))
        });
        let marks = retained.map(|snapshot| async move {
            let (t, state) = (&VOLUME_SNAPSHOT_CONTENT, VolumeSnapshot::of(snapshot));
            let name = state.bound_content()?;
            let content = cluster.get(t, "", name).await.ok()??;
            let mark = content_label_patch(snapshot, &content)?;
            let marked = cluster.merge_patch(t, "", name, None, &mark, write).await;
            marked.ok()
        });
        join_all(marks).await.into_iter().for_each(drop);
    }

    /// Creates the VolumeSnapshots and, if the workload is quiesced, waits until they are cut.
    async fn create_and_wait_cut(
        &self,
        cluster: &Cluster,
        with: &SnapshotRun<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<Vec<Value>> {
        let made = self.create_all(cluster, with.write).await?;
        for earlier in made.iter().filter(|object| !self.is_new(object)) {
            sink.tell(ProgressEvent::Note(format!(
                "{} was taken by an interrupted command at {}: the snapshots of the other claims are newer",
                Untyped(earlier).name(),
                Untyped(earlier).str_at("/metadata/creationTimestamp").unwrap_or("an unknown time")
            )));
        }
        if !self.pausing.has_hooks() {
            return Ok(made);
        }
        let limit = with.timeout.min(MAX_QUIESCE);
        let cut = cluster
            .wait_snapshots(&made, SnapshotMilestone::Taken, limit, with.interrupt, sink)
            .await;
        match cut {
            Ok(cut) => Ok(cut),
            Err(error) => Err(self
                .wait_failure(cluster, &made, error, with.write, true)
                .await),
        }
    }

    /// Creates all VolumeSnapshots or none: if one is refused, the new ones are deleted again. Those of an interrupted command are
    /// kept and completed.
    async fn create_all(&self, cluster: &Cluster, write: &WriteOptions) -> Result<Vec<Value>> {
        let posts = self
            .objects
            .iter()
            .map(|object| self.create_one(cluster, object, write));
        let (mut made, mut taken, mut refused) = (Vec::new(), None, None);
        for (object, result) in self.objects.iter().zip(join_all(posts).await) {
            match result {
                Ok(object) => made.push(object),
                Err(error) => match self.find_interrupted(cluster, object, &error).await {
                    Some(found) => {
                        made.push(found);
                        taken = taken.or(Some(error));
                    }
                    None => refused = refused.or(Some(error)),
                },
            }
        }
        let is_new = made.iter().any(|object| self.is_new(object));
        // All of them exist already: nothing is left to complete, so the name is taken.
        let refused = refused.or(taken.filter(|_| !is_new));
        match refused {
            None => Ok(made),
            Some(error) if write.dry_run => Err(error),
            Some(error) => {
                self.roll_back(cluster, &made, write).await;
                Err(clarify_unserved(error))
            }
        }
    }

    /// Returns the existing VolumeSnapshot if an earlier command took it for the same snapshot and claim. A generated name is never
    /// completed: an object that has it comes from somebody else.
    async fn find_interrupted(
        &self,
        cluster: &Cluster,
        object: &Value,
        error: &anyhow::Error,
    ) -> Option<Value> {
        if !self.named || !failure::has_kind(error, FailureKind::AlreadyExists) {
            return None;
        }
        let name = Untyped(object).name();
        let found = cluster.get(&VOLUME_SNAPSHOT, &self.namespace, name).await;
        let found = found.ok().flatten()?;
        let marks = [labels::SNAPSHOT_SET, labels::SESSION_UID];
        let same = marks.iter().all(|key| {
            Untyped(&found)
                .annotation(key)
                .is_some_and(|mark| Some(mark) == Untyped(object).annotation(key))
        });
        (same
            && !Untyped(&found).is_terminating()
            && source_claim_name(&found) == source_claim_name(object))
        .then_some(found)
    }

    fn is_new(&self, object: &Value) -> bool {
        let run = |object| Untyped(object).annotation(labels::RUN);
        self.objects.first().and_then(run) == run(object)
    }

    async fn create_one(
        &self,
        cluster: &Cluster,
        object: &Value,
        write: &WriteOptions,
    ) -> Result<Value> {
        let posted = cluster
            .create(&VOLUME_SNAPSHOT, &self.namespace, object, write)
            .await;
        let error = match posted {
            Ok(made) => return Ok(made),
            Err(error) => error,
        };
        if failure::has_kind(&error, FailureKind::Unreachable) {
            // The request may have succeeded although its answer was lost.
            let name = Untyped(object).name();
            let found = cluster.get(&VOLUME_SNAPSHOT, &self.namespace, name).await;
            if let Ok(Some(found)) = found
                && Untyped(&found).annotation(labels::RUN)
                    == Untyped(object).annotation(labels::RUN)
            {
                return Ok(found);
            }
        }
        Err(error)
    }

    /// Deletes the VolumeSnapshots of this command. Returns true if all of them were deleted.
    async fn roll_back(&self, cluster: &Cluster, made: &[Value], write: &WriteOptions) -> bool {
        let new = made.iter().filter(|object| self.is_new(object));
        let targets: Vec<ObjectRef> = new.map(ObjectRef::from_object).collect();
        let deletes = targets.iter().map(|target| {
            let background = PropagationPolicy::Background;
            cluster.delete_if_present(&VOLUME_SNAPSHOT, &self.namespace, target, background, write)
        });
        try_join_all(deletes).await.is_ok()
    }

    /// Cleans up after a failed wait and adds hints how to continue to its error.
    async fn wait_failure(
        &self,
        cluster: &Cluster,
        made: &[Value],
        error: anyhow::Error,
        write: &WriteOptions,
        paused: bool,
    ) -> anyhow::Error {
        let (session, namespace, set) = (&self.session, &self.namespace, &self.name);
        let failed = error.downcast_ref::<SnapshotDriverError>().is_some();
        if (failed || paused) && self.roll_back(cluster, made, write).await {
            return match (failed, failure::has_kind(&error, FailureKind::Interrupted)) {
                (_, true) => error,
                (true, _) => with_hint(
                    error,
                    "take the snapshot again when the driver works: its objects have been deleted",
                ),
                (false, _) => with_hint(
                    error,
                    "take the snapshot again: its objects have been deleted and the session is resumed",
                ),
            };
        }
        let look =
            format!("inspect the snapshot: kubectl session snapshot list {session} -n {namespace}");
        let set = shell::quote_word(set);
        let drop =
            format!("delete the snapshot: kubectl session snapshot delete {set} -n {namespace}");
        with_hint(with_hint(error, look), drop)
    }
}
