//! The shared reads of a process: their answers by key, and who waits for them.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use anyhow::{Error, Result};

use super::watch_feed::lock;
use session_model::failure::{Failure, FailureKind};

/// The shared reads of a process, by key. Each is a [`SharedRead`].
#[derive(Debug, Default)]
pub(super) struct Reads {
    reads: Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>,
}

/// A read that was sent, or is under way.
pub(super) struct SharedRead<T> {
    /// Result of the read: its value, or the server's refusal.
    answer: OnceLock<std::result::Result<Arc<T>, Failure>>,
    /// Locked while the read is under way.
    under_way: tokio::sync::Mutex<()>,
    /// Number of attempts that the server has not answered.
    failures: AtomicUsize,
}

impl Reads {
    /// Returns the read of a key; `None` if that key is one of another type.
    pub(super) fn find_or_add<T: Send + Sync + 'static>(
        &self,
        key: String,
    ) -> Option<Arc<SharedRead<T>>> {
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
    pub(super) async fn answer_or_read(
        &self,
        read: impl Future<Output = Result<T>>,
    ) -> Result<Arc<T>> {
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
