//! Several watches as one stream, and a clock in it: for what is shown or waited for while it changes.

use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};

use super::{Change, Cluster, Place, Selection};
use session_model::objects::ResourceType;

/// What happened. `what` is the position in the list of what is watched.
#[derive(Debug)]
pub enum Turn {
    /// An object came, changed or went.
    Changed {
        /// Which watch.
        what: usize,
        /// The change.
        change: Change,
    },
    /// The server has forgotten where we were: all objects of that watch are told anew, those that are known may be gone.
    Anew(usize),
    /// A watch is over for good.
    Ended {
        /// Which watch.
        what: usize,
        /// Why: Forbidden, most often.
        error: anyhow::Error,
    },
    /// So much time has passed once more.
    Tick,
    /// The time that was given is over. Comes once.
    TimeUp,
}

/// Turns as they happen.
pub struct Turns {
    turns: BoxStream<'static, Turn>,
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Turns")
    }
}

impl Turns {
    /// The next turn; `None` when every watch is over and there is no clock.
    pub async fn next(&mut self) -> Option<Turn> {
        self.turns.next().await
    }

    /// The next turn if it is there already: so that what comes together is taken together.
    pub fn now(&mut self) -> Option<Turn> {
        self.turns.next().now_or_never().flatten()
    }
}

impl Cluster {
    /// Watches all of `what` in one namespace, each from the beginning: what is there comes as Added first. With `tick`, a
    /// Tick whenever so much time has passed; with `limit`, one TimeUp.
    pub fn turns(
        &self,
        namespace: &str,
        what: &[(&ResourceType, Selection)],
        tick: Option<Duration>,
        limit: Option<Duration>,
    ) -> Turns {
        let watches = what
            .iter()
            .enumerate()
            .map(|(at, (kind, select))| self.turns_of(at, kind, namespace, select));
        let mut all: Vec<BoxStream<'static, Turn>> = watches.collect();
        if let Some(limit) = limit {
            let up = async move {
                tokio::time::sleep(limit).await;
                Turn::TimeUp
            };
            all.push(stream::once(up).boxed());
        }
        if let Some(tick) = tick {
            let ticks = stream::unfold((), move |()| async move {
                tokio::time::sleep(tick).await;
                Some((Turn::Tick, ()))
            });
            all.push(ticks.boxed());
        }
        Turns {
            turns: stream::select_all(all).boxed(),
        }
    }

    fn turns_of(
        &self,
        what: usize,
        kind: &ResourceType,
        namespace: &str,
        select: &Selection,
    ) -> BoxStream<'static, Turn> {
        let place = Place::Namespace(namespace);
        let changes = self.watch(kind, place, select, None, false);
        let turns = changes.map(move |change| match change {
            Ok(Change::Anew) => Turn::Anew(what),
            Ok(change) => Turn::Changed { what, change },
            Err(error) => Turn::Ended { what, error },
        });
        turns.boxed()
    }
}
