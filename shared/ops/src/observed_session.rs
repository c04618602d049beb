//! A session and the objects that have been read of it, in as few requests as possible: the one type that every verb reads into.
//!
//! ```text
//! SelectedSession ─► ObservedSession::new ─► load(parts) ─► state, losses, plans
//! GET, LIST of Pods ─► Cluster::observe_session ──────────┘
//! ```

use anyhow::Result;
use futures::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Cluster;
use crate::controller::Driver;
use crate::finish_start::ReadySession;
use crate::selected_sessions::SelectedSession;
use crate::session_objects::{list_snapshots, owner_kinds, session_selector, with_setup_hint};
use session_client::{ObjectList, Scope, not_found_error, parse_object};
use session_engine::diagnosis::EventNote;
use session_engine::plan::Plan;
use session_engine::reconcile::{
    LiveObjects, RenderedStart, TargetState, WorkloadState, assess_workload, reconcile,
};
use session_model::api::Session;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::ownership::Ownership;
use session_model::objects::pods::pod_metadata_paths;
use session_model::objects::resource::{POD, SESSION};

/// A group of a session's objects that are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Pods with the session's label.
    Pods,
    /// Objects between the Session and its Pods: StatefulSets, Deployments, ReplicaSets, …
    Owners,
    /// PersistentVolumeClaims with the session's label.
    Claims,
    /// The parameters Secret, without its values; absent where the caller may not read it.
    ParametersSecret,
    /// VolumeSnapshots with the session's label.
    Snapshots,
}

impl Part {
    /// The parts that a stop, start or deletion decides by.
    pub const WORKLOAD_AND_DATA: [Part; 4] = [
        Part::Pods,
        Part::Owners,
        Part::Claims,
        Part::ParametersSecret,
    ];
}

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
    /// Ownership of its objects.
    pub ownership: Ownership,
    /// The process that reconciles the session.
    pub driver: Driver,
    /// The resourceVersion from which a watch of the Pods continues; empty for Pods that come from a watch.
    pub pods_resource_version: String,
    /// Parts that `live` holds completely.
    parts: Vec<Part>,
}

impl ObservedSession {
    /// Returns a session of which no object has been read yet.
    ///
    /// # Errors
    /// An invalid name, Namespace or owner of the Session.
    pub fn new(selected: SelectedSession, driver: Driver) -> Result<Self> {
        let SelectedSession { session, object } = selected;
        Ok(Self {
            ownership: Ownership::of_session(&session)?,
            session,
            object,
            live: LiveObjects::default(),
            state: WorkloadState::NoWorkload,
            driver,
            pods_resource_version: String::new(),
            parts: Vec::new(),
        })
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

    /// Reads those of `parts` that have not been read yet: one LIST per kind, all at the same time. Kinds of owners that the last
    /// start did not create, according to status.applied, are left out.
    ///
    /// # Errors
    /// Whatever the server refuses. A missing right to read the parameters Secret or to list VolumeSnapshots is not an error.
    pub async fn load(&mut self, cluster: &Cluster, parts: &[Part]) -> Result<()> {
        let is_missing = |part: Part| parts.contains(&part) && !self.parts.contains(&part);
        let (namespace, name) = (self.namespace(), self.name());
        let select = session_selector(name);
        // On the heap: five reads are too large for the stack of a thread that already holds a verb.
        let reads = Box::pin(async {
            futures::try_join!(
                read_if(
                    is_missing(Part::Pods),
                    cluster.list_pods(namespace, &select)
                ),
                read_if(
                    is_missing(Part::Owners),
                    cluster.list_owners(namespace, &self.session)
                ),
                read_if(
                    is_missing(Part::Claims),
                    cluster.list_claims(namespace, &select)
                ),
                read_if(
                    is_missing(Part::ParametersSecret),
                    cluster.get_parameters_secret(namespace, name)
                ),
                read_if(
                    is_missing(Part::Snapshots),
                    list_snapshots(cluster, namespace, &select)
                ),
            )
        });
        let (pods, owners, claims, secret, snapshots) = reads.await?;
        let live = &mut self.live;
        if let Some(pods) = pods {
            live.pods = pods;
        }
        if let Some(owners) = owners {
            live.owners = owners;
        }
        live.data.extend(claims.into_iter().flatten());
        live.data.extend(secret.flatten());
        if let Some(snapshots) = snapshots {
            live.snapshots_unlistable = snapshots.is_none();
            live.data.extend(snapshots.into_iter().flatten());
        }
        let new = parts.iter().filter(|part| !self.parts.contains(part));
        self.parts.extend(new.copied().collect::<Vec<_>>());
        self.live = std::mem::take(&mut self.live).attribute(&self.session);
        self.assess();
        Ok(())
    }

    /// Adds events that have been read: they tell causes that no Pod's status has.
    pub fn add_events(&mut self, events: &[EventNote]) {
        self.live.events.extend_from_slice(events);
        self.assess();
    }

    fn assess(&mut self) {
        self.state = assess_workload(&self.session, &self.live);
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

    /// Returns the session's own Pods: those whose owner chain ends at its UID.
    pub fn own_pods(&self) -> impl Iterator<Item = &Pod> {
        self.live.own_pods(self.uid())
    }
}

/// Awaits a read only if it is wanted.
async fn read_if<T>(wanted: bool, read: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    match wanted {
        true => read.await.map(Some),
        false => Ok(None),
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

    /// Returns a session that has become ready. Lists its Pods only if the wait may have missed one: if a controller made
    /// them, or if more than one object of the start makes Pods.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub async fn observe_ready_session(&self, ready: ReadySession) -> Result<ObservedSession> {
        let ReadySession { object, live, .. } = ready;
        let selected = SelectedSession::parse(object)?;
        let session = &selected.session;
        if let Some(live) = live.filter(|_| pod_makers(session) == 1) {
            let observed = ObservedSession::new(selected, Driver::Client)?;
            return Ok(observed.with_objects(live, &[Part::Pods]));
        }
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

    /// Reads the owners between `objects` and the Session, level by level, that are not in `known`. An owner that does
    /// not exist ends its chain.
    pub(super) async fn get_owners(
        &self,
        namespace: &str,
        objects: &[Value],
        known: &[Value],
        session: &Session,
    ) -> Result<Vec<Value>> {
        let kinds = owner_kinds(session);
        let mut found: Vec<Value> = known.to_vec();
        let mut level: Vec<Value> = objects.to_vec();
        // Pod → ReplicaSet → Deployment → Session is the longest possible chain.
        for _ in 0..2 {
            let wanted = unknown_owners(&level, &found, &kinds);
            let reads = wanted
                .iter()
                .map(|(kind, name)| self.get(kind, namespace, name));
            level = try_join_all(reads).await?.into_iter().flatten().collect();
            found.extend(level.iter().cloned());
        }
        Ok(found.split_off(known.len()))
    }
}

/// Returns the number of objects of the last start that are Pods or make Pods.
fn pod_makers(session: &Session) -> usize {
    let applied = session.applied().into_iter();
    let objects = applied.flat_map(|applied| &applied.objects);
    objects
        .filter(|object| !pod_metadata_paths(&object.kind).is_empty())
        .count()
}

/// Returns the controllers of `objects` that are not in `known`, each once. Kinds that a session cannot create end a
/// chain, so that a forged ownerReference never causes reads that the caller is not allowed to make.
fn unknown_owners(
    objects: &[Value],
    known: &[Value],
    kinds: &[&'static ResourceType],
) -> Vec<(&'static ResourceType, String)> {
    let mut uids: Vec<&str> = known
        .iter()
        .filter_map(|object| Untyped(object).uid())
        .collect();
    let mut wanted = Vec::new();
    for object in objects {
        for owner in Untyped(object).owners() {
            if !owner.controller || uids.contains(&owner.uid) {
                continue;
            }
            uids.push(owner.uid);
            let kind = ResourceType::find_known(owner.api_version, owner.kind);
            if let Some(kind) = kind.filter(|kind| kinds.contains(kind)) {
                wanted.push((kind, owner.name.to_owned()));
            }
        }
    }
    wanted
}
