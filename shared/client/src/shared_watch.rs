//! Watches that several waits share: one of all objects of a type in a namespace, whose changes each go to the waits that they concern.
//!
//! ```text
//! Cluster::share_watches ─► SharedWatches, held during the work on many sessions
//! Cluster::watch_part ─┬─ nobody holds it, or the first few ─► Cluster::watch of the part alone
//!                      └─ subscribe ─► LIST of the part, or what is kept ─► its later changes ◄─ Feed ◄─ one Cluster::watch
//!                                        └─ the shared watch is lost ─► Cluster::watch of the part alone
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Error, Result};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::{Cluster, ListOptions, ObjectList, Scope, WatchChange, watch_ended_error};
use session_model::failure::{self, FailureKind};
use session_model::objects::{ResourceType, Untyped};

/// Waits for a type in a namespace that watch alone, with a selector of their own, before the others share a watch.
pub(super) const ALONE_MAX: usize = 4;

/// What one of several waits needs of a watch that they share.
#[derive(Clone, Debug)]
pub struct WatchPart {
    /// Selects what a wait needs that watches alone.
    pub own: ListOptions,
    /// Selects what all waits need.
    pub all: ListOptions,
    /// Returns the part that an object belongs to, if any.
    pub part_of: fn(&Value) -> Option<&str>,
    /// The parts that the wait needs; [`WatchPart::REST`] stands for the objects of no part.
    pub parts: BTreeSet<String>,
    /// True if the objects are read once for all waits and kept, for types of which a wait may see an old version. Otherwise each wait
    /// begins with a LIST of what it needs.
    pub is_kept: bool,
}

impl WatchPart {
    /// Objects that belong to no part.
    pub const REST: &str = "";

    /// Returns the part of one object.
    pub fn named(name: &str) -> Self {
        Self {
            own: ListOptions::with_fields(format!("metadata.name={name}")),
            all: ListOptions::default(),
            part_of: |object| Some(Untyped(object).name()),
            parts: BTreeSet::from([name.to_owned()]),
            is_kept: false,
        }
    }

    fn has(&self, object: &Value) -> bool {
        self.parts.contains(self.part(object))
    }

    fn part<'a>(&self, object: &'a Value) -> &'a str {
        (self.part_of)(object).unwrap_or(Self::REST)
    }
}

/// Lets waits share their watches until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct SharedWatches {
    #[expect(dead_code, reason = "keeps them alive")]
    feeds: Arc<Feeds>,
}

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
struct Feed {
    state: FeedState,
    /// Number of waits that watch alone.
    alone: usize,
    subscribers: Vec<Subscriber>,
    /// Last version that was told.
    version: String,
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
    part: WatchPart,
    changes: UnboundedSender<WatchChange>,
}

impl Cluster {
    /// Lets waits share their watches while the result is held.
    pub fn share_watches(&self) -> SharedWatches {
        let mut held = lock(&self.inner.feeds);
        let feeds = held.upgrade().unwrap_or_default();
        *held = Arc::downgrade(&feeds);
        SharedWatches { feeds }
    }

    /// Returns true if waits share a watch of which `part` is a part.
    pub fn shares_watch(&self, t: &ResourceType, namespace: &str, part: &WatchPart) -> bool {
        let feeds = lock(&self.inner.feeds).upgrade();
        feeds.is_some_and(|feeds| {
            let feed = feeds.feed(t, namespace, part);
            let state = lock(&feed).state;
            matches!(state, FeedState::Opening | FeedState::Open)
        })
    }

    /// Watches a part of the objects of a type as [`Cluster::watch`] does, by a shared watch where waits share theirs. With `from`, a
    /// shared watch still begins with what exists, and with Restarted if there is nothing.
    pub fn watch_part(
        &self,
        t: &ResourceType,
        scope: Scope<'_>,
        part: WatchPart,
        from: Option<&str>,
    ) -> BoxStream<'static, Result<WatchChange>> {
        let alone = self.watch(t, scope, &part.own, from, false);
        let feeds = lock(&self.inner.feeds).upgrade();
        let (Some(feeds), Scope::Namespace(namespace)) = (feeds, scope) else {
            return alone;
        };
        let Some(changes) = feeds.subscribe(self, t, namespace, &part) else {
            return alone;
        };
        let wait = PartWait {
            changes,
            cluster: self.clone(),
            t: t.clone(),
            namespace: namespace.to_owned(),
            part,
            from: from.map(str::to_owned),
            since: None,
            ready: VecDeque::new(),
            alone,
            is_lost: false,
        };
        stream::unfold(wait, async |mut wait| {
            let next = wait.next().await?;
            Some((next, wait))
        })
        .boxed()
    }
}

impl Feeds {
    fn feed(&self, t: &ResourceType, namespace: &str, part: &WatchPart) -> Arc<Mutex<Feed>> {
        let all = part.all.label_selector.clone();
        let key = [t.qualified(), namespace.to_owned(), all];
        lock(&self.feeds).entry(key).or_default().clone()
    }

    /// Returns the changes of a part, which end when the shared watch is lost: first a Bookmark once it is open, then what is kept.
    /// `None` for a wait that watches alone.
    fn subscribe(
        &self,
        cluster: &Cluster,
        t: &ResourceType,
        namespace: &str,
        part: &WatchPart,
    ) -> Option<UnboundedReceiver<WatchChange>> {
        let (sender, receiver) = unbounded_channel();
        let shared = self.feed(t, namespace, part);
        let mut feed = lock(&shared);
        let subscriber = Subscriber {
            part: part.clone(),
            changes: sender,
        };
        match feed.state {
            FeedState::Refused => return None,
            FeedState::Opening => {}
            FeedState::Open => feed.begin(&subscriber),
            FeedState::Closed if feed.alone < ALONE_MAX => {
                feed.alone += 1;
                return None;
            }
            FeedState::Closed => {
                feed.state = FeedState::Opening;
                let (cluster, t, part) = (cluster.clone(), t.clone(), part.clone());
                let (shared, namespace) = (shared.clone(), namespace.to_owned());
                let task = async move {
                    let error = run_feed(&cluster, &t, &namespace, &part, &shared).await;
                    // Without senders, the waits go on alone.
                    *lock(&shared) = Feed {
                        state: match failure::has_kind(&error, FailureKind::Expired) {
                            true => FeedState::Closed,
                            false => FeedState::Refused,
                        },
                        ..Feed::default()
                    };
                };
                lock(&self.tasks).spawn(task);
            }
        }
        (feed.subscribers).retain(|subscriber| !subscriber.changes.is_closed());
        feed.subscribers.push(subscriber);
        drop(feed);
        Some(receiver)
    }
}

/// Watches for all subscribers until the watch is lost; returns why. `part` is the one of the first subscriber.
async fn run_feed(
    cluster: &Cluster,
    t: &ResourceType,
    namespace: &str,
    part: &WatchPart,
    shared: &Mutex<Feed>,
) -> Error {
    let scope = Scope::Namespace(namespace);
    // What is not kept gives the version alone, so the smaller list will do.
    let first = if part.is_kept { &part.all } else { &part.own };
    let list = match cluster.list(t, scope, first).await {
        Ok(list) => list,
        Err(error) => return error,
    };
    let from = Some(list.resource_version.as_str());
    let mut changes = cluster.watch(t, scope, &part.all, from, false);
    lock(shared).open(list, part);
    while let Some(change) = changes.next().await {
        match change {
            Ok(change) => lock(shared).tell(change, part),
            Err(error) => return error,
        }
    }
    watch_ended_error(t)
}

impl Feed {
    fn open(&mut self, list: ObjectList, part: &WatchPart) {
        self.state = FeedState::Open;
        self.version = list.resource_version;
        let kept = list.items.into_iter().filter(|_| part.is_kept);
        kept.for_each(|object| self.keep(&object, part));
        (self.subscribers.iter()).for_each(|subscriber| self.begin(subscriber));
    }

    /// Tells a subscriber that the watch is open, and what is kept. A receiver that is gone is no error, here and below.
    fn begin(&self, subscriber: &Subscriber) {
        let open = WatchChange::Bookmark(self.version.clone());
        let _ = subscriber.changes.send(open);
        let parts = subscriber.part.parts.iter();
        let kept = parts.filter_map(|part| self.kept.get(part)).flatten();
        for (_, object) in kept {
            let _ = subscriber.changes.send(WatchChange::Added(object.clone()));
        }
    }

    fn keep(&mut self, object: &Value, part: &WatchPart) {
        let objects = self.kept.entry(part.part(object).to_owned());
        let name = Untyped(object).name().to_owned();
        objects.or_default().insert(name, object.clone());
    }

    fn tell(&mut self, change: WatchChange, part: &WatchPart) {
        let object = match &change {
            WatchChange::Added(object) | WatchChange::Modified(object) => {
                if part.is_kept {
                    self.keep(object, part);
                }
                object
            }
            WatchChange::Deleted(object) => {
                if let Some(kept) = self.kept.get_mut(part.part(object)) {
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
            if subscriber.part.has(object) {
                let _ = subscriber.changes.send(change.clone());
            }
        }
    }
}

/// A wait that is given its part of a shared watch.
struct PartWait {
    cluster: Cluster,
    t: ResourceType,
    namespace: String,
    part: WatchPart,
    /// Version of the object that the caller has read.
    from: Option<String>,
    changes: UnboundedReceiver<WatchChange>,
    /// Version of the LIST: older changes are in it.
    since: Option<u64>,
    /// Changes to return next.
    ready: VecDeque<WatchChange>,
    /// The watch to go on with if the shared one is lost.
    alone: BoxStream<'static, Result<WatchChange>>,
    is_lost: bool,
}

impl PartWait {
    async fn next(&mut self) -> Option<Result<WatchChange>> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Some(Ok(change));
            }
            if self.is_lost {
                return self.alone.next().await;
            }
            let change = self.changes.recv().await;
            match change {
                Some(WatchChange::Bookmark(_)) if self.part.is_kept => {}
                Some(WatchChange::Bookmark(version)) => self.list(version).await,
                Some(change) if self.is_news(&change) => return Some(Ok(change)),
                Some(_) => {}
                None => self.lose(),
            }
        }
    }

    /// Reads what exists, now that no change later than `told` is missed. The server need not ask its storage for it, which takes some
    /// 90 ms, nor is a watch that begins with what exists more recent.
    async fn list(&mut self, told: String) {
        let scope = Scope::Namespace(&self.namespace);
        let from = self.from.clone().unwrap_or_default();
        let select = ListOptions {
            not_older_than: match number(&from) > number(&told) {
                true => from,
                false => told,
            },
            ..self.part.own.clone()
        };
        let Ok(list) = self.cluster.list(&self.t, scope, &select).await else {
            // The watch of the part alone says what is wrong.
            return self.lose();
        };
        self.since = number(&list.resource_version);
        let items = list.items.into_iter();
        self.ready.extend(items.map(WatchChange::Added));
        if self.from.is_some() && self.ready.is_empty() {
            self.ready.push_back(WatchChange::Restarted);
        }
    }

    /// Goes on alone: from the version of the caller, or with all that exists.
    fn lose(&mut self) {
        self.is_lost = true;
        if self.from.is_none() {
            self.ready.push_back(WatchChange::Restarted);
        }
    }

    fn is_news(&self, change: &WatchChange) -> bool {
        let (WatchChange::Added(object)
        | WatchChange::Modified(object)
        | WatchChange::Deleted(object)) = change
        else {
            return true;
        };
        let version = Untyped(object).resource_version().and_then(number);
        // A change that is told twice does no harm.
        self.since
            .zip(version)
            .is_none_or(|(since, version)| version > since)
    }
}

/// Returns the number of a version; `None` where it is none and cannot be compared.
fn number(version: &str) -> Option<u64> {
    version.parse().ok()
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
