//! What is left of sessions that are gone. Pure.

use std::collections::BTreeSet;

use serde_json::Value;
use session_shared::api::API_VERSION;
use session_shared::cluster::chosen::Chosen;
use session_shared::objects::belonging::is_data;
use session_shared::objects::resource::text;
use session_shared::{Timestamp, labels};

use crate::uses::Uses;

/// What there is of the sessions that exist.
#[derive(Debug, Default)]
pub(crate) struct Living {
    /// UIDs of the Sessions.
    pub(crate) uids: BTreeSet<String>,
    /// Namespaces and names of the Sessions.
    pub(crate) names: BTreeSet<(String, String)>,
    /// What they and their Pods use, whoever made it.
    pub(crate) uses: Uses,
}

impl Living {
    /// Adds a session.
    pub(crate) fn add(&mut self, chosen: &Chosen) {
        let part = |pointer: &str| text(&chosen.object, pointer).to_owned();
        self.uids.insert(part("/metadata/uid"));
        self.names
            .insert((part("/metadata/namespace"), part("/metadata/name")));
        self.uses.session(&chosen.session);
    }

    /// True if there is a session of that name in the object's Namespace.
    fn has(&self, object: &Value, session: &str) -> bool {
        let namespace = text(object, "/metadata/namespace").to_owned();
        self.names.contains(&(namespace, session.to_owned()))
    }
}

/// Why an object is an orphan; `None` if it is none, or if that cannot be told. What lacks our labels is nobody's business
/// here, and what was ever data is never an orphan: it goes by `--kept-older-than` alone.
pub(crate) fn orphaned(object: &Value, living: &Living) -> Option<String> {
    let session = ours(object)?;
    if holds_data(object) || living.uses.contains(object) {
        return None;
    }
    let named = || living.has(object, session);
    let owners = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    let owners: Vec<&Value> = owners.into_iter().flatten().collect();
    let is_session = |owner: &&&Value| {
        text(owner, "/kind") == "Session" && text(owner, "/apiVersion") == API_VERSION
    };
    // What belongs to something else goes with that.
    if owners.iter().any(|owner| !is_session(&owner)) {
        return None;
    }
    let lives = |owner: &&Value| living.uids.contains(text(owner, "/uid"));
    if owners.iter().any(lives) {
        return None;
    }
    // Without a reference its name alone tells whose it was: a session of that name may use it.
    if owners.is_empty() && named() {
        return None;
    }
    // A claim that never was bound: a session of that name would take it up.
    if is_data(object) && named() {
        return None;
    }
    Some(format!("session {session:?} is gone"))
}

/// Since when data is kept that no session uses; `None` for everything else.
pub(crate) fn kept_since(object: &Value, living: &Living) -> Option<Timestamp> {
    let session = ours(object)?;
    let kept = is_data(object) && text(object, "/kind") != "VolumeSnapshot";
    if !kept || living.uses.contains(object) || living.has(object, session) {
        return None;
    }
    let since = entry(object, "/metadata/annotations", labels::KEPT_SINCE)?;
    since.parse().ok()
}

/// When a snapshot of a session was taken that no claim is being restored from; `None` for everything else.
pub(crate) fn taken_at(object: &Value, living: &Living) -> Option<Timestamp> {
    ours(object)?;
    if text(object, "/kind") != "VolumeSnapshot" || living.uses.contains(object) {
        return None;
    }
    text(object, "/metadata/creationTimestamp").parse().ok()
}

/// The session whose label an object carries, if it is one of ours and is not going already.
pub(crate) fn ours(object: &Value) -> Option<&str> {
    let label = |key: &str| entry(object, "/metadata/labels", key);
    let going = !text(object, "/metadata/deletionTimestamp").is_empty();
    let managed = label(labels::MANAGED_BY) == Some(labels::MANAGER);
    label(labels::SESSION).filter(|_| managed && !going)
}

/// True for what may hold somebody's work: snapshots, parameters, claims that were ever bound or that were kept on purpose.
pub(crate) fn holds_data(object: &Value) -> bool {
    if !is_data(object) {
        return false;
    }
    text(object, "/kind") != "PersistentVolumeClaim"
        || entry(object, "/metadata/annotations", labels::KEPT_SINCE).is_some()
        || was_bound(object)
}

/// True if a claim has or had a volume. What cannot be told counts as bound.
fn was_bound(claim: &Value) -> bool {
    let annotations = [
        "pv.kubernetes.io/bind-completed",
        "pv.kubernetes.io/bound-by-controller",
    ];
    text(claim, "/status/phase") != "Pending"
        || !text(claim, "/spec/volumeName").is_empty()
        || claim
            .pointer("/status/capacity")
            .is_some_and(|capacity| !capacity.is_null())
        || annotations
            .iter()
            .any(|key| entry(claim, "/metadata/annotations", key).is_some())
}

/// A label or an annotation.
pub(crate) fn entry<'a>(object: &'a Value, field: &str, key: &str) -> Option<&'a str> {
    object.pointer(field)?.get(key)?.as_str()
}
