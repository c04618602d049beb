//! What `setup namespace` reads: the Namespace, and the objects of its kinds in it.

use std::collections::BTreeMap;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use session_shared::capacity::quota_change::SINDRI_QUOTA;
use session_shared::client::{DryRun, ListOptions, Scope};
use session_shared::failure::{self, FailureKind};
use session_shared::objects::resource::{
    LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA, ROLE_BINDING, SESSION,
};
use session_shared::objects::{ResourceType, Untyped};
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::read_or_absent;
use session_shared::quantity::Quantity;

use super::intent::Intent;

/// Types of the objects in a namespace that is prepared, in the order in which they are applied: what the user may comes last.
pub(crate) const TYPES: [&ResourceType; 4] = [
    &LIMIT_RANGE,
    &RESOURCE_QUOTA,
    &NETWORK_POLICY,
    &ROLE_BINDING,
];

/// A namespace as it is.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// The Namespace.
    pub(crate) namespace: Option<Value>,
    /// The objects of [`TYPES`] in it.
    pub(crate) objects: Vec<Value>,
    /// Use of the resources that the file limits, by full name of the keys. Keys that could not be counted are absent.
    pub(crate) used: BTreeMap<String, Quantity>,
    /// What was not read for lack of rights.
    pub(crate) notes: Vec<String>,
}

impl Observed {
    /// Returns the objects of a type.
    pub(crate) fn of_type(&self, resource: &ResourceType) -> impl Iterator<Item = &Value> {
        let objects = self.objects.iter();
        objects.filter(move |object| Untyped(object).kind() == resource.kind)
    }

    /// Returns the object of a type and a name.
    pub(crate) fn find(&self, resource: &ResourceType, name: &str) -> Option<&Value> {
        self.of_type(resource)
            .find(|object| Untyped(object).name() == name)
    }
}

/// Reads a namespace. In a client dry run, what the caller may not read counts as absent.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn observe(cluster: &Cluster, name: &str, dry_run: DryRun) -> Result<Observed> {
    let mut notes = Vec::new();
    let observed = read_or_absent(read(cluster, name).await, dry_run, &mut notes)?;
    Ok(Observed { notes, ..observed })
}

async fn read(cluster: &Cluster, name: &str) -> Result<Observed> {
    let namespace = cluster.get(&NAMESPACE, "", name).await?;
    if namespace.is_none() {
        return Ok(Observed::default());
    }
    let all = ListOptions::default();
    let lists = TYPES.map(|resource| cluster.list(resource, Scope::Namespace(name), &all));
    let lists = try_join_all(lists).await?;
    Ok(Observed {
        namespace,
        objects: lists.into_iter().flat_map(|list| list.items).collect(),
        ..Observed::default()
    })
}

/// Counts what is used of the limits of the file in a namespace that exists.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn count_use(
    cluster: &Cluster,
    intent: &Intent,
    observed: &mut Observed,
) -> Result<()> {
    let file = intent
        .file
        .as_ref()
        .filter(|_| observed.namespace.is_some());
    let Some(file) = file.filter(|file| !file.hard.is_empty()) else {
        return Ok(());
    };
    let quota = observed.find(&RESOURCE_QUOTA, SINDRI_QUOTA);
    let counted = cluster.count_quota_use(&intent.namespace, &file.hard, quota);
    let counted = counted.await?;
    observed.used = counted.used;
    observed.notes.extend(counted.notes);
    Ok(())
}

/// Returns the Sessions of a namespace; none where the server does not serve them. In a client dry run, what the caller may not read
/// counts as absent.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn list_sessions(
    cluster: &Cluster,
    intent: &Intent,
    notes: &mut Vec<String>,
) -> Result<Vec<Value>> {
    let (scope, all) = (Scope::Namespace(&intent.namespace), ListOptions::default());
    match cluster.list(&SESSION, scope, &all).await {
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
            Ok(Vec::new())
        }
        list => read_or_absent(list.map(|list| list.items), intent.mutation.dry_run, notes),
    }
}
