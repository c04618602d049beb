//! Snapshots that claim to be of a session.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use session_support::FakeApi;

use super::scene::{
    SNAPSHOTS, fails, kept_claim, leaves, metadata, says, server, session, succeeds,
};

/// A session that is stopped, its claim, and two snapshots of it.
fn with_snapshots() -> FakeApi {
    let api = server();
    session(&api, "stopped", "Pod", &[]);
    let mut claim = kept_claim("home-alice");
    claim["metadata"]["annotations"]["streaming.platform/kept-since"] = Value::Null;
    api.put(claim);
    api.put(taken("true-1", "2026-02-01T00:00:00Z", "home-alice"));
    api.put(taken("true-2", "2026-02-02T00:00:00Z", "home-alice"));
    api
}

fn taken(name: &str, created: &str, claim: &str) -> Value {
    let mut metadata = metadata(name);
    metadata["creationTimestamp"] = created.into();
    metadata["annotations"]["streaming.platform/snapshot"] = name.into();
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": metadata,
        "spec": {"source": {"persistentVolumeClaimName": claim}},
        "status": {"readyToUse": true, "restoreSize": "1Gi", "boundVolumeSnapshotContentName": format!("content-of-{name}")}})
}

const NEWEST: &str = "2026-02-20T00:00:00Z";

/// The same, and a newer one of somebody else's claim.
fn with_forged_snapshot() -> FakeApi {
    let api = with_snapshots();
    let mut theirs = kept_claim("of-mallory");
    theirs["metadata"]["labels"] = json!({});
    api.put(theirs);
    api.put(taken("forged", NEWEST, "of-mallory"));
    api
}

pub(super) fn forged_newest_snapshot_displaces_no_true_one() -> Result<()> {
    let api = with_forged_snapshot();
    let output = succeeds(&api, "snapshot prune alice --keep 1 -y")?;
    leaves(&api, SNAPSHOTS, &["forged", "true-2"])?;
    says(
        &output,
        "volumesnapshot \"forged\" is not counted and not deleted: source claim \"of-mallory\" is not the session's",
    )
}

pub(super) fn unbound_snapshot_displaces_no_true_one() -> Result<()> {
    let api = with_snapshots();
    let mut forged = taken("forged", NEWEST, "home-alice");
    forged["status"]["boundVolumeSnapshotContentName"] = Value::Null;
    api.put(forged);
    let output = succeeds(&api, "snapshot prune --all --keep 1 -y")?;
    leaves(&api, SNAPSHOTS, &["forged", "true-2"])?;
    says(
        &output,
        "volumesnapshot \"forged\" is not counted and not deleted: no VolumeSnapshotContent is bound",
    )?;
    let aged = succeeds(&api, "cleanup --snapshots-older-than 1d -y")?;
    leaves(&api, SNAPSHOTS, &["forged"])?;
    ensure!(aged.code == 0, "{aged:#?}");
    Ok(())
}

pub(super) fn forged_snapshot_is_not_restored() -> Result<()> {
    let api = with_forged_snapshot();
    let because = "VolumeSnapshot \"forged\" does not belong to session \"alice\": source claim \"of-mallory\" is not the session's";
    for words in ["restore forged --in-place", "restore forged --into copy"] {
        fails(&api, &format!("snapshot {words}"), because)?;
    }
    ensure!(api.writes().is_empty(), "{:?}", api.lines());
    Ok(())
}

pub(super) fn snapshot_of_another_user_is_counted_by_itself() -> Result<()> {
    let api = server();
    api.put(taken("of-alice", "2026-02-01T00:00:00Z", "home-alice"));
    let mut theirs = taken("of-bob", NEWEST, "home-alice");
    theirs["metadata"]["annotations"]["streaming.platform/user-id"] = "bob".into();
    api.put(theirs);
    succeeds(&api, "snapshot prune alice --keep 1 -y")?;
    leaves(&api, SNAPSHOTS, &["of-alice", "of-bob"])
}

pub(super) fn snapshot_of_another_namespace_is_not_counted() -> Result<()> {
    let api = with_snapshots();
    let mut theirs = taken("theirs", NEWEST, "home-alice");
    theirs["metadata"]["namespace"] = "other".into();
    api.put(theirs);
    succeeds(&api, "snapshot prune alice --keep 1 -y")?;
    leaves(&api, SNAPSHOTS, &["true-2", "theirs"])
}

pub(super) fn forged_snapshot_is_not_cleaned_up() -> Result<()> {
    let api = with_forged_snapshot();
    let output = succeeds(&api, "cleanup --snapshots-older-than 1d -y")?;
    leaves(&api, SNAPSHOTS, &["forged"])?;
    ensure!(
        output
            .stdout
            .contains("not counted: source claim \"of-mallory\" is gone"),
        "{output:#?}"
    );
    Ok(())
}
