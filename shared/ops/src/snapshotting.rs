//! Snapshots of a session's claims: the workload pauses, all are cut, it goes on, and only then they are waited for.

use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::future::{join_all, try_join_all};
use futures::join;
use jiff::Timestamp;
use serde_json::Value;

use super::pausing::{Pausing, Words};
use super::remembering::remember;
use super::snapshot_class::{Classes, classes};
pub use super::snapshot_class::{Offered, class_name, served};
pub use super::snapshot_name::set_of;
use super::snapshot_name::unused;
pub use super::snapshot_source::{has_hooks, look_at};
use super::stopping::Present;
use crate::Cluster;
use crate::snapshots::DriverFailed;
use crate::snapshots::Milestone;
use session_client::Write;
use session_client::interrupt::Interrupt;
use session_client::random_token;
use session_engine::plan::Propagation;
use session_model::api::ObjectRef;
use session_model::encode::shell;
use session_model::failure::{self, Kind, hinted};
use session_model::labels;
use session_model::names::check_subdomain;
use session_model::objects::belonging::Belonging;
use session_model::objects::kept::is_claim;
use session_model::objects::resource::{
    VOLUME_SNAPSHOT, VOLUME_SNAPSHOT_CONTENT, annotation, is_going, text,
};
use session_model::objects::snapshot::{claim_name, content_mark, snapshots_of};
use session_model::progress::{Event, Sink};

/// So long a paused workload waits for its snapshots to be cut; then it goes on, and there is no snapshot.
const PAUSE: Duration = Duration::from_secs(120);

/// What the user wants of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Its name; session and time where none is given.
    pub name: Option<String>,
    /// Its VolumeSnapshotClass; the driver's default where none is given.
    pub class: Option<String>,
    /// The workload is not paused.
    pub skip_hooks: bool,
}

/// A snapshot that can be taken: everything the user can have got wrong has been found.
#[derive(Clone, Debug)]
pub struct Cutting {
    /// Its name, which the VolumeSnapshots of several claims share.
    pub set: String,
    /// A VolumeSnapshot of each claim, complete.
    pub objects: Vec<Value>,
    /// The user gave its name: what has it already may be of a run that was cut off.
    named: bool,
    session: String,
    namespace: String,
    pausing: Pausing,
    retaining: Vec<String>,
}

/// What a snapshot is taken with.
#[derive(Clone, Copy, Debug)]
pub struct Taking<'a> {
    /// How to write.
    pub write: &'a Write,
    /// Ends the waiting; the workload goes on all the same.
    pub interrupt: &'a Interrupt,
    /// Whether to wait until it is ready.
    pub wait: bool,
    /// How long.
    pub limit: Duration,
}

impl Cutting {
    /// Looks at what there is to take a snapshot of, and what it is taken with. Reads classes alone.
    ///
    /// # Errors
    /// No claims, or one that holds no volume; a name that is none; no class that fits; a server without snapshots.
    pub async fn of(
        cluster: &Cluster,
        present: &Present,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<Self> {
        let offered = Offered::by(cluster).await;
        Self::with(cluster, present, asked, offered, now).await
    }

    /// The same, with the classes that have been asked for already.
    ///
    /// # Errors
    /// As [`Cutting::of`].
    pub async fn with(
        cluster: &Cluster,
        present: &Present,
        asked: &Asked,
        offered: Offered,
        now: Timestamp,
    ) -> Result<Self> {
        let (session, namespace) = (present.name(), present.namespace());
        let data = present.live.own_data(&present.session);
        let mut claims: Vec<&Value> = data.filter(|object| is_claim(object)).collect();
        claims.sort_by_key(|claim| text(claim, "/metadata/name"));
        if claims.is_empty() {
            let error = anyhow!(
                "session {session:?} has no claims: there is nothing to take a snapshot of"
            );
            let save = format!(
                "save the files of its container: kubectl session snapshot create {session} -n {namespace} --to FILE.tar.gz"
            );
            return Err(hinted(error, save));
        }
        let bound = |claim: &&&Value| text(claim, "/status/phase") == "Bound";
        if let Some(claim) = claims.iter().find(|claim| !bound(claim)) {
            let error = anyhow!(
                "claim {:?} is not bound: it has no volume to take a snapshot of",
                text(claim, "/metadata/name")
            );
            let look = format!("look at it: kubectl session status {session} -n {namespace}");
            return Err(hinted(error, look));
        }
        let set = asked.name.clone().unwrap_or_else(|| set_of(session, now));
        let classes = classes(cluster, &claims, asked.class.as_deref(), offered);
        let (Classes { names, retaining }, set) = match asked.name {
            Some(_) => (classes.await?, set),
            None => {
                let (classes, set) = join!(classes, unused(cluster, namespace, set, &claims));
                (classes?, set)
            }
        };
        let belonging = Belonging {
            run: random_token()?,
            ..present.belonging.clone()
        };
        let mut objects = snapshots_of(&belonging, &set, &claims, &names);
        remember(&present.object, &mut objects);
        for name in objects.iter().map(|object| text(object, "/metadata/name")) {
            check_subdomain(name)
                .map_err(|why| anyhow!("invalid snapshot name {name:?}: {why}"))?;
        }
        let words = Words {
            undone: format!("no snapshot of session {session:?} was taken"),
            without: format!(
                "take it while the session writes: kubectl session snapshot create {session} -n {namespace}"
            ),
        };
        Ok(Self {
            set,
            objects,
            named: asked.name.is_some(),
            session: session.to_owned(),
            namespace: namespace.to_owned(),
            pausing: Pausing::of(present, asked.skip_hooks, words),
            retaining,
        })
    }

    /// True if hooks run around it.
    pub fn pauses(&self) -> bool {
        self.pausing.pauses()
    }

    /// Takes it, and returns the VolumeSnapshots as they are then. Of one that a driver has failed, or that was not cut while the
    /// workload paused, nothing is left; one that only takes too long stays.
    ///
    /// # Errors
    /// What failed, with the way on: a hook, what the server refuses, the driver, the time.
    pub async fn take(
        &self,
        cluster: &Cluster,
        with: &Taking<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Value>> {
        if with.write.dry_run {
            return self.make(cluster, with.write).await;
        }
        let cut = self.cut(cluster, with, sink);
        let made = self.pausing.around(cluster, with.interrupt, cut).await?;
        if !with.wait {
            return Ok(made);
        }
        let (limit, interrupt) = (with.limit, with.interrupt);
        let ready = cluster
            .await_snapshots(&made, Milestone::Ready, limit, interrupt, sink)
            .await;
        match ready {
            Ok(ready) => {
                self.mark(cluster, &ready, with.write).await;
                Ok(ready)
            }
            Err(error) => Err(self
                .given_up(cluster, &made, error, with.write, false)
                .await),
        }
    }

    /// Marks what outlives the snapshots, so that `cleanup --snapshot-contents` knows it as ours. Few may do that: of those who
    /// may not, nothing is said, as their snapshots are none the worse for it.
    async fn mark(&self, cluster: &Cluster, ready: &[Value], write: &Write) {
        let retained = ready.iter().filter(|snapshot| {
            let class = text(snapshot, "/spec/volumeSnapshotClassName");
            self.retaining.iter().any(|retaining| retaining == class)
        });
        let marks = retained.map(|snapshot| async move {
            let name = text(snapshot, "/status/boundVolumeSnapshotContentName");
            let content = cluster.get(&VOLUME_SNAPSHOT_CONTENT, "", name).await?;
            let content = content.unwrap_or_default();
            if let Some(mark) = content_mark(snapshot, &content) {
                let t = &VOLUME_SNAPSHOT_CONTENT;
                cluster.merge_patch(t, "", name, None, &mark, write).await?;
            }
            anyhow::Ok(())
        });
        join_all(marks).await.into_iter().for_each(drop);
    }

    /// Makes the VolumeSnapshots; where the workload pauses, waits until the moment is fixed.
    async fn cut(
        &self,
        cluster: &Cluster,
        with: &Taking<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Value>> {
        let made = self.make(cluster, with.write).await?;
        for earlier in made.iter().filter(|object| !self.is_of_this_run(object)) {
            sink.tell(Event::Note(format!(
                "{} is of a run that was cut off, begun at {}: the snapshots of the other claims are later",
                text(earlier, "/metadata/name"),
                text(earlier, "/metadata/creationTimestamp")
            )));
        }
        if !self.pausing.pauses() {
            return Ok(made);
        }
        let limit = with.limit.min(PAUSE);
        let cut = cluster
            .await_snapshots(&made, Milestone::Cut, limit, with.interrupt, sink)
            .await;
        match cut {
            Ok(cut) => Ok(cut),
            Err(error) => Err(self.given_up(cluster, &made, error, with.write, true).await),
        }
    }

    /// POSTs all of them, or none: what was made before one was refused is taken away again. What a run that was cut off has
    /// made of them stays, and is completed.
    async fn make(&self, cluster: &Cluster, write: &Write) -> Result<Vec<Value>> {
        let posts = self
            .objects
            .iter()
            .map(|object| self.post(cluster, object, write));
        let (mut made, mut taken, mut refused) = (Vec::new(), None, None);
        for (object, result) in self.objects.iter().zip(join_all(posts).await) {
            match result {
                Ok(object) => made.push(object),
                Err(error) => match self.earlier(cluster, object, &error).await {
                    Some(found) => {
                        made.push(found);
                        taken = taken.or(Some(error));
                    }
                    None => refused = refused.or(Some(error)),
                },
            }
        }
        let is_new = made.iter().any(|object| self.is_of_this_run(object));
        // There is nothing to complete: the name is taken.
        let refused = refused.or(taken.filter(|_| !is_new));
        match refused {
            None => Ok(made),
            Some(error) if write.dry_run => Err(error),
            Some(error) => {
                self.take_back(cluster, &made, write).await;
                Err(served(error))
            }
        }
    }

    /// What has the name of one of them and is just that: the same snapshot of the same claim, by another run. A name that was
    /// made up is nobody's to complete: what has it was put there by somebody else.
    async fn earlier(
        &self,
        cluster: &Cluster,
        object: &Value,
        error: &anyhow::Error,
    ) -> Option<Value> {
        if !self.named || !failure::is(error, Kind::AlreadyExists) {
            return None;
        }
        let name = text(object, "/metadata/name");
        let found = cluster.get(&VOLUME_SNAPSHOT, &self.namespace, name).await;
        let found = found.ok().flatten()?;
        let marks = [labels::SNAPSHOT_SET, labels::SESSION_UID];
        let same = marks.iter().all(|key| {
            annotation(&found, key).is_some_and(|mark| Some(mark) == annotation(object, key))
        });
        (same && !is_going(&found) && claim_name(&found) == claim_name(object)).then_some(found)
    }

    fn is_of_this_run(&self, object: &Value) -> bool {
        let run = |object| annotation(object, labels::RUN);
        self.objects.first().and_then(run) == run(object)
    }

    async fn post(&self, cluster: &Cluster, object: &Value, write: &Write) -> Result<Value> {
        let posted = cluster
            .create(&VOLUME_SNAPSHOT, &self.namespace, object, write)
            .await;
        let error = match posted {
            Ok(made) => return Ok(made),
            Err(error) => error,
        };
        if failure::is(&error, Kind::Unreachable) {
            // The answer may be lost, not the request.
            let name = text(object, "/metadata/name");
            let found = cluster.get(&VOLUME_SNAPSHOT, &self.namespace, name).await;
            if let Ok(Some(found)) = found
                && annotation(&found, labels::RUN) == annotation(object, labels::RUN)
            {
                return Ok(found);
            }
        }
        Err(error)
    }

    /// True if nothing of them is left.
    async fn take_back(&self, cluster: &Cluster, made: &[Value], write: &Write) -> bool {
        let new = made.iter().filter(|object| self.is_of_this_run(object));
        let targets: Vec<ObjectRef> = new.map(ObjectRef::of).collect();
        let deletes = targets.iter().map(|target| {
            let background = Propagation::Background;
            cluster.take_away(&VOLUME_SNAPSHOT, &self.namespace, target, background, write)
        });
        try_join_all(deletes).await.is_ok()
    }

    /// The error of a wait that came to nothing, with the way on.
    async fn given_up(
        &self,
        cluster: &Cluster,
        made: &[Value],
        error: anyhow::Error,
        write: &Write,
        paused: bool,
    ) -> anyhow::Error {
        let (session, namespace, set) = (&self.session, &self.namespace, &self.set);
        let failed = error.downcast_ref::<DriverFailed>().is_some();
        if (failed || paused) && self.take_back(cluster, made, write).await {
            return match (failed, failure::is(&error, Kind::Interrupted)) {
                (_, true) => error,
                (true, _) => hinted(
                    error,
                    "nothing is left of it; take it again once the driver works",
                ),
                (false, _) => hinted(
                    error,
                    "nothing is left of it: the session was quiesced meanwhile, and goes on now",
                ),
            };
        }
        let look = format!("look at it: kubectl session snapshot list {session} -n {namespace}");
        let set = shell::word(set);
        let drop = format!("delete it: kubectl session snapshot delete {set} -n {namespace}");
        hinted(hinted(error, look), drop)
    }
}
