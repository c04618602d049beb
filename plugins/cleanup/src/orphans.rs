//! Decides which objects are orphans, kept data or old snapshots. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use session_shared::api::API_VERSION;
use session_shared::objects::ResourceType;
use session_shared::objects::kept_data::{holds_data, is_claim, is_snapshot};
use session_shared::objects::object_references::ObjectReferences;
use session_shared::objects::ownership::is_data;
use session_shared::objects::provenance::{ProvenanceProblem, find_provenance_problem};
use session_shared::objects::resource::{
    CRON_JOB, INGRESS, REPLICATION_CONTROLLER, SERVICE_ACCOUNT,
};
use session_shared::objects::{ObjectRef, Owner, Untyped};
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::{Timestamp, labels};

use crate::object_users::ObjectUsers;

/// Index of existing sessions and of objects in use, by which orphans are recognized.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionIndex {
    /// UIDs of existing Sessions.
    pub(crate) uids: BTreeSet<String>,
    /// Namespaces and names of existing Sessions.
    pub(crate) names: BTreeSet<(String, String)>,
    /// Objects that starts of existing Sessions created or used, and the sources of claims.
    pub(crate) session_uses: ObjectReferences,
    /// Objects in use by anything in the namespaces that will not be deleted.
    other_uses: Arc<ObjectReferences>,
    /// Kinds that may use objects but could not be listed.
    forbidden_user_kinds: Vec<&'static ResourceType>,
    /// Namespaces and names of sessions, existing or not, that have snapshots.
    with_snapshots: BTreeSet<(String, String)>,
    /// Claims by namespace and name of their session, existing or not.
    claims: BTreeMap<(String, String), Vec<Value>>,
    /// True if snapshots could not be listed, so that any session may have some.
    pub(crate) are_snapshots_forbidden: bool,
}

impl SessionIndex {
    /// Adds a session.
    pub(crate) fn add_session(&mut self, chosen: &SelectedSession) {
        let session = &chosen.session;
        self.uids.extend(session.uid().map(str::to_owned));
        self.names
            .insert((session.namespace().to_owned(), session.name().to_owned()));
        let applied = chosen.session.applied();
        let objects = applied.into_iter().flat_map(|applied| &applied.objects);
        let uids = objects.filter_map(ObjectRef::uid);
        uids.for_each(|uid| self.session_uses.add_uid(uid));
    }

    /// Records what is used by those of `users` that will not be deleted. `objects` and everything they own do not count as
    /// users, unless something else uses them: then they stay, with what they use. `gone` have been deleted already.
    pub(crate) fn record_uses(
        &mut self,
        objects: &[&Value],
        gone: &BTreeSet<String>,
        users: &ObjectUsers,
    ) {
        let uid = |object: &Value| Untyped(object).uid().map(str::to_owned);
        let mut going: BTreeSet<String> = objects.iter().filter_map(|object| uid(object)).collect();
        loop {
            let mut leaving: BTreeSet<String> = going.union(gone).cloned().collect();
            loop {
                let more = users.iter().filter(|user| {
                    let mut owners = owner_uids(user).peekable();
                    let owned = owners.peek().is_some();
                    owned && owners.all(|owner| leaving.contains(owner))
                });
                let more: Vec<String> = more
                    .filter_map(uid)
                    .filter(|uid| !leaving.contains(uid))
                    .collect();
                if more.is_empty() {
                    break;
                }
                leaving.extend(more);
            }
            let stays = users
                .iter()
                .filter(|user| uid(user).is_none_or(|uid| !leaving.contains(&uid)));
            let uses = ObjectReferences::from_users(stays);
            let used = objects.iter().filter(|object| uses.contains(object));
            let mut changed = false;
            for uid in used.filter_map(|object| Untyped(object).uid()) {
                changed |= going.remove(uid);
            }
            if !changed {
                self.other_uses = Arc::new(uses);
                self.forbidden_user_kinds.clone_from(&users.forbidden_kinds);
                return;
            }
        }
    }

    /// Returns true if something uses `object`, or may use it because a kind could not be listed.
    fn is_used(&self, object: &Value) -> bool {
        let unseen: &[&ResourceType] = match Untyped(object).kind() {
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
        self.session_uses.contains(object)
            || self.other_uses.contains(object)
            || self
                .forbidden_user_kinds
                .iter()
                .any(|kind| unseen.contains(kind))
    }

    /// Adds a snapshot, whose data may need the parameters of its session.
    pub(crate) fn add_snapshot(&mut self, snapshot: &Value) {
        self.with_snapshots.insert(session_key(snapshot));
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
    fn may_have_snapshot(&self, object: &Value, session: &str) -> bool {
        let namespace = Untyped(object).home_namespace().to_owned();
        self.are_snapshots_forbidden
            || self
                .with_snapshots
                .contains(&(namespace, session.to_owned()))
    }

    /// Returns true if a session of that name exists in the object's namespace.
    fn has_session(&self, object: &Value, session: &str) -> bool {
        let namespace = Untyped(object).home_namespace().to_owned();
        self.names.contains(&(namespace, session.to_owned()))
    }
}

/// Returns namespace and name of the session whose label an object carries.
pub(crate) fn session_key(object: &Value) -> (String, String) {
    let session = Untyped(object).label(labels::SESSION);
    let session = session.unwrap_or(Untyped::NONE);
    let namespace = Untyped(object).home_namespace();
    (namespace.to_owned(), session.to_owned())
}

/// Returns why an object is an orphan; `None` if it is not, or if that is unknown. An orphan has the labels of kubectl
/// session, the run annotation, and the UID of a deleted Session as owner or annotation: labels alone prove nothing, anyone
/// can set them. Data is never an orphan: only `--kept-older-than` deletes it.
pub(crate) fn orphan_reason(object: &Value, living: &SessionIndex) -> Option<String> {
    let session = managed_session(object)?;
    Untyped(object).annotation(labels::RUN)?;
    if holds_data(object) || living.is_used(object) {
        return None;
    }
    let named = || living.has_session(object, session);
    let owners: Vec<Owner<'_>> = Untyped(object).owners().collect();
    // An object with another owner is deleted with that owner.
    let is_session =
        |owner: &Owner<'_>| owner.kind == "Session" && owner.api_version == API_VERSION;
    if !owners.iter().all(is_session) {
        return None;
    }
    if owners.iter().any(|owner| living.uids.contains(owner.uid)) {
        return None;
    }
    // Without an owner reference, the annotation names the session. A new session of that name may still use the object.
    if owners.is_empty() {
        let written = Untyped(object).annotation(labels::SESSION_UID)?;
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
pub(crate) enum KeptSince {
    /// Recorded time.
    Known(Timestamp),
    /// No time recorded: the Session was deleted by another program.
    Unknown,
}

/// Returns since when unused data has been kept; `None` for any other object, and for a Secret that a snapshot still needs.
pub(crate) fn kept_data_since(object: &Value, living: &SessionIndex) -> Option<KeptSince> {
    let session = managed_session(object)?;
    let counts = holds_data(object) && !is_snapshot(object);
    if !counts || living.is_used(object) || living.has_session(object, session) {
        return None;
    }
    if !is_claim(object) && living.may_have_snapshot(object, session) {
        return None;
    }
    let since = Untyped(object)
        .annotation(labels::KEPT_SINCE)
        .and_then(|since| since.parse().ok());
    Some(since.map_or(KeptSince::Unknown, KeptSince::Known))
}

/// Returns when a snapshot of a session was taken; `None` for any other object, and for a snapshot that a claim is being
/// restored from.
pub(crate) fn snapshot_time(object: &Value, living: &SessionIndex) -> Option<Timestamp> {
    managed_session(object)?;
    if !is_snapshot(object) || living.is_used(object) {
        return None;
    }
    Untyped(object).created()
}

/// Returns the session whose label an object carries, if kubectl session manages it and it is not being deleted.
pub(crate) fn managed_session(object: &Value) -> Option<&str> {
    let going = Untyped(object).is_terminating();
    let managed = Untyped(object).label(labels::MANAGED_BY) == Some(labels::MANAGER);
    Untyped(object)
        .label(labels::SESSION)
        .filter(|_| managed && !going)
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    Untyped(object).owners().map(|owner| owner.uid)
}
