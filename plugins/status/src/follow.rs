//! A session that is followed: what was observed, kept up to date by watches.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use session_shared::client::Change;
use session_shared::client::Selection;
use session_shared::client::Turn;
use session_shared::client::Turns;
use session_shared::client::missing;
use session_shared::client::typed;
use session_shared::labels;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{EVENT, PERSISTENT_VOLUME_CLAIM, POD, SESSION, text};
use session_shared::ops::Cluster;

use crate::observe::{Observed, explain, observe, refresh};

/// So many ticks later everything that is not watched is read again: use, templates, Services.
const TICKS_TO_REFRESH: u32 = 15;

const SESSIONS: usize = 0;
const PODS: usize = 1;
const EVENTS: usize = 2;
const CLAIMS: usize = 3;

/// What a change asks for before a report can be made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Asks {
    #[default]
    Nothing,
    /// The second round of reads: what leads on may have become another.
    SecondRound,
    /// Everything: what is gone was not told.
    Everything,
}

/// What happened to a session that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It may have changed, or its ages have.
    Changed,
    /// The time that was given is over.
    TimeUp,
}

/// A session that is followed.
pub(crate) struct Followed<'a> {
    cluster: &'a Cluster,
    name: String,
    /// What is known of it now.
    pub(crate) observed: Observed,
    turns: Turns,
    ticks: u32,
}

impl<'a> Followed<'a> {
    /// Reads everything, and watches from then on. The clock ticks where `tick` says, and `limit` ends it.
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
            observed: observe(cluster, name).await?,
            turns: watched(cluster, name, tick, limit),
            ticks: 0,
        })
    }

    /// Waits until something happens, and takes it in.
    ///
    /// # Errors
    /// NotFound when the session is gone; when it can be watched no more.
    pub(crate) async fn next(&mut self) -> Result<Happened> {
        let (mut asks, mut next) = (Asks::Nothing, self.turns.next().await);
        if next.is_none() {
            bail!("the watches have ended");
        }
        // What comes together is taken together.
        while let Some(turn) = next {
            match turn {
                Turn::TimeUp => return Ok(Happened::TimeUp),
                Turn::Tick => self.ticks += 1,
                turn => asks = asks.max(take(&mut self.observed, turn)?),
            }
            next = self.turns.now();
        }
        if self.ticks >= TICKS_TO_REFRESH {
            self.ticks = 0;
            asks = asks.max(Asks::SecondRound);
        }
        match asks {
            Asks::Nothing => {}
            Asks::SecondRound => {
                // Events are watched: those that are known are more than are read again.
                let events = self.observed.events.clone();
                refresh(self.cluster, &mut self.observed).await;
                self.observed.events = events;
            }
            Asks::Everything => self.observed = observe(self.cluster, &self.name).await?,
        }
        Ok(Happened::Changed)
    }

    /// Finds out more about what is wrong.
    pub(crate) async fn explain(&mut self) {
        explain(self.cluster, &mut self.observed).await;
    }
}

/// Watches what a report is made of.
fn watched(
    cluster: &Cluster,
    name: &str,
    tick: Option<Duration>,
    limit: Option<Duration>,
) -> Turns {
    let labelled = Selection::labelled(format!("{}={name}", labels::SESSION));
    let what: [(&ResourceType, Selection); 4] = [
        (
            &SESSION,
            Selection::with_fields(format!("metadata.name={name}")),
        ),
        (&POD, labelled.clone()),
        // No label leads to events: all of the namespace come, and those of others are passed over.
        (&EVENT, Selection::default()),
        (&PERSISTENT_VOLUME_CLAIM, labelled),
    ];
    cluster.turns(cluster.namespace(), &what, tick, limit)
}

/// Puts a change into what was observed.
///
/// # Errors
/// NotFound when the session is gone; when it can be watched no more.
fn take(observed: &mut Observed, turn: Turn) -> Result<Asks> {
    match turn {
        Turn::Tick | Turn::TimeUp => Ok(Asks::Nothing),
        Turn::Ended {
            what: SESSIONS,
            error,
        } => Err(error),
        // A part that may not be watched stays as it was read.
        Turn::Ended { .. } => Ok(Asks::Nothing),
        // What is there comes again; what has gone meanwhile does not.
        Turn::Anew(_) => Ok(Asks::Everything),
        Turn::Changed {
            what: SESSIONS,
            change,
        } => take_session(observed, change),
        Turn::Changed { what, change } => {
            let part = match what {
                PODS => &mut observed.pods,
                EVENTS => &mut observed.events,
                CLAIMS => &mut observed.claims,
                _ => return Ok(Asks::Nothing),
            };
            let Ok(list) = part else {
                return Ok(Asks::Nothing);
            };
            let other = put(list, change) && what == PODS;
            Ok(if other {
                Asks::SecondRound
            } else {
                Asks::Nothing
            })
        }
    }
}

fn take_session(observed: &mut Observed, change: Change) -> Result<Asks> {
    match change {
        Change::Added(object) | Change::Modified(object) => {
            observed.typed = typed(object.clone())?;
            let same = observed.session["status"]["applied"] == object["status"]["applied"];
            observed.session = object;
            Ok(if same {
                Asks::Nothing
            } else {
                Asks::SecondRound
            })
        }
        Change::Deleted(object) => Err(missing(&SESSION, text(&object, "/metadata/name"))),
        Change::Bookmark(_) | Change::Anew => Ok(Asks::Nothing),
    }
}

/// Puts a change into a list; true if an object came or went.
fn put(list: &mut Vec<Value>, change: Change) -> bool {
    let uid = |object: &Value| text(object, "/metadata/uid").to_owned();
    match change {
        Change::Added(object) | Change::Modified(object) => {
            match list.iter_mut().find(|known| uid(known) == uid(&object)) {
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
        Change::Deleted(object) => {
            list.retain(|known| uid(known) != uid(&object));
            true
        }
        Change::Bookmark(_) | Change::Anew => false,
    }
}
