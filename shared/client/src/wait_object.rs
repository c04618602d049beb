//! Waits for a state of one object, by watch.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use serde_json::Value;

use super::object::{not_found_error, timed_out};
use super::{Cluster, Scope, WatchChange, WatchPart, watch_ended_error};
use session_model::objects::ResourceType;
use session_model::objects::conditions::has_condition;

impl Cluster {
    /// Waits by watch until an object has a condition with status True.
    ///
    /// # Errors
    /// TimedOut in kubectl's words; NotFound if the object is deleted; whatever the server refuses.
    pub async fn wait_condition(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        condition: &str,
        limit: Duration,
    ) -> Result<()> {
        let holds = |object: &Value| has_condition(object, condition, "True");
        let wait = self.wait_object(resource, namespace, name, holds);
        match tokio::time::timeout(limit, wait).await {
            Ok(found) => found.map(drop),
            Err(_) => Err(timed_out(resource, name)),
        }
    }

    /// Waits by watch until `holds` is true for an object, and returns it. No time limit.
    ///
    /// # Errors
    /// NotFound if the object is deleted; whatever the server refuses.
    pub async fn wait_object(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let place = if resource.namespaced {
            Scope::Namespace(namespace)
        } else {
            Scope::Cluster
        };
        let mut changes = self.watch_part(resource, place, WatchPart::named(name), None);
        while let Some(change) = changes.next().await {
            match change? {
                WatchChange::Added(object) | WatchChange::Modified(object) if holds(&object) => {
                    return Ok(object);
                }
                WatchChange::Deleted(_) => return Err(not_found_error(resource, name)),
                _ => {}
            }
        }
        Err(watch_ended_error(resource))
    }
}
