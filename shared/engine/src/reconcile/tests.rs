//! The table in the documentation of `reconcile`, one test for each cell.

use serde_json::{Value, json};

use super::*;
use crate::plan::Step;
use session_model::api::{Phase, PrimaryRef};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::ownership::Ownership;

mod data;
mod kinds;
mod scale;

const NOW: &str = "2026-01-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn session(spec: Value, status: Value) -> Session {
    let mut full = json!({ "userId": "alice" });
    full.as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": { "name": "a", "namespace": "ns", "uid": "S" }, "spec": full, "status": status,
    }))
    .unwrap()
}

fn started() -> Value {
    json!({
        "startRequest": "2026-01-01T11:00:00Z",
        "applied": {
            "primary": { "kind": "Pod", "name": "p", "container": "main" },
            "hooks": { "sync": { "command": ["sync-home"], "timeout": "2m" } },
        },
    })
}

fn asked() -> Value {
    json!({ "startRequest": "2026-01-01T11:00:00Z" })
}

fn pod(status: Value) -> LiveObjects {
    let pod = serde_json::from_value(json!({
        "metadata": { "name": "p", "uid": "P", "labels": { labels::PRIMARY: "true" },
            "ownerReferences": [{ "apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "S" }] },
        "spec": { "restartPolicy": "Never", "containers": [] }, "status": status,
    }))
    .unwrap();
    LiveObjects {
        pods: vec![pod],
        ..LiveObjects::default()
    }
}

fn ready() -> LiveObjects {
    pod(json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }))
}

fn ended(code: i32) -> LiveObjects {
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    pod(
        json!({ "phase": phase, "containerStatuses": [{ "name": "main", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": { "terminated": { "exitCode": code, "reason": "Error" } } }] }),
    )
}

fn claim() -> Value {
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "c", "uid": "C",
        "labels": { labels::SESSION: "a" }, "annotations": { labels::USER_ID: "alice" } } })
}

fn start() -> RenderedStart {
    let object = |kind: &str, name: &str| json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name }, "spec": {} });
    let primary = PrimaryRef {
        kind: "Pod".into(),
        name: "p".into(),
        container: Some("main".into()),
        ..PrimaryRef::default()
    };
    RenderedStart {
        rendering: Rendering {
            objects: vec![
                object("Pod", "p"),
                object("Service", "s"),
                object("Secret", "x"),
            ],
            primary: primary.clone(),
            ..Rendering::default()
        },
        ownership: Ownership {
            session: "a".parse().unwrap(),
            session_uid: None,
            namespace: "ns".parse().unwrap(),
            user_id: "alice".parse().unwrap(),
            command_token: "r".into(),
            template: Some("lab".into()),
            primary: Some(primary),
        },
        use_existing: vec!["service/s".into()],
    }
}

fn decide(session: &Session, live: &LiveObjects) -> Decision {
    reconcile(
        session,
        target_state(session, now()),
        Some(&start()),
        live,
        now(),
    )
}

fn words(plan: &Plan) -> Vec<String> {
    plan.steps().map(Step::describe).collect()
}

#[test]
fn no_workload_and_a_newer_request_makes_what_is_missing_in_order() {
    let decision = decide(&session(asked(), json!({})), &LiveObjects::default());
    assert_eq!(decision.standing.phase, Phase::Pending);
    assert_eq!(
        words(&decision.plan),
        [
            "create Secret \"x\"",
            "create Service \"s\"",
            "create Pod \"p\""
        ]
    );
    let Step::Create {
        object,
        use_existing: existing,
    } = &decision.plan.stages[1][0]
    else {
        panic!("no creation")
    };
    assert!(existing, "--use-existing names the Service");
    assert_eq!(
        Untyped(object).str_at("/metadata/ownerReferences/0/uid"),
        Some("S")
    );
}

#[test]
fn no_workload_and_no_newer_request_stays_stopped() {
    let stopped = session(asked(), json!({ "startRequest": "2026-01-01T11:00:00Z" }));
    let decision = decide(&stopped, &LiveObjects::default());
    assert_eq!(
        (decision.standing.phase, decision.plan.is_empty()),
        (Phase::Stopped, true)
    );
}

#[test]
fn a_workload_that_is_not_ready_is_waited_for() {
    let decision = decide(
        &session(asked(), started()),
        &pod(json!({ "phase": "Pending" })),
    );
    assert_eq!(
        (decision.standing.phase, decision.plan.is_empty()),
        (Phase::Pending, true)
    );
    assert_eq!(decision.standing.message, "scheduling pod/p");
}

#[test]
fn a_ready_workload_is_running() {
    let decision = decide(&session(asked(), started()), &ready());
    assert_eq!(
        (decision.standing.phase, decision.plan.is_empty()),
        (Phase::Running, true)
    );
}

#[test]
fn an_ended_workload_is_not_restarted_by_itself() {
    for (code, phase) in [(0, Phase::Stopped), (3, Phase::Failed)] {
        let decision = decide(&session(asked(), started()), &ended(code));
        assert_eq!(
            (decision.standing.phase, decision.plan.is_empty()),
            (phase, true)
        );
        assert!(decision.standing.message.contains(&code.to_string()));
    }
}

#[test]
fn an_ended_workload_is_made_again_by_a_newer_request() {
    let decision = decide(
        &session(json!({ "startRequest": "2026-01-01T11:30:00Z" }), started()),
        &ended(0),
    );
    let words = words(&decision.plan);
    assert_eq!(
        words[..2],
        ["delete Pod \"p\"", "wait until Pod \"p\" is deleted"]
    );
    assert_eq!(words.last().unwrap(), "create Pod \"p\"");
}

#[test]
fn a_lost_pod_is_a_failure_that_can_be_mended() {
    let decision = decide(&session(asked(), started()), &LiveObjects::default());
    assert_eq!(
        (decision.standing.phase, decision.standing.reason.as_str()),
        (Phase::Failed, "PodLost")
    );
    assert_eq!(words(&decision.plan).last().unwrap(), "create Pod \"p\"");
}

#[test]
fn without_its_template_a_session_runs_on_but_makes_nothing() {
    let lost = session(asked(), started());
    let decision = reconcile(
        &lost,
        TargetState::Running,
        None,
        &LiveObjects::default(),
        now(),
    );
    assert!(decision.plan.is_empty());
}

#[test]
fn stopping_syncs_only_what_is_ready() {
    let stopped = session(
        json!({ "state": "stopped", "startRequest": "2026-01-01T11:00:00Z" }),
        started(),
    );
    let sync = "run the sync hook in container \"main\" of pod \"p\"";
    let gone = ["delete Pod \"p\"", "wait until Pod \"p\" is deleted"];
    assert_eq!(
        words(&decide(&stopped, &ready()).plan),
        [&[sync], &gone[..]].concat()
    );
    assert_eq!(
        words(&decide(&stopped, &pod(json!({ "phase": "Pending" }))).plan),
        gone
    );
}

#[test]
fn an_expired_session_is_stopped_or_deleted_as_its_start_said() {
    let mut status = started();
    status["expiresAt"] = "2026-01-01T11:59:59Z".into();
    assert_eq!(
        target_state(&session(asked(), status.clone()), now()),
        TargetState::Stopped { skip_sync: false }
    );
    status["applied"]["onExpiry"] = "delete".into();
    assert_eq!(
        target_state(&session(asked(), status.clone()), now()),
        TargetState::Deleted { skip_sync: false }
    );
    status["expiresAt"] = "2026-01-01T12:00:01Z".into();
    assert_eq!(
        target_state(&session(asked(), status), now()),
        TargetState::Running
    );
}

#[test]
fn deleting_goes_sync_workload_data_session() {
    let mut live = ready();
    live.data.push(claim());
    let gone = TargetState::Deleted { skip_sync: false };
    let decision = reconcile(&session(asked(), started()), gone, None, &live, now());
    assert_eq!(decision.standing.phase, Phase::Terminating);
    assert_eq!(
        words(&decision.plan),
        [
            "run the sync hook in container \"main\" of pod \"p\"",
            "delete Pod \"p\"",
            "wait until Pod \"p\" is deleted",
            "patch PersistentVolumeClaim \"c\"",
            "delete Session \"a\"",
            "wait until Session \"a\" is deleted",
        ]
    );
}

#[test]
fn data_is_destroyed_only_by_the_policy_delete() {
    let mut live = LiveObjects::default();
    live.data.push(claim());
    let mut foreign = claim();
    foreign["metadata"]["annotations"][labels::USER_ID] = "Alice".into();
    foreign["metadata"]["name"] = "theirs".into();
    live.data.push(foreign);
    let gone = TargetState::Deleted { skip_sync: true };
    let delete = session(json!({ "dataPolicy": "delete" }), json!({}));
    let decision = reconcile(&delete, gone, None, &live, now());
    assert_eq!(
        words(&decision.plan)[0],
        "delete PersistentVolumeClaim \"c\""
    );
    assert!(
        !words(&decision.plan)
            .iter()
            .any(|word| word.contains("theirs"))
    );
    let keep = reconcile(&session(json!({}), json!({})), gone, None, &live, now());
    assert_eq!(words(&keep.plan)[0], "patch PersistentVolumeClaim \"c\"");
}

#[test]
fn pods_of_others_are_never_counted_whatever_their_labels_say() {
    let mut live = ready();
    live.pods[0].metadata.owner_references.as_mut().unwrap()[0].uid = "other".into();
    let decision = reconcile(
        &session(asked(), json!({})),
        TargetState::Deleted { skip_sync: false },
        None,
        &live,
        now(),
    );
    assert_eq!(
        words(&decision.plan),
        [
            "delete Session \"a\"",
            "wait until Session \"a\" is deleted"
        ]
    );
}

#[test]
fn pods_are_found_through_deployment_and_replica_set() {
    let owner = |kind: &str, name: &str, uid: &str, of: &str| json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name, "uid": uid, "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "w", "uid": of }] } });
    let mut live = ready();
    live.pods[0].metadata.owner_references.as_mut().unwrap()[0].uid = "R".into();
    live.owners = vec![
        owner("ReplicaSet", "w-1", "R", "D"),
        owner("Deployment", "w", "D", "S"),
    ];
    let decision = reconcile(
        &session(asked(), started()),
        TargetState::Deleted { skip_sync: true },
        None,
        &live,
        now(),
    );
    assert_eq!(
        words(&decision.plan)[..2],
        ["delete Deployment \"w\"", "wait until Pod \"p\" is deleted"]
    );
}

#[test]
fn a_session_from_kubectl_apply_counts_as_asked_once() {
    assert!(is_start_requested(&session(json!({}), json!({}))));
    assert!(!is_start_requested(&session(
        json!({}),
        json!({ "applied": {} })
    )));
}
