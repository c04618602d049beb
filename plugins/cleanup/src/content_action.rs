//! Carries out actions on VolumeSnapshotContents, after checking each again.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::{DeleteOptions, DeleteOutcome, ListOptions, Scope, WriteOptions};
use session_shared::failure::{self, FailureKind};
use session_shared::objects::Untyped;
use session_shared::objects::resource::{VOLUME_SNAPSHOT, VOLUME_SNAPSHOT_CONTENT};
use session_shared::objects::volume_snapshot::content_label_patch;
use session_shared::ops::Cluster;

use crate::contents::{
    self, RetainedContent, delete_policy_patch, plan_content, snapshot_reference, storage_handle,
};
use crate::intent::Intent;
use crate::item_outcome::Outcome;
use crate::plan_item::{Action, PlanItem};

/// Number of contents for each storage snapshot, or the error as text.
pub(crate) type ContentCounts = Result<BTreeMap<(String, String), usize>, String>;

/// Counts the contents again if the plan deletes any: another content may refer to the same data by now.
pub(crate) async fn count_contents(cluster: &Cluster, items: &[PlanItem]) -> ContentCounts {
    let deletes = |item: &PlanItem| {
        *item.resource == VOLUME_SNAPSHOT_CONTENT && item.action == Action::DeleteObject
    };
    if !items.iter().any(deletes) {
        return Ok(BTreeMap::new());
    }
    let all = ListOptions::default();
    let listed = cluster.list(&VOLUME_SNAPSHOT_CONTENT, Scope::Cluster, &all);
    match listed.await {
        Ok(list) => Ok(contents::count_by_handle(&list.items)),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Labels a content, or deletes it with its storage snapshot, if the plan still applies to it.
pub(crate) async fn apply_content_item(
    cluster: &Cluster,
    intent: &Intent,
    item: &PlanItem,
    holders: &ContentCounts,
    write: &WriteOptions,
) -> Result<Outcome> {
    let holders = holders.as_ref().map_err(|text| anyhow!("{text}"))?;
    let found = cluster
        .get(&VOLUME_SNAPSHOT_CONTENT, "", &item.name)
        .await?;
    let Some(content) = found.filter(|content| Untyped(content).has_uid(&item.uid)) else {
        return Ok(Outcome::Skipped);
    };
    let Some((namespace, name)) = snapshot_reference(&content) else {
        return Ok(Outcome::Skipped);
    };
    let held = RetainedContent {
        snapshot: cluster
            .get_metadata(&VOLUME_SNAPSHOT, &namespace, &name)
            .await?,
        is_shared: storage_handle(&content).is_some_and(|handle| holders.get(&handle) > Some(&1)),
        content,
    };
    if plan_content(intent, &held).is_none_or(|still| still.action != item.action) {
        return Ok(Outcome::Skipped);
    }
    let done = match item.action {
        Action::AddLabels => label_content(cluster, &held, write).await,
        _ => delete_content(cluster, &held.content, write).await,
    };
    match done {
        // The content was changed or deleted in the meantime.
        Err(error)
            if failure::has_kind(&error, FailureKind::Conflict)
                || failure::has_kind(&error, FailureKind::NotFound) =>
        {
            Ok(Outcome::Skipped)
        }
        done => done,
    }
}

async fn label_content(
    cluster: &Cluster,
    held: &RetainedContent,
    write: &WriteOptions,
) -> Result<Outcome> {
    let snapshot = held.snapshot.as_ref();
    let Some(mark) = snapshot.and_then(|snapshot| content_label_patch(snapshot, &held.content))
    else {
        return Ok(Outcome::Skipped);
    };
    patch_content(cluster, &held.content, &mark, write)
        .await
        .map(Outcome::Labelled)
}

/// Deletes a content after setting its deletionPolicy to Delete: with Retain, its storage snapshot would be left behind
/// with no object that refers to it. If the client is killed in between, the next plan finds the content by its labels.
async fn delete_content(
    cluster: &Cluster,
    content: &Value,
    write: &WriteOptions,
) -> Result<Outcome> {
    patch_content(cluster, content, &delete_policy_patch(content)?, write).await?;
    let name = Untyped(content).name();
    let options = DeleteOptions {
        uid: Some(Untyped(content).require_uid()?.to_owned()),
        dry_run: write.dry_run,
        ..DeleteOptions::default()
    };
    let deleted = cluster.delete(&VOLUME_SNAPSHOT_CONTENT, "", name, &options);
    Ok(match deleted.await? {
        DeleteOutcome::NotFound => Outcome::Skipped,
        _ => Outcome::ObjectDeleted,
    })
}

async fn patch_content(
    cluster: &Cluster,
    content: &Value,
    patch: &Value,
    write: &WriteOptions,
) -> Result<Value> {
    let name = Untyped(content).name();
    cluster
        .merge_patch(&VOLUME_SNAPSHOT_CONTENT, "", name, None, patch, write)
        .await
}
