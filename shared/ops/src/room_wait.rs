//! Wait for room: a start that waits until quotas and nodes have room for its objects, and again where another client was faster.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::future::FutureExt;
use futures::stream::{BoxStream, select_all};
use serde_json::Value;
use tokio::time::Instant;

use crate::Cluster;
use crate::checked_list::list_selected;
use crate::room::{CheckedRoom, RoomFacts, RoomRequest, RoomShortage, find_refused_shortage};
use crate::room_nodes::ACTIVE_PODS;
use session_client::interrupt::Interrupt;
use session_client::{Backoff, ListOptions, ObjectList, Scope, WatchChange, timed_out};
use session_model::failure::{self, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::resource::{NODE, POD, RESOURCE_QUOTA, SESSION};
use session_model::progress::{DiscardingSink, ProgressEvent, ProgressSink, WaitStage};

/// Pause before the first attempt after room was found; it doubles up to [`LONGEST_PAUSE`]. It is random, so that clients that wait for
/// the same room do not all ask at once.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Time during which changes are collected before they are judged.
const COLLECTING: Duration = Duration::from_millis(250);

/// How long a start waits for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomLimit {
    /// As long as it takes.
    Unlimited,
    /// At most this time.
    Within(Duration),
}

/// A wait for room, with what has been said of it.
#[derive(Debug)]
pub struct RoomWait<'a> {
    interrupt: &'a Interrupt,
    deadline: Option<Instant>,
    backoff: Backoff,
    /// What was said last to be short.
    subject: String,
    /// Number of Pods that wait for a node, too, and come before; `None` if that is not known or quotas are short, which keep no order.
    before: Option<usize>,
}

impl<'a> RoomWait<'a> {
    /// Creates a wait that begins now. An interrupt ends it at once.
    pub fn new(limit: RoomLimit, interrupt: &'a Interrupt) -> Self {
        Self {
            deadline: match limit {
                RoomLimit::Unlimited => None,
                // A limit beyond the clock's range is none.
                RoomLimit::Within(limit) => Instant::now().checked_add(limit),
            },
            interrupt,
            backoff: Backoff::between(FIRST_PAUSE, LONGEST_PAUSE),
            subject: String::new(),
            before: None,
        }
    }

    /// Runs `start` as soon as there is room, and again where another client took the room in between. `checked` is what was read last.
    ///
    /// # Errors
    /// A request that is more than there is in all; a Failure of kind TimedOut; Interrupted; those of `start`.
    pub async fn start_in_room<T>(
        mut self,
        cluster: &Cluster,
        checked: CheckedRoom,
        sink: &mut dyn ProgressSink,
        mut start: impl AsyncFnMut(&mut dyn ProgressSink) -> Result<T>,
    ) -> Result<T> {
        let CheckedRoom { request, mut facts } = checked;
        if facts.nodes_forbidden {
            let note = "free resources of nodes not waited for: no permission to list nodes";
            sink.tell(ProgressEvent::Note(note.to_owned()));
        }
        loop {
            let interrupt = self.interrupt;
            interrupt
                .race(self.wait(cluster, &request, facts, sink))
                .await?;
            let error = match start(sink).await {
                Ok(started) => return Ok(started),
                Err(error) => error,
            };
            let again = async {
                self.after_refusal(&request, error, sink).await?;
                request.read(cluster, &mut DiscardingSink).await
            };
            facts = interrupt.race(again).await?;
        }
    }

    /// Waits until there is room for the request, and says what is missing until then. `facts` are those that were read last.
    ///
    /// # Errors
    /// A request that is more than there is in all; a Failure of kind TimedOut; refusals of the server.
    async fn wait(
        &mut self,
        cluster: &Cluster,
        request: &RoomRequest,
        mut facts: RoomFacts,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        while let Some(shortage) = request.find_shortage(&facts) {
            if !shortage.may_pass() {
                return Err(request.shortage_error(shortage));
            }
            self.before = match &shortage {
                RoomShortage::Nodes(_) => count_waiting_pods(cluster).await?,
                RoomShortage::Quotas(_) => None,
            };
            self.tell(request, &shortage, sink);
            let mut last = shortage;
            let work = self.watch_until_room(cluster, request, &mut facts, &mut last, sink);
            work.await?;
            self.pause(request, &last).await?;
            facts = request.read(cluster, &mut DiscardingSink).await?;
        }
        sink.tell(ProgressEvent::Done);
        Ok(())
    }

    /// Returns the error unless it is the server's refusal of a start for which another client took the room. Then it waits a moment, and
    /// the start is to be tried again.
    ///
    /// # Errors
    /// `error`, or a Failure of kind TimedOut.
    async fn after_refusal(
        &mut self,
        request: &RoomRequest,
        error: anyhow::Error,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        let shortage = find_refused_shortage(&error).filter(|shortage| shortage.may_pass());
        let Some(shortage) = shortage.cloned() else {
            return Err(error);
        };
        self.tell(request, &shortage, sink);
        self.pause(request, &shortage).await
    }

    /// Says what is waited for: on a line that stays where it is something else than before, and with its figures on the live line of a
    /// terminal.
    fn tell(
        &mut self,
        request: &RoomRequest,
        shortage: &RoomShortage,
        sink: &mut dyn ProgressSink,
    ) {
        let (message, subject) = (shortage.cause().message, shortage.subject());
        if self.subject != subject {
            self.subject = subject;
            let name = request.session();
            let place = match self.before {
                None => String::new(),
                Some(0) => "; no other Pod waits for a node".to_owned(),
                Some(1) => "; 1 Pod waits for a node before it".to_owned(),
                Some(pods) => format!("; {pods} Pods wait for a node before it"),
            };
            let note = format!("session {name:?} waits for room: {message}{place}");
            sink.tell(ProgressEvent::Note(note));
        }
        sink.tell(ProgressEvent::Waiting {
            stage: WaitStage::AwaitingRoom,
            object: "room".to_owned(),
            detail: message,
        });
    }

    async fn pause(&mut self, request: &RoomRequest, shortage: &RoomShortage) -> Result<()> {
        let deadline = self.deadline;
        within(deadline, request, shortage, self.backoff.pause()).await
    }

    /// Watches what is short until there seems to be room for the request, or never will be, or until the watch cannot go on from where it
    /// began.
    async fn watch_until_room(
        &mut self,
        cluster: &Cluster,
        request: &RoomRequest,
        facts: &mut RoomFacts,
        last: &mut RoomShortage,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        let mut changes = watch_facts(cluster, request, facts);
        loop {
            let next = within(self.deadline, request, last, changes.next()).await?;
            let mut next = Some(next);
            tokio::time::sleep(COLLECTING).await;
            while let Some(change) = next {
                match change {
                    Some((list, Ok(change))) => apply_change(list.of(facts), change),
                    // The watch begins anew with what is there then.
                    Some((_, Err(error))) if failure::has_kind(&error, FailureKind::Expired) => {
                        return Ok(());
                    }
                    Some((_, Err(error))) => return Err(error),
                    None => return Ok(()),
                }
                next = changes.next().now_or_never();
            }
            match request.find_shortage(facts) {
                Some(shortage) if shortage.may_pass() => {
                    self.tell(request, &shortage, sink);
                    *last = shortage;
                }
                _ => return Ok(()),
            }
        }
    }
}

/// Counts the Pods of all namespaces that wait for a node; `None` if the caller may not list them.
async fn count_waiting_pods(cluster: &Cluster) -> Result<Option<usize>> {
    let waiting = "spec.nodeName=,status.phase=Pending";
    let found = list_selected(cluster, &POD, Scope::All, waiting).await?;
    Ok(found.into_list().map(|pods| pods.items.len()))
}

/// A list of [`RoomFacts`] that is watched.
#[derive(Clone, Copy, Debug)]
enum WatchedList {
    Quotas,
    Nodes,
    Pods,
}

impl WatchedList {
    fn of(self, facts: &mut RoomFacts) -> Option<&mut ObjectList> {
        let list = match self {
            WatchedList::Quotas => facts.quotas.as_mut(),
            WatchedList::Nodes => facts.nodes.as_mut().map(|facts| &mut facts.nodes),
            WatchedList::Pods => facts.nodes.as_mut()?.pods.as_mut(),
        };
        // Other sessions may have the same list.
        list.map(Arc::make_mut)
    }
}

fn watch_facts(
    cluster: &Cluster,
    request: &RoomRequest,
    facts: &RoomFacts,
) -> BoxStream<'static, (WatchedList, Result<WatchChange>)> {
    let here = Scope::Namespace(request.namespace());
    let nodes = facts.nodes.as_ref();
    let pods = nodes.and_then(|facts| facts.pods.as_ref());
    let nodes = nodes.map(|facts| &facts.nodes);
    let quotas = facts.quotas.as_ref();
    let lists = [
        (WatchedList::Quotas, &RESOURCE_QUOTA, here, "", quotas),
        (WatchedList::Nodes, &NODE, Scope::Cluster, "", nodes),
        (WatchedList::Pods, &POD, Scope::All, ACTIVE_PODS, pods),
    ];
    let watches = lists
        .into_iter()
        .filter_map(|(name, kind, scope, fields, list)| {
            let from = Some(list?.resource_version.as_str());
            let select = ListOptions::with_fields(fields);
            let changes = cluster.watch(kind, scope, &select, from, false);
            Some(changes.map(move |change| (name, change)).boxed())
        });
    select_all(watches).boxed()
}

/// Brings a list up to date.
fn apply_change(list: Option<&mut ObjectList>, change: WatchChange) {
    let Some(list) = list else {
        return;
    };
    let (object, is_gone) = match change {
        WatchChange::Added(object) | WatchChange::Modified(object) => (object, false),
        WatchChange::Deleted(object) => (object, true),
        WatchChange::Bookmark(_) | WatchChange::Restarted => return,
    };
    let place = |object: &Value| {
        let object = Untyped(object);
        (
            object.str_at("/metadata/namespace").map(str::to_owned),
            object.name().to_owned(),
        )
    };
    let changed = place(&object);
    list.items.retain(|known| place(known) != changed);
    if !is_gone {
        list.items.push(object);
    }
}

/// Waits for `work`, at most until the deadline.
async fn within<T>(
    deadline: Option<Instant>,
    request: &RoomRequest,
    shortage: &RoomShortage,
    work: impl Future<Output = T>,
) -> Result<T> {
    let Some(deadline) = deadline else {
        return Ok(work.await);
    };
    match tokio::time::timeout_at(deadline, work).await {
        Ok(done) => Ok(done),
        Err(_) => Err(shortage
            .cause()
            .attach_to(timed_out(&SESSION, request.session()))),
    }
}
