//! Observed state of a session, kept up to date by watches.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use session_shared::Pod;
use session_shared::api::Session;
use session_shared::client::{
    ListOptions, WatchChange, WatchEvent, WatchEvents, not_found_error, parse_object,
};
use session_shared::objects::ResourceType;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{EVENT, PERSISTENT_VOLUME_CLAIM, POD, SESSION};
use session_shared::ops::observed_session::Part;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::session_objects::session_selector;
use session_shared::ops::{Cluster, ObservedSession};
use session_shared::ops::{custom_primary, may_be_of_custom, pod_selector};

use crate::explained_causes::{explain_causes, observe_with_causes};
use crate::observe::{Observed, read_second_round};

/// Number of ticks after which objects that are not watched are read again: usage, templates, Services.
const TICKS_TO_REFRESH: u32 = 15;

const SESSION_WATCH: usize = 0;
const POD_WATCH: usize = 1;
const EVENT_WATCH: usize = 2;
const CLAIM_WATCH: usize = 3;

/// Reads that a change makes necessary before the next report, from none to all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum NeededReads {
    #[default]
    None,
    /// The second round of reads: the objects that the session refers to may have changed.
    SecondRound,
    /// All reads: deletions may have been missed.
    All,
}

/// Event of a followed session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FollowEvent {
    /// The state may have changed, or only the ages.
    Changed,
    /// The time limit has expired.
    TimedOut,
}

/// A session whose observed state is kept up to date.
pub(crate) struct FollowedSession<'a> {
    cluster: &'a Cluster,
    name: String,
    /// Current observed state.
    pub(crate) observed: Observed,
    turns: WatchEvents,
    ticks: u32,
}

impl<'a> FollowedSession<'a> {
    /// Reads everything and starts the watches. `tick` is the interval of ticks, `limit` the time limit.
    ///
    /// # Errors
    /// As [`observe`].
    pub(crate) async fn new(
        cluster: &'a Cluster,
        name: &str,
        tick: Option<Duration>,
        limit: Option<Duration>,
    ) -> Result<Self> {
        let observed = observe_with_causes(cluster, name).await?;
        Ok(Self {
            cluster,
            name: name.to_owned(),
            turns: watch_session(cluster, &observed.session.session, tick, limit),
            observed,
            ticks: 0,
        })
    }

    /// Waits for a change, a tick or the time limit, and updates the observed state.
    ///
    /// # Errors
    /// NotFound when the session is deleted; a watch of the session that ended for good.
    pub(crate) async fn next_event(&mut self) -> Result<FollowEvent> {
        let (mut asks, mut next) = (NeededReads::None, self.turns.next().await);
        if next.is_none() {
            bail!("cannot watch the session: all watches have ended");
        }
        // Changes that arrive together cause one report.
        while let Some(turn) = next {
            match turn {
                WatchEvent::TimeUp => return Ok(FollowEvent::TimedOut),
                WatchEvent::Tick => self.ticks += 1,
                turn => asks = asks.max(apply_event(&mut self.observed, turn)?),
            }
            next = self.turns.try_next();
        }
        if self.ticks >= TICKS_TO_REFRESH {
            self.ticks = 0;
            asks = asks.max(NeededReads::SecondRound);
        }
        self.observed.update_event_notes();
        match asks {
            NeededReads::None => {}
            NeededReads::SecondRound => {
                let observed = &mut self.observed;
                (observed.session, observed.references) =
                    read_second_round(self.cluster, &observed.session).await;
            }
            NeededReads::All => {
                self.observed = observe_with_causes(self.cluster, &self.name).await?
            }
        }
        Ok(FollowEvent::Changed)
    }

    /// Reads further facts about new causes.
    pub(crate) async fn explain(&mut self) {
        explain_causes(self.cluster, &mut self.observed).await;
    }
}

/// Starts the watches of the session, its Pods, events and claims.
fn watch_session(
    cluster: &Cluster,
    session: &Session,
    tick: Option<Duration>,
    limit: Option<Duration>,
) -> WatchEvents {
    let name = session.name();
    let labelled = session_selector(name);
    let what: [(&ResourceType, ListOptions); 4] = [
        (
            &SESSION,
            ListOptions::with_fields(format!("metadata.name={name}")),
        ),
        (&POD, pod_selector(session)),
        // Events have no labels: all events of the namespace are watched, and those of other objects are ignored.
        (&EVENT, ListOptions::default()),
        (&PERSISTENT_VOLUME_CLAIM, labelled),
    ];
    cluster.watch_events(cluster.namespace(), &what, tick, limit)
}

/// Applies a change to the observed state, and returns the reads that it makes necessary.
///
/// # Errors
/// NotFound when the session is deleted; a watch of the session that ended for good.
fn apply_event(observed: &mut Observed, turn: WatchEvent) -> Result<NeededReads> {
    let (what, change) = match turn {
        WatchEvent::Ended {
            what: SESSION_WATCH,
            error,
        } => return Err(error),
        // A part that cannot be watched keeps the state that was read.
        WatchEvent::Tick | WatchEvent::TimeUp | WatchEvent::Ended { .. } => {
            return Ok(NeededReads::None);
        }
        // A new list repeats existing objects, but reports no deletions.
        WatchEvent::Restarted(_) => return Ok(NeededReads::All),
        WatchEvent::Changed { what, change } => (what, change),
    };
    let (object, is_deleted) = match change {
        WatchChange::Added(object) | WatchChange::Modified(object) => (object, false),
        WatchChange::Deleted(object) => (object, true),
        WatchChange::Bookmark(_) | WatchChange::Restarted => return Ok(NeededReads::None),
    };
    let session = &mut observed.session;
    match what {
        SESSION_WATCH if is_deleted => Err(not_found_error(&SESSION, Untyped(&object).name())),
        SESSION_WATCH => apply_session_change(session, object),
        // Only the owners, which have to be read, tell whose a Pod without a label is.
        POD_WATCH if custom_primary(&session.session).is_some() => {
            match may_be_of_custom(&object, &session.session) {
                true => Ok(NeededReads::All),
                false => Ok(NeededReads::None),
            }
        }
        POD_WATCH if session.unreadable(Part::Pods).is_none() => {
            Ok(apply_pod_change(session, object, is_deleted))
        }
        CLAIM_WATCH if session.unreadable(Part::Claims).is_none() => {
            session.change_objects(|live| apply_change(&mut live.data, object, is_deleted, uid));
            Ok(NeededReads::None)
        }
        EVENT_WATCH => {
            if let Ok(events) = &mut observed.events {
                apply_change(events, object, is_deleted, uid);
            }
            Ok(NeededReads::None)
        }
        _ => Ok(NeededReads::None),
    }
}

/// Replaces the Session by a later version.
fn apply_session_change(session: &mut ObservedSession, object: Value) -> Result<NeededReads> {
    if session.object == object {
        return Ok(NeededReads::None);
    }
    let same = session.object["status"]["applied"] == object["status"]["applied"];
    session.replace_session(SelectedSession::parse(object)?);
    Ok(match same {
        // An impostor may be the session's by now.
        _ if !session.live.impostors.is_empty() => NeededReads::All,
        true => NeededReads::None,
        false => NeededReads::SecondRound,
    })
}

/// Applies a change of a Pod: a new one may have a new owner, and run on another node.
fn apply_pod_change(session: &mut ObservedSession, object: Value, is_deleted: bool) -> NeededReads {
    let Ok(pod) = parse_object::<Pod>(object) else {
        return NeededReads::All;
    };
    let is_other = session.change_objects(|live| {
        // An impostor is judged anew.
        let impostors = live.impostors.len();
        live.impostors
            .retain(|one| one.uid.is_none() || pod.metadata.uid != one.uid);
        let was_impostor = live.impostors.len() < impostors;
        let is_other = apply_change(&mut live.pods, pod, is_deleted, |pod| {
            pod.metadata.uid.as_deref()
        });
        is_other && !was_impostor
    });
    match is_other {
        true => NeededReads::SecondRound,
        false => NeededReads::None,
    }
}

fn uid(object: &Value) -> Option<&str> {
    Untyped(object).uid()
}

/// Applies a change to a list. Returns true if an object was added or removed.
fn apply_change<T>(
    list: &mut Vec<T>,
    object: T,
    is_deleted: bool,
    uid: impl Fn(&T) -> Option<&str>,
) -> bool {
    let known = list
        .iter()
        .position(|known| uid(known).is_some() && uid(known) == uid(&object));
    match (known, is_deleted) {
        (Some(at), false) => {
            list[at] = object;
            false
        }
        (None, false) => {
            list.push(object);
            true
        }
        (known, true) => {
            known.map(|at| list.remove(at));
            true
        }
    }
}
