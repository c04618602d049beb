//! The shared watches of a process: which objects they have told, and who gets the changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::watch_change::WatchChange;
use session_model::objects::Untyped;

/// Returns the part that an object belongs to, if any.
pub(super) type PartOf = fn(&Value) -> Option<&str>;

/// Part of the objects that belong to none.
pub(super) const REST: &str = "";

/// The shared watches of a process.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    /// By type, namespace and label selector.
    feeds: Mutex<HashMap<[String; 3], Arc<Mutex<Feed>>>>,
    /// Ended with the last [`SharedWatches`].
    tasks: Mutex<JoinSet<()>>,
}

/// A shared watch and those who get its changes.
#[derive(Debug, Default)]
pub(super) struct Feed {
    state: FeedState,
    /// Number of waits that watch alone.
    alone: usize,
    subscribers: Vec<Subscriber>,
    /// Last version that was told.
    version: String,
    /// Says the part of objects that are kept; `None` if none are.
    kept_by: Option<PartOf>,
    /// Objects by part and name.
    kept: HashMap<String, BTreeMap<String, Value>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FeedState {
    #[default]
    Closed,
    Opening,
    Open,
    /// The server refuses the watch.
    Refused,
}

#[derive(Debug)]
struct Subscriber {
    part_of: PartOf,
    parts: BTreeSet<String>,
    changes: UnboundedSender<WatchChange>,
}

impl Feeds {
    pub(super) fn feed(&self, key: [String; 3]) -> Arc<Mutex<Feed>> {
        lock(&self.feeds).entry(key).or_default().clone()
    }

    /// Runs a task until the last [`SharedWatches`](super::SharedWatches) is dropped.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.tasks).spawn(task);
    }
}

impl Feed {
    /// Adds a subscriber. Returns true with the first one, for whom the watch is to be opened; `None` for one that watches alone.
    pub(super) fn subscribe(
        &mut self,
        part_of: PartOf,
        parts: &BTreeSet<String>,
        alone_max: usize,
    ) -> Option<(bool, UnboundedReceiver<WatchChange>)> {
        let is_first = self.state == FeedState::Closed;
        if self.state == FeedState::Refused {
            return None;
        }
        if is_first && self.alone < alone_max {
            self.alone += 1;
            return None;
        }
        let (sender, receiver) = unbounded_channel();
        let subscriber = Subscriber {
            part_of,
            parts: parts.clone(),
            changes: sender,
        };
        match self.state {
            FeedState::Open => self.begin(&subscriber),
            _ => self.state = FeedState::Opening,
        }
        (self.subscribers).retain(|subscriber| !subscriber.changes.is_closed());
        self.subscribers.push(subscriber);
        Some((is_first, receiver))
    }

    /// Forgets everything: without senders, the waits go on alone. An expired watch may be opened again.
    pub(super) fn close(&mut self, is_expired: bool) {
        let state = match is_expired {
            true => FeedState::Closed,
            false => FeedState::Refused,
        };
        *self = Self {
            state,
            ..Self::default()
        };
    }

    /// Returns true if waits get their changes from here.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.state, FeedState::Opening | FeedState::Open)
    }

    /// Opens the watch at a version. Objects are kept by their part from then on if there are any `kept` ones.
    pub(super) fn open(&mut self, version: String, kept: Option<Vec<Value>>, part_of: PartOf) {
        self.state = FeedState::Open;
        self.version = version;
        self.kept_by = kept.is_some().then_some(part_of);
        for object in kept.iter().flatten() {
            self.keep(object);
        }
        (self.subscribers.iter()).for_each(|subscriber| self.begin(subscriber));
    }

    /// Tells a subscriber that the watch is open, and what is kept. A receiver that is gone is no error, here and below.
    fn begin(&self, subscriber: &Subscriber) {
        let open = WatchChange::Bookmark(self.version.clone());
        let _ = subscriber.changes.send(open);
        let parts = subscriber.parts.iter();
        let kept = parts.filter_map(|part| self.kept.get(part)).flatten();
        for (_, object) in kept {
            let _ = subscriber.changes.send(WatchChange::Added(object.clone()));
        }
    }

    fn keep(&mut self, object: &Value) {
        if let Some(part_of) = self.kept_by {
            let part = part_of(object).unwrap_or(REST).to_owned();
            let name = Untyped(object).name().to_owned();
            let objects = self.kept.entry(part).or_default();
            objects.insert(name, object.clone());
        }
    }

    /// Tells a change to those whose part it is.
    pub(super) fn tell(&mut self, change: WatchChange) {
        let object = match &change {
            WatchChange::Added(object) | WatchChange::Modified(object) => {
                self.keep(object);
                object
            }
            WatchChange::Deleted(object) => {
                let part = self.kept_by.and_then(|part_of| part_of(object));
                if let Some(kept) = self.kept.get_mut(part.unwrap_or(REST)) {
                    kept.remove(Untyped(object).name());
                }
                object
            }
            WatchChange::Bookmark(version) => {
                version.clone_into(&mut self.version);
                return;
            }
            WatchChange::Restarted => return,
        };
        if let Some(version) = Untyped(object).resource_version() {
            version.clone_into(&mut self.version);
        }
        for subscriber in &self.subscribers {
            let part = (subscriber.part_of)(object).unwrap_or(REST);
            if subscriber.parts.contains(part) {
                let _ = subscriber.changes.send(change.clone());
            }
        }
    }
}

pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
