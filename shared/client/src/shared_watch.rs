//! Watches that several waits share: one of all objects of a type in a namespace, whose changes each go to the waits that they concern.
//!
//! ```text
//! Cluster::share_watches ─► SharedWatches, held during the work on many sessions
//! Cluster::watch_part ─┬─ nobody holds it, or the first few ─► Cluster::watch of the part alone
//!                      └─ subscribe ─► LIST of the part, or what is kept ─► its later changes ◄─ Feed ◄─ one Cluster::watch
//!                                        └─ the shared watch is lost ─► Cluster::watch of the part alone
//! ```

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use anyhow::{Error, Result};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc::UnboundedReceiver;

use super::watch_feed::{Feed, Feeds, PartOf, REST, lock};
use super::{Cluster, ListOptions, Scope, WatchChange, watch_ended_error};
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
    pub part_of: PartOf,
    /// The parts that the wait needs; [`WatchPart::REST`] stands for the objects of no part.
    pub parts: BTreeSet<String>,
    /// True if the objects are read once for all waits and kept, for types of which a wait may see an old version. Otherwise each wait
    /// begins with a LIST of what it needs.
    pub is_kept: bool,
}

impl WatchPart {
    /// Objects that belong to no part.
    pub const REST: &str = REST;

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
}

/// Lets waits share their watches until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct SharedWatches {
    #[expect(dead_code, reason = "keeps them alive")]
    feeds: Arc<Feeds>,
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
            let feed = feeds.feed(feed_key(t, namespace, part));
            lock(&feed).is_shared()
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
        let Some(changes) = self.subscribe(&feeds, t, namespace, &part) else {
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

    /// Returns the changes of a part, which end when the shared watch is lost: first a Bookmark once it is open, then what is kept.
    /// `None` for a wait that watches alone.
    fn subscribe(
        &self,
        feeds: &Feeds,
        t: &ResourceType,
        namespace: &str,
        part: &WatchPart,
    ) -> Option<UnboundedReceiver<WatchChange>> {
        let shared = feeds.feed(feed_key(t, namespace, part));
        let mut feed = lock(&shared);
        let (is_first, changes) = feed.subscribe(part.part_of, &part.parts, ALONE_MAX)?;
        if is_first {
            let (cluster, t, part) = (self.clone(), t.clone(), part.clone());
            let (shared, namespace) = (shared.clone(), namespace.to_owned());
            feeds.spawn(async move {
                let error = cluster.run_feed(&t, &namespace, &part, &shared).await;
                lock(&shared).close(failure::has_kind(&error, FailureKind::Expired));
            });
        }
        Some(changes)
    }

    /// Watches for all subscribers until the watch is lost; returns why. `part` is the one of the first subscriber.
    async fn run_feed(
        &self,
        t: &ResourceType,
        namespace: &str,
        part: &WatchPart,
        shared: &Mutex<Feed>,
    ) -> Error {
        let scope = Scope::Namespace(namespace);
        // Of objects that are not kept, only the version is needed: the smaller list has it, too.
        let first = if part.is_kept { &part.all } else { &part.own };
        let list = match self.list(t, scope, first).await {
            Ok(list) => list,
            Err(error) => return error,
        };
        let from = Some(list.resource_version.as_str());
        let mut changes = self.watch(t, scope, &part.all, from, false);
        let kept = part.is_kept.then_some(list.items);
        lock(shared).open(list.resource_version, kept, part.part_of);
        while let Some(change) = changes.next().await {
            match change {
                Ok(change) => lock(shared).tell(change),
                Err(error) => return error,
            }
        }
        watch_ended_error(t)
    }
}

fn feed_key(t: &ResourceType, namespace: &str, part: &WatchPart) -> [String; 3] {
    let all = part.all.label_selector.clone();
    [t.qualified(), namespace.to_owned(), all]
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
