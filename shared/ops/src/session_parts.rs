//! Reads of the parts of a session: groups of its objects that are read together, all parts at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Result;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Cluster;
use crate::custom_workload::custom_primary;
use crate::selected_sessions::MAX_CONCURRENT_SESSIONS;
use crate::session_objects::{list_snapshots, owner_kinds, session_selector};
use session_client::{ListOptions, Scope, parse_object};
use session_engine::reconcile::LiveObjects;
use session_model::api::Session;
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::names::parameters_secret_name;
use session_model::objects::resource::{
    PERSISTENT_VOLUME_CLAIM, POD, SECRET, STATEFUL_SET, VOLUME_SNAPSHOT,
};
use session_model::objects::{Owner, ResourceType, Untyped};

/// Longest chain of owners that is followed from a Pod to its Session. Controllers of custom kinds make objects of other kinds, such as
/// RayJob → RayCluster → Pod; a chain that is longer than this most likely ends nowhere.
pub(crate) const MAX_OWNER_CHAIN: usize = 6;

/// A group of a session's objects that are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Pods with the session's label.
    Pods,
    /// Objects between the Session and its Pods: StatefulSets, Deployments, ReplicaSets, …
    Owners,
    /// PersistentVolumeClaims with the session's label, and those that an owner takes with it.
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

    /// Returns true for a part without which every verb goes on where the caller has no permission to read it.
    fn is_optional(self) -> bool {
        matches!(self, Part::ParametersSecret | Part::Snapshots)
    }
}

/// Treatment of a part that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The read fails, except where only the permission for an optional part is missing.
    Fail,
    /// The part stays empty and keeps the reason.
    KeepReason,
}

/// The objects of a part.
pub(crate) enum PartObjects {
    Pods(Vec<Pod>),
    Owners(Vec<Value>),
    /// The parameters Secret or snapshots.
    Data(Vec<Value>),
    /// Claims that may be the session's data, or have an owner.
    Claims(Vec<Value>),
}

impl PartObjects {
    /// Adds the objects to those of session `name`; returns the claims that have an owner.
    pub(crate) fn add_to(self, live: &mut LiveObjects, name: &str) -> Vec<Value> {
        match self {
            PartObjects::Pods(pods) => live.pods = pods,
            PartObjects::Owners(owners) => live.owners = owners,
            PartObjects::Data(data) => live.data.extend(data),
            PartObjects::Claims(claims) => {
                let has_owner = |claim: &&Value| Untyped(claim).owners().next().is_some();
                let owned = claims.iter().filter(has_owner).cloned().collect();
                let mut labelled = claims;
                labelled.retain(|claim| Untyped(claim).label(labels::SESSION) == Some(name));
                live.data.extend(labelled);
                return owned;
            }
        }
        Vec::new()
    }
}

/// A part that was read, or the reason why it could not be.
pub(crate) type PartRead = (Part, std::result::Result<PartObjects, String>);

/// Name and Namespace of a session whose parts are read, and the kinds of owners that its Pods may have.
pub(crate) struct PartReader<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) owner_kinds: &'a [&'static ResourceType],
    /// Options that list the claims: those of the session, or all of the namespace.
    pub(crate) claims: ListOptions,
}

impl PartReader<'_> {
    /// Reads parts, all at the same time: one LIST for each kind, one GET for the Secret.
    ///
    /// # Errors
    /// Refusals of the server, depending on `on_failure`.
    pub(crate) async fn read(
        &self,
        parts: &[Part],
        on_failure: OnFailure,
    ) -> Result<Vec<PartRead>> {
        let reads = parts.iter().map(|part| async move {
            match self.read_part(*part).await {
                Ok(objects) => Ok((*part, Ok(objects))),
                Err(error) if on_failure == OnFailure::KeepReason || is_excused(*part, &error) => {
                    let reason = unreadable_reason(&error, &self.resource(*part).qualified());
                    Ok((*part, Err(reason)))
                }
                Err(error) => Err(error),
            }
        });
        try_join_all(reads).await
    }

    async fn read_part(&self, part: Part) -> Result<PartObjects> {
        let Self {
            cluster, namespace, ..
        } = self;
        let (select, scope) = (session_selector(self.name), Scope::Namespace(namespace));
        let list = async |kind| anyhow::Ok(cluster.list(kind, scope, &select).await?.items);
        Ok(match part {
            Part::Pods => {
                let pods = list(&POD).await?.into_iter().map(parse_object);
                PartObjects::Pods(pods.collect::<Result<_>>()?)
            }
            Part::Owners => {
                let lists = self.owner_kinds.iter().map(|kind| list(kind));
                let owners = try_join_all(lists).await?.into_iter().flatten();
                PartObjects::Owners(owners.collect())
            }
            Part::Claims if self.claims == select => {
                PartObjects::Claims(list(&PERSISTENT_VOLUME_CLAIM).await?)
            }
            Part::Claims => {
                let all = cluster.list_shared(&PERSISTENT_VOLUME_CLAIM, scope, &self.claims);
                PartObjects::Claims(Arc::unwrap_or_clone(all.await?).items)
            }
            Part::ParametersSecret => {
                // Only the metadata: no caller needs the values.
                let name = parameters_secret_name(self.name);
                let secret = cluster.get_metadata(&SECRET, namespace, &name);
                PartObjects::Data(secret.await?.into_iter().collect())
            }
            Part::Snapshots => {
                PartObjects::Data(list_snapshots(cluster, namespace, &select).await?)
            }
        })
    }

    /// Returns the kind that a reason names.
    fn resource(&self, part: Part) -> &'static ResourceType {
        match part {
            Part::Pods => &POD,
            Part::Owners => self.owner_kinds.first().copied().unwrap_or(&STATEFUL_SET),
            Part::Claims => &PERSISTENT_VOLUME_CLAIM,
            Part::ParametersSecret => &SECRET,
            Part::Snapshots => &VOLUME_SNAPSHOT,
        }
    }
}

fn is_excused(part: Part, error: &anyhow::Error) -> bool {
    part.is_optional() && failure::has_kind(error, FailureKind::Forbidden)
}

impl Cluster {
    /// Reads the owners between Pods and the Session, level by level, that are not in `known`. An owner that does
    /// not exist ends its chain.
    pub(crate) async fn get_owners(
        &self,
        namespace: &str,
        pods: &[Value],
        known: &[Value],
        session: &Session,
    ) -> Result<Vec<Value>> {
        let any_kind = custom_primary(session).is_some();
        let kinds = owner_kinds(session);
        self.get_owners_of_kinds(namespace, pods, known, &kinds, any_kind)
            .await
    }

    /// Reads the owners above `objects` that are not in `known` and whose kind is one of `kinds`, or `any_kind`.
    pub(crate) async fn get_owners_of_kinds(
        &self,
        namespace: &str,
        objects: &[Value],
        known: &[Value],
        kinds: &[&'static ResourceType],
        any_kind: bool,
    ) -> Result<Vec<Value>> {
        let mut found: Vec<Value> = known.to_vec();
        let mut level: Vec<Value> = objects.to_vec();
        for _ in 0..MAX_OWNER_CHAIN {
            let mut wanted: BTreeMap<(&str, &str), Vec<Owner<'_>>> = BTreeMap::new();
            for owner in unknown_owners(&level, &found) {
                let of_kind = wanted.entry((owner.api_version, owner.kind));
                of_kind.or_default().push(owner);
            }
            let reads = wanted
                .values()
                .map(|owners| self.get_owners_of_kind(namespace, owners, kinds, any_kind));
            let read: Vec<Value> = try_join_all(reads).await?.into_iter().flatten().collect();
            if read.is_empty() {
                break;
            }
            found.extend(read.iter().cloned());
            level = read;
        }
        Ok(found.split_off(known.len()))
    }

    /// Reads owners of one kind: a GET for each, one LIST of the kind for many.
    async fn get_owners_of_kind(
        &self,
        namespace: &str,
        owners: &[Owner<'_>],
        kinds: &[&'static ResourceType],
        any_kind: bool,
    ) -> Result<Vec<Value>> {
        let Some(first) = owners.first() else {
            return Ok(Vec::new());
        };
        let known = ResourceType::find_known(first.api_version, first.kind);
        let known = known.filter(|kind| kinds.contains(kind));
        // A forged ownerReference never causes reads that the caller is not allowed to make.
        if known.is_none() && !any_kind {
            return Ok(Vec::new());
        }
        if owners.len() > MAX_CONCURRENT_SESSIONS
            && let Some(resource) = self
                .discover_resource(first.api_version, first.kind)
                .await?
            && resource.namespaced
        {
            let (scope, all) = (Scope::Namespace(namespace), ListOptions::default());
            match self.list(&resource, scope, &all).await {
                // A role may allow to get objects, and not to list them.
                Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {}
                list => {
                    let wanted: BTreeSet<&str> = owners.iter().map(|owner| owner.uid).collect();
                    let mut items = list?.items;
                    items.retain(|object| {
                        let uid = Untyped(object).uid();
                        uid.is_some_and(|uid| wanted.contains(uid))
                    });
                    return Ok(items);
                }
            }
        }
        let reads = owners.iter().map(async |owner| match known {
            Some(kind) => self.get(kind, namespace, owner.name).await,
            None => self.get_owner_of_any_kind(namespace, owner).await,
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }
}

/// Returns the controllers of `objects` that are not in `known`, each once.
fn unknown_owners<'o>(objects: &'o [Value], known: &[Value]) -> Vec<Owner<'o>> {
    let known = known.iter().filter_map(|object| Untyped(object).uid());
    let mut uids: Vec<String> = known.map(str::to_owned).collect();
    let mut wanted = Vec::new();
    for owner in objects.iter().flat_map(|object| Untyped(object).owners()) {
        // The Session itself is where every chain ends.
        if !owner.controller || owner.kind == "Session" || uids.iter().any(|uid| uid == owner.uid) {
            continue;
        }
        uids.push(owner.uid.to_owned());
        wanted.push(owner);
    }
    wanted
}

/// Returns why `what` could not be read, as a report shows it in place of the objects.
pub fn unreadable_reason(error: &anyhow::Error, what: &str) -> String {
    if failure::has_kind(error, FailureKind::Forbidden) {
        return format!("no permission to read {what}");
    }
    match failure::find_failure(error) {
        Some(failure) => failure.message.clone(),
        None => format!("{error:#}"),
    }
}
