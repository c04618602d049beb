//! `quota nodes`.

use serde_json::json;
use session_support::{Answer, FakeApi, SessionFixture, golden};

use crate::quota;

fn node(name: &str, gpus: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {"capacity": {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": gpus}}})
}

#[test]
fn given_numbers_are_counted_with_the_arithmetic() {
    let api = FakeApi::stateful();
    let played = quota(&api, "nodes --active 500 --gpu-active 160");
    golden("quota-nodes.txt", &played.text());
    let lines = api.lines();
    assert_eq!(lines, ["GET /api/v1/nodes?limit=500"], "one request");
}

#[test]
fn fewer_sessions_than_the_pools_keep_nodes_for() {
    let api = FakeApi::stateful();
    let small = quota(&api, "nodes --active 0 --gpu-active 20 -o wide");
    golden("quota-nodes-small.txt", &small.text());
    let few = quota(&api, "nodes --active 8 --no-headers");
    assert!(
        few.done()
            .starts_with("cpu     8     10       1     1     1-50"),
        "{few:?}"
    );
    assert!(
        few.out
            .contains("\ntotal   8     <none>   1     3     3-100"),
        "{few:?}"
    );
}

#[test]
fn a_gpu_node_without_gpus_is_named_with_the_size_to_give() {
    let api = FakeApi::stateful();
    let words = "nodes --active 20 --gpu-active 5 --gpu-node-size cpu=64,memory=256Gi,gpus=0";
    let none = quota(&api, words);
    let few = quota(&api, &words.replace("gpus=0", "gpus=1"));
    golden(
        "quota-nodes-gpus.txt",
        &format!("{}{}", none.text(), few.text()),
    );
}

#[test]
fn documents_have_all_figures() {
    let api = FakeApi::stateful();
    api.put(node("g1", "1"));
    let json = quota(&api, "nodes --active 500 --gpu-active 160 -o json");
    golden("quota-nodes-json.txt", &json.text());
    let columns = quota(
        &api,
        "nodes --active 1000 -o custom-columns=N:.name,NEED:.need,NODES:.nodes",
    );
    assert_eq!(
        columns.done(),
        "N     NEED   NODES\ncpu   120    50\ngpu   0      0\n"
    );
    assert_eq!(quota(&api, "nodes --active 1 -o name").done(), "cpu\ngpu\n");
    let path = quota(
        &api,
        "nodes --active 100 --gpu-active 20 -o jsonpath={.pools[*].nodes}",
    );
    assert_eq!(path.done(), "9 3");
}

#[test]
fn active_sessions_are_counted_in_all_namespaces() {
    let api = FakeApi::stateful();
    let gpu = json!({"spec": {"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}});
    SessionFixture::running("a").put(&api);
    SessionFixture::running("b")
        .namespace("team")
        .pod_fields(gpu)
        .put(&api);
    SessionFixture::pending("c").put(&api);
    SessionFixture::stopped("d").put(&api);
    SessionFixture::failed("e").put(&api);
    for (name, gpus) in [("g1", "1"), ("g2", "2"), ("g3", "4")] {
        api.put(node(name, gpus));
    }
    let played = quota(&api, "nodes");
    golden("quota-nodes-counted.txt", &played.text());
}

#[test]
fn without_a_cluster_the_numbers_are_the_same() {
    let api = FakeApi::new();
    api.on(
        "GET",
        "/api/v1/nodes",
        Answer::forbidden("bob", "list", "nodes", ""),
    );
    let refused = quota(&api, "nodes --active 50");
    assert!(refused.done().contains("cpu     50"), "{refused:?}");
    assert!(
        refused.err.contains(
            "note: --gpus-per-node is not compared with the nodes of a cluster: nodes is forbidden"
        ),
        "{refused:?}"
    );
    let api = FakeApi::new();
    api.on("GET", "/api/v1/nodes", Answer::hang_up());
    let gone = quota(&api, "nodes --active 50");
    assert_eq!(gone.done(), refused.out);
}

#[test]
fn who_may_not_list_sessions_gives_the_numbers() {
    let api = FakeApi::new();
    let path = "/apis/streaming.platform/v1/sessions";
    api.on(
        "GET",
        path,
        Answer::forbidden("bob", "list", "sessions.streaming.platform", ""),
    );
    for path in ["/api/v1/pods", "/api/v1/nodes"] {
        api.on(
            "GET",
            path,
            Answer::ok(json!({"kind": "List", "items": []})),
        );
    }
    let played = quota(&api, "nodes");
    assert!(
        played
            .failed()
            .contains("hint: give the numbers with --active and --gpu-active"),
        "{played:?}"
    );
}

#[test]
fn bad_flags_are_refused() {
    let api = FakeApi::new();
    let mut text = String::new();
    for words in [
        "--active -1",
        "--active x",
        "--active 1.5",
        "--active 5000000000",
        "--gpu-active 5",
        "--active 1 --sessions-per-node 0",
        "--active 1 --cpu-nodes 5-1",
        "--active 1 --gpu-node-size cpu=4",
        "--active 1 --session-requests cpu=4,memory=x",
        "--active 1 -o table",
    ] {
        let played = quota(&api, &format!("nodes {words}"));
        text.push_str(&format!("$ quota nodes {words}\n{}", played.failed()));
    }
    golden("quota-nodes-refused.txt", &text);
    assert!(api.lines().is_empty());
}

#[test]
fn a_session_larger_than_every_node_is_named() {
    let api = FakeApi::stateful();
    let played = quota(
        &api,
        "nodes --active 10 --session-requests cpu=64,memory=2Gi",
    );
    golden("quota-nodes-too-large.txt", &played.text());
}
