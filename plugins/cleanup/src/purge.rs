//! Carries out actions on VolumeSnapshotContents, after checking each again.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::Delete;
use session_shared::client::Deleted;
use session_shared::client::Place;
use session_shared::client::Selection;
use session_shared::client::Write;
use session_shared::failure::{self, FailureKind};
use session_shared::objects::resource::{VOLUME_SNAPSHOT, VOLUME_SNAPSHOT_CONTENT, string_at};
use session_shared::objects::snapshot::content_label_patch;
use session_shared::ops::Cluster;

use crate::contents::{self, Held, handle, reference, retained, with_data};
use crate::intent::Intent;
use crate::outcome::Done;
use crate::plan::{Deed, Item};

/// Number of contents for each storage snapshot, or the error as text.
pub(crate) type Holders = Result<BTreeMap<(String, String), usize>, String>;

/// Counts the contents again if the plan deletes any: another content may refer to the same data by now.
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

/// Labels a content, or deletes it with its storage snapshot, if the plan still applies to it.
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
    let Some(content) = found.filter(|content| string_at(content, "/metadata/uid") == item.uid) else {
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
        // The content was changed or deleted in the meantime.
        Err(error)
            if failure::has_kind(&error, FailureKind::Conflict) || failure::has_kind(&error, FailureKind::NotFound) =>
        {
            Ok(Done::Left)
        }
        done => done,
    }
}

async fn label(cluster: &Cluster, held: &Held, write: &Write) -> Result<Done> {
    let snapshot = held.snapshot.as_ref();
    let Some(mark) = snapshot.and_then(|snapshot| content_label_patch(snapshot, &held.content)) else {
        return Ok(Done::Left);
    };
    patch(cluster, &held.content, &mark, write)
        .await
        .map(Done::Labelled)
}

/// Deletes a content after setting its deletionPolicy to Delete: with Retain, its storage snapshot would be left behind
/// with no object that refers to it. If the client is killed in between, the next plan finds the content by its labels.
async fn delete(cluster: &Cluster, content: &Value, write: &Write) -> Result<Done> {
    patch(cluster, content, &with_data(content), write).await?;
    let name = string_at(content, "/metadata/name");
    let options = Delete {
        uid: string_at(content, "/metadata/uid").to_owned(),
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
    let name = string_at(content, "/metadata/name");
    cluster
        .merge_patch(&VOLUME_SNAPSHOT_CONTENT, "", name, None, patch, write)
        .await
}
