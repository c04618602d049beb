//! `quota show --by`: what sessions, users and namespaces take.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, SessionFixture, golden};

use crate::quota;

const SNAPSHOT: &str = "volumesnapshots.snapshot.storage.k8s.io";

fn container(resources: Value) -> Value {
    json!({"spec": {"containers": [{"name": "main", "resources": resources}]}})
}

fn fixture(name: &str, namespace: &str, user: &str) -> SessionFixture {
    let fixture = SessionFixture::running(name)
        .namespace(namespace)
        .user(user);
    fixture.session_fields(json!({"metadata": {"creationTimestamp": "2026-03-01T10:00:00Z"}}))
}

fn claim(owner: &SessionFixture, name: &str, size: &str) -> Value {
    let mut claim = owner.claim_object(name);
    claim["spec"]["resources"]["requests"]["storage"] = size.into();
    claim
}

/// Alice has a lab with a GPU and snapshots in `default` and another in `team-b`, Bob a stopped session, Carol data of a deleted one.
/// A web server in `default` is nobody's session, as is one in `kube-system`, where no quota counts.
fn server() -> FakeApi {
    let api = FakeApi::stateful();
    api.serve(
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshot",
        "volumesnapshots",
        true,
    );
    for namespace in ["default", "team-b"] {
        api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": namespace},
            "spec": {"hard": {"pods": "9"}}, "status": {"hard": {"pods": "9"}, "used": {"pods": "3"}}}));
    }
    let alice = fixture("alice", "default", "alice@example.com");
    let lab = json!({"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1500M", "nvidia.com/gpu": "1"}});
    alice
        .clone()
        .pod_fields(container(lab))
        .claim(claim(&alice, "home-alice", "30Gi"))
        .put(&api);
    for (name, status) in [
        ("first", json!({"restoreSize": "1Gi", "readyToUse": true})),
        ("second", json!({"readyToUse": false})),
    ] {
        api.put(json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": alice.metadata(name),
            "spec": {"source": {"persistentVolumeClaimName": "home-alice"}}, "status": status}));
    }
    let other = json!({"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}});
    fixture("lab", "team-b", "alice@example.com")
        .workload("StatefulSet", 1)
        .pod_fields(container(other))
        .put(&api);
    let bob = fixture("bob", "default", "bob").at_rest();
    bob.clone().claim(claim(&bob, "home-bob", "10Gi")).put(&api);
    api.put(claim(
        &fixture("carol", "default", "carol"),
        "home-carol",
        "5Gi",
    ));
    for namespace in ["default", "kube-system"] {
        api.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": namespace}, "status": {"phase": "Running"},
            "spec": {"containers": [{"resources": {"requests": {"cpu": "3", "memory": "2Gi"}}}]}}));
    }
    api
}

#[test]
fn each_group_has_its_sums() {
    let mut text = String::new();
    for words in [
        "show --by session",
        "show --by session -A -o wide --show-kind",
        "show --by user",
        "show --by user -A -o wide",
        "show --by namespace -A",
        "show --by namespace --no-headers",
        "show --by user -A --sort-by .claims.storage",
        "show --by session -l streaming.platform/user=bob",
    ] {
        let played = quota(&server(), words);
        assert_eq!((played.code, played.err.as_str()), (0, ""), "{played:?}");
        text.push_str(&format!("$ quota {words}\n{}", played.out));
    }
    golden("quota-totals.txt", &text);
}

#[test]
fn documents_have_every_datum_of_the_table() {
    let mut text = quota(&server(), "show --by user -A -o yaml")
        .done()
        .to_owned();
    for words in [
        "show --by session -A -o name",
        "show --by user -A -o name",
        "show --by namespace -A -o name",
        "show --by session -o custom-columns=NAME:.metadata.name,GPUS:.requests.nvidia\\.com/gpu,STORAGE:.claims.storage,KEPT:.deleted",
        "show --by session -o jsonpath={.items[0].requests}",
    ] {
        let played = quota(&server(), words);
        text.push_str(&format!("$ quota {words}\n{}\n", played.done()));
    }
    golden("quota-totals-formats.txt", &text);
}

#[test]
fn what_may_not_be_listed_is_unknown() {
    let api = server();
    let mut text = String::new();
    let forbid = |plural: &str, path: &str| {
        api.on(
            "GET",
            path,
            Answer::forbidden("alice", "list", plural, "default"),
        );
    };
    forbid(
        "resourcequotas",
        "/api/v1/namespaces/default/resourcequotas",
    );
    forbid("pods", "/api/v1/namespaces/default/pods");
    forbid(
        "persistentvolumeclaims",
        "/api/v1/namespaces/default/persistentvolumeclaims",
    );
    for words in [
        "show --by user",
        "show --by session -o wide",
        "show --by user -o json",
    ] {
        let played = quota(&api, words);
        assert_eq!(played.code, 0, "{played:?}");
        text.push_str(&format!("$ quota {words}\n{}", played.text()));
    }
    golden("quota-totals-unknown.txt", &text);
}

#[test]
fn a_cluster_without_snapshots_or_sessions_is_told() {
    let api = server();
    api.unserve(SNAPSHOT);
    let mut text = quota(&api, "show --by user").text();
    for words in ["show --by user --show-labels", "show --by namespace -L a"] {
        let played = quota(&api, words);
        played.failed();
        text.push_str(&format!("$ quota {words}\n{}", played.text()));
    }
    text.push_str(&quota(&FakeApi::stateful(), "show --by session").text());
    api.unserve("sessions.streaming.platform");
    text.push_str(&quota(&api, "show --by session").text());
    golden("quota-totals-none.txt", &text);
}

#[test]
fn each_kind_is_listed_once() {
    let api = server();
    quota(&api, "show --by user").done();
    let mut lines = api.lines();
    lines.sort();
    let namespace = "/api/v1/namespaces/default";
    assert_eq!(
        lines,
        [
            format!("GET {namespace}/persistentvolumeclaims?limit=500"),
            format!("GET {namespace}/pods?limit=500"),
            format!("GET {namespace}/resourcequotas?limit=500"),
            "GET /apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots?limit=500"
                .to_owned(),
            "GET /apis/streaming.platform/v1/namespaces/default/sessions?limit=500".to_owned(),
        ]
    );
    let api = server();
    quota(&api, "show --by session -A").done();
    let lines = api.lines();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines.contains(
        &"GET /api/v1/pods?labelSelector=streaming.platform%2Fsession&limit=500".to_owned()
    ));
}
