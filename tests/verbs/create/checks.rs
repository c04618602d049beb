//! Checks before anything is written; names and namespaces.

use serde_json::json;
use session_support::{Answer, FakeApi, golden};

use crate::tool::{create, made, posts, server};

/// A quota `q` of one resource.
pub fn quota(api: &FakeApi, name: &str, limit: &str, used: &str) {
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "default"},
        "spec": {"hard": {name: limit}}, "status": {"hard": {name: limit}, "used": {name: used}}}));
}

#[test]
fn a_quota_that_is_used_up_is_told_before_anything_is_written() {
    for (resource, limit, used) in [
        ("count/sessions.streaming.platform", "2", "2"),
        ("pods", "5", "5"),
        ("requests.storage", "2Gi", "1536Mi"),
    ] {
        let api = server();
        quota(&api, resource, limit, used);
        let played = create(&api, "alice --template tool");
        let name = resource.split(['/', '.']).next().unwrap();
        golden(&format!("create-quota-{name}.txt"), &played.text());
        assert!(api.writes().is_empty());
        let played = create(&api, "alice --template tool --wait=false --skip-checks");
        assert_eq!(played.code, 0, "the server has the last word");
    }
}

#[test]
fn a_check_that_may_not_be_made_is_named_and_refuses_nothing() {
    let api = server();
    let forbidden = Answer::forbidden("alice", "list", "resourcequotas", "default");
    api.on(
        "GET",
        "/api/v1/namespaces/default/resourcequotas",
        forbidden,
    );
    let forbidden = Answer::forbidden("alice", "list", "storageclasses.storage.k8s.io", "");
    api.on("GET", "/apis/storage.k8s.io/v1/storageclasses", forbidden);
    let words = "alice --template tool --wait=false";
    let played = create(&with_class(api), words);
    played.done();
    assert!(
        played.err.starts_with(
            "note: quotas not checked: no permission to list them\nnote: StorageClasses not checked: no permission to list them\n"
        ),
        "{}",
        played.err
    );
}

/// The template `tool` with a claim of class `fast`.
fn with_class(api: FakeApi) -> FakeApi {
    let mut template = crate::tool::template();
    let manifest = template["spec"]["manifest"].as_str().unwrap().to_owned();
    let manifest = manifest.replace(
        "accessModes: [ReadWriteOnce]",
        "accessModes: [ReadWriteOnce]\n  storageClassName: fast",
    );
    template["spec"]["manifest"] = manifest.into();
    api.put(template);
    api
}

#[test]
fn a_class_that_is_not_there_is_told_with_those_that_are() {
    let api = with_class(server());
    api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "slow"}}));
    let played = create(&api, "alice --template tool");
    golden("create-class.txt", &played.text());
    assert!(api.writes().is_empty());
    api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}}));
    create(&api, "alice --template tool --wait=false").done();
}

/// The template `tool` with an Ingress, and another Ingress that has its default host.
fn with_ingress(api: FakeApi) -> FakeApi {
    let mut template = crate::tool::template();
    let manifest = template["spec"]["manifest"].as_str().unwrap().to_owned();
    let ingress = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: \"web-${SESSION_ID}\"}\nspec:\n  rules:\n  - host: \"${DOMAIN:-web.example.com}\"\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend: {service: {name: \"tool-${SESSION_ID}\", port: {number: 80}}}\n";
    template["spec"]["manifest"] = format!("{manifest}{ingress}").into();
    api.put(template);
    api.put(other_ingress("team", "site"));
    api
}

fn other_ingress(namespace: &str, name: &str) -> serde_json::Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name, "namespace": namespace},
        "spec": {"rules": [{"host": "web.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": "site", "port": {"number": 80}}}}]}}]}})
}

fn ingress_lists(api: &FakeApi) -> Vec<String> {
    let all = api.requests().into_iter();
    all.filter(|request| request.method == "GET" && request.path.ends_with("/ingresses"))
        .map(|request| request.path)
        .collect()
}

const INGRESSES: &str = "/apis/networking.k8s.io/v1/ingresses";

#[test]
fn a_host_that_another_ingress_has_is_refused_before_anything_is_written() {
    for flags in ["", " --dry-run=server"] {
        let api = with_ingress(server());
        let played = create(&api, &format!("alice --template tool{flags}"));
        golden("create-ingress-host.txt", &played.text());
        assert!(api.writes().is_empty());
        assert_eq!(ingress_lists(&api), [INGRESSES]);
    }
    let api = with_ingress(server());
    let words = "alice --template tool --wait=false --set DOMAIN=alice.example.com";
    create(&api, words).done();
}

#[test]
fn who_may_not_list_all_ingresses_compares_with_those_of_the_namespace() {
    let local = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
    let refused =
        |namespace| Answer::forbidden("alice", "list", "ingresses.networking.k8s.io", namespace);
    let api = with_ingress(server());
    api.on("GET", INGRESSES, refused(""));
    create(&api, "alice --template tool --wait=false").done();
    assert_eq!(ingress_lists(&api), [INGRESSES, local]);

    let api = with_ingress(server());
    api.on("GET", INGRESSES, refused(""));
    api.put(other_ingress("default", "near"));
    let played = create(&api, "alice --template tool");
    assert!(
        played
            .failed()
            .contains("ingress \"near\" in namespace \"default\"")
    );
    create(&api, "alice --template tool --wait=false --skip-checks").done();

    let api = with_ingress(server());
    api.on("GET", INGRESSES, refused(""));
    api.on("GET", local, refused("default"));
    let played = create(&api, "alice --template tool --wait=false");
    played.done();
    let note = "note: hosts of other Ingresses not checked: no permission to list them\n";
    assert!(played.err.contains(note), "{}", played.err);
}

#[test]
fn a_name_is_made_of_owner_time_and_chance() {
    for (words, begin) in [
        ("--template tool --wait=false", "alice-1772366400-"),
        (
            "demo --generate-name --template tool --wait=false",
            "demo-1772366400-",
        ),
    ] {
        let api = server();
        let played = create(&api, words);
        let session = posts(&api)[0].json();
        let name = session["metadata"]["name"].as_str().unwrap().to_owned();
        assert!(name.starts_with(begin), "{name}");
        assert_eq!(name.len(), begin.len() + 5, "{name}");
        assert!(session["metadata"].get("generateName").is_none());
        let wanted = format!("session.streaming.platform/{name} created\n");
        assert_eq!(played.done(), wanted);
    }
}

#[test]
fn a_namespace_is_made_only_where_it_was_asked_for_and_is_missing() {
    let api = server();
    create(&api, "alice --template tool --wait=false").done();
    assert!(
        !api.lines()
            .iter()
            .any(|line| line.ends_with("/namespaces/default"))
    );
    let api = server();
    create(
        &api,
        "alice --template tool --wait=false --create-namespace",
    )
    .done();
    assert_eq!(made(&api)[0], "namespaces/default");
    let labels = &posts(&api)[0].json()["metadata"]["labels"];
    assert_eq!(labels["app.kubernetes.io/managed-by"], "kubectl-session");
    let api = server();
    api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}));
    create(
        &api,
        "alice --template tool --wait=false --create-namespace",
    )
    .done();
    assert_eq!(made(&api)[0], "sessions.streaming.platform/alice");
}

#[test]
fn a_server_that_does_not_know_the_caller_is_believed() {
    let api = server();
    let reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    api.on("POST", reviews, Answer::unauthorized());
    let played = create(&api, "alice --template tool");
    assert_eq!(
        played.failed(),
        "error: You must be logged in to the server (Unauthorized)\n"
    );
}

#[test]
fn a_namespace_that_is_missing_can_be_made_too() {
    let api = server();
    let sessions = "/apis/streaming.platform/v1/namespaces/default/sessions";
    api.on("POST", sessions, Answer::not_found("namespaces", "default"));
    let played = create(&api, "alice --template tool");
    let hint = "hint: add --create-namespace to create the namespace, too\n";
    assert!(played.failed().ends_with(hint), "{played:?}");
}
