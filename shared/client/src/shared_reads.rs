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

use std::sync::{Arc, Weak};

use anyhow::Result;
use serde_json::Value;

use super::read_answers::Reads;
use super::watch_feed::lock;
use super::{Cluster, ListOptions, ObjectList, Scope};
use session_model::objects::ResourceType;

/// Lets reads be shared until it is dropped, or until this process writes something.
#[derive(Debug)]
#[must_use]
pub struct SharedReads {
    #[expect(dead_code, reason = "keeps them alive")]
    reads: Arc<Reads>,
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
