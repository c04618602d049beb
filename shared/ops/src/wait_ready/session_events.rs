//! The Events that a wait reads: those of the session's objects, and those that say that a node is being added.

use std::collections::BTreeSet;

use anyhow::Result;
use futures::stream::BoxStream;
use serde_json::Value;

use super::ReadinessWatch;
use session_client::{ListOptions, Scope, WatchChange, WatchPart};
use session_engine::diagnosis::{EventNote, claim_names};
use session_engine::reconcile::WorkloadState;
use session_model::objects::Untyped;
use session_model::objects::metadata::name_of;
use session_model::objects::resource::EVENT;

/// Reasons of Events of a Pod for which a node is being added: those of the cluster autoscaler and of Karpenter.
const SCALE_UP_REASONS: [&str; 2] = ["TriggeredScaleUp", "Nominated"];

/// Part of the Events that say that a node is being added: it may be for any session.
pub(super) const SCALE_UP: &str = "scale-up/";

/// Returns the part of the Events of an object: its name, that of its Deployment for a ReplicaSet.
fn part_of_object<'a>(kind: &str, name: &'a str) -> &'a str {
    let deployment = name.rsplit_once('-').filter(|_| kind == "ReplicaSet");
    deployment.map_or(name, |(deployment, _)| deployment)
}

fn part_of_event(event: &Value) -> Option<&str> {
    let text = |path| Untyped(event).str_at(path);
    match text("/reason").is_some_and(|reason| SCALE_UP_REASONS.contains(&reason)) {
        true => Some(SCALE_UP),
        false => {
            let (kind, name) = (text("/involvedObject/kind")?, text("/involvedObject/name")?);
            Some(part_of_object(kind, name))
        }
    }
}

impl ReadinessWatch<'_> {
    pub(super) fn watch_events(&self) -> BoxStream<'static, Result<WatchChange>> {
        let scope = Scope::Namespace(self.namespace);
        (self.cluster).watch_part(&EVENT, scope, self.event_part(), None)
    }

    fn event_part(&self) -> WatchPart {
        WatchPart {
            own: ListOptions::default(),
            all: ListOptions::default(),
            part_of: part_of_event,
            parts: self.event_parts.clone(),
            is_kept: true,
        }
    }

    /// Adds the parts of the objects that are known by now. Returns true if a shared watch has to be asked for more of them.
    pub(super) fn add_event_parts(&mut self) -> bool {
        let part = |object| {
            let object = Untyped(object);
            part_of_object(object.kind(), object.name()).to_owned()
        };
        let mut parts: BTreeSet<String> = self.owners.iter().map(part).collect();
        for pod in self.pods.values() {
            parts.insert(name_of(&pod.metadata).to_owned());
            parts.extend(claim_names(pod).map(str::to_owned));
        }
        parts.insert(SCALE_UP.to_owned());
        let count = self.event_parts.len();
        self.event_parts.append(&mut parts);
        let grew = self.event_parts.len() > count;
        grew && (self.cluster).shares_watch(&EVENT, self.namespace, &self.event_part())
    }

    /// Returns the Events of the session's objects. Those of others are kept: their objects may turn out to be the session's.
    pub(super) fn own_events(&self) -> Vec<EventNote> {
        let parts = self.event_parts.iter();
        let events = parts.filter_map(|part| self.events.get(part)).flatten();
        events.cloned().collect()
    }

    /// Adds that the Events cannot be read: they may tell a cause, or a better one.
    pub(super) fn add_unread_events(&self, state: &mut WorkloadState) {
        let Some(why) = &self.unread_events else {
            return;
        };
        let line = format!("events: not available ({why})");
        if let Some(cause) = state.cause_mut() {
            cause.evidence.push(line);
        } else if let WorkloadState::NotReady(finding) = state {
            let before = std::mem::take(&mut finding.detail);
            let parts = [before, line].into_iter().filter(|part| !part.is_empty());
            finding.detail = parts.collect::<Vec<_>>().join("; ");
        }
    }

    /// Keeps an Event. Returns true if it may change the state.
    pub(super) fn apply_event_change(&mut self, change: WatchChange) -> bool {
        let (WatchChange::Added(object) | WatchChange::Modified(object)) = change else {
            return false;
        };
        let event = part_of_event(&object).zip(EventNote::from_value(&object));
        let Some((part, mut event)) = event else {
            return false;
        };
        event.set_age((self.now)());
        let events = self.events.entry(part.to_owned()).or_default();
        // A later version replaces the same event; it is not a new occurrence.
        events.retain(|known| known.event_uid.is_none() || known.event_uid != event.event_uid);
        events.push(event);
        self.event_parts.contains(part)
    }
}
