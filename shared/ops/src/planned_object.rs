//! Server-side apply of an object that a verb has compared with the one that is there.

use std::borrow::Cow;

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use session_client::{DryRun, WriteOptions};
use session_model::failure::{self, FailureKind};
use session_model::objects::{ResourceType, Untyped};

/// An object that is applied, and the one that is there.
#[derive(Clone, Debug)]
pub struct PlannedObject {
    /// Its type.
    pub resource: Cow<'static, ResourceType>,
    /// The whole object.
    pub object: Value,
    /// The object of the name before the apply; `None` if there is none.
    pub before: Option<Value>,
}

/// Returns what is there, to be compared with planned objects. In a client dry run, what the caller may not read counts as absent, and
/// a note says so: the objects are printed all the same.
///
/// # Errors
/// Other refusals of the server; every refusal where something is to be written.
pub fn read_or_absent<T: Default>(
    read: Result<T>,
    dry_run: DryRun,
    notes: &mut Vec<String>,
) -> Result<T> {
    match read {
        Err(error)
            if dry_run == DryRun::Client && failure::has_kind(&error, FailureKind::Forbidden) =>
        {
            notes.push(format!("not compared with what is there: {error}"));
            Ok(T::default())
        }
        read => read,
    }
}

impl Cluster {
    /// Applies a planned object and returns it as stored.
    ///
    /// # Errors
    /// The server's refusal; Conflict if another object of the name has taken the place of the one that was compared.
    pub async fn apply_planned(
        &self,
        planned: &PlannedObject,
        write: &WriteOptions,
    ) -> Result<Value> {
        let PlannedObject {
            resource,
            object,
            before,
        } = planned;
        let name = Untyped(object).name();
        let namespace = match resource.namespaced {
            true => Untyped(object).home_namespace(),
            false => "",
        };
        let mut object = object.clone();
        if let Some(before) = before {
            object["metadata"]["uid"] = Untyped(before).require_uid()?.into();
            self.upgrade_managed_fields(resource, namespace, name, before, write)
                .await?;
        }
        self.apply(resource, namespace, name, &object, write).await
    }
}
