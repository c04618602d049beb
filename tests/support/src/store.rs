//! The fake's memory: objects, their versions, and who is told about changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::kinds::{self, Kind};

/// When the admission policy was made: before every session of a test.
const GUARDED_SINCE: &str = "2020-01-01T00:00:00Z";

/// Controllers in the small: called with every created or changed object of a type, returns objects to write.
pub(crate) type Reaction = Arc<dyn Fn(&Value) -> Vec<Value> + Send + Sync>;

/// One change, as watches see it.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    /// `pods`, `sessions.streaming.platform`; empty for a bookmark, which everybody gets.
    pub(crate) qualified: String,
    pub(crate) what: &'static str,
    pub(crate) object: Value,
    pub(crate) before: Value,
}

/// (qualified plural, namespace, name)
pub(crate) type Key = (String, String, String);

pub(crate) struct Store {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) objects: BTreeMap<Key, Value>,
    pub(crate) version: u64,
    pub(crate) history: Vec<Change>,
    /// Watches from before this version get 410.
    pub(crate) floor: u64,
    /// Watches end when it changes.
    pub(crate) epoch: u64,
    pub(crate) bell: tokio::sync::watch::Sender<u64>,
    reactions: Vec<(String, Reaction)>,
    uids: u64,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            kinds: kinds::served(),
            objects: BTreeMap::new(),
            version: 100,
            history: Vec::new(),
            floor: 0,
            epoch: 0,
            bell: tokio::sync::watch::Sender::new(0),
            reactions: Vec::new(),
            uids: 0,
        }
    }

    /// The admission policy of the API and its binding, as `setup` installs them.
    pub(crate) fn guard(&mut self) {
        let admission: Value =
            serde_json::from_str(include_str!("../../../docs/api/admission.json"))
                .expect("docs/api/admission.json is JSON");
        for object in admission["items"].as_array().into_iter().flatten() {
            let key = Self::key(&self.kind_of(object), object);
            let mut object = object.clone();
            object["metadata"]["creationTimestamp"] = GUARDED_SINCE.into();
            self.objects.insert(key, object);
        }
    }

    pub(crate) fn unguard(&mut self) {
        self.objects
            .retain(|key, _| !key.0.starts_with("validatingadmissionpolic"));
    }

    pub(crate) fn kind_of(&self, object: &Value) -> Kind {
        let (api_version, kind) = (
            object["apiVersion"].as_str().unwrap_or_default(),
            object["kind"].as_str().unwrap_or_default(),
        );
        let found = self
            .kinds
            .iter()
            .find(|known| known.kind == kind && known.api_version() == api_version);
        found.cloned().unwrap_or_else(|| {
            panic!("the fake does not serve {api_version} {kind}: use FakeApi::serve")
        })
    }

    pub(crate) fn react(&mut self, qualified: &str, reaction: Reaction) {
        self.reactions.push((qualified.to_owned(), reaction));
    }

    pub(crate) fn key(kind: &Kind, object: &Value) -> Key {
        let text = |pointer| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        (
            kind.qualified(),
            text("/metadata/namespace"),
            text("/metadata/name"),
        )
    }

    /// Writes an object as it is, filling in what a server would; returns it.
    pub(crate) fn put(&mut self, mut object: Value) -> Value {
        let kind = self.kind_of(&object);
        let key = Self::key(&kind, &object);
        let before = self.objects.get(&key).cloned();
        if let Some(old) = &before
            && same_but_version(old, &object)
        {
            return old.clone();
        }
        self.version += 1;
        let metadata = &mut object["metadata"];
        if metadata["uid"].is_null() {
            let kept = before.as_ref().map(|old| old["metadata"]["uid"].clone());
            metadata["uid"] = kept.unwrap_or_else(|| self.uid());
        }
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = self.version.to_string().into();
        if metadata["creationTimestamp"].is_null() {
            metadata["creationTimestamp"] = now().into();
        }
        set_generation(&mut object, before.as_ref());
        self.objects.insert(key.clone(), object.clone());
        let what = if before.is_some() {
            "MODIFIED"
        } else {
            "ADDED"
        };
        self.tell(&kind, what, object.clone(), before.unwrap_or_default());
        let reactions: Vec<Reaction> = self
            .reactions
            .iter()
            .filter(|(plural, _)| *plural == key.0)
            .map(|(_, reaction)| reaction.clone())
            .collect();
        for made in reactions.iter().flat_map(|reaction| reaction(&object)) {
            self.put(made);
        }
        self.objects.get(&key).cloned().unwrap_or(object)
    }

    /// Returns a new UID. As on a server, the order of UIDs is not that in which the objects were created; they are the same in each run.
    fn uid(&mut self) -> Value {
        self.uids += 1;
        // Odd, so that no two products of the first 2^48 are equal.
        let mixed = self.uids.wrapping_mul(0x9e37_79b9_7f4b) & 0xffff_ffff_ffff;
        format!("00000000-0000-4000-8000-{mixed:012x}").into()
    }

    /// Takes an object away, and what it owns.
    pub(crate) fn remove(&mut self, key: &Key) {
        let Some(mut object) = self.objects.remove(key) else {
            return;
        };
        self.version += 1;
        let before = object.clone();
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let kind = self.kind_of(&object);
        self.tell(&kind, "DELETED", object, before.clone());
        let uid = &before["metadata"]["uid"];
        let owned = |object: &Value| {
            object["metadata"]["ownerReferences"]
                .as_array()
                .is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == *uid))
        };
        let keys: Vec<Key> = self
            .objects
            .iter()
            .filter(|(_, object)| owned(object))
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            self.delete(&key);
        }
    }

    /// Deletes as a server does: an object with finalizers stays, marked. Returns it if it stays.
    pub(crate) fn delete(&mut self, key: &Key) -> Option<Value> {
        let mut object = self.objects.get(key)?.clone();
        let held = object["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|finalizers| !finalizers.is_empty());
        if !held {
            self.remove(key);
            return None;
        }
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = now().into();
            object["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        }
        Some(self.put(object))
    }

    /// Says to all watches of that type what happened.
    pub(crate) fn tell(&mut self, kind: &Kind, what: &'static str, object: Value, before: Value) {
        self.history.push(Change {
            version: self.version,
            qualified: kind.qualified(),
            what,
            object,
            before,
        });
        self.ring();
    }

    /// Sends a bookmark to every watch.
    pub(crate) fn bookmark(&mut self) {
        self.version += 1;
        let object = json!({"metadata": {"resourceVersion": self.version.to_string()}});
        self.history.push(Change {
            version: self.version,
            qualified: String::new(),
            what: "BOOKMARK",
            object,
            before: Value::Null,
        });
        self.ring();
    }

    pub(crate) fn ring(&self) {
        self.bell.send_modify(|count| *count += 1);
    }
}

fn same_but_version(old: &Value, new: &Value) -> bool {
    let strip = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            for key in [
                "resourceVersion",
                "managedFields",
                "generation",
                "uid",
                "creationTimestamp",
            ] {
                metadata.shift_remove(key);
            }
        }
        object
    };
    strip(old) == strip(new) && old["metadata"]["managedFields"] == new["metadata"]["managedFields"]
}

fn set_generation(object: &mut Value, before: Option<&Value>) {
    let spec = |object: &Value| {
        let mut object = object.clone();
        for key in ["metadata", "status"] {
            object.as_object_mut().unwrap().shift_remove(key);
        }
        object
    };
    let generation = match before {
        None => 1,
        Some(old) => {
            old["metadata"]["generation"].as_u64().unwrap_or(1)
                + u64::from(spec(old) != spec(object))
        }
    };
    object["metadata"]["generation"] = generation.into();
}

/// The time in the form the API server writes it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
