//! Bookkeeping of the objects that a watch has reported: enough to know which events are new, and how much memory a
//! caller needs that keeps the objects.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use serde_json::Value;

use session_model::objects::Untyped;

/// The objects reported by a watch, by identity. Only two hashes and the size of each are kept.
#[derive(Debug, Default)]
pub(super) struct SeenObjects {
    hasher: RandomState,
    current: HashMap<u64, SeenObject>,
    /// Objects known before the watch was restarted from the beginning.
    previous: HashMap<u64, SeenObject>,
    /// Key and version of the object deleted last.
    deleted: Option<(u64, u64)>,
    memory: u64,
}

#[derive(Clone, Copy, Debug)]
struct SeenObject {
    version: u64,
    memory: u64,
}

impl SeenObjects {
    /// Records a change of the object with this `metadata` and size in memory. Returns true if the change is new, that is
    /// not a version reported before.
    pub(super) fn record(&mut self, metadata: &Value, deleted: bool, memory: u64) -> bool {
        let part = |path: &str| Untyped(metadata).str_at(path);
        let uid = part("/uid");
        let key = match uid {
            None => self.hasher.hash_one((part("/namespace"), part("/name"))),
            Some(uid) => self.hasher.hash_one(uid),
        };
        let version = self.hasher.hash_one(part("/resourceVersion"));
        let known = self.current.get(&key).copied();
        let known_before = known.or_else(|| self.previous.get(&key).copied());
        let is_news = known_before.is_none_or(|object| object.version != version)
            && self.deleted != Some((key, version));
        if let Some(object) = known {
            // The caller may keep several versions of an object without UID.
            let freed = if uid.is_none() { 0 } else { object.memory };
            self.memory = self.memory.saturating_sub(freed);
        }
        if deleted {
            let was_there = self
                .current
                .remove(&key)
                .or(self.previous.remove(&key))
                .is_some();
            self.deleted = Some((key, version));
            return is_news || was_there;
        }
        self.memory = self.memory.saturating_add(memory);
        self.current.insert(key, SeenObject { version, memory });
        is_news
    }

    /// Starts over: the watch reports every existing object again.
    pub(super) fn restart(&mut self) {
        self.previous = std::mem::take(&mut self.current);
        self.memory = 0;
    }

    /// Returns the memory of the existing objects in bytes.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(uid: &str, version: &str) -> Value {
        json!({"uid": uid, "name": "a", "resourceVersion": version})
    }

    #[test]
    fn what_is_told_again_is_no_news() {
        let mut held = SeenObjects::default();
        assert!(held.record(&metadata("u", "1"), false, 10));
        assert!(!held.record(&metadata("u", "1"), false, 10));
        assert!(held.record(&metadata("u", "2"), false, 10));
        held.restart();
        assert!(!held.record(&metadata("u", "2"), false, 10));
        assert!(held.record(&metadata("v", "3"), false, 10));
        assert!(held.record(&metadata("v", "4"), true, 10));
        assert!(!held.record(&metadata("v", "4"), true, 10));
    }

    #[test]
    fn memory_is_that_of_the_objects_that_are_there() {
        let mut held = SeenObjects::default();
        held.record(&metadata("u", "1"), false, 10);
        held.record(&metadata("u", "2"), false, 30);
        held.record(&metadata("v", "3"), false, 5);
        assert_eq!(held.memory(), 35);
        held.record(&metadata("u", "4"), true, 30);
        assert_eq!(held.memory(), 5);
        held.record(&metadata("", "5"), false, 7);
        held.record(&metadata("", "6"), false, 7);
        assert_eq!(held.memory(), 19);
    }
}
