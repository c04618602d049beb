//! Reads for a session whose primary workload is of a kind that is not built in: the object, its scale subresource, and its Pods.
//!
//! The controller of such a kind makes Pods from a template that only it knows, so they need not have the session's label. They are
//! found by their owners: all Pods of the namespace are read, and every chain of owners that may end at the Session is followed.

use anyhow::{Result, anyhow};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::Cluster;
use crate::session_objects::{owner_kinds, session_part, session_selector};
use session_client::{ListOptions, Scope, WatchPart, parse_object};
use session_engine::reconcile::{CustomWorkload, OwnedClaim};
use session_model::api::{ObjectRef, PrimaryRef, Session};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::labels;
use session_model::objects::custom_workload::is_custom_api;
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::pods::WORKLOAD_KINDS;
use session_model::objects::resource::POD;
use session_model::objects::{Owner, ResourceType, Untyped};

/// Returns the primary workload of the last start if its kind is not built in.
pub fn custom_primary(session: &Session) -> Option<&ObjectRef> {
    let applied = session.applied()?;
    let primary = applied.primary.as_ref()?;
    if WORKLOAD_KINDS.contains(&primary.kind.as_str()) {
        return None;
    }
    let mut objects = applied.objects.iter();
    objects.find(|object| object.kind == primary.kind && object.name == primary.name)
}

/// Returns the options that list and watch the Pods of a session: those with its label, or all of the namespace.
pub fn pod_selector(session: &Session) -> ListOptions {
    match custom_primary(session) {
        Some(_) => ListOptions::default(),
        None => session_selector(session.name()),
    }
}

/// Returns what a wait needs of a watch of Pods: those that [`pod_selector`] selects.
pub(crate) fn pod_part(session: &Session) -> WatchPart {
    let mut part = session_part(session.name());
    if custom_primary(session).is_some() {
        (part.own, part.all) = Default::default();
        // Pods without the label are for each of the waits.
        part.parts.insert(WatchPart::REST.to_owned());
    }
    part
}

/// Returns true if the last start made an object of a custom kind, whose controller may make claims without the session's label.
pub fn makes_custom_objects(session: &Session) -> bool {
    let mut made = session
        .applied()
        .into_iter()
        .flat_map(|applied| &applied.objects);
    made.any(|object| is_custom_api(&object.api_version))
}

/// Returns the options that list the claims of a session: those with its label, or all of the namespace.
pub(crate) fn claim_selector(session: &Session) -> ListOptions {
    match makes_custom_objects(session) {
        true => ListOptions::default(),
        false => session_selector(session.name()),
    }
}

/// Returns true if a Pod or claim may belong to a custom workload of `session`: it has a controller, is not labelled for another
/// session, and is not older than the session.
pub fn may_be_of_custom(object: &Value, session: &Session) -> bool {
    let object = Untyped(object);
    let label = object.label(labels::SESSION);
    let created = session.metadata.creation_timestamp.as_ref();
    label.is_none_or(|label| label == session.name())
        && object.owners().any(|owner| owner.controller)
        && object
            .created()
            .zip(created)
            .is_none_or(|(object, session)| object >= session.0)
}

/// Checks that a stop of session `name` can bring its primary workload to rest: by its kind, by the author's patch, or by the scale
/// subresource of a kind that is not built in. Without any, a stop would have to delete the object, and with it data that only its
/// controller knows.
///
/// # Errors
/// A kind that cannot be stopped, or that the server does not serve.
pub async fn check_stoppable(
    cluster: &Cluster,
    name: &str,
    primary: &PrimaryRef,
    objects: &[Value],
) -> Result<()> {
    if WORKLOAD_KINDS.contains(&primary.kind.as_str()) || primary.stop.is_some() {
        return Ok(());
    }
    let mut found = objects.iter();
    let found = found.find(|object| has_kind_and_name(object, &primary.kind, &primary.name));
    let Some(api_version) = found.map(|object| Untyped(object).api_version()) else {
        return Ok(());
    };
    let kind = &primary.kind;
    match cluster.discover_scalable(api_version, kind).await? {
        Some((_, true)) => Ok(()),
        // The first write names a kind that is not served.
        None => Ok(()),
        Some((_, false)) => {
            let error = anyhow!(
                "cannot start session {name:?}: {kind} {:?} could not be stopped: its kind has no scale subresource",
                primary.name
            );
            Err(with_hint(
                error,
                "say how in the template's spec.primary, or in annotation streaming.platform/workload of the object: stop and start, \
                 a merge patch each",
            ))
        }
    }
}

/// A custom workload as it was read, with its Pods and every owner that leads to them.
pub(super) struct CustomRead {
    /// The workload; `None` where it or its kind is gone.
    pub(super) custom: Option<CustomWorkload>,
    /// Pods of the namespace that may be its own.
    pub(super) pods: Vec<Pod>,
    /// Their owners, the workload among them.
    pub(super) owners: Vec<Value>,
    /// The resourceVersion from which a watch of the Pods continues.
    pub(super) pods_resource_version: String,
}

impl Cluster {
    /// Reads a session's workload of a kind that is not built in, its Pods and all owners that lead to them.
    ///
    /// # Errors
    /// Refusals of the server.
    pub(super) async fn read_custom_workload(&self, session: &Session) -> Result<CustomRead> {
        let namespace = session.namespace();
        let (labelled, all) = (session_selector(session.name()), pod_selector(session));
        let scope = Scope::Namespace(namespace);
        let kinds = owner_kinds(session);
        let lists = kinds.iter().map(|kind| self.list(kind, scope, &labelled));
        let (custom, pods, lists) = futures::try_join!(
            self.get_custom_workload(namespace, session),
            self.list_shared(&POD, scope, &all),
            try_join_all(lists),
        )?;
        let mut owners: Vec<Value> = lists.into_iter().flat_map(|list| list.items).collect();
        owners.extend(custom.iter().map(|custom| custom.object.clone()));
        let pods_resource_version = pods.resource_version.clone();
        let candidates = (pods.items.iter()).filter(|pod| may_be_of_custom(pod, session));
        let candidates: Vec<Value> = candidates.cloned().collect();
        let above = self.get_owners(namespace, &candidates, &owners, session);
        owners.extend(above.await?);
        let pods = candidates.into_iter().map(parse_object);
        Ok(CustomRead {
            custom,
            pods: pods.collect::<Result<_>>()?,
            owners,
            pods_resource_version,
        })
    }

    /// Reads the primary workload of a kind that is not built in, and the count of its scale subresource. `None` where the session has
    /// another primary workload, where the object or its kind is gone, and where the Session does not own it.
    ///
    /// # Errors
    /// Refusals of the server.
    pub async fn get_custom_workload(
        &self,
        namespace: &str,
        session: &Session,
    ) -> Result<Option<CustomWorkload>> {
        let Some(primary) = custom_primary(session) else {
            return Ok(None);
        };
        let found = self
            .discover_scalable(&primary.api_version, &primary.kind)
            .await?;
        let Some((resource, has_scale)) = found else {
            return Ok(None);
        };
        let object = self.get(&resource, namespace, &primary.name).await?;
        let is_own = |object: &Value| Untyped(object).is_owned_by(session.uid());
        let Some(object) = object.filter(is_own) else {
            return Ok(None);
        };
        let replicas = match has_scale {
            true => {
                self.get_replicas(&resource, namespace, &primary.name)
                    .await?
            }
            false => None,
        };
        Ok(Some(CustomWorkload {
            resource,
            object,
            replicas,
        }))
    }

    /// Returns those of `claims` that the garbage collector deletes with the Session or with an object of it. The owners in between
    /// are read where `owners` does not have them.
    ///
    /// # Errors
    /// Refusals of the server.
    pub(super) async fn find_owned_claims(
        &self,
        claims: &[Value],
        owners: &[Value],
        session: &Session,
    ) -> Result<Vec<OwnedClaim>> {
        let followed = claims
            .iter()
            .filter(|claim| may_be_of_custom(claim, session) && !OwnedClaim::is_of_pod(claim));
        let followed: Vec<Value> = followed.cloned().collect();
        let mut known = owners.to_vec();
        // The objects of the last start are known by their UIDs: each is the last link of a chain.
        let applied = session.applied().into_iter();
        let made = applied.flat_map(|applied| &applied.objects);
        known.extend(made.map(|object| json!({"metadata": {"uid": object.uid}})));
        let namespace = session.namespace();
        // A forged ownerReference in a session of built-in kinds causes no reads.
        let any_kind = makes_custom_objects(session);
        let above = self.get_owners_of_kinds(namespace, &followed, &known, &[], any_kind);
        known.extend(above.await?);
        Ok(OwnedClaim::find_all(claims, &known, session))
    }

    /// Reads an owner of any kind. `None` where it does not exist or may not be read: the chain ends there.
    ///
    /// # Errors
    /// Other refusals of the server.
    pub(super) async fn get_owner_of_any_kind(
        &self,
        namespace: &str,
        owner: &Owner<'_>,
    ) -> Result<Option<Value>> {
        let read = async {
            match self
                .discover_resource(owner.api_version, owner.kind)
                .await?
            {
                Some(resource) if resource.namespaced => {
                    self.get(&resource, namespace, owner.name).await
                }
                _ => Ok(None),
            }
        };
        match read.await {
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
            other => other,
        }
    }

    pub(super) async fn get_replicas(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> Result<Option<i32>> {
        let scale = self.get_scale(resource, namespace, name).await?;
        // The server leaves out a count of 0.
        let count = scale.map(|scale| scale.pointer("/spec/replicas").and_then(Value::as_i64));
        Ok(count.and_then(|count| i32::try_from(count.unwrap_or(0)).ok()))
    }
}
