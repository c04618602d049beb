//! Reads of existing objects that have the names of a start's objects.

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use crate::Cluster;
use crate::observed_session::ObservedSession;
use session_engine::reconcile::{NamedObject, RenderedStart, may_use_existing};
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::{ResourceType, Untyped};

/// Reads existing objects by name: those that this start makes and those that the last start made, except what has been read
/// already.
pub(crate) async fn read_objects_by_name(
    cluster: &Cluster,
    observed: &ObservedSession,
    start: &RenderedStart,
) -> Result<Vec<NamedObject>> {
    let applied = observed.session.applied();
    let objects = &start.rendering.objects;
    let mut names: Vec<(String, String, String)> = objects
        .iter()
        .map(|object| {
            let object = Untyped(object);
            let (api_version, kind) = (object.api_version(), object.kind());
            let name = object.name().to_owned();
            (api_version.to_owned(), kind.to_owned(), name)
        })
        .collect();
    for object in applied.iter().flat_map(|applied| &applied.objects) {
        let name = (
            object.api_version.clone(),
            object.kind.clone(),
            object.name.clone(),
        );
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let live = &observed.live;
    names.retain(|(_, kind, name)| kind != "Pod" && live.find_object(kind, name).is_none());
    let namespace = observed.namespace();
    // One that may be used as it is may be there for all sessions.
    let is_common = |kind: &str, name: &str| {
        let mut objects = objects
            .iter()
            .filter(|one| has_kind_and_name(one, kind, name));
        objects.any(|object| may_use_existing(object, &start.use_existing))
    };
    let reads = names.iter().map(|(api_version, kind, name)| async move {
        let Some(resource) = cluster.discover_resource(api_version, kind).await? else {
            return anyhow::Ok(None);
        };
        let found = match is_common(kind, name) {
            true => cluster.get_shared(&resource, namespace, name).await?,
            false => cluster.get(&resource, namespace, name).await?,
        };
        let typed = |object| found_object(object, &resource);
        Ok(found.map(typed))
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

fn found_object(object: Value, resource: &ResourceType) -> NamedObject {
    NamedObject {
        resource: resource.clone(),
        object,
    }
}
