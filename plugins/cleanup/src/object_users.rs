//! Reads objects that may use a session's objects, whoever created them: Pods, their owners, and kinds that refer to
//! Secrets and Services.

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use session_shared::client::{ListOptions, Scope};
use session_shared::failure::{self, FailureKind};
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{
    CRON_JOB, DAEMON_SET, DEPLOYMENT, INGRESS, JOB, POD, REPLICA_SET, REPLICATION_CONTROLLER,
    SERVICE_ACCOUNT, STATEFUL_SET,
};
use session_shared::ops::Cluster;

/// Kinds that can own Pods.
const WORKLOAD_KINDS: [&ResourceType; 5] =
    [&STATEFUL_SET, &DEPLOYMENT, &REPLICA_SET, &DAEMON_SET, &JOB];
/// Further kinds that refer to other objects. Few users may list all of them.
const REFERRING_KINDS: [&ResourceType; 4] = [
    &CRON_JOB,
    &REPLICATION_CONTROLLER,
    &SERVICE_ACCOUNT,
    &INGRESS,
];

/// Objects that may use other objects.
#[derive(Debug, Default)]
pub(crate) struct ObjectUsers {
    pub(crate) pods: Vec<Value>,
    /// Workload controllers.
    pub(crate) workloads: Vec<Value>,
    /// CronJobs, ReplicationControllers, ServiceAccounts and Ingresses.
    pub(crate) others: Vec<Value>,
    /// Kinds that the caller has no permission to list; their objects may use anything.
    pub(crate) forbidden_kinds: Vec<&'static ResourceType>,
}

impl ObjectUsers {
    /// Lists all users in `place`, with one concurrent LIST for each kind.
    ///
    /// # Errors
    /// The server's refusal; for the kinds of `others`, Forbidden is recorded in `unseen` instead.
    pub(crate) async fn list_all(cluster: &Cluster, scope: Scope<'_>) -> Result<Self> {
        let everything = ListOptions::default();
        let others = REFERRING_KINDS.map(|kind| {
            let everything = &everything;
            async move {
                match cluster.list(kind, scope, everything).await {
                    Ok(list) => Ok(Some(list.items)),
                    Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
                        Ok(Some(Vec::new()))
                    }
                    Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        });
        let (mut users, others) = futures::try_join!(
            Self::list_workloads(cluster, scope, &everything),
            try_join_all(others)
        )?;
        for (kind, found) in REFERRING_KINDS.into_iter().zip(others) {
            match found {
                Some(objects) => users.others.extend(objects),
                None => users.forbidden_kinds.push(kind),
            }
        }
        Ok(users)
    }

    /// Lists the selected Pods and workload controllers.
    ///
    /// # Errors
    /// The server's refusal.
    pub(crate) async fn list_workloads(
        cluster: &Cluster,
        scope: Scope<'_>,
        select: &ListOptions,
    ) -> Result<Self> {
        let list = |kind| cluster.list(kind, scope, select);
        let (pods, owners) =
            futures::try_join!(list(&POD), try_join_all(WORKLOAD_KINDS.map(list)))?;
        Ok(Self {
            pods: pods.items,
            workloads: owners.into_iter().flat_map(|list| list.items).collect(),
            ..Self::default()
        })
    }

    /// Returns all users.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.pods.iter().chain(&self.workloads).chain(&self.others)
    }
}
