//! Decides which objects are orphans, kept data or old snapshots. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use session_shared::api::API_VERSION;
use session_shared::objects::ResourceType;
use session_shared::objects::belonging::is_data;
use session_shared::objects::kept::{holds_data, is_claim, is_snapshot};
use session_shared::objects::provenance::{ProvenanceProblem, find_provenance_problem};
use session_shared::objects::resource::{
    CRON_JOB, INGRESS, REPLICATION_CONTROLLER, SERVICE_ACCOUNT, annotation, label, string_at,
};
use session_shared::objects::uses::ObjectReferences;
use session_shared::ops::chosen::Chosen;
use session_shared::{Timestamp, labels};

use crate::users::Users;

/// Index of existing sessions and of objects in use, by which orphans are recognized.
#[derive(Clone, Debug, Default)]
pub(crate) struct Living {
    /// UIDs of existing Sessions.
    pub(crate) uids: BTreeSet<String>,
    /// Namespaces and names of existing Sessions.
    pub(crate) names: BTreeSet<(String, String)>,
    /// Objects that starts of existing Sessions created or used, and the sources of claims.
    pub(crate) uses: ObjectReferences,
    /// Objects in use by anything in the namespaces that will not be deleted.
    users: Arc<ObjectReferences>,
    /// Kinds that may use objects but could not be listed.
    unseen_users: Vec<&'static ResourceType>,
    /// Namespaces and names of sessions, existing or not, that have snapshots.
    snapshotted: BTreeSet<(String, String)>,
    /// Claims by namespace and name of their session, existing or not.
    claims: BTreeMap<(String, String), Vec<Value>>,
    /// True if snapshots could not be listed, so that any session may have some.
    pub(crate) unseen_snapshots: bool,
}

impl Living {
    /// Adds a session.
    pub(crate) fn add(&mut self, chosen: &Chosen) {
        let part = |pointer: &str| string_at(&chosen.object, pointer).to_owned();
        self.uids.insert(part("/metadata/uid"));
        self.names
            .insert((part("/metadata/namespace"), part("/metadata/name")));
        let status = chosen.session.status.as_ref();
        let applied = status.and_then(|status| status.applied.as_ref());
        let objects = applied.into_iter().flat_map(|applied| &applied.objects);
        objects.for_each(|object| self.uses.add_uid(&object.uid));
    }

    /// Records what is used by those of `users` that will not be deleted. `doomed` and everything they own do not count as
    /// users, unless something else uses them: then they stay, with what they use. `gone` have been deleted already.
    pub(crate) fn settle(&mut self, doomed: &[&Value], gone: &BTreeSet<String>, users: &Users) {
        let uid = |object: &Value| string_at(object, "/metadata/uid").to_owned();
        let mut going: BTreeSet<String> = doomed.iter().map(|object| uid(object)).collect();
        loop {
            let mut leaving: BTreeSet<String> = going.union(gone).cloned().collect();
            loop {
                let more = users.iter().filter(|user| {
                    let mut owners = owner_uids(user).peekable();
                    let owned = owners.peek().is_some();
                    owned && owners.all(|owner| leaving.contains(owner))
                });
                let more: Vec<String> =
                    more.map(uid).filter(|uid| !leaving.contains(uid)).collect();
                if more.is_empty() {
                    break;
                }
                leaving.extend(more);
            }
            let stays = users.iter().filter(|user| !leaving.contains(&uid(user)));
            let uses = ObjectReferences::from_users(stays);
            let used = doomed.iter().filter(|object| uses.contains(object));
            let mut changed = false;
            used.for_each(|object| changed |= going.remove(&uid(object)));
            if !changed {
                self.users = Arc::new(uses);
                self.unseen_users.clone_from(&users.unseen);
                return;
            }
        }
    }

    /// Returns true if something uses `object`, or may use it because a kind could not be listed.
    fn is_used(&self, object: &Value) -> bool {
        let unseen: &[&ResourceType] = match string_at(object, "/kind") {
            "Secret" => &[
                &CRON_JOB,
                &REPLICATION_CONTROLLER,
                &SERVICE_ACCOUNT,
                &INGRESS,
            ],
            "PersistentVolumeClaim" | "ConfigMap" | "ServiceAccount" => {
                &[&CRON_JOB, &REPLICATION_CONTROLLER]
            }
            "Service" => &[&INGRESS],
            _ => &[],
        };
        self.uses.contains(object)
            || self.users.contains(object)
            || self.unseen_users.iter().any(|kind| unseen.contains(kind))
    }

    /// Adds a snapshot, whose data may need the parameters of its session.
    pub(crate) fn add_snapshot(&mut self, snapshot: &Value) {
        self.snapshotted.insert(session_key(snapshot));
    }

    /// Adds a claim, by which the provenance of snapshots is checked.
    pub(crate) fn add_claim(&mut self, claim: &Value) {
        let claims = self.claims.entry(session_key(claim)).or_default();
        claims.push(claim.clone());
    }

    /// Returns why a snapshot does not count as one of its session, if so.
    pub(crate) fn doubt(&self, snapshot: &Value) -> Option<ProvenanceProblem> {
        let claims = self.claims.get(&session_key(snapshot));
        find_provenance_problem(snapshot, claims.map_or(&[], Vec::as_slice))
    }

    /// Returns true if a session of that name in the object's namespace has, or may have, a snapshot.
    fn is_snapshotted(&self, object: &Value, session: &str) -> bool {
        let namespace = string_at(object, "/metadata/namespace").to_owned();
        self.unseen_snapshots || self.snapshotted.contains(&(namespace, session.to_owned()))
    }

    /// Returns true if a session of that name exists in the object's namespace.
    fn has(&self, object: &Value, session: &str) -> bool {
        let namespace = string_at(object, "/metadata/namespace").to_owned();
        self.names.contains(&(namespace, session.to_owned()))
    }
}

/// Returns namespace and name of the session whose label an object carries.
fn session_key(object: &Value) -> (String, String) {
    let session = label(object, labels::SESSION).unwrap_or_default();
    let namespace = string_at(object, "/metadata/namespace");
    (namespace.to_owned(), session.to_owned())
}

/// Returns why an object is an orphan; `None` if it is not, or if that is unknown. An orphan has the labels of kubectl
/// session, the run annotation, and the UID of a deleted Session as owner or annotation: labels alone prove nothing, anyone
/// can set them. Data is never an orphan: only `--kept-older-than` deletes it.
pub(crate) fn orphaned(object: &Value, living: &Living) -> Option<String> {
    let session = ours(object)?;
    annotation(object, labels::RUN)?;
    if holds_data(object) || living.is_used(object) {
        return None;
    }
    let named = || living.has(object, session);
    let owners = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    let owners: Vec<&Value> = owners.into_iter().flatten().collect();
    let is_session = |owner: &&&Value| {
        string_at(owner, "/kind") == "Session" && string_at(owner, "/apiVersion") == API_VERSION
    };
    // An object with another owner is deleted with that owner.
    if owners.iter().any(|owner| !is_session(&owner)) {
        return None;
    }
    let lives = |owner: &&Value| living.uids.contains(string_at(owner, "/uid"));
    if owners.iter().any(lives) {
        return None;
    }
    // Without an owner reference, the annotation names the session. A new session of that name may still use the object.
    if owners.is_empty() {
        let written = annotation(object, labels::SESSION_UID)?;
        if living.uids.contains(written) || named() {
            return None;
        }
    }
    // A claim that was never bound: an existing session of that name would adopt it.
    if is_data(object) && named() {
        return None;
    }
    Some(format!("session {session:?} no longer exists"))
}

/// Start of the time that unused data has been kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Recorded time.
    Since(Timestamp),
    /// No time recorded: the Session was deleted by another program.
    Undated,
}

/// Returns since when unused data has been kept; `None` for any other object, and for a Secret that a snapshot still needs.
pub(crate) fn kept(object: &Value, living: &Living) -> Option<Kept> {
    let session = ours(object)?;
    let counts = holds_data(object) && !is_snapshot(object);
    if !counts || living.is_used(object) || living.has(object, session) {
        return None;
    }
    if !is_claim(object) && living.is_snapshotted(object, session) {
        return None;
    }
    let since = annotation(object, labels::KEPT_SINCE).and_then(|since| since.parse().ok());
    Some(since.map_or(Kept::Undated, Kept::Since))
}

/// Returns when a snapshot of a session was taken; `None` for any other object, and for a snapshot that a claim is being
/// restored from.
pub(crate) fn taken_at(object: &Value, living: &Living) -> Option<Timestamp> {
    ours(object)?;
    if !is_snapshot(object) || living.is_used(object) {
        return None;
    }
    string_at(object, "/metadata/creationTimestamp").parse().ok()
}

/// Returns the session whose label an object carries, if kubectl session manages it and it is not being deleted.
pub(crate) fn ours(object: &Value) -> Option<&str> {
    let going = !string_at(object, "/metadata/deletionTimestamp").is_empty();
    let managed = label(object, labels::MANAGED_BY) == Some(labels::MANAGER);
    label(object, labels::SESSION).filter(|_| managed && !going)
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    let owners = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    let owners = owners.into_iter().flatten();
    owners.map(|owner| string_at(owner, "/uid"))
}
