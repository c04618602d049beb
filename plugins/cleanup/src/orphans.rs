//! What is left of sessions that are gone. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use session_shared::api::API_VERSION;
use session_shared::cluster::chosen::Chosen;
use session_shared::objects::belonging::is_data;
use session_shared::objects::kept::{holds_data, is_claim, is_snapshot};
use session_shared::objects::provenance::{Doubt, doubt};
use session_shared::objects::resource::{annotation, label, text};
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
    /// Namespaces and names of sessions, gone or not, of which there are snapshots.
    snapshotted: BTreeSet<(String, String)>,
    /// Claims by namespace and name of their session, gone or not.
    claims: BTreeMap<(String, String), Vec<Value>>,
    /// Snapshots may not be listed: any session may have some.
    pub(crate) unseen_snapshots: bool,
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

    /// Adds a snapshot: what it holds may need the parameters of its session.
    pub(crate) fn add_snapshot(&mut self, snapshot: &Value) {
        self.snapshotted.insert(session_key(snapshot));
    }

    /// Adds a claim: it tells which snapshots are its session's.
    pub(crate) fn add_claim(&mut self, claim: &Value) {
        let claims = self.claims.entry(session_key(claim)).or_default();
        claims.push(claim.clone());
    }

    /// Why a snapshot does not count as one of its session, as far as that is known.
    pub(crate) fn doubt(&self, snapshot: &Value) -> Option<Doubt> {
        let claims = self.claims.get(&session_key(snapshot));
        doubt(snapshot, claims.map_or(&[], Vec::as_slice))
    }

    /// True if there is a snapshot of a session of that name in the object's Namespace.
    fn is_snapshotted(&self, object: &Value, session: &str) -> bool {
        let namespace = text(object, "/metadata/namespace").to_owned();
        self.unseen_snapshots || self.snapshotted.contains(&(namespace, session.to_owned()))
    }

    /// True if there is a session of that name in the object's Namespace.
    fn has(&self, object: &Value, session: &str) -> bool {
        let namespace = text(object, "/metadata/namespace").to_owned();
        self.names.contains(&(namespace, session.to_owned()))
    }
}

/// Namespace and name of the session whose label an object carries.
fn session_key(object: &Value) -> (String, String) {
    let session = label(object, labels::SESSION).unwrap_or_default();
    let namespace = text(object, "/metadata/namespace");
    (namespace.to_owned(), session.to_owned())
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

/// How long data is kept that no session uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Since then.
    Since(Timestamp),
    /// Nobody wrote it down: the Session went without this suite.
    Undated,
}

/// Since when data is kept that no session uses; `None` for everything else, and for secrets that a snapshot still needs.
pub(crate) fn kept(object: &Value, living: &Living) -> Option<Kept> {
    let session = ours(object)?;
    let counts = holds_data(object) && !is_snapshot(object);
    if !counts || living.uses.contains(object) || living.has(object, session) {
        return None;
    }
    if !is_claim(object) && living.is_snapshotted(object, session) {
        return None;
    }
    let since = annotation(object, labels::KEPT_SINCE).and_then(|since| since.parse().ok());
    Some(since.map_or(Kept::Undated, Kept::Since))
}

/// When a snapshot of a session was taken that no claim is being restored from; `None` for everything else.
pub(crate) fn taken_at(object: &Value, living: &Living) -> Option<Timestamp> {
    ours(object)?;
    if !is_snapshot(object) || living.uses.contains(object) {
        return None;
    }
    text(object, "/metadata/creationTimestamp").parse().ok()
}

/// The session whose label an object carries, if it is one of ours and is not going already.
pub(crate) fn ours(object: &Value) -> Option<&str> {
    let going = !text(object, "/metadata/deletionTimestamp").is_empty();
    let managed = label(object, labels::MANAGED_BY) == Some(labels::MANAGER);
    label(object, labels::SESSION).filter(|_| managed && !going)
}
