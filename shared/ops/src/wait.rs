//! Wait for a session to be ready, by watch. Reports what it waits for, and stops at once if the workload cannot become
//! ready.
//!
//! ```text
//! watches of Pods and Events ─► reconcile's look ─► WorkloadState ─► WaitOutcome
//!                                                   └─ progress events until it is final
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Cluster;
use session_client::Change;
use session_client::Place;
use session_client::Selection;
use session_client::interrupt::Interrupt;
use session_client::typed;
use session_client::watch_over;
use session_engine::diagnosis::{Ask, CLAIM_NOT_FOUND, EventNote, unproven};
use session_engine::reconcile::{Live, Seen, look};
use session_model::api::Session;
use session_model::failure::{Failure, Kind};
use session_model::labels;
use session_model::objects::resource::{EVENT, PERSISTENT_VOLUME_CLAIM, POD, REPLICA_SET, text};
use session_model::progress::{Event, Sink};

/// Time limit of a read after the end of a wait.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// The result of waiting for a session to be ready.
#[derive(Clone, Debug)]
pub enum Waited {
    /// The workload reached a final state: ready, ended or unrecoverable.
    Settled {
        /// The final state.
        seen: Box<Seen>,
        /// The Pod that determines the state, if there is one.
        pod: Option<Box<Pod>>,
        /// The Pods that the watch has returned so far, and their owners. Other Pods of the session may be missing.
        live: Box<Live>,
    },
    /// The time limit passed; the last state.
    TimedOut(Box<Seen>),
    /// The user interrupted the wait; the last state.
    Interrupted(Box<Seen>),
}

/// What a wait uses from outside: interrupt signal, progress sink and clock.
pub struct Waiting<'a> {
    /// Interrupt signal: Ctrl-C.
    pub interrupt: &'a Interrupt,
    /// Receiver of progress.
    pub sink: &'a mut dyn Sink,
    /// Clock.
    pub now: &'a dyn Fn() -> Timestamp,
}

impl std::fmt::Debug for Waiting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiting")
    }
}

struct Watching<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    session: &'a Session,
    select: Selection,
    pods: BTreeMap<String, Pod>,
    /// Possible owners of the Pods.
    owners: Vec<Value>,
    events: Vec<EventNote>,
    /// Time until the state must be evaluated again without an event: a container that has crashed before counts as ready
    /// only after it has outlasted its last run.
    again: Option<Duration>,
    /// Clock.
    now: &'a dyn Fn() -> Timestamp,
}

impl Cluster {
    /// Waits until the primary workload of `session` is ready, has ended or cannot become ready. `made` are the objects
    /// of this start, where the Pods' owner chains lead to. Two watches and no LIST: a watch without a resourceVersion
    /// starts with the existing objects.
    ///
    /// # Errors
    /// A refused watch of Pods. Events are optional: without the right to watch them, the wait goes on.
    pub async fn wait_ready(
        &self,
        namespace: &str,
        session: &Session,
        made: Vec<Value>,
        limit: Duration,
        run: &mut Waiting<'_>,
    ) -> Result<Waited> {
        let name = session.metadata.name.as_deref().unwrap_or_default();
        let select = Selection::labelled(format!("{}={name}", labels::SESSION));
        let mut state = Watching {
            cluster: self,
            namespace,
            session,
            select,
            pods: BTreeMap::new(),
            owners: made,
            events: Vec::new(),
            again: None,
            now: run.now,
        };
        let mut seen = state.look();
        let ended = tokio::select! {
            biased;
            () = run.interrupt.wait() => Err(Kind::Interrupted),
            () = tokio::time::sleep(limit) => Err(Kind::TimedOut),
            settled = state.settle(&mut seen, run.sink) => Ok(settled?),
        };
        match ended {
            Err(Kind::Interrupted) => Ok(Waited::Interrupted(Box::new(seen))),
            Err(_) => Ok(Waited::TimedOut(Box::new(state.explained().await))),
            Ok(()) => {
                let pod = state.decisive(&seen);
                let live = Box::new(state.live());
                let seen = self.explain(namespace, seen).await;
                run.sink.tell(Event::Done);
                Ok(Waited::Settled {
                    seen: Box::new(seen),
                    pod,
                    live,
                })
            }
        }
    }

    /// Reads the current state after the end of a wait. A server that does not respond must not prolong it.
    ///
    /// # Errors
    /// Those of `look`; TimedOut after two seconds.
    pub(super) async fn last_look<T>(&self, look: impl Future<Output = Result<T>>) -> Result<T> {
        match tokio::time::timeout(LAST_LOOK, look).await {
            Ok(result) => result,
            Err(_) => Err(Failure::local(Kind::TimedOut, "the server does not respond").into()),
        }
    }
}

impl Watching<'_> {
    /// Watches until the workload reaches a final state. May be dropped at any time; `seen` then holds the last state.
    async fn settle(&mut self, seen: &mut Seen, sink: &mut dyn Sink) -> Result<()> {
        let (mut pods, mut events) = (self.watch_pods(), self.watch_events());
        loop {
            self.tell(seen, sink);
            tokio::select! {
                biased;
                () = tokio::time::sleep(self.again.unwrap_or_default()), if self.again.is_some() => {}
                change = pods.next() => match change {
                    Some(change) => self.take_pod(change?).await?,
                    None => return Err(watch_over(&POD)),
                },
                Some(change) = events.next() => match change {
                    Ok(change) => self.take_event(change),
                    // Events are optional: without them the wait goes on.
                    Err(_) => events = futures::stream::empty().boxed(),
                },
            }
            *seen = self.look();
            let is_last = matches!(
                seen,
                Seen::Ready { .. } | Seen::Ended { .. } | Seen::Hopeless(_)
            );
            if is_last && !self.is_premature(seen).await {
                return Ok(());
            }
        }
    }

    fn watch_pods(&self) -> BoxStream<'static, Result<Change>> {
        self.cluster.watch(
            &POD,
            Place::Namespace(self.namespace),
            &self.select,
            None,
            false,
        )
    }

    fn watch_events(&self) -> BoxStream<'static, Result<Change>> {
        self.cluster.watch(
            &EVENT,
            Place::Namespace(self.namespace),
            &Selection::default(),
            None,
            false,
        )
    }

    /// Returns the last state, evaluated at the current time and refined with facts from the cluster.
    async fn explained(&mut self) -> Seen {
        let now = (self.now)();
        self.events.iter_mut().for_each(|event| event.age_at(now));
        let seen = self.look();
        self.cluster.explain(self.namespace, seen).await
    }

    /// Returns the Pods and owners that are known so far.
    fn live(&self) -> Live {
        let live = Live {
            pods: self.pods.values().cloned().collect(),
            owners: self.owners.clone(),
            ..Live::default()
        };
        live.attributed(self.session)
    }

    fn look(&mut self) -> Seen {
        let seen = look(self.session, &self.live(), &self.events);
        let Seen::Ready { pod } = &seen else {
            self.again = None;
            return seen;
        };
        let pod = self.pods.get(pod);
        let doubt = pod.and_then(|pod| unproven(pod, &self.events, (self.now)()));
        self.again = doubt.as_ref().map(|(_, left)| *left);
        doubt.map_or(seen, |(finding, _)| Seen::NotReady(finding))
    }

    /// True if the scheduler reports a missing claim that exists: the scheduler has not seen the new claim yet, and will
    /// retry.
    async fn is_premature(&self, seen: &Seen) -> bool {
        let Seen::Hopeless(cause) = seen else {
            return false;
        };
        let Some(Ask::Claim { name }) = cause.asks.first() else {
            return false;
        };
        let claim = (self.cluster).get(&PERSISTENT_VOLUME_CLAIM, self.namespace, name);
        cause.reason == CLAIM_NOT_FOUND && matches!(claim.await, Ok(Some(_)))
    }

    fn decisive(&self, seen: &Seen) -> Option<Box<Pod>> {
        match seen {
            Seen::Ready { pod } | Seen::Ended { pod, .. } => {
                self.pods.get(pod).cloned().map(Box::new)
            }
            _ => self.pods.values().next().cloned().map(Box::new),
        }
    }

    fn tell(&self, seen: &Seen, sink: &mut dyn Sink) {
        if let Seen::NotReady(finding) = seen {
            sink.tell(Event::Waiting {
                stage: finding.stage,
                object: finding.object.clone(),
                detail: finding.detail.clone(),
            });
        }
    }

    async fn take_pod(&mut self, change: Change) -> Result<()> {
        let name = |object: &Value| text(object, "/metadata/name").to_owned();
        match change {
            Change::Added(object) | Change::Modified(object) => {
                self.learn_owner(&object).await?;
                self.pods.insert(name(&object), typed(object)?);
            }
            Change::Deleted(object) => drop(self.pods.remove(&name(&object))),
            Change::Bookmark(_) => {}
            Change::Anew => self.pods.clear(),
        }
        Ok(())
    }

    /// Reads the ReplicaSet that owns a Deployment's Pod, once; it is not among the objects of the start.
    async fn learn_owner(&mut self, pod: &Value) -> Result<()> {
        let owners = pod
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array);
        let Some(owner) = owners
            .into_iter()
            .flatten()
            .find(|owner| text(owner, "/kind") == "ReplicaSet")
        else {
            return Ok(());
        };
        let known = self
            .owners
            .iter()
            .any(|object| text(object, "/metadata/uid") == text(owner, "/uid"));
        if !known
            && let Some(set) = self
                .cluster
                .get(&REPLICA_SET, self.namespace, text(owner, "/name"))
                .await?
        {
            self.owners.push(set);
        }
        Ok(())
    }

    fn take_event(&mut self, change: Change) {
        if let Change::Added(event) | Change::Modified(event) = change {
            let mut event = EventNote::of(&event);
            event.age_at((self.now)());
            // A later version replaces the same event; it is not a new occurrence.
            self.events
                .retain(|known| known.id.is_empty() || known.id != event.id);
            self.events.push(event);
        }
    }
}
