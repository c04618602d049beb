//! `quota show`: quotas, their figures and what binds.

use kubectl_session_quota::Quota;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::play::Play;
use crate::quota;

/// Puts a quota that the cluster has counted.
fn put(api: &FakeApi, namespace: &str, name: &str, hard: Value, used: Value, spec: Value) {
    let mut quota = json!({"apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-02-27T12:00:00Z", "labels": {"team": namespace}},
        "spec": {"hard": hard}, "status": {"hard": hard, "used": used}});
    for (key, value) in spec.as_object().into_iter().flatten() {
        quota["spec"][key] = value.clone();
    }
    api.put(quota);
}

/// The quotas of the documents: sindri's in `default`, with one for Pods that end, and dozlab's in `lab-sessions`.
fn server() -> FakeApi {
    let api = FakeApi::stateful();
    put(
        &api,
        "default",
        "sindri-quota",
        json!({"requests.cpu": "4", "requests.memory": "8Gi", "limits.cpu": "8", "limits.memory": "16Gi",
            "persistentvolumeclaims": "5", "requests.storage": "100Gi", "count/sessions.streaming.platform": "2000"}),
        json!({"requests.cpu": "1500m", "requests.memory": "3573741824", "limits.cpu": "3", "limits.memory": "6Gi",
            "persistentvolumeclaims": "3", "requests.storage": "90Gi", "count/sessions.streaming.platform": "3"}),
        json!({}),
    );
    put(
        &api,
        "default",
        "batch",
        json!({"pods": "4"}),
        json!({"pods": "0"}),
        json!({"scopes": ["Terminating"]}),
    );
    put(
        &api,
        "lab-sessions",
        "dozlab-quota",
        json!({"requests.cpu": "50", "requests.memory": "100Gi", "pods": "50", "persistentvolumeclaims": "0"}),
        json!({"requests.cpu": "40", "requests.memory": "78Gi", "pods": "50", "persistentvolumeclaims": "0"}),
        json!({}),
    );
    api
}

#[test]
fn every_resource_has_its_line_and_the_bottleneck_is_told() {
    let mut text = String::new();
    for words in [
        "show",
        "show -o wide",
        "get -A",
        "show -A --no-headers --sort-by .metadata.namespace -q",
        "show --field-selector metadata.name=batch --show-kind --show-labels",
    ] {
        let played = quota(&server(), words);
        assert_eq!(played.code, 0, "{played:?}");
        text.push_str(&format!("$ quota {words}\n{}", played.text()));
    }
    let played = Play::on(&server()).at_terminal("").run::<Quota>("show");
    text.push_str(&format!("$ quota show (terminal)\n{}", played.text()));
    golden("quota-show.txt", &text);
}

#[test]
fn formats_of_objects_are_quotas_with_every_datum_of_the_table() {
    let mut text = String::new();
    for words in [
        "show -A -o name",
        "show -o jsonpath={.items[*].status.bottleneck}",
        "show -o jsonpath={.items[1].status.free.requests\\.storage}",
        "show -A -o custom-columns=NAME:.metadata.name,LEAST:.status.bottleneck,PODS:.status.free.pods,USED:.status.usedPercent.pods",
    ] {
        let played = quota(&server(), words);
        assert_eq!((played.code, played.err.as_str()), (0, ""), "{played:?}");
        text.push_str(&format!("$ quota {words}\n{}\n", played.out));
    }
    golden("quota-show-formats.txt", &text);
    let found: Value = serde_json::from_str(quota(&server(), "show -o json").done()).unwrap();
    let sindri = &found["items"][1];
    assert_eq!(sindri["kind"], "ResourceQuota");
    assert_eq!(sindri["spec"]["hard"]["requests.cpu"], "4");
    assert_eq!(
        sindri["status"]["free"],
        json!({"count/sessions.streaming.platform": "1997", "limits.cpu": "5", "limits.memory": "10Gi", "persistentvolumeclaims": "2",
            "requests.cpu": "2500m", "requests.memory": "5016192768", "requests.storage": "10Gi"})
    );
    assert_eq!(sindri["status"]["usedPercent"]["requests.storage"], 90);
}

#[test]
fn a_quota_that_is_not_counted_yet_is_unknown() {
    let api = FakeApi::stateful();
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "new", "namespace": "default"},
        "spec": {"hard": {"pods": "3"}}}));
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": "default"}, "spec": {}}));
    golden("quota-show-new.txt", &quota(&api, "show").text());
}

#[test]
fn a_full_site_names_the_first_namespaces() {
    let api = FakeApi::stateful();
    for number in 0..7 {
        let used = if number == 3 { "1" } else { "2" };
        let namespace = format!("team-{number}");
        put(
            &api,
            &namespace,
            "q",
            json!({"pods": "2"}),
            json!({"pods": used}),
            json!({}),
        );
    }
    let played = quota(&api, "show -A --no-headers");
    let mut text = played.text();
    put(
        &api,
        "team-8",
        "q",
        json!({"pods": "2"}),
        json!({"pods": "2"}),
        json!({}),
    );
    let played = quota(&api, "show -A --no-headers");
    text.push_str(&played.text());
    golden("quota-show-full.txt", &text);
}

#[test]
fn nothing_to_show_is_told() {
    let api = FakeApi::stateful();
    let mut text = String::new();
    for words in [
        "show",
        "show -A",
        "show -l a=b",
        "show -o json",
        "show -o name",
    ] {
        let played = quota(&api, words);
        assert_eq!(played.code, 0, "{played:?}");
        text.push_str(&format!("$ quota {words}\n{}", played.text()));
    }
    api.on(
        "GET",
        "/api/v1/namespaces/default/resourcequotas",
        Answer::forbidden("alice", "list", "resourcequotas", "default"),
    );
    for words in [
        "show",
        "show -o bogus",
        "show --sort-by {",
        "show --by team",
        "show --by user team",
    ] {
        let played = quota(&api, words);
        played.failed();
        text.push_str(&format!("$ quota {words}\n{}", played.text()));
    }
    golden("quota-show-nothing.txt", &text);
}

#[test]
fn one_list_is_asked() {
    let api = server();
    quota(
        &api,
        "show -A -l team=default --field-selector metadata.name=batch --chunk-size=7",
    )
    .done();
    assert_eq!(
        api.lines(),
        [
            "GET /api/v1/resourcequotas?labelSelector=team%3Ddefault&fieldSelector=metadata.name%3Dbatch&limit=7"
        ]
    );
}

#[test]
fn quotas_are_shown_by_name() {
    let mut text = String::new();
    for words in [
        "show batch",
        "show resourcequota/batch nobody sindri-quota --no-headers",
        "show batch -o jsonpath={.status.free.pods}",
        "show batch sindri-quota -o name",
        "show nobody -o json",
        "show nobody",
    ] {
        let played = quota(&server(), words);
        text.push_str(&format!("$ quota {words}\n{}", played.text()));
    }
    golden("quota-show-names.txt", &text);
    let api = server();
    quota(&api, "show batch").done();
    assert_eq!(
        api.lines(),
        ["GET /api/v1/namespaces/default/resourcequotas/batch"]
    );
}
