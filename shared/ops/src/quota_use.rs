//! What is used of the limits of a quota, before it is set.

use std::collections::BTreeMap;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use session_client::{ListOptions, Scope};
use session_engine::capacity::quota_change::{counted_type, quota_amounts, use_of_objects};
use session_engine::capacity::quota_key::canonical_key;
use session_model::failure::{self, FailureKind};
use session_model::objects::ResourceType;
use session_model::quantity::Quantity;

use crate::Cluster;
use crate::session_objects::with_setup_hint;

/// What is used in a namespace.
#[derive(Debug, Default)]
pub struct QuotaUse {
    /// Amounts by full name of the keys. Keys that could not be counted are absent.
    pub used: BTreeMap<String, Quantity>,
    /// Notes on keys that were not counted, each with the reason.
    pub notes: Vec<String>,
}

impl Cluster {
    /// Counts what is used of limits: by the present quota, and by the objects themselves for keys that it does not count.
    ///
    /// # Errors
    /// Refusals of the server; that to list what is counted is a note.
    pub async fn count_quota_use(
        &self,
        namespace: &str,
        hard: &BTreeMap<String, Quantity>,
        quota: Option<&Value>,
    ) -> Result<QuotaUse> {
        let present = quota.map(|quota| quota_amounts(quota, "/status/used"));
        let mut counted = QuotaUse {
            used: present.unwrap_or_default(),
            notes: Vec::new(),
        };
        let is_unknown = |key: &&String| !counted.used.contains_key(canonical_key(key));
        let mut types: Vec<&ResourceType> = Vec::new();
        let mut uncounted = Vec::new();
        for key in hard.keys().filter(is_unknown) {
            match counted_type(key) {
                Some(resource) if types.contains(&resource) => {}
                Some(resource) => types.push(resource),
                None => uncounted.push(key.as_str()),
            }
        }
        let lists = types
            .iter()
            .map(|resource| self.list_allowed(resource, namespace));
        for (resource, list) in types.iter().zip(try_join_all(lists).await?) {
            match list {
                Some(objects) => counted.add(resource, &objects, hard),
                None => counted.notes.push(format!(
                    "use of {} not counted: no permission to list them",
                    resource.qualified()
                )),
            }
        }
        if !uncounted.is_empty() {
            let keys = uncounted.join(", ");
            let note = format!("use of {keys} not counted: only the server can");
            counted.notes.push(note);
        }
        Ok(counted)
    }

    /// Lists the objects of a type in a namespace; `None` if the caller may not.
    ///
    /// # Errors
    /// Other refusals of the server.
    pub async fn list_allowed(
        &self,
        resource: &ResourceType,
        namespace: &str,
    ) -> Result<Option<Vec<Value>>> {
        let (scope, all) = (Scope::Namespace(namespace), ListOptions::default());
        match with_setup_hint(self.list(resource, scope, &all).await) {
            Ok(list) => Ok(Some(list.items)),
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl QuotaUse {
    /// Adds what objects of a type use of the limits.
    fn add(
        &mut self,
        resource: &ResourceType,
        objects: &[Value],
        hard: &BTreeMap<String, Quantity>,
    ) {
        for (key, amount) in use_of_objects(resource, objects) {
            self.used.entry(key).or_insert(amount);
        }
        // A resource that no object asks for is not used.
        for key in hard.keys() {
            if counted_type(key) == Some(resource) {
                let key = canonical_key(key).to_owned();
                self.used.entry(key).or_insert(Quantity::ZERO);
            }
        }
    }
}
