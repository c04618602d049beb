//! Counts of workloads and minimums of autoscalers.

use serde_json::{Value, json};
use session_support::{FakeApi, golden};

use crate::scene::{half, kept, resize, server, session, told};

/// Returns a server with session alice, a Deployment with an autoscaler or without one.
fn scaled(has_scaler: bool) -> FakeApi {
    let api = server("Deployment", &half());
    if has_scaler {
        let owner = json!({"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "alice",
            "uid": session(&api)["metadata"]["uid"]});
        api.put(json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "tool-hpa", "namespace": "default", "ownerReferences": [owner]},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "tool-alice"},
                "minReplicas": 2, "maxReplicas": 10}}));
    }
    api
}

fn deployment(api: &FakeApi) -> Value {
    api.object("deployments.apps", "default", "tool-alice")
        .unwrap()
}

#[test]
fn a_workload_gets_its_count() {
    let api = scaled(false);
    let played = resize(&api, "alice --replicas tool-alice=3 --wait=false");
    golden("resize-replicas.txt", &told(&api, &played));
    assert_eq!(deployment(&api)["spec"]["replicas"], 3);
    let again = resize(&api, "alice --replicas deploy/alice=3 --wait=false");
    assert_eq!(again.done(), "session.streaming.platform/alice unchanged\n");
    assert_eq!(kept(&api).len(), 1);
}

#[test]
fn claims_of_new_replicas_that_are_smaller_are_told() {
    let api = server("StatefulSet", &half());
    let set = ("statefulsets.apps", "default", "tool-alice");
    let mut object = api.object(set.0, set.1, set.2).unwrap();
    object["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "home"},
        "spec": {"resources": {"requests": {"storage": "1Gi"}}}}]);
    api.put(object);
    let mut alice = session(&api);
    alice["spec"]["storage"] = json!({"size": "5Gi"});
    api.put(alice);
    let more = resize(&api, "alice --replicas tool-alice=3 --wait=false");
    let note = "note: statefulset/tool-alice: new claims have 1Gi until session \"alice\" is stopped and started, which expands them to 5Gi\n";
    assert!(more.err.ends_with(note), "{more:?}");
    let fewer = resize(&api, "alice --replicas tool-alice=2 --wait=false");
    assert!(!fewer.err.contains("new claims"), "{fewer:?}");
}

#[test]
fn an_autoscaler_is_told_its_minimum_instead() {
    let api = scaled(true);
    let mut text = String::new();
    for words in [
        "alice --replicas tool-alice=5",
        "alice --min-replicas tool-alice=11",
        "alice --min-replicas tool-alice=5 --dry-run=client",
        "alice --min-replicas tool-alice=5",
        "alice --min-replicas tool-alice=5",
    ] {
        text += &format!("$ resize {words}\n{}", resize(&api, words).text());
    }
    golden("resize-min-replicas.txt", &text);
    assert_eq!(kept(&api).len(), 1, "{:?}", kept(&api));
    let scaler = api
        .object(
            "horizontalpodautoscalers.autoscaling",
            "default",
            "tool-hpa",
        )
        .unwrap();
    assert_eq!(scaler["spec"]["minReplicas"], 5);
    assert_eq!(
        scaler["metadata"]["annotations"]["streaming.platform/min-replicas"],
        "5"
    );
}

#[test]
fn what_cannot_be_scaled_is_refused_before_any_write() {
    let mut text = String::new();
    for words in [
        "alice --replicas tool-alice",
        "alice --replicas tool-alice=0",
        "alice --replicas tool-alice=many",
        "alice --replicas =2",
        "alice --replicas tool-alice=2 --cpu 1",
        "alice --replicas db=2",
        "alice --min-replicas tool-alice=2",
    ] {
        let api = scaled(false);
        text += &format!("$ resize {words}\n{}", resize(&api, words).text());
        assert_eq!(api.writes().len(), 0, "{words}");
    }
    golden("resize-scale-refused.txt", &text);
}

#[test]
fn an_autoscaler_of_setup_is_changed_by_setup() {
    let api = scaled(true);
    let key = (
        "horizontalpodautoscalers.autoscaling",
        "default",
        "tool-hpa",
    );
    let mut scaler = api.object(key.0, key.1, key.2).unwrap();
    scaler["metadata"]["ownerReferences"] = json!([]);
    scaler["metadata"]["labels"] =
        json!({"streaming.platform/part": "autoscaling", "streaming.platform/template": "preview"});
    api.put(scaler);
    let refused = resize(&api, "alice --min-replicas tool-alice=5");
    let hint = "setup autoscaling --for preview --min-replicas 5 -n default\n";
    assert!(refused.failed().ends_with(hint), "{refused:?}");
    assert_eq!(api.writes().len(), 0);
}
