//! Deletes or dates objects other than Sessions, after checking each again.

use anyhow::Result;
use serde_json::Value;
use session_shared::client::{DeleteOptions, DeleteOutcome, ListOptions, Scope};
use session_shared::failure::{self, FailureKind};
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::kept_data::holds_data;
use session_shared::objects::ownership::is_data;
use session_shared::objects::resource::{
    PERSISTENT_VOLUME_CLAIM, SECRET, SERVICE, SESSION, VOLUME_SNAPSHOT,
};
use session_shared::ops::Cluster;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::session_objects::list_snapshots;
use session_shared::ops::session_objects::session_selector;
use session_shared::ops::stop::StopContext;
use session_shared::reconcile::kept_since_patch;

use crate::intent::Intent;
use crate::item_outcome::Outcome;
use crate::orphans::SessionIndex;
use crate::plan::plan_object;
use crate::plan_item::{Action, PlanItem};

/// Deletes or dates one object if the plan still applies to it: its session still does not exist, and nothing in `around`
/// uses it.
pub(crate) async fn apply_object_item(
    cluster: &Cluster,
    intent: &Intent,
    item: &PlanItem,
    around: &SessionIndex,
    with: StopContext<'_>,
) -> Result<Outcome> {
    let Some(object) = get_unchanged(cluster, item).await? else {
        return Ok(Outcome::Skipped);
    };
    let Some(session) = Untyped(&object).label(labels::SESSION) else {
        return Ok(Outcome::Skipped);
    };
    let mut living = around.clone();
    if is_data(&object) && *item.resource != PERSISTENT_VOLUME_CLAIM {
        let select = session_selector(session);
        add_snapshots(cluster, &item.namespace, &select, &mut living).await?;
        // In a server-side dry run no claim has been deleted.
        let parameters =
            *item.resource == SECRET && item.action == Action::DeleteObject && !with.write.dry_run;
        if parameters && are_parameters_needed(cluster, &item.namespace, &select).await? {
            return Ok(Outcome::Skipped);
        }
    }
    if let Some(session) = cluster.get(&SESSION, &item.namespace, session).await? {
        living.add_session(&SelectedSession::parse(session)?);
    }
    let still = plan_object(intent, &object, &living, with.now);
    if still.is_none_or(|still| still.action != item.action) {
        return Ok(Outcome::Skipped);
    }
    if item.action == Action::RecordKeptSince {
        return record_kept_since(cluster, item, &object, with).await;
    }
    delete_object(cluster, item, &object, with).await
}

/// Reads the object of an item; `None` if it no longer exists.
async fn get_unchanged(cluster: &Cluster, item: &PlanItem) -> Result<Option<Value>> {
    let (resource, namespace, name) = (item.resource, item.namespace.as_str(), item.name.as_str());
    // Only metadata is read, so that no Secret's data is; three kinds need more: the status of a claim (bound or not) and
    // of a snapshot (its content), the spec of a Service (its selector).
    let found = if [&PERSISTENT_VOLUME_CLAIM, &SERVICE, &VOLUME_SNAPSHOT].contains(&resource) {
        cluster.get(resource, namespace, name).await?
    } else {
        cluster.get_metadata(resource, namespace, name).await?
    };
    Ok(found.filter(|object| Untyped(object).has_uid(&item.uid)))
}

/// Adds the snapshots of a session to what uses its data, or that the caller may not list them.
async fn add_snapshots(
    cluster: &Cluster,
    namespace: &str,
    select: &ListOptions,
    living: &mut SessionIndex,
) -> Result<()> {
    living.are_snapshots_forbidden = false;
    match list_snapshots(cluster, namespace, select).await {
        Ok(snapshots) => snapshots.iter().for_each(|one| living.add_snapshot(one)),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            living.are_snapshots_forbidden = true;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Deletes the object by its UID. One that is gone or has changed by then is skipped.
async fn delete_object(
    cluster: &Cluster,
    item: &PlanItem,
    object: &Value,
    with: StopContext<'_>,
) -> Result<Outcome> {
    let mut options = DeleteOptions {
        uid: Some(item.uid.clone()),
        dry_run: with.write.dry_run,
        ..DeleteOptions::default()
    };
    if is_data(object) {
        // A session that adopts the object changes its resourceVersion, and the deletion then fails.
        let version = Untyped(object).require_resource_version()?;
        options.resource_version = Some(version.to_owned());
    }
    let (namespace, name) = (item.namespace.as_str(), item.name.as_str());
    match cluster
        .delete(item.resource, namespace, name, &options)
        .await
    {
        Ok(DeleteOutcome::NotFound) => Ok(Outcome::Skipped),
        Ok(_) => Ok(Outcome::ObjectDeleted),
        Err(error) if failure::has_kind(&error, FailureKind::Conflict) => Ok(Outcome::Skipped),
        Err(error) => Err(error),
    }
}

/// Returns true if a claim exists that may need the parameters of its session.
async fn are_parameters_needed(
    cluster: &Cluster,
    namespace: &str,
    select: &ListOptions,
) -> Result<bool> {
    let scope = Scope::Namespace(namespace);
    let claims = cluster
        .list(&PERSISTENT_VOLUME_CLAIM, scope, select)
        .await?;
    let stays = |claim: &Value| holds_data(claim) && !Untyped(claim).is_terminating();
    Ok(claims.items.iter().any(stays))
}

/// Records now as the kept-since time.
async fn record_kept_since(
    cluster: &Cluster,
    item: &PlanItem,
    object: &Value,
    with: StopContext<'_>,
) -> Result<Outcome> {
    let mut patch = kept_since_patch(with.now);
    for field in ["uid", "resourceVersion"] {
        patch["metadata"][field] = object["metadata"][field].clone();
    }
    let (kind, namespace, name) = (item.resource, item.namespace.as_str(), item.name.as_str());
    let dated = cluster
        .merge_patch(kind, namespace, name, None, &patch, with.write)
        .await;
    match dated {
        Ok(object) => Ok(Outcome::Dated(object)),
        Err(error) if failure::has_kind(&error, FailureKind::Conflict) => Ok(Outcome::Skipped),
        Err(error) => Err(error),
    }
}
