//! Checks before the first write of a start: ResourceQuotas, StorageClasses, IngressClasses and the namespace's Pod Security level,
//! which would leave the session pending or half created, and hosts that an Ingress of others already serves.

use std::sync::Arc;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use crate::Cluster;
use crate::checked_list::{CheckedList, list_if_needed, note_unchecked};
use crate::custom_workload::check_stoppable;
use crate::hours_check::check_hours;
use crate::room::{CheckedRoom, RoomFacts, RoomRequest, refusal_error};
use crate::start_plan::StartPlan;
use session_client::{ObjectList, Scope, WriteOptions};
use session_engine::diagnosis::{ingress_conflict, missing_class, pod_security};
use session_engine::reconcile::{claim_expansions, may_use_existing};
use session_model::failure::{self, FailureKind};
use session_model::labels::MANAGER;
use session_model::objects::ResourceType;
use session_model::objects::Untyped;
use session_model::objects::ownership::{Ownership, has_kind_and_name};
use session_model::objects::resource::{
    INGRESS, INGRESS_CLASS, NAMESPACE, PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS,
};
use session_model::progress::ProgressSink;

/// Objects that the checks need; `None` for a list that the caller may not read or that is not needed.
#[derive(Debug, Default)]
pub struct PreflightFacts {
    /// Quotas and LimitRanges.
    pub room: RoomFacts,
    /// StorageClasses.
    pub storage_classes: Option<Arc<ObjectList>>,
    /// IngressClasses.
    pub ingress_classes: Option<Arc<ObjectList>>,
    /// Ingresses of all namespaces, or of the session's where the caller may list no others.
    pub ingresses: Option<Arc<ObjectList>>,
    /// Objects that are used as they are, in place of those that the session would create.
    pub existing: Vec<Value>,
    /// Namespace, if its Pod Security level decides about the Pods.
    pub pod_security: Option<Value>,
}

/// Objects that a start is about to write, as far as they are checked.
#[derive(Debug)]
pub struct PreflightObjects<'a> {
    /// The session; its UID is empty before it is created.
    pub ownership: &'a Ownership,
    /// Objects that do not exist yet.
    pub new: &'a [Value],
    /// Ingresses that do not exist yet or get other rules.
    pub ingresses: &'a [Value],
    /// Objects that may be used as they are if they exist, as `kind/name`.
    pub use_existing: &'a [String],
}

impl PreflightObjects<'_> {
    /// Returns the new objects without those in `existing`, which are used as they are.
    fn absent(&self, existing: &[Value]) -> Vec<Value> {
        let is_new = |object: &&Value| {
            let (kind, name) = (Untyped(object).kind(), Untyped(object).name());
            let mut existing = existing.iter();
            !existing.any(|found| has_kind_and_name(found, kind, name))
        };
        self.new.iter().filter(is_new).cloned().collect()
    }

    /// Returns the room that the start needs.
    pub fn room_request(&self, existing: &[Value]) -> RoomRequest {
        let (session, namespace) = (&self.ownership.session, &self.ownership.namespace);
        RoomRequest::new(session.as_str(), namespace.as_str(), self.absent(existing))
    }
}

/// Checks `objects` against classes, other Ingresses, LimitRanges and the Pod Security level of the namespace. Facts that are `None` are
/// not checked. Room is checked by [`RoomRequest::require_room`], or waited for.
///
/// # Errors
/// The first object that the server would refuse, that would stay pending, or that would compete for a host.
pub fn check_preflight(objects: &PreflightObjects<'_>, checked: &PreflightFacts) -> Result<()> {
    let PreflightObjects {
        ownership,
        ingresses,
        ..
    } = *objects;
    let objects = objects.absent(&checked.existing);
    let objects = objects.as_slice();
    let found = checked
        .storage_classes
        .as_ref()
        .and_then(|classes| {
            missing_class::find_missing_class(
                "StorageClass",
                &missing_class::named_storage_classes(objects),
                &classes.items,
            )
        })
        .or_else(|| {
            missing_class::find_missing_class(
                "IngressClass",
                &missing_class::named_ingress_classes(objects),
                &checked.ingress_classes.as_ref()?.items,
            )
        })
        .or_else(|| {
            ingress_conflict::find_ingress_conflict(
                ingresses,
                ownership.namespace.as_str(),
                ownership.session_uid.as_deref(),
                &checked.ingresses.as_ref()?.items,
            )
        })
        .or_else(|| checked.room.find_refusal(objects))
        .or_else(|| {
            pod_security::find_pod_security_refusal(objects, checked.pod_security.as_ref()?)
        });
    match found {
        None => Ok(()),
        Some(cause) => Err(refusal_error(ownership.session.as_str(), cause)),
    }
}

/// Lists quotas, LimitRanges, classes and Ingresses that `objects` depend on, one request a kind, and reads the namespace if privileged Pods
/// depend on it and the objects that may exist already, all at the same time. If the caller may not read a kind, the check is skipped
/// with a note.
///
/// # Errors
/// Other refusals of the server.
pub async fn read_preflight_facts(
    cluster: &Cluster,
    objects: &PreflightObjects<'_>,
    sink: &mut dyn ProgressSink,
) -> Result<PreflightFacts> {
    let (storage, ingress) = (
        missing_class::named_storage_classes(objects.new),
        missing_class::named_ingress_classes(objects.new),
    );
    let name = objects.ownership.namespace.as_str();
    let namespace = Scope::Namespace(name);
    let privileged = pod_security::needs_privileged_namespace(objects.new);
    let (room, storage, ingress, ingresses, existing, level) = futures::try_join!(
        RoomFacts::read(cluster, name, objects.new, sink),
        list_if_needed(cluster, &STORAGE_CLASS, Scope::Cluster, !storage.is_empty()),
        list_if_needed(cluster, &INGRESS_CLASS, Scope::Cluster, !ingress.is_empty()),
        list_other_ingresses(cluster, namespace, objects.ingresses),
        read_existing(cluster, name, objects.new, objects.use_existing),
        read_namespace(cluster, name, privileged),
    )?;
    let checks = [
        (&storage, "StorageClasses", "list them"),
        (&ingress, "IngressClasses", "list them"),
        (&ingresses, "hosts of other Ingresses", "list them"),
        (&level, "Pod Security", "get the namespace"),
    ];
    note_unchecked(&checks, sink);
    Ok(PreflightFacts {
        room,
        storage_classes: storage.into_list(),
        ingress_classes: ingress.into_list(),
        ingresses: ingresses.into_list(),
        existing,
        pod_security: level
            .into_list()
            .and_then(|found| found.items.first().cloned()),
    })
}

/// Lists the Ingresses of all namespaces, or else of `namespace`, if one of `ingresses` claims a host.
async fn list_other_ingresses(
    cluster: &Cluster,
    namespace: Scope<'_>,
    ingresses: &[Value],
) -> Result<CheckedList> {
    let concerned = ingresses.iter().any(ingress_conflict::claims_host);
    match list_if_needed(cluster, &INGRESS, Scope::All, concerned).await? {
        CheckedList::Forbidden => list_if_needed(cluster, &INGRESS, namespace, true).await,
        found => Ok(found),
    }
}

/// Reads the objects that exist already and may be used as they are.
async fn read_existing(
    cluster: &Cluster,
    namespace: &str,
    objects: &[Value],
    use_existing: &[String],
) -> Result<Vec<Value>> {
    let allowed = objects
        .iter()
        .filter(|object| may_use_existing(object, use_existing));
    let reads = allowed.filter_map(|object| {
        let object = Untyped(object);
        let resource = ResourceType::find_known(object.api_version(), object.kind())?;
        Some(async move {
            let found = cluster.get_shared(resource, namespace, object.name()).await;
            // The answer of a GET for one object need not have its kind.
            let typed = |mut found: Value| {
                found["kind"] = object.kind().into();
                found
            };
            match found {
                Ok(found) => Ok(found.map(typed)),
                Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
                Err(error) => Err(error),
            }
        })
    });
    let found = try_join_all(reads).await?;
    Ok(found.into_iter().flatten().collect())
}

/// Reads the namespace whose Pod Security level the Pods need to know. One that does not exist yet has no level.
async fn read_namespace(cluster: &Cluster, namespace: &str, needed: bool) -> Result<CheckedList> {
    if !needed {
        return Ok(CheckedList::NotNeeded);
    }
    let key = format!("metadata of namespace {namespace:?}");
    let read = Box::pin(cluster.get_metadata(&NAMESPACE, namespace, namespace));
    match cluster.read_shared(key, read).await {
        Ok(found) => Ok(CheckedList::Items(Arc::new(ObjectList {
            items: Arc::unwrap_or_clone(found).into_iter().collect(),
            ..ObjectList::default()
        }))),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            Ok(CheckedList::Forbidden)
        }
        Err(error) => Err(error),
    }
}

impl StartPlan {
    /// Checks classes of new objects, quotas and nodes, the owner's running hours, hosts of new and changed Ingresses, and the expansion
    /// of claims by a server dry run. With `waits_for_room`, room is left to who waits for it.
    pub(super) async fn check_preflight(
        &self,
        cluster: &Cluster,
        waits_for_room: bool,
        sink: &mut dyn ProgressSink,
    ) -> Result<CheckedRoom> {
        let live = &self.observed.live;
        let missing = |object: &&Value| {
            let (kind, name) = (Untyped(object).kind(), Untyped(object).name());
            live.find_object(kind, name).is_none()
        };
        let objects = &self.start.rendering.objects;
        let new: Vec<Value> = objects.iter().filter(missing).cloned().collect();
        let has_new_rules = |object: &&Value| {
            let (kind, name) = (Untyped(object).kind(), Untyped(object).name());
            let live = live.find_object(kind, name);
            kind == "Ingress"
                && live.is_none_or(|(_, live)| live["spec"]["rules"] != object["spec"]["rules"])
        };
        let ingresses: Vec<Value> = objects.iter().filter(has_new_rules).cloned().collect();
        let namespace = self.observed.namespace();
        let name = self.observed.name();
        check_stoppable(cluster, name, &self.start.rendering.primary, objects).await?;
        let objects = PreflightObjects {
            ownership: &self.start.ownership,
            new: &new,
            ingresses: &ingresses,
            use_existing: &self.start.use_existing,
        };
        let checked = read_preflight_facts(cluster, &objects, sink).await?;
        check_preflight(&objects, &checked)?;
        let (owner, quotas) = (&self.start.ownership, checked.room.quotas.as_ref());
        let quotas = quotas.map(|quotas| &*quotas.items);
        check_hours(cluster, owner, quotas, self.requested_at, sink).await?;
        let request = objects.room_request(&checked.existing);
        if !waits_for_room {
            request.require_room(&checked.room)?;
        }
        let rehearsal = WriteOptions::by(MANAGER).as_dry_run();
        let growths = claim_expansions(&self.observed.session, &self.start, live);
        let asks = growths.into_iter().map(|(claim, mut patch)| {
            let (rehearsal, claims) = (&rehearsal, &PERSISTENT_VOLUME_CLAIM);
            async move {
                patch["metadata"]["uid"] = claim.require_uid()?.into();
                cluster
                    .merge_patch(claims, namespace, &claim.name, None, &patch, rehearsal)
                    .await
            }
        });
        try_join_all(asks).await?;
        Ok(CheckedRoom {
            request,
            facts: checked.room,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_could_not_be_looked_up_is_not_judged() {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
            "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}});
        let ownership = session_support::session_fixture::ownership();
        let objects = PreflightObjects {
            ownership: &ownership,
            new: std::slice::from_ref(&claim),
            ingresses: &[],
            use_existing: &[],
        };
        let judged = |checked: PreflightFacts| {
            check_preflight(&objects, &checked).map_err(|e| e.to_string())
        };
        assert_eq!(judged(PreflightFacts::default()), Ok(()));
        let no_class = PreflightFacts {
            storage_classes: Some(Arc::default()),
            ..PreflightFacts::default()
        };
        let error = judged(no_class).unwrap_err();
        assert!(
            error.starts_with("cannot start session \"a\": StorageClass \"fast\""),
            "{error}"
        );
        let quota = json!({"metadata": {"name": "q"}, "spec": {}, "status": {"hard": {"requests.storage": "0"}}});
        let no_room = RoomFacts {
            quotas: Some(Arc::new(ObjectList {
                items: vec![quota],
                ..ObjectList::default()
            })),
            ..RoomFacts::default()
        };
        let error = objects.room_request(&[]).require_room(&no_room);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("quota \"q\" is exceeded"), "{error}");
    }
}
