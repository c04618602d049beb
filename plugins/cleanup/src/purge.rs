//! Carries out what is planned for VolumeSnapshotContents, each looked at once more.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::Delete;
use session_shared::client::Deleted;
use session_shared::client::Place;
use session_shared::client::Selection;
use session_shared::client::Write;
use session_shared::failure::{self, Kind};
use session_shared::objects::resource::{VOLUME_SNAPSHOT, VOLUME_SNAPSHOT_CONTENT, text};
use session_shared::objects::snapshot::content_mark;
use session_shared::ops::Cluster;

use crate::contents::{self, Held, handle, reference, retained, with_data};
use crate::intent::Intent;
use crate::outcome::Done;
use crate::plan::{Deed, Item};

/// How many contents have each of the driver's snapshots, or why that is not known, as text.
pub(crate) type Holders = Result<BTreeMap<(String, String), usize>, String>;

/// Counts them once more for a plan that has contents to delete: somebody may have taken data up since.
pub(crate) async fn holders(cluster: &Cluster, items: &[Item]) -> Holders {
    let deletes =
        |item: &Item| *item.resource == VOLUME_SNAPSHOT_CONTENT && item.deed == Deed::Remove;
    if !items.iter().any(deletes) {
        return Ok(BTreeMap::new());
    }
    let all = Selection::default();
    let listed = cluster.list(&VOLUME_SNAPSHOT_CONTENT, Place::Cluster, &all);
    match listed.await {
        Ok(list) => Ok(contents::holders(&list.items)),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Labels one, or deletes it with the driver's data, if it still is what the plan was made for.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    intent: &Intent,
    item: &Item,
    holders: &Holders,
    write: &Write,
) -> Result<Done> {
    let holders = holders.as_ref().map_err(|text| anyhow!("{text}"))?;
    let found = cluster
        .get(&VOLUME_SNAPSHOT_CONTENT, "", &item.name)
        .await?;
    let Some(content) = found.filter(|content| text(content, "/metadata/uid") == item.uid) else {
        return Ok(Done::Left);
    };
    let (namespace, name) = reference(&content);
    let held = Held {
        snapshot: cluster
            .get_metadata(&VOLUME_SNAPSHOT, &namespace, &name)
            .await?,
        shared: handle(&content).is_some_and(|handle| holders.get(&handle) > Some(&1)),
        content,
    };
    if retained(intent, &held).is_none_or(|still| still.deed != item.deed) {
        return Ok(Done::Left);
    }
    let done = match item.deed {
        Deed::Label => label(cluster, &held, write).await,
        _ => delete(cluster, &held.content, write).await,
    };
    match done {
        // Somebody has written on it, or it is gone.
        Err(error)
            if failure::is(&error, Kind::Conflict) || failure::is(&error, Kind::NotFound) =>
        {
            Ok(Done::Left)
        }
        done => done,
    }
}

async fn label(cluster: &Cluster, held: &Held, write: &Write) -> Result<Done> {
    let snapshot = held.snapshot.as_ref();
    let Some(mark) = snapshot.and_then(|snapshot| content_mark(snapshot, &held.content)) else {
        return Ok(Done::Left);
    };
    patch(cluster, &held.content, &mark, write)
        .await
        .map(Done::Labelled)
}

/// The policy first: a content that is deleted with Retain leaves its data where nobody finds it. One whose policy alone was
/// changed, by a client that was killed, is found by the next plan.
async fn delete(cluster: &Cluster, content: &Value, write: &Write) -> Result<Done> {
    patch(cluster, content, &with_data(content), write).await?;
    let name = text(content, "/metadata/name");
    let options = Delete {
        uid: text(content, "/metadata/uid").to_owned(),
        dry_run: write.dry_run,
        ..Delete::default()
    };
    let deleted = cluster.delete(&VOLUME_SNAPSHOT_CONTENT, "", name, &options);
    Ok(match deleted.await? {
        Deleted::Absent => Done::Left,
        _ => Done::Removed,
    })
}

async fn patch(cluster: &Cluster, content: &Value, patch: &Value, write: &Write) -> Result<Value> {
    let name = text(content, "/metadata/name");
    cluster
        .merge_patch(&VOLUME_SNAPSHOT_CONTENT, "", name, None, patch, write)
        .await
}
