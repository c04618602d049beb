//! Wait for a session to be ready, by watch. Reports what it waits for, and stops at once if the workload cannot become
//! ready.
//!
//! ```text
//! watches of Pods and Events ─► assess_workload: primary workload
//!                                 │ ready
//!                                 ▼
//!                               check_stability: Pods without a readiness probe
//!                                 │ stable, and all workloads are awaited
//!                                 ▼
//!                               find_unready_workload ─► WorkloadState ─► WaitOutcome
//!                                                         └─ progress events until it is final
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use tokio::time::Instant;

use crate::Cluster;
use crate::custom_workload::{may_be_of_custom, pod_part};
use crate::session_parts::unreadable_reason;
use session_client::interrupt::Interrupt;
use session_client::{Scope, WatchChange, parse_object, watch_ended_error};
use session_engine::diagnosis::{EventNote, check_stability};
use session_engine::reconcile::{
    CustomWorkload, LiveObjects, WorkloadState, assess_workload, find_unready_workload,
};
use session_model::api::Session;
use session_model::failure::{Failure, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::conditions::is_ready;
use session_model::objects::resource::{EVENT, POD};
use session_model::progress::{ProgressEvent, ProgressSink};

mod pod_owners;
mod session_events;
mod unschedulable;

/// Time limit of a read after the end of a wait.
const READ_AFTER_WAIT_TIMEOUT: Duration = Duration::from_secs(2);

/// The result of waiting for a session to be ready.
#[derive(Clone, Debug)]
pub enum WaitOutcome {
    /// The workloads reached a final state: ready, ended, unrecoverable, or not ready for want of a node with the Pod's labels.
    Settled {
        /// The final state.
        state: Box<WorkloadState>,
        /// The Pod that determines the state, if there is one.
        pod: Option<Box<Pod>>,
        /// The Pods that the watch has returned so far, and their owners. Other Pods of the session may be missing.
        live: Box<LiveObjects>,
    },
    /// The time limit passed; the last state.
    TimedOut(Box<WorkloadState>),
    /// The user interrupted the wait; the last state.
    Interrupted(Box<WorkloadState>),
}

/// The workloads that a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwaitedWorkloads {
    /// The primary workload: all that `connect` needs.
    Primary,
    /// All workloads that the start made, and the primary one first.
    All,
    /// The same, also while a quota refuses Pods of a workload: its controller tries again.
    AllInRoom,
}

/// What a wait uses from outside: interrupt signal, progress sink and clock.
pub struct WaitContext<'a> {
    /// Interrupt signal: Ctrl-C.
    pub interrupt: &'a Interrupt,
    /// Receiver of progress.
    pub sink: &'a mut dyn ProgressSink,
    /// Clock.
    pub now: &'a dyn Fn() -> Timestamp,
}

impl std::fmt::Debug for WaitContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiting")
    }
}

struct ReadinessWatch<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    session: &'a Session,
    /// The primary workload, if its kind is not built in.
    custom: Option<CustomWorkload>,
    /// UIDs of controllers of Pods that have been looked for, with or without success.
    searched_owners: BTreeSet<String>,
    awaited: AwaitedWorkloads,
    pods: BTreeMap<String, Pod>,
    /// Time at which each Pod that is Ready was first seen so, by UID.
    ready_since: BTreeMap<String, Instant>,
    /// Possible owners of the Pods.
    owners: Vec<Value>,
    /// By the part that they belong to.
    events: BTreeMap<String, Vec<EventNote>>,
    /// Parts of the Events that concern the session.
    event_parts: BTreeSet<String>,
    /// Reason why the Events cannot be watched.
    unread_events: Option<String>,
    has_listed_nodes: bool,
    /// Time until the state must be evaluated again without an event: a container that has crashed before counts as ready
    /// only after it has outlasted its last run.
    reevaluate_in: Option<Duration>,
    /// Clock.
    now: &'a dyn Fn() -> Timestamp,
}

impl Cluster {
    /// Waits until the workloads of `session` are ready, or one of them has ended or cannot become ready. `made` are the objects
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
        awaited: AwaitedWorkloads,
        limit: Duration,
        run: &mut WaitContext<'_>,
    ) -> Result<WaitOutcome> {
        let custom = self.get_custom_workload(namespace, session).await?;
        let mut watch = ReadinessWatch {
            cluster: self,
            namespace,
            session,
            custom,
            searched_owners: BTreeSet::new(),
            awaited,
            pods: BTreeMap::new(),
            ready_since: BTreeMap::new(),
            owners: made,
            events: BTreeMap::new(),
            event_parts: BTreeSet::new(),
            unread_events: None,
            has_listed_nodes: false,
            reevaluate_in: None,
            now: run.now,
        };
        watch.add_event_parts();
        let mut state = watch.evaluate();
        let ended = tokio::select! {
            biased;
            () = run.interrupt.wait() => Err(FailureKind::Interrupted),
            () = tokio::time::sleep(limit) => Err(FailureKind::TimedOut),
            settled = watch.run(&mut state, run.sink) => Ok(settled?),
        };
        match ended {
            Err(FailureKind::Interrupted) => Ok(WaitOutcome::Interrupted(Box::new(state))),
            Err(_) => Ok(WaitOutcome::TimedOut(Box::new(watch.explain_state().await))),
            Ok(()) => {
                let pod = watch.deciding_pod(&state);
                let live = Box::new(watch.live());
                let mut state = self.explain_state(namespace, state).await;
                watch.add_unread_events(&mut state);
                run.sink.tell(ProgressEvent::Done);
                Ok(WaitOutcome::Settled {
                    state: Box::new(state),
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
    pub(super) async fn read_after_wait<T>(
        &self,
        look: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match tokio::time::timeout(READ_AFTER_WAIT_TIMEOUT, look).await {
            Ok(result) => result,
            Err(_) => Err(Failure::client_side(
                FailureKind::TimedOut,
                "the server does not respond",
            )
            .into()),
        }
    }
}

impl ReadinessWatch<'_> {
    /// Watches until the workload reaches a final state. May be dropped at any time; `seen` then holds the last state.
    async fn run(&mut self, state: &mut WorkloadState, sink: &mut dyn ProgressSink) -> Result<()> {
        let (mut pods, mut events) = (self.watch_pods(), self.watch_events());
        let mut custom = self.watch_custom();
        loop {
            self.report(state, sink);
            tokio::select! {
                biased;
                () = tokio::time::sleep(self.reevaluate_in.unwrap_or_default()), if self.reevaluate_in.is_some() => {}
                change = pods.next() => match change {
                    Some(change) => {
                        self.apply_pod_change(change?).await?;
                        if self.add_event_parts() {
                            events = self.watch_events();
                        }
                    }
                    None => return Err(watch_ended_error(&POD)),
                },
                Some(change) = custom.next() => self.apply_custom_change(change?),
                Some(change) = events.next() => match change {
                    // The time to the next evaluation must not begin anew with each event of others.
                    Ok(change) => if !self.apply_event_change(change) && self.reevaluate_in.is_none() {
                        continue;
                    },
                    // Events are optional: without them the wait goes on.
                    Err(error) => {
                        self.unread_events = Some(unreadable_reason(&error, &EVENT.qualified()));
                        events = futures::stream::empty().boxed();
                    }
                },
            }
            *state = self.evaluate();
            let is_last = matches!(
                state,
                WorkloadState::Ready { .. }
                    | WorkloadState::Terminated { .. }
                    | WorkloadState::Unrecoverable(_)
            );
            let is_premature = is_last && self.is_premature(state).await;
            if (is_last && !is_premature) || self.is_selector_unmatched(state).await {
                return Ok(());
            }
        }
    }

    fn watch_pods(&self) -> BoxStream<'static, Result<WatchChange>> {
        let scope = Scope::Namespace(self.namespace);
        let part = pod_part(self.session);
        self.cluster.watch_part(&POD, scope, part, None)
    }

    /// Returns the last state, evaluated at the current time and refined with facts from the cluster.
    async fn explain_state(&mut self) -> WorkloadState {
        let now = (self.now)();
        let events = self.events.values_mut().flatten();
        events.for_each(|event| event.set_age(now));
        let state = self.evaluate();
        let mut state = self.cluster.explain_state(self.namespace, state).await;
        self.add_unread_events(&mut state);
        state
    }

    /// Returns the Pods and owners that are known so far.
    fn live(&self) -> LiveObjects {
        let live = LiveObjects {
            pods: self.pods.values().cloned().collect(),
            owners: self.owners.clone(),
            custom: self.custom.clone(),
            ..LiveObjects::default()
        };
        live.attribute(self.session)
    }

    fn evaluate(&mut self) -> WorkloadState {
        let mut live = self.live();
        live.events = self.own_events();
        self.assess(&live)
    }

    fn assess(&mut self, live: &LiveObjects) -> WorkloadState {
        self.record_ready_pods();
        self.reevaluate_in = None;
        let state = assess_workload(self.session, live);
        let WorkloadState::Ready { pod } = &state else {
            return state;
        };
        let awaits_all = self.awaited != AwaitedWorkloads::Primary;
        if let Some(unready) = awaits_all
            .then(|| find_unready_workload(self.session, live))
            .flatten()
        {
            return unready;
        }
        let own = live.own_pods(self.session.uid());
        let awaited = own
            .filter(|one| is_ready(one) && (awaits_all || one.metadata.name.as_ref() == Some(pod)));
        let now = (self.now)();
        let doubts = awaited.filter_map(|pod| {
            let ready_for = self.ready_for(pod);
            check_stability(pod, &live.events, ready_for, now)
        });
        let Some((finding, left)) = doubts.max_by_key(|(_, left)| *left) else {
            return state;
        };
        self.reevaluate_in = Some(left);
        WorkloadState::NotReady(finding)
    }

    /// Remembers since when each Pod is Ready.
    fn record_ready_pods(&mut self) {
        let ready = self.pods.values().filter(|pod| is_ready(pod));
        let uids = ready.filter_map(|pod| pod.metadata.uid.clone());
        let now = Instant::now();
        let before = std::mem::take(&mut self.ready_since);
        self.ready_since = uids
            .map(|uid| {
                let since = before.get(&uid).copied().unwrap_or(now);
                (uid, since)
            })
            .collect();
    }

    fn ready_for(&self, pod: &Pod) -> Duration {
        let uid = pod.metadata.uid.as_ref();
        let since = uid.and_then(|uid| self.ready_since.get(uid));
        since.map(Instant::elapsed).unwrap_or_default()
    }

    fn deciding_pod(&self, state: &WorkloadState) -> Option<Box<Pod>> {
        match state {
            WorkloadState::Ready { pod } | WorkloadState::Terminated { pod, .. } => {
                self.pods.get(pod).cloned().map(Box::new)
            }
            _ => {
                let live = self.live();
                let mut own = live.own_pods(self.session.uid());
                own.next().cloned().map(Box::new)
            }
        }
    }

    fn report(&self, state: &WorkloadState, sink: &mut dyn ProgressSink) {
        if let WorkloadState::NotReady(finding) = state {
            sink.tell(ProgressEvent::Waiting {
                stage: finding.stage,
                object: finding.object.clone(),
                detail: finding.detail.clone(),
            });
        }
    }

    async fn apply_pod_change(&mut self, change: WatchChange) -> Result<()> {
        let name = |object: &Value| Untyped(object).name().to_owned();
        match change {
            WatchChange::Added(object) | WatchChange::Modified(object) => {
                if self.custom.is_some() && !may_be_of_custom(&object, self.session) {
                    return Ok(());
                }
                self.read_owners(&object).await?;
                self.pods.insert(name(&object), parse_object(object)?);
            }
            WatchChange::Deleted(object) => self.remove_pod(&name(&object)),
            WatchChange::Bookmark(_) => {}
            WatchChange::Restarted => self.pods.clear(),
        }
        Ok(())
    }

    /// Forgets a deleted Pod, except one with which its Job completed: a Job may delete its Pods at once
    /// (ttlSecondsAfterFinished).
    fn remove_pod(&mut self, name: &str) {
        let counts = self.pods.get(name).is_some_and(|pod| {
            let phase = pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            let mut owners = pod.metadata.owner_references.iter().flatten();
            phase == Some("Succeeded") && owners.any(|owner| owner.kind == "Job")
        });
        if !counts {
            self.pods.remove(name);
        }
    }
}
