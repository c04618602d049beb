//! Several watches and timers merged into one stream, for verbs that display or wait for changes.

use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};

use super::{Cluster, ListOptions, Scope, WatchChange};
use session_model::objects::ResourceType;

/// An event of one of the watches, or of a timer. A watch is identified by its position in the list of watches.
#[derive(Debug)]
pub enum WatchEvent {
    /// An object was added, modified or deleted.
    Changed {
        /// Index of the watch.
        what: usize,
        /// The change.
        change: WatchChange,
    },
    /// The watch restarts with all existing objects, as Added; known objects that do not follow are gone.
    Restarted(usize),
    /// A watch has ended for good.
    Ended {
        /// Index of the watch.
        what: usize,
        /// The reason, usually Forbidden.
        error: anyhow::Error,
    },
    /// The tick interval has passed once more.
    Tick,
    /// The time limit has passed. Occurs once.
    TimeUp,
}

/// A stream of events from several watches and timers.
pub struct WatchEvents {
    events: BoxStream<'static, WatchEvent>,
}

impl std::fmt::Debug for WatchEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Turns")
    }
}

impl WatchEvents {
    /// Waits for the next event; `None` when every watch has ended and there is no timer.
    pub async fn next(&mut self) -> Option<WatchEvent> {
        self.events.next().await
    }

    /// Returns the next event if it is available, so that simultaneous events are processed together.
    pub fn try_next(&mut self) -> Option<WatchEvent> {
        self.events.next().now_or_never().flatten()
    }
}

impl Cluster {
    /// Watches several types in one namespace, each starting with an Added event per existing object. With `tick`, a Tick
    /// event occurs at that interval; with `limit`, one TimeUp event occurs after it.
    pub fn watch_events(
        &self,
        namespace: &str,
        what: &[(&ResourceType, ListOptions)],
        tick: Option<Duration>,
        limit: Option<Duration>,
    ) -> WatchEvents {
        let watches = what
            .iter()
            .enumerate()
            .map(|(at, (kind, select))| self.watch_events_of(at, kind, namespace, select));
        let mut all: Vec<BoxStream<'static, WatchEvent>> = watches.collect();
        if let Some(limit) = limit {
            let up = async move {
                tokio::time::sleep(limit).await;
                WatchEvent::TimeUp
            };
            all.push(stream::once(up).boxed());
        }
        if let Some(tick) = tick {
            let ticks = stream::unfold((), move |()| async move {
                tokio::time::sleep(tick).await;
                Some((WatchEvent::Tick, ()))
            });
            all.push(ticks.boxed());
        }
        WatchEvents {
            events: stream::select_all(all).boxed(),
        }
    }

    fn watch_events_of(
        &self,
        what: usize,
        kind: &ResourceType,
        namespace: &str,
        select: &ListOptions,
    ) -> BoxStream<'static, WatchEvent> {
        let scope = Scope::Namespace(namespace);
        let changes = self.watch(kind, scope, select, None, false);
        let turns = changes.map(move |change| match change {
            Ok(WatchChange::Restarted) => WatchEvent::Restarted(what),
            Ok(change) => WatchEvent::Changed { what, change },
            Err(error) => WatchEvent::Ended { what, error },
        });
        turns.boxed()
    }
}
