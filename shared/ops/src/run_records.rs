//! The sessions of a namespace with the records of their runs, and how each current run goes on by its Pods.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Cluster;
use crate::custom_workload::custom_primary;
use crate::session_objects::with_setup_hint;
use session_client::{ListOptions, Scope, parse_object};
use session_engine::capacity::run_hours::{RunEnd, UsageCount, Window, count_usage};
use session_engine::capacity::run_record::recorded_usage;
use session_engine::reconcile::{pods_end, vanished_end};
use session_model::api::{Session, SessionUsage};
use session_model::failure::{self, FailureKind};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::resource::{POD, SESSION};

/// A session and the record of its runs.
#[derive(Clone, Debug)]
pub struct RecordedSession {
    /// The Session.
    pub session: Session,
    /// Its record, with resizes that the status does not have yet.
    pub usage: SessionUsage,
    /// How the current run goes on.
    pub end: RunEnd,
}

impl RecordedSession {
    /// Counts what the session has used in a window.
    pub fn count(&self, window: &Window) -> UsageCount {
        count_usage(&self.usage, window, self.end)
    }

    /// Returns true if a run lasts.
    pub fn is_running(&self) -> bool {
        self.usage.current.is_some() && self.end == RunEnd::Lasts
    }
}

/// Sessions with their records.
#[derive(Clone, Debug, Default)]
pub struct RunRecords {
    /// Sessions, in the server's order.
    pub sessions: Vec<RecordedSession>,
    /// Names of sessions that cannot be read.
    pub unreadable: Vec<String>,
    /// True if the caller may not list Pods: current runs count as if they lasted.
    pub is_pods_unlistable: bool,
}

impl Cluster {
    /// Lists sessions with their records. Current runs last, as far as the records tell.
    ///
    /// # Errors
    /// Refusals of the server.
    pub async fn list_run_records(
        &self,
        scope: Scope<'_>,
        select: &ListOptions,
    ) -> Result<RunRecords> {
        let list = with_setup_hint(self.list(&SESSION, scope, select).await)?;
        let mut records = RunRecords::default();
        for object in list.items {
            let name = Untyped(&object).name().to_owned();
            match parse_object::<Session>(object) {
                Ok(session) => records.sessions.push(RecordedSession {
                    usage: recorded_usage(&session),
                    session,
                    end: RunEnd::Lasts,
                }),
                Err(_) => records.unreadable.push(name),
            }
        }
        Ok(records)
    }

    /// Finds out by their Pods which current runs have ended by themselves: one LIST, if there are any.
    ///
    /// # Errors
    /// Refusals of the server, except a missing permission to list Pods.
    pub async fn find_run_ends(&self, scope: Scope<'_>, records: &mut RunRecords) -> Result<()> {
        let current = records.sessions.iter_mut().filter(|one| {
            // Pods of other kinds' workloads have no labels of their session.
            one.usage.current.is_some() && custom_primary(&one.session).is_none()
        });
        let mut current: Vec<&mut RecordedSession> = current.collect();
        if current.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = current.iter().map(|one| one.session.name()).collect();
        let select = ListOptions {
            limit: 500,
            ..ListOptions::with_labels(labels::session_selector(&names))
        };
        let pods = match self.list(&POD, scope, &select).await {
            Ok(list) => list.items,
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                records.is_pods_unlistable = true;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut by_session: BTreeMap<(String, String), Vec<Pod>> = BTreeMap::new();
        for pod in pods {
            if let Some(key) = session_key(&pod) {
                by_session.entry(key).or_default().push(parse_object(pod)?);
            }
        }
        for one in &mut current {
            let (namespace, name) = (one.session.namespace(), one.session.name());
            let pods = by_session.get(&(namespace.to_owned(), name.to_owned()));
            let end = pods_end(pods.into_iter().flatten());
            one.end = end.unwrap_or_else(|| vanished_end(&one.session));
        }
        Ok(())
    }
}

/// Returns namespace and name of the session that a Pod is labelled with.
fn session_key(pod: &Value) -> Option<(String, String)> {
    let session = Untyped(pod).label(labels::SESSION)?;
    Some((Untyped(pod).home_namespace().to_owned(), session.to_owned()))
}
