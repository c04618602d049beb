//! `quota fit`.

use serde_json::{Value, json};
use session_shared::template::{Source, builtin_templates, parse_plain_objects};
use session_support::{Answer, FakeApi, golden};

use crate::play::{Play, Played};
use crate::quota;
use kubectl_session_quota::Quota;

/// What kustomize prints of a staging overlay.
const RENDERING: &str = include_str!("../../../docs/examples/disney-ai-plus-staging.yaml");

/// A server with the built-in templates and a default class.
pub fn server() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}));
    for (name, text) in builtin_templates() {
        let source = Source::new(*name, *text).unwrap();
        for (_, template) in parse_plain_objects(&source).unwrap() {
            api.put(template);
        }
    }
    api
}

fn put_quota(api: &FakeApi, name: &str, hard: Value, used: Value) {
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name, "namespace": "default"},
        "spec": {"hard": hard}, "status": {"hard": hard, "used": used}}));
}

fn put_node(api: &FakeApi, name: &str, cpu: &str, memory: &str, spec: Value) {
    let amounts = json!({"cpu": cpu, "memory": memory, "pods": "110"});
    api.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "node-type": "standard"}},
        "spec": spec, "status": {"allocatable": amounts, "capacity": amounts}}));
}

fn put_pod(api: &FakeApi, name: &str, node: Option<&str>, cpu: &str) {
    api.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "other"}, "status": {"phase": "Pending"},
        "spec": {"nodeName": node, "containers": [{"name": "main", "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}]}}));
}

/// The quota of D15.
fn put_dozlab_quota(api: &FakeApi) {
    let hard = json!({"requests.cpu": "50", "requests.memory": "100Gi", "pods": "50", "persistentvolumeclaims": "0"});
    put_quota(api, "dozlab-quota", hard, json!({}));
}

fn put_big_node(api: &FakeApi) {
    put_node(api, "big", "640", "6400Gi", json!({}));
}

const LAB: &str = "fit --template lab --set ROOTFS_IMAGE_URL=https://storage.example.com/lab.ext4";

fn piped(api: &FakeApi, input: &str, words: &str) -> Played {
    Play::on(api).piped(input).run::<Quota>(words)
}

#[test]
fn a_quota_of_fifty_pods_takes_fifty_labs() {
    let api = server();
    put_dozlab_quota(&api);
    put_big_node(&api);
    let played = quota(&api, LAB);
    golden("quota-fit-lab.txt", &played.text());
    // CPU 58, memory 61, Pods 50.
    for row in [
        "(50 - 0) / 1         50",
        "(50 - 0) / 850m      58",
        "(100Gi - 0) / 1664Mi   61",
    ] {
        let words: Vec<&str> = row.split_whitespace().collect();
        let found = played.out.lines().any(|line| {
            line.split_whitespace()
                .collect::<Vec<_>>()
                .ends_with(&words)
        });
        assert!(found, "{row}: {played:?}");
    }
}

#[test]
fn storage_binds_sindris_tenant() {
    let api = server();
    let hard = json!({"requests.cpu": "4", "requests.memory": "8Gi", "limits.cpu": "8", "limits.memory": "16Gi", "persistentvolumeclaims": "5", "requests.storage": "100Gi"});
    put_quota(&api, "sindri-quota", hard, json!({}));
    put_big_node(&api);
    let played = quota(&api, "fit --template sindri");
    golden("quota-fit-sindri.txt", &played.text());
    assert!(
        played
            .out
            .starts_with("3 more sessions of template \"sindri\" fit"),
        "{played:?}"
    );
    let file = quota(
        &api,
        "fit -f ../../tests/fixtures/sindri-basic.yaml -o jsonpath={.fits}",
    );
    assert!(!file.done().is_empty(), "{file:?}");
}

#[test]
fn any_rendering_is_summed() {
    let api = server();
    // P24: requests 700m/1600Mi, limits 3100m/3200Mi, 10Gi.
    let base = quota(&api, "fit --template preview --preset base");
    golden("quota-fit-preview.txt", &base.text());
    for sum in [
        "requests.cpu 700m",
        "requests.memory 1600Mi",
        "limits.cpu 3100m",
        "limits.memory 3200Mi",
        "requests.storage 10Gi",
    ] {
        assert!(base.out.contains(sum), "{sum}: {base:?}");
    }
    let rendered = piped(&api, RENDERING, "fit -f -");
    golden("quota-fit-rendering.txt", &rendered.text());
    let values = piped(
        &api,
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: x, resources: {requests: {cpu: \"${CPU}\"}}}]}}",
        "fit -f - --set CPU=250m",
    );
    assert!(values.done().contains("requests.cpu 250m"), "{values:?}");
}

#[test]
fn nodes_are_counted_as_the_scheduler_does() {
    let api = server();
    put_node(&api, "node-1", "4", "64Gi", json!({}));
    put_node(
        &api,
        "node-2",
        "2",
        "64Gi",
        json!({"taints": [{"key": "gpu", "value": "a100", "effect": "NoSchedule"}]}),
    );
    put_node(&api, "node-3", "2", "64Gi", json!({}));
    put_node(&api, "node-4", "8", "64Gi", json!({"unschedulable": true}));
    put_pod(&api, "old", Some("node-1"), "1200m");
    put_pod(&api, "waiting", None, "1");
    let played = quota(&api, &format!("{LAB} -o wide"));
    golden("quota-fit-nodes.txt", &played.text());
    // (4 - 1.2) / 0.85 = 3, 2 / 0.85 = 2.
    assert!(
        played
            .out
            .starts_with("5 more sessions of template \"lab\" fit"),
        "{played:?}"
    );
    let one = quota(
        &api,
        &format!("{LAB} -o jsonpath={{.nodes.items[1].excluded}}"),
    );
    assert_eq!(one.done(), "taint gpu=a100:NoSchedule");
}

#[test]
fn the_document_has_all_figures() {
    let api = server();
    put_dozlab_quota(&api);
    put_node(&api, "node-1", "4", "64Gi", json!({}));
    let played = quota(&api, &format!("{LAB} -o yaml"));
    golden("quota-fit-document.txt", &played.text());
    let columns = quota(
        &api,
        &format!("{LAB} -o custom-columns=LIMIT:.name,FITS:.fits"),
    );
    assert!(
        columns.done().contains("quota/dozlab-quota/pods"),
        "{columns:?}"
    );
    let names = quota(&api, &format!("{LAB} -o name"));
    assert!(names.done().ends_with("nodes\n"), "{names:?}");
}

#[test]
fn what_is_missing_for_a_class_is_said_and_the_exit_code_is_1() {
    let api = server();
    put_dozlab_quota(&api);
    put_node(&api, "node-1", "32", "640Gi", json!({}));
    let played = quota(&api, &format!("{LAB} --count 60"));
    golden("quota-fit-count.txt", &played.text());
    assert_eq!(played.code, 1);
    assert_eq!(quota(&api, &format!("{LAB} --count 37")).code, 0);
    put_node(&api, "node-2", "16", "640Gi", json!({}));
    let both = quota(&api, &format!("{LAB} --count 60"));
    // Quotas allow 50, the nodes 55.
    assert!(both.err.contains("only 50 of 60 sessions fit"), "{both:?}");
    assert!(
        both.err.contains("room on nodes for 5 sessions (cpu)"),
        "{both:?}"
    );
    api.remove("nodes", "", "node-2");
    assert_eq!(quota(&api, &format!("{LAB} --count 38")).code, 1);
}

#[test]
fn what_may_not_be_listed_is_left_out_with_words() {
    let api = server();
    put_dozlab_quota(&api);
    api.on(
        "GET",
        "/api/v1/nodes",
        Answer::forbidden("alice", "list", "nodes", ""),
    );
    api.on(
        "GET",
        "/api/v1/pods",
        Answer::forbidden("alice", "list", "pods", ""),
    );
    let played = quota(&api, LAB);
    golden("quota-fit-by-quota.txt", &played.text());
    assert!(played.out.starts_with("50 more"), "{played:?}");
    let quotas = "/api/v1/namespaces/default/resourcequotas";
    api.on(
        "GET",
        quotas,
        Answer::forbidden("alice", "list", "resourcequotas", "default"),
    );
    let nothing = quota(&api, LAB);
    let class = quota(&api, &format!("{LAB} --count 40"));
    golden(
        "quota-fit-unknown.txt",
        &format!("{}{}", nothing.text(), class.text()),
    );
    assert_eq!((nothing.code, class.code), (0, 1));
}

#[test]
fn a_session_that_the_server_refuses_fits_never() {
    let api = server();
    put_big_node(&api);
    let item = json!({"type": "Container", "max": {"memory": "1Gi"}});
    api.put(json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small", "namespace": "default"}, "spec": {"limits": [item]}}));
    let played = quota(&api, &format!("{LAB} --count 1"));
    golden("quota-fit-refused.txt", &played.text());
    assert_eq!(played.code, 1);
}

#[test]
fn a_namespace_that_does_not_exist_is_a_note() {
    let api = server();
    put_big_node(&api);
    api.remove("namespaces", "", "default");
    let absent = "note: namespace \"default\" does not exist: create refuses the sessions without --create-namespace\n";
    let played = quota(&api, LAB);
    assert_eq!((played.code, played.err.as_str()), (0, absent));
    let notes = quota(&api, &format!("{LAB} -o jsonpath={{.notes[0]}}"));
    assert!(
        absent.contains(notes.done()) && !notes.out.is_empty(),
        "{notes:?}"
    );
    let namespace = "/api/v1/namespaces/default";
    let denied = Answer::forbidden("alice", "get", "namespaces", "default");
    api.on("GET", namespace, denied);
    assert_eq!(quota(&api, LAB).err, "", "no answer is no note");
    put_dozlab_quota(&api);
    api.forget_requests();
    quota(&api, LAB).done();
    let asked = api.lines();
    assert!(
        !asked.iter().any(|line| line.ends_with(namespace)),
        "{asked:?}"
    );
}

#[test]
fn a_file_brings_its_namespace() {
    let api = server();
    put_big_node(&api);
    put_dozlab_quota(&api);
    let sindri = include_str!("../../fixtures/sindri-basic.yaml");
    let mut text = piped(&api, sindri, "fit -f -").text();
    let fixed = piped(&api, sindri, "fit -f - -n default -o jsonpath={.namespace}");
    assert_eq!(fixed.done(), "default", "a flag goes first");
    text.push_str(&fixed.text());
    let session = |namespace: &str| {
        json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": "a", "namespace": namespace}, "spec": {"userId": "a", "template": "shell"}})
        .to_string()
    };
    let elsewhere = piped(&api, &session("team"), "fit -f -");
    elsewhere.failed();
    text.push_str(&elsewhere.text());
    golden("quota-fit-namespace.txt", &text);
    let same = piped(&api, &session("default"), "fit -f -");
    assert!(same.done().contains("in namespace \"default\""), "{same:?}");
}

#[test]
fn a_count_that_depends_on_chance_is_a_range() {
    let api = server();
    for (name, zone) in [("a", "1"), ("b", "2"), ("c", "2")] {
        let amounts = json!({"cpu": "4", "memory": "64Gi", "pods": "110"});
        api.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"zone": zone}}, "status": {"allocatable": amounts}}));
    }
    let term = json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "x"}}});
    let affinity =
        json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a-${SESSION_ID}", "labels": {"app": "x"}},
        "spec": {"affinity": affinity, "containers": [{"name": "a", "image": "x", "resources": {"requests": {"cpu": "1"}}}]}});
    let played = piped(&api, &pod.to_string(), "fit -f -");
    golden("quota-fit-range.txt", &played.text());
    let enough = piped(&api, &pod.to_string(), "fit -f - --count 5");
    assert_eq!(enough.code, 1, "{enough:?}");
}

#[test]
fn a_source_is_required() {
    let api = FakeApi::new();
    let played = quota(&api, "fit");
    golden("quota-fit-usage.txt", &played.text());
    assert!(api.lines().is_empty());
}

#[test]
fn limits_of_a_storage_class_and_bounds_of_limit_ranges_bind() {
    let mut text = String::new();
    for (title, item) in [
        ("limits of the default class", Value::Null),
        (
            "a claim is too large",
            json!({"type": "PersistentVolumeClaim", "max": {"storage": "20Gi"}}),
        ),
        (
            "a claim is too small",
            json!({"type": "PersistentVolumeClaim", "min": {"storage": "50Gi"}}),
        ),
        (
            "a Pod is too large",
            json!({"type": "Pod", "max": {"cpu": "1"}}),
        ),
        (
            "a ratio",
            json!({"type": "Container", "maxLimitRequestRatio": {"memory": "1"}}),
        ),
    ] {
        let api = server();
        put_big_node(&api);
        let class = |name: &str, is_default: &str| {
            api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name,
                "annotations": {"storageclass.kubernetes.io/is-default-class": is_default}}, "provisioner": "p"}));
        };
        class("fast", "true");
        class("slow", "false");
        let hard = json!({"fast.storageclass.storage.k8s.io/requests.storage": "100Gi", "fast.storageclass.storage.k8s.io/persistentvolumeclaims": "4",
            "slow.storageclass.storage.k8s.io/requests.storage": "1Gi", "requests.storage": "1Ti"});
        put_quota(
            &api,
            "disks",
            hard,
            json!({"fast.storageclass.storage.k8s.io/requests.storage": "20Gi"}),
        );
        if !item.is_null() {
            api.put(json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "bounds", "namespace": "default"}, "spec": {"limits": [item]}}));
        }
        let played = quota(&api, "fit --template sindri --count 2");
        text.push_str(&format!("$ {title}\n{}", played.text()));
    }
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: home}\nspec: {storageClassName: gold, resources: {requests: {storage: 1Gi}}}\n";
    let api = server();
    api.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": "p"}));
    let played = piped(&api, claim, "fit -f - --count 2");
    assert_eq!(played.code, 1);
    text.push_str(&format!("$ a class that does not exist\n{}", played.text()));
    golden("quota-fit-storage.txt", &text);
}
