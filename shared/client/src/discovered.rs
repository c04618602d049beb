//! Types that discovery has found, kept for the process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use session_model::objects::ResourceType;
use tokio::sync::OnceCell;

/// The types of a group version, each with whether it has a scale subresource.
pub(super) type ServedTypes = Vec<(ResourceType, bool)>;

/// Types that the server serves, by group version; one that is not served has no types.
#[derive(Debug, Default)]
pub(super) struct Discovered {
    versions: Mutex<HashMap<String, Arc<OnceCell<ServedTypes>>>>,
    /// True once this process has written a definition of types. From then on, a type that an earlier answer does not have may be
    /// served.
    is_changing: AtomicBool,
}

impl Discovered {
    /// Returns the types of a group version, which may not have been read yet.
    pub(super) fn version(&self, api_version: &str) -> Arc<OnceCell<ServedTypes>> {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(versions.entry(api_version.to_owned()).or_default())
    }

    /// Replaces the types of a group version by what a later answer has.
    pub(super) fn replace(&self, api_version: &str, types: ServedTypes) {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::new(OnceCell::new_with(Some(types)));
        versions.insert(api_version.to_owned(), cell);
    }

    /// Returns true once this process has written a definition of types.
    pub(super) fn is_changing(&self) -> bool {
        self.is_changing.load(Ordering::Relaxed)
    }

    /// Notes that this process writes a definition of types.
    pub(super) fn set_changing(&self) {
        self.is_changing.store(true, Ordering::Relaxed);
    }
}
