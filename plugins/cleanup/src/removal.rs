//! Deletes or dates objects other than Sessions, after checking each again.

use anyhow::Result;
use serde_json::Value;
use session_shared::client::Delete;
use session_shared::client::Deleted;
use session_shared::client::Place;
use session_shared::client::Selection;
use session_shared::failure::{self, FailureKind};
use session_shared::labels;
use session_shared::objects::belonging::is_data;
use session_shared::objects::kept::holds_data;
use session_shared::objects::resource::{
    PERSISTENT_VOLUME_CLAIM, SECRET, SERVICE, SESSION, VOLUME_SNAPSHOT, is_terminating, label, string_at,
};
use session_shared::ops::Cluster;
use session_shared::ops::chosen::Chosen;
use session_shared::ops::deleting::list_snapshots;
use session_shared::ops::stopping::StopContext;
use session_shared::reconcile::kept_since_patch;

use crate::intent::Intent;
use crate::orphans::Living;
use crate::outcome::Done;
use crate::plan::{Deed, Item, remains};

/// Deletes or dates one object if the plan still applies to it: its session still does not exist, and nothing in `around`
/// uses it.
pub(crate) async fn remove(
    cluster: &Cluster,
    intent: &Intent,
    item: &Item,
    around: &Living,
    with: StopContext<'_>,
) -> Result<Done> {
    let (resource, namespace, name) = (item.resource, item.namespace.as_str(), item.name.as_str());
    // Only metadata is read, so that no Secret's data is; three kinds need more: the status of a claim (bound or not) and
    // of a snapshot (its content), the spec of a Service (its selector).
    let found = if [&PERSISTENT_VOLUME_CLAIM, &SERVICE, &VOLUME_SNAPSHOT].contains(&resource) {
        cluster.get(resource, namespace, name).await?
    } else {
        cluster.get_metadata(resource, namespace, name).await?
    };
    let Some(object) = found.filter(|object| string_at(object, "/metadata/uid") == item.uid) else {
        return Ok(Done::Left);
    };
    let mut living = around.clone();
    let session = label(&object, labels::SESSION).unwrap_or_default();
    if is_data(&object) && *resource != PERSISTENT_VOLUME_CLAIM {
        let select = Selection::labelled(format!("{}={session}", labels::SESSION));
        let snapshots = list_snapshots(cluster, namespace, &select).await?;
        living.unseen_snapshots = snapshots.is_none();
        let snapshots = snapshots.into_iter().flatten();
        snapshots.for_each(|one| living.add_snapshot(&one));
        // In a server-side dry run no claim has been deleted.
        let parameters = *resource == SECRET && item.deed == Deed::Remove && !with.write.dry_run;
        if parameters && needed(cluster, namespace, &select).await? {
            return Ok(Done::Left);
        }
    }
    if let Some(session) = cluster.get(&SESSION, namespace, session).await? {
        living.add(&Chosen::of(session)?);
    }
    let still = remains(intent, &object, &living, with.now);
    if still.is_none_or(|still| still.deed != item.deed) {
        return Ok(Done::Left);
    }
    if item.deed == Deed::Date {
        return date(cluster, item, &object, with).await;
    }
    let mut options = Delete {
        uid: item.uid.clone(),
        dry_run: with.write.dry_run,
        ..Delete::default()
    };
    if is_data(&object) {
        // A session that adopts the object changes its resourceVersion, and the deletion then fails.
        options.resource_version = string_at(&object, "/metadata/resourceVersion").to_owned();
    }
    match cluster.delete(resource, namespace, name, &options).await {
        Ok(Deleted::Absent) => Ok(Done::Left),
        Ok(_) => Ok(Done::Removed),
        Err(error) if failure::has_kind(&error, FailureKind::Conflict) => Ok(Done::Left),
        Err(error) => Err(error),
    }
}

/// Returns true if a claim exists that may need the parameters of its session.
async fn needed(cluster: &Cluster, namespace: &str, select: &Selection) -> Result<bool> {
    let place = Place::Namespace(namespace);
    let claims = cluster
        .list(&PERSISTENT_VOLUME_CLAIM, place, select)
        .await?;
    let stays = |claim: &Value| holds_data(claim) && !is_terminating(claim);
    Ok(claims.items.iter().any(stays))
}

/// Records now as the kept-since time.
async fn date(cluster: &Cluster, item: &Item, object: &Value, with: StopContext<'_>) -> Result<Done> {
    let mut patch = kept_since_patch(with.now);
    for field in ["uid", "resourceVersion"] {
        patch["metadata"][field] = object["metadata"][field].clone();
    }
    let (kind, namespace, name) = (item.resource, item.namespace.as_str(), item.name.as_str());
    let dated = cluster
        .merge_patch(kind, namespace, name, None, &patch, with.write)
        .await;
    match dated {
        Ok(object) => Ok(Done::Dated(object)),
        Err(error) if failure::has_kind(&error, FailureKind::Conflict) => Ok(Done::Left),
        Err(error) => Err(error),
    }
}
