use session_model::labels::MANAGER;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::Driver;
use crate::selected_sessions::SelectedSession;
use session_engine::reconcile::LiveObjects;
use session_model::api::Session;

const NOW: &str = "2026-01-01T00:00:00Z";

fn manner(wait: bool) -> StopOptions {
    StopOptions {
        verb: DELETE,
        skip_sync: false,
        wait,
        timeout: Duration::from_secs(1),
    }
}

/// Returns the deletion of a session with a Pod and a claim; `spec` and `status` are the data policies of Session and template.
fn doomed(spec: Option<&str>, status: Option<&str>) -> Deletion {
    let session: Session = serde_json::from_value(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "a", "namespace": "ns", "uid": "s-1"},
        "spec": {"userId": "u", "dataPolicy": spec}, "status": {"dataPolicy": status},
    }))
    .unwrap();
    let labels = json!({"streaming.platform/session": "a"});
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "uid": "c-1",
        "labels": labels, "annotations": {"streaming.platform/user-id": "u"}}});
    let pod: Value = json!({"metadata": {"name": "p", "uid": "p-1", "labels": labels,
        "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "s-1"}]}});
    let live = LiveObjects {
        pods: vec![serde_json::from_value(pod).unwrap()],
        owners: Vec::new(),
        data: vec![claim],
        ..LiveObjects::default()
    };
    let object = serde_json::to_value(&session).unwrap();
    let observed =
        ObservedSession::new(SelectedSession { session, object }, Driver::Client).unwrap();
    Deletion::new(observed.with_objects(live, &Part::WORKLOAD_AND_DATA))
}

fn steps(deletion: &Deletion, wait: bool) -> Vec<String> {
    let plan = deletion.steps(&manner(wait), NOW.parse().unwrap());
    let word = |step: &Step| match step {
        Step::Delete { target, .. } => format!("delete {}", target.name),
        Step::Patch { target, .. } => format!("patch {}", target.name),
        Step::WaitDeleted { targets, .. } => format!("await {}", targets[0].name),
        other => other.describe(),
    };
    plan.stages.iter().flatten().map(word).collect()
}

#[test]
fn the_sessions_policy_goes_before_its_templates() {
    for (spec, status, destroys) in [
        (None, None, false),
        (None, Some("delete"), true),
        (Some("keep"), Some("delete"), false),
        (Some("delete"), Some("keep"), true),
    ] {
        let deletion = doomed(spec, status);
        assert_eq!(
            deletion.destroyed_claims().is_empty(),
            !destroys,
            "{spec:?} {status:?}"
        );
        assert_eq!(
            deletion.kept_claims().is_empty(),
            destroys,
            "{spec:?} {status:?}"
        );
    }
}

#[test]
fn a_policy_that_is_given_goes_before_both() {
    let keep = doomed(Some("delete"), None).with_data_policy(Some(DataPolicy::Keep));
    assert_eq!(
        (keep.kept_claims(), keep.destroyed_claims()),
        (vec!["c".into()], vec![])
    );
    let snapshot = keep.with_data_policy(Some(DataPolicy::Snapshot));
    assert_eq!(snapshot.snapshot_claims(), ["c"]);
    assert!(snapshot.kept_claims().is_empty() && snapshot.destroyed_claims().is_empty());
    let same = snapshot.with_data_policy(None);
    assert_eq!(same.data_policy(), DataPolicy::Snapshot);
}

#[test]
fn a_claim_that_never_was_bound_has_nothing_to_save() {
    let mut pending = doomed(Some("snapshot"), None);
    pending.observed.live.data[0]["status"] = json!({"phase": "Pending"});
    assert!(pending.snapshot_claims().is_empty());
    assert_eq!(pending.never_bound_claims(), ["c"]);
}

#[test]
fn what_was_not_saved_stays_whatever_the_policy_says() {
    let unsaved = doomed(Some("snapshot"), None);
    assert_eq!(steps(&unsaved, false), ["delete p", "patch c", "delete a"]);
    let snapshot = json!({"spec": {"source": {"persistentVolumeClaimName": "c"}}});
    let saved = unsaved.after_snapshot(vec![snapshot.clone()], &WriteOptions::by(MANAGER));
    assert_eq!(steps(&saved, false), ["delete p", "delete c", "delete a"]);
    let another = json!({"spec": {"source": {"persistentVolumeClaimName": "another"}}});
    let unsaved = unsaved.after_snapshot(vec![another], &WriteOptions::by(MANAGER));
    assert_eq!(steps(&unsaved, false), ["delete p", "patch c", "delete a"]);
}

#[test]
fn workload_then_data_then_the_session() {
    let all = ["delete p", "await p", "patch c", "delete a", "await a"];
    assert_eq!(steps(&doomed(None, None), true), all);
    let unawaited = ["delete p", "patch c", "delete a"];
    assert_eq!(steps(&doomed(None, None), false), unawaited);
    let destroyed = ["delete p", "delete c", "delete a"];
    assert_eq!(steps(&doomed(Some("delete"), None), false), destroyed);
}

#[test]
fn a_controller_does_everything_but_the_delete_itself() {
    let mut deletion = doomed(None, None);
    deletion.observed.driver = Driver::Controller;
    assert_eq!(steps(&deletion, true), ["delete a", "await a"]);
    let deletion = deletion.with_data_policy(Some(DataPolicy::Delete));
    assert_eq!(steps(&deletion, true), ["patch a", "delete a", "await a"]);
}
