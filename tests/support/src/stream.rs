//! Watches: the store's history after a version, then what happens.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::State;
use crate::kinds::Kind;
use crate::request::Recorded;
use crate::selector::Selector;
use crate::store::{Change, Store};
use crate::table;

/// A watch that goes on as the store changes.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    kind: Kind,
    selector: Selector,
    request: Recorded,
    /// The last version told; everything after it is still to be told.
    after: u64,
    epoch: u64,
    /// Lines to begin with.
    first: Vec<String>,
}

impl Store {
    pub(crate) fn watch(&self, request: &Recorded, kind: &Kind, selector: Selector) -> Answer {
        let from = request.query("resourceVersion").unwrap_or_default();
        let mut live = Live {
            kind: kind.clone(),
            selector,
            request: request.clone(),
            after: self.version,
            epoch: self.epoch,
            first: Vec::new(),
        };
        if from.is_empty() || from == "0" {
            let mine = self
                .objects
                .iter()
                .filter(|(key, object)| key.0 == kind.qualified() && live.selector.matches(object));
            live.first = mine.map(|(_, object)| live.line("ADDED", object)).collect();
            return Answer::live(live);
        }
        live.after = from.parse().expect("a resourceVersion of the fake");
        if live.after < self.floor {
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Expired", "code": 410,
                "message": format!("too old resource version: {from} ({})", self.floor)});
            return Answer::watch(vec![json!({"type": "ERROR", "object": status})]);
        }
        Answer::live(live)
    }
}

impl Live {
    /// The next piece of the body; `None` at the end.
    pub(crate) async fn next(&mut self, state: &Arc<Mutex<State>>) -> Option<Vec<u8>> {
        loop {
            if !self.first.is_empty() {
                return Some(std::mem::take(&mut self.first).concat().into_bytes());
            }
            let mut bell = {
                let state = state.lock().unwrap();
                if state.store.epoch != self.epoch {
                    return None;
                }
                let after = self.after;
                let fresh: Vec<String> = state
                    .store
                    .history
                    .iter()
                    .filter(|change| change.version > after)
                    .filter_map(|change| self.told(change))
                    .collect();
                self.after = state.store.version;
                if !fresh.is_empty() {
                    return Some(fresh.concat().into_bytes());
                }
                state.store.bell.subscribe()
            };
            // The clock lets a client that went away be noticed.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), bell.changed()).await;
        }
    }

    /// The line of a change, if it concerns this watch.
    fn told(&self, change: &Change) -> Option<String> {
        if change.what == "BOOKMARK" {
            let mut object = change.object.clone();
            object["kind"] = self.kind.kind.clone().into();
            object["apiVersion"] = self.kind.api_version().into();
            return Some(format!(
                "{}\n",
                json!({"type": "BOOKMARK", "object": object})
            ));
        }
        if change.qualified != self.kind.qualified() {
            return None;
        }
        let (was, is) = (
            self.selector.matches(&change.before),
            self.selector.matches(&change.object),
        );
        let what = match (change.what, was, is) {
            ("ADDED", _, true) | ("MODIFIED", false, true) => "ADDED",
            ("MODIFIED", true, true) => "MODIFIED",
            ("MODIFIED" | "DELETED", true, _) => "DELETED",
            _ => return None,
        };
        Some(self.line(what, &change.object))
    }

    fn line(&self, what: &str, object: &Value) -> String {
        let shown = if table::wanted(&self.request) {
            let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            table::table(
                &self.kind,
                std::slice::from_ref(object),
                metadata,
                &self.request,
            )
        } else {
            object.clone()
        };
        format!("{}\n", json!({"type": what, "object": shown}))
    }
}
