//! Reads of a session's objects: Pods, their owners, claims and the parameters Secret.

use anyhow::Result;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Cluster;
use session_client::{ListOptions, Scope, not_found_error, parse_object};
use session_engine::reconcile::LiveObjects;
use session_model::api::Session;
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::names::parameters_secret_name;
use session_model::objects::ResourceType;
use session_model::objects::resource::{
    DAEMON_SET, DEPLOYMENT, JOB, PERSISTENT_VOLUME_CLAIM, POD, REPLICA_SET, SECRET, SESSION,
    STATEFUL_SET,
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

    /// Reads all objects with the session's label: Pods, their owners and data. One LIST per kind, all at the same time.
    /// Kinds that the last start did not create, according to status.applied, are left out.
    ///
    /// # Errors
    /// Whatever the server refuses. A missing right to read the parameters Secret is not an error; the Secret is then
    /// left out.
    pub async fn get_live_objects(
        &self,
        namespace: &str,
        session: &Session,
    ) -> Result<LiveObjects> {
        let (workload, data) = futures::try_join!(
            self.get_workload(namespace, session),
            self.list_data(namespace, session.name()),
        )?;
        Ok(LiveObjects { data, ..workload })
    }

    /// Reads the objects of which `known` holds only the Pods: as [`Cluster::get_live_objects`], without listing the Pods again.
    ///
    /// # Errors
    /// As [`Cluster::get_live_objects`].
    pub async fn live_beside(
        &self,
        namespace: &str,
        session: &Session,
        known: &LiveObjects,
    ) -> Result<LiveObjects> {
        let (owners, data) = futures::try_join!(
            self.list_owners(namespace, session),
            self.list_data(namespace, session.name()),
        )?;
        let live = LiveObjects {
            pods: known.pods.clone(),
            owners,
            data,
            ..LiveObjects::default()
        };
        Ok(live.attribute(session).beside_strangers(known))
    }

    /// Reads the part of [`Cluster::get_live_objects`] that runs: Pods and their owners.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub async fn get_workload(&self, namespace: &str, session: &Session) -> Result<LiveObjects> {
        let select = session_selector(session.name());
        let (pods, owners) = futures::try_join!(
            self.list_items(&POD, namespace, &select),
            self.list_owners(namespace, session),
        )?;
        let pods = pods
            .into_iter()
            .map(parse_object::<Pod>)
            .collect::<Result<_>>()?;
        let live = LiveObjects {
            pods,
            owners,
            ..LiveObjects::default()
        };
        Ok(live.attribute(session))
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

    /// Lists the claims of a session, and reads its parameters Secret without values.
    async fn list_data(&self, namespace: &str, name: &str) -> Result<Vec<Value>> {
        let (select, parameters) = (session_selector(name), parameters_secret_name(name));
        let (claims, secret) = futures::try_join!(
            self.list_items(&PERSISTENT_VOLUME_CLAIM, namespace, &select),
            self.get_secret_metadata(namespace, &parameters),
        )?;
        Ok(claims.into_iter().chain(secret).collect())
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

    /// Reads the parameters Secret and drops its values, which no caller needs.
    async fn get_secret_metadata(&self, namespace: &str, name: &str) -> Result<Option<Value>> {
        match self.get(&SECRET, namespace, name).await {
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
