//! A session and the objects that have been read of it, in as few requests as possible: the one type that every verb reads into.
//!
//! ```text
//! SelectedSession ─► ObservedSession::new ─► load(parts) ─► state, losses, plans
//! GET, LIST of Pods ─► Cluster::observe_session ──────────┤
//! GET, any parts ─► Cluster::observe_readable_parts ──────┘  (a part that cannot be read keeps the reason)
//! ```

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Cluster;
use crate::controller::Driver;
use crate::custom_workload::{claim_selector, custom_primary};
use crate::finish_start::ReadySession;
use crate::selected_sessions::SelectedSession;
use crate::session_objects::{owner_kinds, pod_makers, session_selector, with_setup_hint};
pub use crate::session_parts::Part;
use crate::session_parts::{OnFailure, PartRead, PartReader, unreadable_reason};
use session_client::{ObjectList, Scope, not_found_error, parse_object};
use session_engine::diagnosis::EventNote;
use session_engine::plan::Plan;
use session_engine::reconcile::{
    LiveObjects, RenderedStart, TargetState, WorkloadState, reconcile,
};
use session_model::api::Session;
use session_model::objects::ownership::Ownership;
use session_model::objects::resource::{POD, SESSION};

/// A Session and those of its objects that have been read. No part is read twice.
#[derive(Clone, Debug)]
pub struct ObservedSession {
    /// The typed Session, without unknown fields.
    pub session: Session,
    /// The Session as JSON, with every field.
    pub object: Value,
    /// Its objects, as far as they have been read.
    pub live: LiveObjects,
    /// State of its workload, derived from `live`.
    pub state: WorkloadState,
    /// The process that reconciles the session.
    pub driver: Driver,
    /// The resourceVersion from which a watch of the Pods continues; empty for Pods that come from a watch.
    pub pods_resource_version: String,
    /// Ownership of its objects, or what is invalid in the Session.
    ownership: std::result::Result<Ownership, String>,
    /// Parts that `live` holds completely, or that cannot be read.
    parts: Vec<Part>,
    /// Why parts cannot be read.
    unreadable: BTreeMap<Part, String>,
}

impl ObservedSession {
    /// Returns a session of which no object has been read yet.
    ///
    /// # Errors
    /// An invalid name, Namespace or owner of the Session.
    pub fn new(selected: SelectedSession, driver: Driver) -> Result<Self> {
        let observed = Self::unchecked(selected, driver);
        observed.ownership()?;
        Ok(observed)
    }

    /// Returns a session of which no object has been read yet, also one whose owner is invalid: it can be shown, not changed.
    pub(crate) fn unchecked(selected: SelectedSession, driver: Driver) -> Self {
        let SelectedSession { session, object } = selected;
        Self {
            ownership: Ownership::of_session(&session).map_err(|error| format!("{error:#}")),
            session,
            object,
            live: LiveObjects::default(),
            state: WorkloadState::NoWorkload,
            driver,
            pods_resource_version: String::new(),
            parts: Vec::new(),
            unreadable: BTreeMap::new(),
        }
    }

    /// Reads the workload and the data of a session.
    ///
    /// # Errors
    /// Refusals of the server; a session that is being deleted.
    pub async fn read(
        cluster: &Cluster,
        selected: SelectedSession,
        driver: Driver,
    ) -> Result<Self> {
        selected.ensure_not_deleting()?;
        let mut observed = Self::new(selected, driver)?;
        observed.load(cluster, &Part::WORKLOAD_AND_DATA).await?;
        Ok(observed)
    }

    /// Adds objects that have been read already: `parts` of `live` are complete.
    pub fn with_objects(mut self, live: LiveObjects, parts: &[Part]) -> Self {
        self.live = live;
        self.parts.extend(parts);
        self.assess();
        self
    }

    /// Sets the ownership of a Session that no longer exists, which its snapshot tells.
    pub(crate) fn with_ownership(mut self, ownership: Ownership) -> Self {
        self.ownership = Ok(ownership);
        self
    }

    /// Reads those of `parts` that have not been read yet: one LIST per kind, all at the same time. Kinds of owners that the last
    /// start did not create, according to status.applied, are left out.
    ///
    /// # Errors
    /// Whatever the server refuses. A missing right to read the parameters Secret or to list VolumeSnapshots is not an error.
    pub async fn load(&mut self, cluster: &Cluster, parts: &[Part]) -> Result<()> {
        self.load_parts(cluster, parts, OnFailure::Fail).await
    }

    /// Reads the owners of the Pods again, for a start since then may have created others. If that fails, the reason is kept.
    pub async fn reload_owners(&mut self, cluster: &Cluster) {
        self.parts.retain(|part| *part != Part::Owners);
        self.unreadable.remove(&Part::Owners);
        self.live.owners.clear();
        self.live.impostors.retain(|one| one.kind == "Pod");
        let load = self.load_parts(cluster, &[Part::Owners], OnFailure::KeepReason);
        // Every failure is kept as a reason.
        drop(load.await);
    }

    async fn load_parts(
        &mut self,
        cluster: &Cluster,
        parts: &[Part],
        on_failure: OnFailure,
    ) -> Result<()> {
        let workload = [Part::Pods, Part::Owners];
        let mut missing = parts.iter().filter(|part| !self.parts.contains(part));
        if custom_primary(&self.session).is_some() && missing.any(|part| workload.contains(part)) {
            Box::pin(self.load_custom_workload(cluster, on_failure)).await?;
        }
        let new = parts.iter().filter(|part| !self.parts.contains(part));
        let new: Vec<Part> = new.copied().collect();
        let reader = PartReader {
            cluster,
            namespace: self.namespace(),
            name: self.name(),
            owner_kinds: &owner_kinds(&self.session),
            claims: claim_selector(&self.session),
        };
        let reads = reader.read(&new, on_failure).await?;
        let claims = self.add_parts(reads);
        let owners = &self.live.owners;
        let owned = cluster.find_owned_claims(&claims, owners, &self.session);
        self.live.owned_claims.extend(owned.await?);
        Ok(())
    }

    /// Reads the workload and the Pods of a session whose primary workload is of a kind that is not built in, and all owners that
    /// lead to them.
    async fn load_custom_workload(
        &mut self,
        cluster: &Cluster,
        on_failure: OnFailure,
    ) -> Result<()> {
        let read = cluster.read_custom_workload(&self.session).await;
        let parts = [Part::Pods, Part::Owners];
        self.parts.extend(parts);
        match read {
            Ok(read) => {
                (self.live.pods, self.live.owners) = (read.pods, read.owners);
                self.live.custom = read.custom;
                self.pods_resource_version = read.pods_resource_version;
            }
            Err(error) if on_failure == OnFailure::KeepReason => {
                let reason = unreadable_reason(&error, &POD.qualified());
                self.unreadable
                    .extend(parts.map(|part| (part, reason.clone())));
            }
            Err(error) => return Err(error),
        }
        self.attribute();
        Ok(())
    }

    /// Adds parts; returns the claims that have an owner.
    fn add_parts(&mut self, reads: Vec<PartRead>) -> Vec<Value> {
        let mut owned = Vec::new();
        for (part, read) in reads {
            self.parts.push(part);
            match read {
                Ok(objects) => owned.extend(objects.add_to(&mut self.live, self.session.name())),
                Err(reason) => {
                    self.live.snapshots_unlistable |= part == Part::Snapshots;
                    self.unreadable.insert(part, reason);
                }
            }
        }
        self.attribute();
        owned
    }

    /// Returns true for a part that has been read, or that cannot be.
    pub(crate) fn has_read(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// Returns why a part cannot be read; `None` for one that has been read, or that nobody asked for.
    pub fn unreadable(&self, part: Part) -> Option<&str> {
        self.unreadable.get(&part).map(String::as_str)
    }

    /// Changes the objects as a watch tells.
    pub fn change_objects<T>(&mut self, change: impl FnOnce(&mut LiveObjects) -> T) -> T {
        let changed = change(&mut self.live);
        self.attribute();
        changed
    }

    /// Replaces the Session by a later version.
    pub fn replace_session(&mut self, selected: SelectedSession) {
        let Self {
            session,
            object,
            ownership,
            ..
        } = Self::unchecked(selected, self.driver);
        (self.session, self.object, self.ownership) = (session, object, ownership);
        self.attribute();
    }

    /// Sets the events that have been read: they tell causes that no Pod's status has.
    pub fn set_events(&mut self, events: Vec<EventNote>) {
        self.live.events = events;
        self.assess();
    }

    fn attribute(&mut self) {
        self.live = std::mem::take(&mut self.live).attribute(&self.session);
        self.assess();
    }

    fn assess(&mut self) {
        self.state = self.assess_readable_workload();
    }

    /// Returns the steps that bring the session to `target`; `start` is what a start would create.
    pub fn plan(&self, target: TargetState, start: Option<&RenderedStart>, now: Timestamp) -> Plan {
        reconcile(&self.session, target, start, &self.live, now).plan
    }

    /// Returns the session's name.
    pub fn name(&self) -> &str {
        self.session.name()
    }

    /// Returns the session's Namespace.
    pub fn namespace(&self) -> &str {
        self.session.namespace()
    }

    /// Returns the session's UID; `None` for one that was made from a snapshot's record.
    pub fn uid(&self) -> Option<&str> {
        self.session.uid()
    }

    /// Returns the ownership of its objects.
    ///
    /// # Errors
    /// An invalid name, Namespace or owner of the Session.
    pub fn ownership(&self) -> Result<&Ownership> {
        self.ownership.as_ref().map_err(|why| anyhow!(why.clone()))
    }

    /// Returns the session's own Pods: those whose owner chain ends at its UID.
    pub fn own_pods(&self) -> impl Iterator<Item = &Pod> {
        self.live.own_pods(self.uid())
    }
}

impl Cluster {
    /// Reads a Session and, at the same time, its Pods: two requests for a Pod that the Session owns directly, one more
    /// for a Pod of a StatefulSet, two more for a Pod of a Deployment. Of the owners, only those of the Pods are read, and all
    /// where no Pod is left.
    ///
    /// # Errors
    /// NotFound, in the server's words, if there is no such session; whatever the server refuses.
    pub async fn observe_session(&self, namespace: &str, name: &str) -> Result<ObservedSession> {
        let select = session_selector(name);
        let (object, pods) = futures::join!(
            self.get(&SESSION, namespace, name),
            self.list(&POD, Scope::Namespace(namespace), &select),
        );
        let Some(object) = with_setup_hint(object)? else {
            return Err(not_found_error(&SESSION, name));
        };
        self.observed_with_pods(SelectedSession::parse(object)?, pods?)
            .await
    }

    /// Reads a Session and, at the same time, `parts` of it, for a report on any session: a part that cannot be read keeps the reason,
    /// and the owner may be invalid. The owners of the Pods are not among the parts, because the Session tells their kinds.
    ///
    /// # Errors
    /// NotFound, in the server's words, if there is no such session; a Session that cannot be read.
    pub async fn observe_readable_parts(
        &self,
        namespace: &str,
        name: &str,
        parts: &[Part],
    ) -> Result<ObservedSession> {
        let reader = PartReader {
            cluster: self,
            namespace,
            name,
            owner_kinds: &[],
            claims: session_selector(name),
        };
        let (object, reads) = futures::join!(
            self.get(&SESSION, namespace, name),
            reader.read(parts, OnFailure::KeepReason)
        );
        let Some(object) = with_setup_hint(object)? else {
            return Err(not_found_error(&SESSION, name));
        };
        let selected = SelectedSession::parse(object)?;
        let mut observed = ObservedSession::unchecked(selected, Driver::Client);
        // A report destroys nothing: whether an owner takes claims with it is not asked.
        observed.add_parts(reads?);
        if custom_primary(&observed.session).is_some() && parts.contains(&Part::Pods) {
            // Its Pods may have no label.
            let load = observed.load_custom_workload(self, OnFailure::KeepReason);
            Box::pin(load).await?;
        }
        Ok(observed)
    }

    /// Returns a session that has become ready. Lists its Pods only if the wait may have missed one: if a controller made
    /// them, or if more than one object of the start makes Pods.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub async fn observe_ready_session(&self, ready: ReadySession) -> Result<ObservedSession> {
        let ReadySession { object, live, .. } = ready;
        let selected = SelectedSession::parse(object)?;
        if let Some(live) = live.filter(|_| pod_makers(&selected.session) == 1) {
            let observed = ObservedSession::new(selected, Driver::Client)?;
            return Ok(observed.with_objects(live, &[Part::Pods]));
        }
        self.observe_selected_session(selected).await
    }

    /// Reads the Pods of a Session that has been read, and their owners.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub async fn observe_selected_session(
        &self,
        selected: SelectedSession,
    ) -> Result<ObservedSession> {
        let session = &selected.session;
        let (namespace, select) = (session.namespace(), session_selector(session.name()));
        let pods = self.list(&POD, Scope::Namespace(namespace), &select);
        let pods = pods.await?;
        self.observed_with_pods(selected, pods).await
    }

    async fn observed_with_pods(
        &self,
        selected: SelectedSession,
        pods: ObjectList,
    ) -> Result<ObservedSession> {
        let mut observed = ObservedSession::new(selected, Driver::Client)?;
        if custom_primary(&observed.session).is_some() {
            // Its Pods may have no label.
            observed.load(self, &[Part::Pods, Part::Owners]).await?;
            return Ok(observed);
        }
        let (pods, pods_version) = (pods.items, pods.resource_version);
        let session = &observed.session;
        let owners = self.get_owners(session.namespace(), &pods, &[], session);
        let owners = owners.await?;
        let pods = pods.into_iter().map(parse_object).collect::<Result<_>>()?;
        let live = LiveObjects {
            pods,
            owners,
            ..LiveObjects::default()
        };
        let live = live.attribute(session);
        observed.pods_resource_version = pods_version;
        let mut observed = observed.with_objects(live, &[Part::Pods]);
        if observed.state == WorkloadState::Lost {
            // A workload that has no Pod tells whether it was scaled to 0 or cannot make one.
            observed.load(self, &[Part::Owners]).await?;
        }
        Ok(observed)
    }
}
