//! Replica counts of scaled workloads, restored by the next start.

use serde_json::json;

use super::*;

/// Returns a start of one scaled workload with a claim template, under an autoscaler.
fn scaled(kind: &str) -> RenderedStart {
    let mut start = start();
    start.rendering.objects = vec![
        json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": "w" }, "spec": {
            "replicas": 1, "template": {}, "volumeClaimTemplates": [{ "metadata": { "name": "d" }, "spec": {} }] } }),
        json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "w" },
            "spec": { "minReplicas": 2, "scaleTargetRef": { "apiVersion": "apps/v1beta2", "kind": kind, "name": "w" } } }),
    ];
    start
}

fn stopped_at(kind: &str, count: i64) -> Session {
    let replicas = json!({ format!("{kind}/w"): count });
    session(
        json!({ "startRequest": "2026-01-01T12:00:00Z" }),
        json!({ "startRequest": "2026-01-01T11:00:00Z",
            "applied": { "primary": { "kind": kind, "name": "w" }, "replicas": replicas } }),
    )
}

fn plan_of(kind: &str, live: &LiveObjects) -> Plan {
    let (session, start) = (stopped_at(kind, 4), scaled(kind));
    reconcile(&session, TargetState::Running, Some(&start), live, now()).plan
}

fn count_of(plan: &Plan, kind: &str) -> Option<i64> {
    plan.steps().find_map(|step| match step {
        Step::Create { object, .. } | Step::Apply { object, .. }
            if Untyped(object).kind() == kind =>
        {
            object.pointer("/spec/replicas")?.as_i64()
        }
        _ => None,
    })
}

#[test]
fn an_autoscaled_workload_gets_the_count_it_had() {
    for kind in ["Deployment", "StatefulSet"] {
        let at_rest = json!({ "apiVersion": "apps/v1", "kind": kind, "spec": { "replicas": 0 },
            "metadata": { "name": "w", "uid": "W", "ownerReferences": [{ "apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "S" }] } });
        let rests = LiveObjects {
            owners: vec![at_rest],
            ..LiveObjects::default()
        };
        assert_eq!(count_of(&plan_of(kind, &rests), kind), Some(4), "at rest");
        assert_eq!(
            count_of(&plan_of(kind, &LiveObjects::default()), kind),
            Some(4),
            "made anew"
        );
    }
}

#[test]
fn all_claims_that_a_set_finds_are_looked_at_whatever_its_template_counts() {
    let plan = plan_of("StatefulSet", &LiveObjects::default());
    let adopted = words(&plan)
        .into_iter()
        .filter(|word| word.starts_with("adopt "));
    assert_eq!(adopted.count(), 4);
}

#[test]
fn fewer_pods_than_were_recorded_are_enough_where_fewer_are_wanted_now() {
    let mut live = ready();
    live.pods[0].metadata.owner_references.as_mut().unwrap()[0].uid = "W".into();
    live.owners = vec![
        json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "spec": { "replicas": 1 },
        "metadata": { "name": "w", "uid": "W", "ownerReferences": [{ "apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "S" }] } }),
    ];
    let state = assess_workload(&stopped_at("StatefulSet", 4), &live);
    assert!(matches!(state, WorkloadState::Ready { .. }), "{state:?}");
}

#[test]
fn what_a_start_that_was_cut_off_left_at_rest_is_recorded() {
    let session = stopped_at("StatefulSet", 4);
    let made = session_model::api::ObjectRef {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        name: "new".into(),
        uid: "N".into(),
    };
    let rest = status_patch::StopRecord {
        unrecorded_workloads: vec![made],
        ..status_patch::StopRecord::default()
    };
    let standing = decide_phase(
        &session,
        TargetState::Stopped { skip_sync: false },
        &WorkloadState::NoWorkload,
    );
    let patch = status_patch::stop_status(&session, &standing, &rest, now());
    assert_eq!(patch["status"]["applied"]["objects"][0]["uid"], "N");
}

#[test]
fn a_minimum_set_by_resize_is_kept_within_the_maximum() {
    let owner = json!({ "apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "S" });
    let scaler = json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": { "minReplicas": 5 },
        "metadata": { "name": "w", "uid": "H", "annotations": { labels::MIN_REPLICAS: "5" }, "ownerReferences": [owner] } });
    let live = LiveObjects {
        by_name: vec![NamedObject {
            resource: session_model::objects::resource::HORIZONTAL_POD_AUTOSCALER.clone(),
            object: scaler,
        }],
        ..LiveObjects::default()
    };
    for (most, kept) in [(10, 5), (3, 2)] {
        let mut start = scaled("Deployment");
        start.rendering.objects[1]["spec"]["maxReplicas"] = most.into();
        let session = stopped_at("Deployment", 4);
        let plan = reconcile(&session, TargetState::Running, Some(&start), &live, now()).plan;
        let least = plan.steps().find_map(|step| match step {
            Step::Apply { object, .. } => object.pointer("/spec/minReplicas")?.as_i64(),
            _ => None,
        });
        assert_eq!(least, Some(kept), "at most {most}");
    }
}

#[test]
fn a_hook_runs_in_a_ready_pod_of_its_workload() {
    let hook = |workload: &str| json!({ "command": ["psql"], "workload": workload });
    let with = |workload: &str| {
        let mut status = started();
        status["applied"]["hooks"]["quiesce"] = hook(workload);
        session(json!({}), status)
    };
    let mut live = ready();
    let owner = json!({ "apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "S" });
    live.owners = vec![
        json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {},
        "metadata": { "name": "db", "uid": "D", "ownerReferences": [owner] } }),
    ];
    let pod = |name: &str, ready: &str| {
        serde_json::from_value(json!({
            "metadata": { "name": name, "uid": name, "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "D" }] },
            "spec": { "containers": [{ "name": "postgres" }] },
            "status": { "conditions": [{ "type": "Ready", "status": ready }] },
        }))
        .unwrap()
    };
    live.pods
        .extend([pod("db-0", "False"), pod("db-1", "True")]);
    let find = |workload: &str| {
        let session = with(workload);
        let state = assess_workload(&session, &live);
        HookRun::find(&session, &state, &live, "quiesce")
    };
    let run = find("staging-db").unwrap();
    assert_eq!(
        (run.pod.as_str(), run.container.as_str()),
        ("db-1", "postgres")
    );
    assert_eq!(find("gone"), None);
}
