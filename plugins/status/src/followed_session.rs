//! Observed state of a session, kept up to date by watches.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use session_shared::client::{
    ListOptions, WatchChange, WatchEvent, WatchEvents, not_found_error, parse_object,
};
use session_shared::objects::ResourceType;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{EVENT, PERSISTENT_VOLUME_CLAIM, POD, SESSION};
use session_shared::ops::Cluster;
use session_shared::ops::session_objects::session_selector;

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
        Ok(Self {
            cluster,
            name: name.to_owned(),
            observed: observe_with_causes(cluster, name).await?,
            turns: watch_session(cluster, name, tick, limit),
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
        match asks {
            NeededReads::None => {}
            NeededReads::SecondRound => {
                // The watched events are more complete than those read again.
                let events = self.observed.events.clone();
                read_second_round(self.cluster, &mut self.observed).await;
                self.observed.events = events;
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
    name: &str,
    tick: Option<Duration>,
    limit: Option<Duration>,
) -> WatchEvents {
    let labelled = session_selector(name);
    let what: [(&ResourceType, ListOptions); 4] = [
        (
            &SESSION,
            ListOptions::with_fields(format!("metadata.name={name}")),
        ),
        (&POD, labelled.clone()),
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
    match turn {
        WatchEvent::Tick | WatchEvent::TimeUp => Ok(NeededReads::None),
        WatchEvent::Ended {
            what: SESSION_WATCH,
            error,
        } => Err(error),
        // A part that cannot be watched keeps the state that was read.
        WatchEvent::Ended { .. } => Ok(NeededReads::None),
        // A new list repeats existing objects, but reports no deletions.
        WatchEvent::Restarted(_) => Ok(NeededReads::All),
        WatchEvent::Changed {
            what: SESSION_WATCH,
            change,
        } => apply_session_change(observed, change),
        WatchEvent::Changed { what, change } => {
            let part = match what {
                POD_WATCH => &mut observed.pods,
                EVENT_WATCH => &mut observed.events,
                CLAIM_WATCH => &mut observed.claims,
                _ => return Ok(NeededReads::None),
            };
            let Ok(list) = part else {
                return Ok(NeededReads::None);
            };
            let other = apply_change(list, change) && what == POD_WATCH;
            Ok(if other {
                NeededReads::SecondRound
            } else {
                NeededReads::None
            })
        }
    }
}

fn apply_session_change(observed: &mut Observed, change: WatchChange) -> Result<NeededReads> {
    match change {
        WatchChange::Added(object) | WatchChange::Modified(object) => {
            observed.typed_session = parse_object(object.clone())?;
            let same = observed.session["status"]["applied"] == object["status"]["applied"];
            observed.session = object;
            Ok(if same {
                NeededReads::None
            } else {
                NeededReads::SecondRound
            })
        }
        WatchChange::Deleted(object) => Err(not_found_error(&SESSION, Untyped(&object).name())),
        WatchChange::Bookmark(_) | WatchChange::Restarted => Ok(NeededReads::None),
    }
}

/// Applies a change to a list. Returns true if an object was added or removed.
fn apply_change(list: &mut Vec<Value>, change: WatchChange) -> bool {
    match change {
        WatchChange::Added(object) | WatchChange::Modified(object) => {
            match list
                .iter_mut()
                .find(|known| Untyped(known).is_same_object(&object))
            {
                Some(known) => {
                    *known = object;
                    false
                }
                None => {
                    list.push(object);
                    true
                }
            }
        }
        WatchChange::Deleted(object) => {
            list.retain(|known| !Untyped(known).is_same_object(&object));
            true
        }
        WatchChange::Bookmark(_) | WatchChange::Restarted => false,
    }
}
