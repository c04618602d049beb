//! Waits until a session is ready, by watch: says what it waits for, and stops at once where nothing can come of it.

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

/// What is looked at once a wait is over takes at most so long.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// How waiting ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Waited {
    /// What was seen last: ready, ended or hopeless.
    Settled {
        /// What it amounts to.
        seen: Box<Seen>,
        /// The Pod that decided it, when there is one.
        pod: Option<Box<Pod>>,
    },
    /// Time ran out; what was seen last.
    TimedOut(Box<Seen>),
    /// The user had enough; what was seen last.
    Interrupted(Box<Seen>),
}

struct Watching<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    session: &'a Session,
    select: Selection,
    pods: BTreeMap<String, Pod>,
    /// What Pods can be owned by.
    owners: Vec<Value>,
    events: Vec<EventNote>,
    /// When to look again though nothing happened: a container that ended before will have outlasted its last run.
    again: Option<Duration>,
}

impl Cluster {
    /// Waits until the primary workload of `session` is ready, has ended or cannot come up. `made` are the objects of this
    /// start, which the Pods' owner chains lead to. Two watches, no LIST: a watch without a resourceVersion begins with what
    /// is there.
    ///
    /// # Errors
    /// When a watch on Pods is refused. Events are a help, not a need: without the right to see them it waits all the same.
    pub async fn wait_ready(
        &self,
        namespace: &str,
        session: &Session,
        made: Vec<Value>,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn Sink,
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
        };
        let mut seen = state.look();
        let ended = tokio::select! {
            biased;
            () = interrupt.wait() => Err(Kind::Interrupted),
            () = tokio::time::sleep(limit) => Err(Kind::TimedOut),
            settled = state.settle(&mut seen, sink) => Ok(settled?),
        };
        match ended {
            Err(Kind::Interrupted) => Ok(Waited::Interrupted(Box::new(seen))),
            Err(_) => Ok(Waited::TimedOut(Box::new(state.explained().await))),
            Ok(()) => {
                let pod = state.decisive(&seen);
                let seen = self.explain(namespace, seen).await;
                sink.tell(Event::Done);
                Ok(Waited::Settled {
                    seen: Box::new(seen),
                    pod,
                })
            }
        }
    }

    /// A look at how things stand once a wait is over. A server that does not answer does not make it longer.
    ///
    /// # Errors
    /// Those of `look`; TimedOut after two seconds.
    pub(super) async fn last_look<T>(&self, look: impl Future<Output = Result<T>>) -> Result<T> {
        match tokio::time::timeout(LAST_LOOK, look).await {
            Ok(result) => result,
            Err(_) => Err(Failure::local(Kind::TimedOut, "the server does not answer").into()),
        }
    }
}

impl Watching<'_> {
    /// Watches until the workload stays as it is `seen`: ready, ended or hopeless. May be dropped at any time; what was seen
    /// last is there then.
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
                    // Events are a help, not a need: without them it waits all the same.
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

    /// What was seen last, as old as it is by now and with all that can be found out about it.
    async fn explained(&mut self) -> Seen {
        let now = Timestamp::now();
        self.events.iter_mut().for_each(|event| event.age_at(now));
        let seen = self.look();
        self.cluster.explain(self.namespace, seen).await
    }

    fn look(&mut self) -> Seen {
        let live = Live {
            pods: self.pods.values().cloned().collect(),
            owners: self.owners.clone(),
            ..Live::default()
        };
        let seen = look(self.session, &live.attributed(self.session), &self.events);
        let Seen::Ready { pod } = &seen else {
            self.again = None;
            return seen;
        };
        let pod = self.pods.get(pod);
        let doubt = pod.and_then(|pod| unproven(pod, &self.events, Timestamp::now()));
        self.again = doubt.as_ref().map(|(_, left)| *left);
        doubt.map_or(seen, |(finding, _)| Seen::NotReady(finding))
    }

    /// True if the scheduler misses a claim that is there: it has not seen yet what was made a moment ago, and looks again.
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

    /// A Deployment's Pods hang on a ReplicaSet that nobody has told us of: it is read once.
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
            event.age_at(Timestamp::now());
            // A later state of the same event: it counts on, it does not happen anew.
            self.events
                .retain(|known| known.id.is_empty() || known.id != event.id);
            self.events.push(event);
        }
    }
}
