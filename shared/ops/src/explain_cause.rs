//! Facts that refine a diagnosis, such as logs, nodes and quotas. They are read only when a cause is shown to the user.

use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use serde_json::Value;

use crate::Cluster;
use session_client::{ListOptions, Scope, parse_object};
use session_engine::diagnosis::{Cause, Fact, FactQuery, refine};
use session_engine::reconcile::WorkloadState;
use session_model::api::{Session, SessionSpec};
use session_model::failure::{self, FailureKind};
use session_model::objects::ResourceType;
use session_model::objects::resource::{
    CSI_DRIVER, ENDPOINT_SLICE, LIMIT_RANGE, NODE, PERSISTENT_VOLUME_CLAIM, POD, RESOURCE_QUOTA,
    SESSION, SESSION_TEMPLATE, STORAGE_CLASS,
};

/// Label of an EndpointSlice with the name of its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Log lines that serve as evidence.
const LOG_LINES: u32 = 5;
/// Most bytes of a log that are read.
const LOG_BYTES: u32 = 4096;
/// Time limit of each read: a late explanation helps nobody.
const FACT_TIMEOUT: Duration = Duration::from_secs(2);
/// Rounds of reads: a fact may raise one further question, never more.
const MAX_ROUNDS: usize = 2;

impl Cluster {
    /// Refines the cause in `seen` with facts from the cluster. Reads nothing if nothing is wrong. Never fails: facts
    /// that cannot be read are named in the evidence.
    pub async fn explain_state(&self, namespace: &str, mut state: WorkloadState) -> WorkloadState {
        if let Some(cause) = state.cause_mut() {
            *cause = self.explain_cause(namespace, cause.clone()).await;
        }
        state
    }

    /// Refines one cause, as [`Cluster::explain_state`] does.
    pub async fn explain_cause(&self, namespace: &str, mut cause: Cause) -> Cause {
        for _ in 0..MAX_ROUNDS {
            if cause.queries.is_empty() {
                break;
            }
            let asks = std::mem::take(&mut cause.queries);
            let answers = asks.into_iter().map(|ask| async {
                let answer =
                    tokio::time::timeout(FACT_TIMEOUT, self.get_fact(namespace, &ask)).await;
                let answer =
                    answer.unwrap_or_else(|_| Fact::Unavailable("no response in time".to_owned()));
                (ask, answer)
            });
            cause = refine(cause, &join_all(answers).await);
        }
        cause
    }

    pub(crate) async fn get_fact(&self, namespace: &str, ask: &FactQuery) -> Fact {
        let here = Scope::Namespace(namespace);
        let found = match ask {
            FactQuery::Log {
                pod,
                container,
                previous,
                ..
            } => {
                let lines = self
                    .get_log_tail(namespace, pod, container, *previous, (LOG_LINES, LOG_BYTES))
                    .await;
                return lines.map_or_else(|error| unavailable_fact(&error), Fact::Lines);
            }
            FactQuery::Nodes(_) => self.list_from_cache(&NODE, Scope::Cluster, "").await,
            FactQuery::Node { name } | FactQuery::NodeMemory { name, .. } => {
                self.get_as_list(&NODE, "", name).await
            }
            FactQuery::PodsOnNode { node, .. } => {
                let on_node =
                    format!("spec.nodeName={node},status.phase!=Succeeded,status.phase!=Failed");
                self.list_from_cache(&POD, Scope::All, &on_node).await
            }
            FactQuery::PersistentVolumeClaim { name } => {
                self.get_as_list(&PERSISTENT_VOLUME_CLAIM, namespace, name)
                    .await
            }
            FactQuery::ClaimHolders { .. } => self.list_from_cache(&POD, here, "").await,
            FactQuery::StorageClasses => {
                self.list_from_cache(&STORAGE_CLASS, Scope::Cluster, "")
                    .await
            }
            FactQuery::CsiDriver { name } => self.get_as_list(&CSI_DRIVER, "", name).await,
            FactQuery::ResourceQuotas => self.list_from_cache(&RESOURCE_QUOTA, here, "").await,
            FactQuery::SessionParameters { session } => {
                self.get_as_list(&SESSION, namespace, session).await
            }
            FactQuery::EndpointSlices { service } => {
                let select = ListOptions::with_labels(format!("{SERVICE_NAME}={service}"));
                let slices = self.list(&ENDPOINT_SLICE, here, &select).await;
                slices.map(|slices| slices.items)
            }
            FactQuery::ImageParameters { session, .. } => {
                self.get_with_template(namespace, session).await
            }
            FactQuery::LimitRanges => self.list_from_cache(&LIMIT_RANGE, here, "").await,
        };
        found.map_or_else(|error| unavailable_fact(&error), Fact::Objects)
    }

    async fn get_as_list(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<Value>> {
        Ok(self.get(t, namespace, name).await?.into_iter().collect())
    }

    /// Returns a session, then its template.
    async fn get_with_template(&self, namespace: &str, name: &str) -> Result<Vec<Value>> {
        let mut found = self.get_as_list(&SESSION, namespace, name).await?;
        let session: Option<Session> = found.first().cloned().map(parse_object).transpose()?;
        let spec = session.as_ref().map(|session| &session.spec);
        if let Some(template) = spec.and_then(SessionSpec::template_name) {
            found.extend(self.get_as_list(&SESSION_TEMPLATE, "", template).await?);
        }
        Ok(found)
    }

    async fn list_from_cache(
        &self,
        t: &ResourceType,
        scope: Scope<'_>,
        fields: &str,
    ) -> Result<Vec<Value>> {
        let select = ListOptions {
            field_selector: fields.to_owned(),
            from_cache: true,
            ..ListOptions::default()
        };
        Ok(self.list(t, scope, &select).await?.items)
    }
}

fn unavailable_fact(error: &anyhow::Error) -> Fact {
    let why = if failure::has_kind(error, FailureKind::Forbidden) {
        "no permission to read".to_owned()
    } else {
        error.to_string()
    };
    Fact::Unavailable(why)
}
