//! Live logs of a session: all selected containers of its Pods, including Pods that are created later.
//!
//! ```text
//! ObservedSession ─► Cluster::follow_logs ─► LogFollower ─► LogEvent
//!                      watch of Pods ──► FollowedPod   which Pods exist, which replaced which
//!                      ContainerFollower ─► ResumeFilter   one log across restarts and reconnects, every line once
//! ```

mod follower;
mod pods;
mod scanner;

use std::collections::VecDeque;
use std::task::Poll;

use anyhow::Result;
use futures::StreamExt;
use futures::future::poll_fn;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::{Cluster, Present};
use follower::Said;
use pods::{Known, Source};
use session_client::{Backoff, Change, LogOptions, Place, Selection, typed};
use session_engine::reconcile::LiveObjects;
use session_model::api::{Session, DesiredState};
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::objects::ObjectRef;
use session_model::objects::resource::{POD, SESSION, string_at};

/// Selects the containers of a Pod whose logs are followed; none for a Pod to skip. The second argument is the Pod's
/// workload.
pub type Choose = Box<dyn Fn(&Pod, &ObjectRef) -> Result<Vec<String>> + Send>;

/// An event of the logs that are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A container's log is followed from now on.
    Began {
        /// Number of the log in later events, from 0.
        source: usize,
        /// Name of the Pod.
        pod: String,
        /// Name of the container.
        container: String,
    },
    /// Bytes of a log that were not returned before; they may end anywhere in a line.
    Text {
        /// Number of the log.
        source: usize,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A log has ended.
    Ended {
        /// Number of the log.
        source: usize,
    },
    /// A message for the user.
    Note(String),
}

/// A follower of all selected logs of a session.
pub struct Following {
    cluster: Cluster,
    namespace: String,
    name: String,
    session_uid: String,
    /// The Session as last seen; its status determines which Pods belong to it.
    session: Session,
    options: LogOptions,
    choose: Choose,
    live: LiveObjects,
    /// Pods that do not belong to the Session as last seen; the Session's status may name them a moment later.
    strangers: Vec<Value>,
    known: Vec<Known>,
    sources: Vec<Source>,
    /// Index of the log that is polled first, so that no log starves the others.
    turn: usize,
    ready: VecDeque<Told>,
    pods: BoxStream<'static, Result<Change>>,
    sessions: BoxStream<'static, Result<Change>>,
    /// True if the session is being deleted or stopped: no further Pod will be created.
    ending: bool,
    /// False while the initial Pods are added: these are not announced as new.
    begun: bool,
    /// Pauses between two complete reads.
    backoff: Backoff,
}

enum Happened {
    Pod(Option<Result<Change>>),
    Session(Option<Result<Change>>),
    Said(usize, Option<Result<Said>>),
}

impl Cluster {
    /// Follows the logs of a session that `choose` selects. Every line is returned once, across container restarts,
    /// replaced Pods and lost connections. `options` apply to the Pods that exist now; logs of later Pods are read from
    /// the beginning.
    ///
    /// # Errors
    /// Those of `choose`.
    pub fn follow(
        &self,
        present: Present,
        options: LogOptions,
        choose: Choose,
    ) -> Result<Following> {
        let session = &present.session.metadata;
        let mut following = Following {
            cluster: self.clone(),
            namespace: session.namespace.clone().unwrap_or_default(),
            name: session.name.clone().unwrap_or_default(),
            session_uid: present.uid().to_owned(),
            session: present.session.clone(),
            options,
            choose,
            live: LiveObjects::default(),
            strangers: Vec::new(),
            known: Vec::new(),
            sources: Vec::new(),
            turn: 0,
            ready: VecDeque::new(),
            pods: futures::stream::pending().boxed(),
            sessions: futures::stream::pending().boxed(),
            ending: is_ending(&present.session),
            begun: false,
            backoff: Backoff::default(),
        };
        following.take_all(present)?;
        following.begun = true;
        if following.sources.is_empty() {
            let note = format!("waiting for a pod of session {:?}", following.name);
            following.ready.push_back(Told::Note(note));
        }
        Ok(following)
    }
}

impl Following {
    /// Waits for the next event; `None` at the end: the session is gone or being stopped, or no container will run again.
    /// While `only` is given, no other log is read, so that a caller can finish a line.
    ///
    /// # Errors
    /// Errors that retries cannot solve, and those of `choose` about a new Pod.
    pub async fn next(&mut self, only: Option<usize>) -> Result<Option<Told>> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Ok(Some(told));
            }
            if self.is_over() {
                return Ok(None);
            }
            match self.happens(only).await {
                Happened::Said(source, said) => self.take_said(source, said)?,
                Happened::Pod(Some(Ok(change))) => {
                    if !matches!(change, Change::Bookmark(_)) {
                        self.backoff.reset();
                    }
                    self.take_change(change).await?;
                }
                Happened::Session(Some(Ok(change))) => self.take_session(change).await?,
                Happened::Pod(Some(Err(error))) | Happened::Session(Some(Err(error))) => {
                    if !failure::has_kind(&error, FailureKind::Expired) {
                        return Err(error);
                    }
                    self.look_again().await?;
                }
                // A watch ends only with an error; reload to be safe.
                Happened::Pod(None) | Happened::Session(None) => self.look_again().await?,
            }
        }
    }

    async fn happens(&mut self, only: Option<usize>) -> Happened {
        poll_fn(|context| {
            if let Poll::Ready(change) = self.pods.poll_next_unpin(context) {
                return Poll::Ready(Happened::Pod(change));
            }
            if let Poll::Ready(change) = self.sessions.poll_next_unpin(context) {
                return Poll::Ready(Happened::Session(change));
            }
            let count = self.sources.len();
            for index in (0..count).map(|step| (self.turn + step) % count) {
                if only.is_some_and(|only| only != index) {
                    continue;
                }
                let source = &mut self.sources[index];
                let Some(stream) = &mut source.stream else {
                    continue;
                };
                if let Poll::Ready(said) = stream.poll_next_unpin(context) {
                    self.turn = index + 1;
                    return Poll::Ready(Happened::Said(index, said));
                }
            }
            Poll::Pending
        })
        .await
    }

    fn take_said(&mut self, source: usize, said: Option<Result<Said>>) -> Result<()> {
        let told = match said.transpose()? {
            Some(Said::Text(bytes)) => Told::Text { source, bytes },
            Some(Said::Note(note)) => Told::Note(note),
            None => {
                if let Some(ended) = self.sources.get_mut(source) {
                    ended.stream = None;
                }
                Told::Ended { source }
            }
        };
        self.ready.push_back(told);
        Ok(())
    }

    async fn take_change(&mut self, change: Change) -> Result<()> {
        match change {
            Change::Added(object) | Change::Modified(object) => self.take_own_pod(object).await,
            Change::Deleted(object) => {
                let uid = string_at(&object, "/metadata/uid");
                self.strangers
                    .retain(|pod| string_at(pod, "/metadata/uid") != uid);
                self.lose_pod(uid);
                Ok(())
            }
            Change::Bookmark(_) | Change::Anew => Ok(()),
        }
    }

    async fn take_own_pod(&mut self, object: Value) -> Result<()> {
        let pods = std::slice::from_ref(&object);
        let owners = self
            .cluster
            .owners_of(&self.namespace, pods, &self.live.owners, &self.session)
            .await?;
        self.live.owners.extend(owners);
        let pod: Pod = typed(object.clone())?;
        let live = LiveObjects {
            pods: vec![pod.clone()],
            owners: self.live.owners.clone(),
            ..LiveObjects::default()
        };
        if live.attribute(&self.session).pods.is_empty() {
            let uid = string_at(&object, "/metadata/uid").to_owned();
            self.strangers
                .retain(|known| string_at(known, "/metadata/uid") != uid);
            self.strangers.push(object);
            return Ok(());
        }
        self.take_pod(&pod)
    }

    async fn take_session(&mut self, change: Change) -> Result<()> {
        let object = match change {
            Change::Bookmark(_) | Change::Anew => return Ok(()),
            Change::Deleted(_) => {
                self.ending = true;
                return Ok(());
            }
            Change::Added(object) | Change::Modified(object) => object,
        };
        if string_at(&object, "/metadata/uid") != self.session_uid {
            self.ending = true;
            return Ok(());
        }
        let Ok(session) = typed::<Session>(object) else {
            return Ok(());
        };
        self.ending |= is_ending(&session);
        self.session = session;
        for pod in std::mem::take(&mut self.strangers) {
            self.take_own_pod(pod).await?;
        }
        Ok(())
    }

    /// Takes over a complete read and restarts the watches from its versions.
    fn take_all(&mut self, present: Present) -> Result<()> {
        let place = Place::Namespace(&self.namespace);
        let select = Selection::labelled(format!("{}={}", labels::SESSION, self.name));
        let from = Some(present.pods_version.as_str());
        self.pods = self.cluster.watch(&POD, place, &select, from, false);
        let select = Selection::with_fields(format!("metadata.name={}", self.name));
        let from = Some(string_at(&present.object, "/metadata/resourceVersion"));
        self.sessions = self.cluster.watch(&SESSION, place, &select, from, false);
        self.ending |= present.uid() != self.session_uid || is_ending(&present.session);
        let mut pods: Vec<Pod> = present.pods().cloned().collect();
        let age = |pod: &Pod| pod.metadata.creation_timestamp.clone().map(|time| time.0);
        pods.sort_by_key(|pod| (age(pod), pod.metadata.name.clone()));
        (self.live, self.session) = (present.live, present.session);
        self.strangers.clear();
        let gone = |known: &&Known| {
            pods.iter()
                .all(|pod| pod.metadata.uid.as_ref() != Some(&known.uid))
        };
        let gone: Vec<String> = self
            .known
            .iter()
            .filter(gone)
            .map(|known| known.uid.clone())
            .collect();
        gone.iter().for_each(|uid| self.lose_pod(uid));
        pods.iter().try_for_each(|pod| self.take_pod(pod))
    }

    /// Reads everything again after a watch's version has expired.
    async fn look_again(&mut self) -> Result<()> {
        self.backoff.pause().await;
        match self.cluster.present(&self.namespace, &self.name).await {
            Ok(present) => self.take_all(present),
            Err(error) if failure::has_kind(&error, FailureKind::NotFound) => {
                self.ending = true;
                self.pods = futures::stream::pending().boxed();
                self.sessions = futures::stream::pending().boxed();
                let all: Vec<String> = self.known.iter().map(|known| known.uid.clone()).collect();
                all.iter().for_each(|uid| self.lose_pod(uid));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// True if the session is being deleted or stopped, so that no further Pod will be created.
fn is_ending(session: &Session) -> bool {
    session.metadata.deletion_timestamp.is_some() || session.spec.state == Some(DesiredState::Stopped)
}

/// Returns a Pod's UID.
fn uid_of(object: &Pod) -> &str {
    object.metadata.uid.as_deref().unwrap_or_default()
}
