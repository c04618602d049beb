//! Live logs of a session: all selected containers of its Pods, including Pods that are created later.
//!
//! ```text
//! ObservedSession ─► Cluster::follow_logs ─► LogFollower ─► LogEvent
//!                      watch of Pods ──► FollowedPod   which Pods exist, which replaced which
//!                      ContainerFollower ─► ResumeFilter   one log across restarts and reconnects, every line once
//! ```

mod container_follower;
mod followed_pods;
mod log_follower;
mod resume_filter;

use std::collections::VecDeque;
use std::task::Poll;

use anyhow::Result;
use futures::StreamExt;
use futures::future::poll_fn;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::session_objects::session_selector;
use crate::{Cluster, ObservedSession};
use container_follower::ContainerLogEvent;
use log_follower::FollowedPod;
pub use log_follower::{ContainerSelector, LogEvent, LogFollower};
use session_client::{Backoff, ListOptions, LogOptions, Scope, WatchChange, parse_object};
use session_engine::reconcile::LiveObjects;
use session_model::api::{DesiredState, Session};
use session_model::failure::{self, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::resource::{POD, SESSION};

enum FollowInput {
    Pod(Option<Result<WatchChange>>),
    Session(Option<Result<WatchChange>>),
    Said(usize, Option<Result<ContainerLogEvent>>),
}

impl Cluster {
    /// Follows the logs of a session that `choose` selects. Every line is returned once, across container restarts,
    /// replaced Pods and lost connections. `options` apply to the Pods that exist now; logs of later Pods are read from
    /// the beginning.
    ///
    /// # Errors
    /// Those of `choose`.
    pub fn follow_logs(
        &self,
        observed: ObservedSession,
        options: LogOptions,
        choose: ContainerSelector,
    ) -> Result<LogFollower> {
        let session = &observed.session;
        let mut following = LogFollower {
            cluster: self.clone(),
            namespace: session.namespace().to_owned(),
            name: session.name().to_owned(),
            session_uid: observed.uid().to_owned(),
            session: observed.session.clone(),
            options,
            choose,
            live: LiveObjects::default(),
            foreign_pods: Vec::new(),
            pods_seen: Vec::new(),
            skipped_pods: Vec::new(),
            sources: Vec::new(),
            next_polled: 0,
            queue: VecDeque::new(),
            pods: futures::stream::pending().boxed(),
            sessions: futures::stream::pending().boxed(),
            is_ending: is_ending(&observed.session),
            is_initialized: false,
            backoff: Backoff::default(),
        };
        following.reset_to(observed)?;
        following.is_initialized = true;
        if following.sources.is_empty() {
            let note = format!("waiting for a pod of session {:?}", following.name);
            following.queue.push_back(LogEvent::Note(note));
        }
        Ok(following)
    }
}

impl LogFollower {
    /// Waits for the next event; `None` at the end: the session is gone or being stopped, or no container will run again.
    /// While `only` is given, no other log is read, so that a caller can finish a line.
    ///
    /// # Errors
    /// Errors that retries cannot solve, and those of `choose` about a new Pod.
    pub async fn next(&mut self, only: Option<usize>) -> Result<Option<LogEvent>> {
        loop {
            if let Some(told) = self.queue.pop_front() {
                return Ok(Some(told));
            }
            if self.is_finished() {
                return Ok(None);
            }
            match self.next_input(only).await {
                FollowInput::Said(source, said) => self.handle_log_event(source, said)?,
                FollowInput::Pod(Some(Ok(change))) => {
                    if !matches!(change, WatchChange::Bookmark(_)) {
                        self.backoff.reset();
                    }
                    self.handle_pod_change(change).await?;
                }
                FollowInput::Session(Some(Ok(change))) => {
                    self.handle_session_change(change).await?
                }
                FollowInput::Pod(Some(Err(error))) | FollowInput::Session(Some(Err(error))) => {
                    if !failure::has_kind(&error, FailureKind::Expired) {
                        return Err(error);
                    }
                    self.reload().await?;
                }
                // A watch ends only with an error; reload to be safe.
                FollowInput::Pod(None) | FollowInput::Session(None) => self.reload().await?,
            }
        }
    }

    async fn next_input(&mut self, only: Option<usize>) -> FollowInput {
        poll_fn(|context| {
            if let Poll::Ready(change) = self.pods.poll_next_unpin(context) {
                return Poll::Ready(FollowInput::Pod(change));
            }
            if let Poll::Ready(change) = self.sessions.poll_next_unpin(context) {
                return Poll::Ready(FollowInput::Session(change));
            }
            let count = self.sources.len();
            for index in (0..count).map(|step| (self.next_polled + step) % count) {
                if only.is_some_and(|only| only != index) {
                    continue;
                }
                let source = &mut self.sources[index];
                let Some(stream) = &mut source.stream else {
                    continue;
                };
                if let Poll::Ready(said) = stream.poll_next_unpin(context) {
                    self.next_polled = index + 1;
                    return Poll::Ready(FollowInput::Said(index, said));
                }
            }
            Poll::Pending
        })
        .await
    }

    fn handle_log_event(
        &mut self,
        source: usize,
        said: Option<Result<ContainerLogEvent>>,
    ) -> Result<()> {
        let told = match said.transpose()? {
            Some(ContainerLogEvent::Bytes(bytes)) => LogEvent::Bytes { source, bytes },
            Some(ContainerLogEvent::Note(note)) => LogEvent::Note(note),
            None => {
                if let Some(ended) = self.sources.get_mut(source) {
                    ended.stream = None;
                }
                self.queue.push_back(LogEvent::Ended { source });
                self.announce_end(source);
                return Ok(());
            }
        };
        self.queue.push_back(told);
        Ok(())
    }

    async fn handle_pod_change(&mut self, change: WatchChange) -> Result<()> {
        match change {
            WatchChange::Added(object) | WatchChange::Modified(object) => {
                self.handle_pod(object).await
            }
            WatchChange::Deleted(object) => {
                let uid = Untyped(&object).uid().unwrap_or_default();
                self.foreign_pods.retain(|pod| !Untyped(pod).has_uid(uid));
                self.remove_pod(uid);
                Ok(())
            }
            WatchChange::Bookmark(_) | WatchChange::Restarted => Ok(()),
        }
    }

    async fn handle_pod(&mut self, object: Value) -> Result<()> {
        let pods = std::slice::from_ref(&object);
        let owners = self
            .cluster
            .get_owners(&self.namespace, pods, &self.live.owners, &self.session)
            .await?;
        self.live.owners.extend(owners);
        let pod: Pod = parse_object(object.clone())?;
        let live = LiveObjects {
            pods: vec![pod.clone()],
            owners: self.live.owners.clone(),
            ..LiveObjects::default()
        };
        if live.attribute(&self.session).pods.is_empty() {
            let uid = Untyped(&object).uid();
            self.foreign_pods
                .retain(|known| Untyped(known).uid() != uid);
            self.foreign_pods.push(object);
            return Ok(());
        }
        self.update_pod(&pod)
    }

    async fn handle_session_change(&mut self, change: WatchChange) -> Result<()> {
        let object = match change {
            WatchChange::Bookmark(_) | WatchChange::Restarted => return Ok(()),
            WatchChange::Deleted(_) => {
                self.end_with_session("was deleted");
                return Ok(());
            }
            WatchChange::Added(object) | WatchChange::Modified(object) => object,
        };
        if !Untyped(&object).has_uid(&self.session_uid) {
            self.end_with_session("was deleted");
            return Ok(());
        }
        let Ok(session) = parse_object::<Session>(object) else {
            return Ok(());
        };
        if session.is_being_deleted() {
            self.end_with_session("is being deleted");
        } else if is_ending(&session) {
            self.end_with_session("was stopped");
        }
        self.session = session;
        for pod in std::mem::take(&mut self.foreign_pods) {
            self.handle_pod(pod).await?;
        }
        Ok(())
    }

    /// Expects no further Pod, and tells why, once.
    fn end_with_session(&mut self, why: &str) {
        if !self.is_ending {
            self.is_ending = true;
            let note = format!("session {:?} {why}", self.name);
            self.queue.push_back(LogEvent::Note(note));
        }
    }

    /// Takes over a complete read and restarts the watches from its versions.
    fn reset_to(&mut self, observed: ObservedSession) -> Result<()> {
        let scope = Scope::Namespace(&self.namespace);
        let select = session_selector(&self.name);
        let from = Some(observed.pods_resource_version.as_str());
        self.pods = self.cluster.watch(&POD, scope, &select, from, false);
        let select = ListOptions::with_fields(format!("metadata.name={}", self.name));
        let from = Some(
            Untyped(&observed.object)
                .resource_version()
                .unwrap_or_default(),
        );
        self.sessions = self.cluster.watch(&SESSION, scope, &select, from, false);
        self.is_ending |= observed.uid() != self.session_uid || is_ending(&observed.session);
        let mut pods: Vec<Pod> = observed.own_pods().cloned().collect();
        let age = |pod: &Pod| pod.metadata.creation_timestamp.clone().map(|time| time.0);
        let is_ending = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
        pods.sort_by_key(|pod| (is_ending(pod), age(pod), pod.metadata.name.clone()));
        (self.live, self.session) = (observed.live, observed.session);
        self.foreign_pods.clear();
        let gone = |known: &&FollowedPod| {
            pods.iter()
                .all(|pod| pod.metadata.uid.as_ref() != Some(&known.uid))
        };
        let gone: Vec<String> = self
            .pods_seen
            .iter()
            .filter(gone)
            .map(|known| known.uid.clone())
            .collect();
        gone.iter().for_each(|uid| self.remove_pod(uid));
        pods.iter().try_for_each(|pod| self.update_pod(pod))
    }

    /// Reads everything again after a watch's version has expired.
    async fn reload(&mut self) -> Result<()> {
        self.backoff.pause().await;
        match self
            .cluster
            .observe_session(&self.namespace, &self.name)
            .await
        {
            Ok(observed) => self.reset_to(observed),
            Err(error) if failure::has_kind(&error, FailureKind::NotFound) => {
                self.end_with_session("was deleted");
                self.pods = futures::stream::pending().boxed();
                self.sessions = futures::stream::pending().boxed();
                let all: Vec<String> = self
                    .pods_seen
                    .iter()
                    .map(|known| known.uid.clone())
                    .collect();
                all.iter().for_each(|uid| self.remove_pod(uid));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// True if the session is being deleted or stopped, so that no further Pod will be created.
fn is_ending(session: &Session) -> bool {
    session.is_being_deleted() || session.spec.state == Some(DesiredState::Stopped)
}
