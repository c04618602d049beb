//! Reads that several sessions have in common, such as their template or the nodes: each is sent once while a command only reads.
//!
//! ```text
//! Cluster::share_reads ─► SharedReads, held while the sessions of a command are read and planned
//! Cluster::read_shared ─┬─ nobody holds it, or something has been written since ─► the read
//!   get_shared          └─ the first with a key ─► the read ─► its answer, kept ─► all others with that key
//!   list_shared
//! ```
//!
//! Reads of one session's own objects are not shared: each of them is sent once anyway, and its answer need not be kept.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use anyhow::{Error, Result};
use serde_json::Value;

use super::watch_feed::lock;
use super::{Cluster, ListOptions, ObjectList, Scope};
use session_model::failure::{Failure, FailureKind};
use session_model::objects::ResourceType;

/// Lets reads be shared until it is dropped, or until this process writes something.
#[derive(Debug)]
#[must_use]
pub struct SharedReads {
    #[expect(dead_code, reason = "keeps them alive")]
    reads: Arc<Reads>,
}

/// The shared reads of a process, by key. Each is a [`SharedRead`].
#[derive(Debug, Default)]
pub(super) struct Reads {
    reads: Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>,
}

/// A read that was sent, or is under way.
struct SharedRead<T> {
    /// What was read, or the server's refusal.
    answer: OnceLock<std::result::Result<Arc<T>, Failure>>,
    /// Locked while the read is under way.
    under_way: tokio::sync::Mutex<()>,
    /// Number of attempts that the server has not answered.
    failures: AtomicUsize,
}

impl Cluster {
    /// Lets reads be shared while the result is held, unless something is written.
    pub fn share_reads(&self) -> SharedReads {
        let mut held = lock(&self.inner.reads);
        let reads = held.upgrade().unwrap_or_default();
        *held = Arc::downgrade(&reads);
        SharedReads { reads }
    }

    /// Forgets all shared reads: what they have told may be different from now on.
    pub(super) fn end_shared_reads(&self) {
        *lock(&self.inner.reads) = Weak::new();
    }

    /// Returns the result of `read`, or of an earlier read with the same key while reads are shared. Requests that run at the same time
    /// wait for the first. A refusal for a missing right is shared, too; after any other error, those that wait read by themselves. A large
    /// `read` should be boxed, since it is moved several times.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn read_shared<T: Send + Sync + 'static>(
        &self,
        key: String,
        read: impl Future<Output = Result<T>>,
    ) -> Result<Arc<T>> {
        let reads = lock(&self.inner.reads).upgrade();
        match reads.and_then(|reads| reads.find_or_add::<T>(key)) {
            Some(shared) => shared.answer_or_read(read).await,
            None => read.await.map(Arc::new),
        }
    }

    /// Reads an object as [`Cluster::get`] does, once for all who share their reads.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub async fn get_shared(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>> {
        let key = format!("get {t:?} {namespace:?} {name:?}");
        let read = Box::pin(self.get(t, namespace, name));
        let object = self.read_shared(key, read);
        object.await.map(Arc::unwrap_or_clone)
    }

    /// Lists objects as [`Cluster::list`] does, once for all who share their reads.
    ///
    /// # Errors
    /// As [`Cluster::list`].
    pub async fn list_shared(
        &self,
        t: &ResourceType,
        scope: Scope<'_>,
        select: &ListOptions,
    ) -> Result<Arc<ObjectList>> {
        let key = format!("list {t:?} {scope:?} {select:?}");
        let read = Box::pin(self.list(t, scope, select));
        self.read_shared(key, read).await
    }
}

impl Reads {
    /// Returns the read of a key; `None` if that key is one of another type.
    fn find_or_add<T: Send + Sync + 'static>(&self, key: String) -> Option<Arc<SharedRead<T>>> {
        let mut reads = lock(&self.reads);
        let read = reads
            .entry(key)
            .or_insert_with(|| Arc::new(SharedRead::<T>::new()));
        Arc::clone(read).downcast().ok()
    }
}

impl<T> SharedRead<T> {
    fn new() -> Self {
        Self {
            answer: OnceLock::new(),
            under_way: tokio::sync::Mutex::default(),
            failures: AtomicUsize::default(),
        }
    }

    /// Returns the answer, which `read` brings if nobody has read it yet.
    async fn answer_or_read(&self, read: impl Future<Output = Result<T>>) -> Result<Arc<T>> {
        let failures = self.failures.load(Ordering::Relaxed);
        let under_way = self.under_way.lock().await;
        if let Some(answer) = self.answer.get() {
            return answer.clone().map_err(Error::from);
        }
        if self.failures.load(Ordering::Relaxed) != failures {
            // Not one after the other: each may take as long as the request timeout.
            drop(under_way);
            return read.await.map(Arc::new);
        }
        let result = read.await.map(Arc::new);
        let kept = match &result {
            Ok(read) => Some(Ok(Arc::clone(read))),
            Err(error) => shareable_refusal(error).map(Err),
        };
        if let Some(answer) = kept {
            // Nobody else sets it while the read is under way.
            let _ = self.answer.set(answer);
        } else {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        result
    }
}

/// Returns the refusal of a request that the server would refuse again.
fn shareable_refusal(error: &Error) -> Option<Failure> {
    let lasting = [
        FailureKind::Forbidden,
        FailureKind::NotFound,
        FailureKind::ResourceTypeNotFound,
    ];
    let failure = error.downcast_ref::<Failure>()?;
    lasting.contains(&failure.kind).then(|| failure.clone())
}
