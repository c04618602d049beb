//! Tests of what stands in the way of new objects: what is used already, hosts and Secrets of others; and of users who may only print.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::cluster::{cluster, sent, setup};
use crate::namespace::{from_file, managed};

const STORES: &str = "external-secrets.io/v1";

/// The namespace of alice with a session's Pod that requests six CPUs.
fn used() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(managed("dev-alice", json!({})));
    api.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lab", "namespace": "dev-alice"},
        "spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "6"}}}]}}));
    api
}

#[test]
fn a_first_quota_below_what_is_used_is_refused() {
    let api = used();
    let words = "namespace -f - --user-id alice@company.com --wait=false";
    let refused = from_file(&api, words);
    golden("setup-namespace-first-below-use.txt", &refused.text());
    assert!(sent(&api).is_empty());
    // Whoever may not list Pods is told that their use was not counted.
    let api = used();
    let answer = Answer::forbidden("carol", "list", "pods", "dev-alice");
    api.on("GET", "/api/v1/namespaces/dev-alice/pods", answer);
    let made = from_file(&api, &format!("{words} --dry-run=client"));
    made.done();
    let note = "note: use of pods not counted: no permission to list them\n";
    assert!(made.err.contains(note), "{made:?}");
}

#[test]
fn the_team_of_a_namespace_stays() {
    let api = FakeApi::stateful();
    let words = "namespace dev-alice --user-id alice@company.com --wait=false";
    setup(&api, &format!("{words} --team r&d")).done();
    let labels = || api.object("namespaces", "", "dev-alice").unwrap()["metadata"]["labels"].take();
    let before = labels();
    let again = setup(&api, words);
    assert_eq!(labels(), before);
    let is_unchanged = |line: &str| line.ends_with(" unchanged");
    assert!(again.done().lines().all(is_unchanged), "{again:?}");
}

fn ingress(namespace: &str, host: &str) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {"ingressClassName": "nginx", "rules": [{"host": host}]}})
}

#[test]
fn a_host_of_another_ingress_is_not_taken() {
    let api = FakeApi::stateful();
    api.put(ingress("web", "nvim.example.com"));
    let mut text = setup(&api, "ingress --for nvim").text();
    assert!(sent(&api).is_empty());
    // Who may not list those of other namespaces learns that they were not checked.
    let answer = Answer::forbidden("carol", "list", "ingresses.networking.k8s.io", "");
    api.on("GET", "/apis/networking.k8s.io/v1/ingresses", answer);
    text += &setup(&api, "ingress --for nvim --dry-run=server").text();
    setup(&api, "ingress --for nvim").done();
    golden("setup-ingress-host.txt", &text);
}

#[test]
fn a_secret_and_an_external_secret_of_one_name_exclude_each_other() {
    let api = FakeApi::stateful();
    api.serve(STORES, "ExternalSecret", "externalsecrets", true);
    api.serve(STORES, "ClusterSecretStore", "clustersecretstores", false);
    let external = "secrets keys --external --store s --data a=b";
    setup(&api, "secrets keys --from-literal A=b").done();
    let before = sent(&api).len();
    let refused = setup(&api, external);
    let mut text = refused.text();
    assert_eq!(sent(&api).len(), before);
    // The Secret that the operator has written is no obstacle.
    let mut secret = api.object("secrets", "default", "keys").unwrap();
    secret["metadata"]["ownerReferences"] = json!([{"apiVersion": STORES, "kind": "ExternalSecret",
        "name": "keys", "uid": "1", "controller": true}]);
    api.put(secret);
    setup(&api, external).done();
    // The hint removes what stands in the way.
    let refused = setup(&api, "secrets keys --external --for sindri");
    text += &refused.text();
    let hint = "kubectl session setup secrets keys --external --remove -n default";
    assert!(refused.failed().contains(hint), "{refused:?}");
    setup(&api, "secrets keys --external --remove -n default").done();
    assert_eq!(api.objects("externalsecrets.external-secrets.io").len(), 0);
    golden("setup-secrets-rivals.txt", &text);
}

#[test]
fn who_may_read_nothing_can_print_the_objects_for_an_administrator() {
    let api = cluster();
    let answer = Answer::forbidden("carol", "get", "clusterroles", "");
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/*";
    api.on("GET", path, answer);
    let printed = setup(&api, "roles --dry-run=client -o name");
    assert!(printed.done().lines().count() > 5, "{printed:?}");
    let note = "note: not compared with what is there: ";
    assert_eq!(printed.err.matches(note).count(), 1, "{printed:?}");
    assert_eq!(setup(&api, "roles --dry-run=server").code, 1);
}
