//! Reads of a session's objects: Pods, their owners, claims and the parameters Secret.

use anyhow::Result;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Cluster;
use session_client::{ListOptions, Scope, not_found_error, parse_object};
use session_model::api::Session;
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::names::parameters_secret_name;
use session_model::objects::ResourceType;
use session_model::objects::resource::{
    DAEMON_SET, DEPLOYMENT, JOB, PERSISTENT_VOLUME_CLAIM, POD, REPLICA_SET, SECRET, SESSION,
    STATEFUL_SET, VOLUME_SNAPSHOT,
};

impl Cluster {
    /// Reads one Session.
    ///
    /// # Errors
    /// NotFound, in the server's words, if there is none.
    pub async fn get_session(&self, namespace: &str, name: &str) -> Result<Session> {
        let found = self.get(&SESSION, namespace, name).await?;
        let Some(found) = found else {
            return Err(not_found_error(&SESSION, name));
        };
        parse_object(found)
    }

    /// Lists the Pods with the session's label.
    pub(super) async fn list_pods(
        &self,
        namespace: &str,
        select: &ListOptions,
    ) -> Result<Vec<Pod>> {
        let pods = self.list_items(&POD, namespace, select).await?;
        pods.into_iter().map(parse_object::<Pod>).collect()
    }

    /// Reads the possible owners of the session's Pods: one LIST per kind that the last start created, all at the same
    /// time, or per possible kind if that is unknown. Nothing for a session that is a Pod.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub async fn list_owners(&self, namespace: &str, session: &Session) -> Result<Vec<Value>> {
        let select = session_selector(session.name());
        let kinds = owner_kinds(session);
        let lists = kinds
            .iter()
            .map(|kind| self.list_items(kind, namespace, &select));
        let found = try_join_all(lists).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Lists the claims with the session's label.
    pub(super) async fn list_claims(
        &self,
        namespace: &str,
        select: &ListOptions,
    ) -> Result<Vec<Value>> {
        self.list_items(&PERSISTENT_VOLUME_CLAIM, namespace, select)
            .await
    }

    async fn list_items(
        &self,
        kind: &ResourceType,
        namespace: &str,
        select: &ListOptions,
    ) -> Result<Vec<Value>> {
        Ok(self
            .list(kind, Scope::Namespace(namespace), select)
            .await?
            .items)
    }

    /// Reads the parameters Secret of a session and drops its values, which no caller needs. `None` where the caller may not read it.
    pub(super) async fn get_parameters_secret(
        &self,
        namespace: &str,
        session: &str,
    ) -> Result<Option<Value>> {
        match self
            .get(&SECRET, namespace, &parameters_secret_name(session))
            .await
        {
            Ok(found) => Ok(found.map(|mut secret| {
                if let Some(fields) = secret.as_object_mut() {
                    fields.shift_remove("data");
                }
                secret
            })),
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Lists VolumeSnapshots. Returns `None` if the caller may not list them, and an empty list if the cluster does not serve them.
///
/// # Errors
/// Other refusals of the server.
pub async fn list_snapshots(
    cluster: &Cluster,
    namespace: &str,
    select: &ListOptions,
) -> Result<Option<Vec<Value>>> {
    let scope = Scope::Namespace(namespace);
    match cluster.list(&VOLUME_SNAPSHOT, scope, select).await {
        Ok(list) => Ok(Some(list.items)),
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
            Ok(Some(Vec::new()))
        }
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the options that list the objects with a session's label.
pub fn session_selector(name: &str) -> ListOptions {
    ListOptions::with_labels(format!("{}={name}", labels::SESSION))
}

/// Returns the kinds that [`Cluster::list_owners`] lists.
pub fn owner_kinds(session: &Session) -> Vec<&'static ResourceType> {
    let all = [&STATEFUL_SET, &DEPLOYMENT, &REPLICA_SET, &DAEMON_SET, &JOB];
    let applied = session.applied();
    let Some(applied) = applied.filter(|_| !session_engine::reconcile::is_start_requested(session))
    else {
        return all.to_vec();
    };
    let made = |kind: &str| applied.objects.iter().any(|object| object.kind == kind);
    all.into_iter()
        .filter(|t| made(&t.kind) || (t.kind == "ReplicaSet" && made("Deployment")))
        .collect()
}

/// Adds the hint to install the API to an error because of the missing Session type, for every verb that meets it.
///
/// # Errors
/// Those of `result`.
pub fn with_setup_hint<T>(result: Result<T>) -> Result<T> {
    match result {
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => Err(
            failure::with_hint(error, "install the API first: kubectl session setup"),
        ),
        other => other,
    }
}
