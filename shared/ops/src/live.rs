//! Reads everything that is there of one session.

use anyhow::Result;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Cluster;
use session_client::Place;
use session_client::Selection;
use session_client::{missing, typed};
use session_engine::reconcile::Live;
use session_model::api::Session;
use session_model::failure::{self, Kind};
use session_model::labels;
use session_model::names::parameters_secret;
use session_model::objects::ResourceType;
use session_model::objects::resource::{
    DAEMON_SET, DEPLOYMENT, JOB, PERSISTENT_VOLUME_CLAIM, POD, REPLICA_SET, SECRET, SESSION,
    STATEFUL_SET,
};

impl Cluster {
    /// One session.
    ///
    /// # Errors
    /// NotFound, in the server's words, when there is none.
    pub async fn session(&self, namespace: &str, name: &str) -> Result<Session> {
        let found = self.get(&SESSION, namespace, name).await?;
        let Some(found) = found else {
            return Err(missing(&SESSION, name));
        };
        typed(found)
    }

    /// Everything that carries the session's label: Pods, what owns them, data. One LIST a kind, all at once; kinds that the
    /// last start did not make are left out where status.applied says what it made.
    ///
    /// # Errors
    /// What the server refuses; a right that is missing for data alone is not an error, there is nothing to see then.
    pub async fn live(&self, namespace: &str, session: &Session) -> Result<Live> {
        let name = session.metadata.name.as_deref().unwrap_or_default();
        let select = Selection::labelled(format!("{}={name}", labels::SESSION));
        let parameters = parameters_secret(name);
        let (workload, claims, secret) = futures::try_join!(
            self.workload(namespace, session),
            self.list_of(&PERSISTENT_VOLUME_CLAIM, namespace, &select),
            self.secret_metadata(namespace, &parameters),
        )?;
        let data = claims.into_iter().chain(secret).collect();
        Ok(Live { data, ..workload })
    }

    /// What of [`Cluster::live`] runs: Pods, and what owns them.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn workload(&self, namespace: &str, session: &Session) -> Result<Live> {
        let name = session.metadata.name.as_deref().unwrap_or_default();
        let select = Selection::labelled(format!("{}={name}", labels::SESSION));
        let (pods, owners) = futures::try_join!(
            self.list_of(&POD, namespace, &select),
            self.owners(namespace, session),
        )?;
        let pods = pods.into_iter().map(typed::<Pod>).collect::<Result<_>>()?;
        let live = Live {
            pods,
            owners,
            ..Live::default()
        };
        Ok(live.attributed(session))
    }

    /// What Pods of the session can be owned by: one LIST for each kind that its last start made, all at once; for each kind
    /// there is where that is not known. None for a session that is a Pod.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn owners(&self, namespace: &str, session: &Session) -> Result<Vec<Value>> {
        let name = session.metadata.name.as_deref().unwrap_or_default();
        let select = Selection::labelled(format!("{}={name}", labels::SESSION));
        let kinds = owner_kinds(session);
        let lists = kinds
            .iter()
            .map(|kind| self.list_of(kind, namespace, &select));
        let found = try_join_all(lists).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn list_of(
        &self,
        kind: &ResourceType,
        namespace: &str,
        select: &Selection,
    ) -> Result<Vec<Value>> {
        Ok(self
            .list(kind, Place::Namespace(namespace), select)
            .await?
            .items)
    }

    /// The parameters Secret without its values: nothing here needs them, so they go no further.
    async fn secret_metadata(&self, namespace: &str, name: &str) -> Result<Option<Value>> {
        match self.get(&SECRET, namespace, name).await {
            Ok(found) => Ok(found.map(|mut secret| {
                if let Some(fields) = secret.as_object_mut() {
                    fields.shift_remove("data");
                }
                secret
            })),
            Err(error) if failure::is(&error, Kind::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The kinds that [`Cluster::owners`] lists.
pub fn owner_kinds(session: &Session) -> Vec<&'static ResourceType> {
    let all = [&STATEFUL_SET, &DEPLOYMENT, &REPLICA_SET, &DAEMON_SET, &JOB];
    let applied = session
        .status
        .as_ref()
        .and_then(|status| status.applied.as_ref());
    let Some(applied) = applied.filter(|_| !session_engine::reconcile::is_start_asked(session))
    else {
        return all.to_vec();
    };
    let made = |kind: &str| applied.objects.iter().any(|object| object.kind == kind);
    all.into_iter()
        .filter(|t| made(&t.kind) || (t.kind == "ReplicaSet" && made("Deployment")))
        .collect()
}

/// A result with the way out where our API is not installed: the one hint for every verb that meets it.
///
/// # Errors
/// Those of `result`.
pub fn installed<T>(result: Result<T>) -> Result<T> {
    match result {
        Err(error) if failure::is(&error, Kind::NoSuchResource) => Err(failure::hinted(
            error,
            "install the API first: kubectl session setup",
        )),
        other => other,
    }
}
