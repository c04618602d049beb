//! Waits for a state of one object, by watch.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;

use super::interrupt::Interrupt;
use super::live::{missing, typed};
use super::wait::timed_out;
use super::{Change, Cluster, Place, Selection};
use crate::api::Session;
use crate::failure::{Failure, Kind};
use crate::objects::ResourceType;
use crate::objects::conditions::has_condition;
use crate::objects::resource::{SESSION, text};
use crate::progress::{Event, Sink, Stage};

impl Cluster {
    /// Waits by watch until an object has a condition with status True.
    ///
    /// # Errors
    /// TimedOut in kubectl's words; NotFound if the object is deleted; whatever the server refuses.
    pub async fn await_condition(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        condition: &str,
        limit: Duration,
    ) -> Result<()> {
        let holds = |object: &Value| has_condition(object, condition, "True");
        let wait = self.await_object(resource, namespace, name, holds);
        match tokio::time::timeout(limit, wait).await {
            Ok(found) => found.map(drop),
            Err(_) => Err(timed_out(resource, name)),
        }
    }

    /// Waits until a controller has started a session, successfully or not: until its phase is running, failed or
    /// stopped.
    ///
    /// # Errors
    /// TimedOut in kubectl's words; Interrupted; NotFound if the session is deleted.
    pub async fn wait_phase(
        &self,
        namespace: &str,
        session: &Session,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn Sink,
    ) -> Result<Session> {
        let name = session.metadata.name.as_deref().unwrap_or_default();
        let object = format!("session/{name}");
        sink.tell(Event::Waiting {
            stage: Stage::Applying,
            object,
            detail: "the controller is starting the session".into(),
        });
        let asked = session.spec.start_request.as_deref().unwrap_or_default();
        let before = session.status.as_ref();
        let before = before.and_then(|status| status.start_request.as_deref());
        let settled = |object: &Value| {
            // Until the controller has recorded the new start request, the phase is that of the previous start.
            let taken_up = before.is_none() || text(object, "/status/startRequest") == asked;
            let phase = text(object, "/status/phase");
            taken_up && matches!(phase, "running" | "failed" | "stopped")
        };
        let wait =
            tokio::time::timeout(limit, self.await_object(&SESSION, namespace, name, settled));
        let found = interrupt
            .race(async {
                wait.await
                    .unwrap_or_else(|_| Err(timed_out(&SESSION, name)))
            })
            .await?;
        typed(found)
    }

    /// Waits until a controller has stopped a session, or reports that it cannot (condition Synced is False).
    ///
    /// # Errors
    /// As [`Cluster::wait_controller_started`].
    pub async fn wait_stopped(
        &self,
        namespace: &str,
        name: &str,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn Sink,
    ) -> Result<Value> {
        sink.tell(Event::Waiting {
            stage: Stage::Terminating,
            object: format!("session/{name}"),
            detail: "the controller is stopping the session".into(),
        });
        let settled = |object: &Value| {
            let phase = text(object, "/status/phase");
            matches!(phase, "failed" | "stopped") || has_condition(object, "Synced", "False")
        };
        let wait = self.await_object(&SESSION, namespace, name, settled);
        let timed = async {
            tokio::time::timeout(limit, wait)
                .await
                .unwrap_or_else(|_| Err(timed_out(&SESSION, name)))
        };
        interrupt.race(timed).await
    }

    /// Waits by watch until `holds` is true for an object, and returns it. No time limit.
    ///
    /// # Errors
    /// NotFound if the object is deleted; whatever the server refuses.
    pub(super) async fn await_object(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let place = if resource.namespaced {
            Place::Namespace(namespace)
        } else {
            Place::Cluster
        };
        let select = Selection {
            fields: format!("metadata.name={name}"),
            ..Selection::default()
        };
        let mut changes = self.watch(resource, place, &select, None, false);
        while let Some(change) = changes.next().await {
            match change? {
                Change::Added(object) | Change::Modified(object) if holds(&object) => {
                    return Ok(object);
                }
                Change::Deleted(_) => return Err(missing(resource, name)),
                _ => {}
            }
        }
        Err(watch_over(resource))
    }
}

/// Returns the error for a watch that ended without one, which never happens.
pub(super) fn watch_over(resource: &ResourceType) -> anyhow::Error {
    let message = format!("the watch of {} ended unexpectedly", resource.plural);
    Failure::local(Kind::Server, message).into()
}
