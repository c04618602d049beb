//! Room in quotas, within LimitRanges and on nodes: refused before anything is written, or waited for.

use std::time::{Duration, Instant};

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_shared::client::interrupt::Interrupt;
use session_shared::report::console::CapturedOutput;
use session_support::{Answer, FakeApi, golden};

use crate::checks::quota;
use crate::play::{Play, Played};
use crate::roster::{CLASS, roster, sorted};
use crate::tool::{create, left, made, server};

const SESSIONS: &str = "/apis/streaming.platform/v1/namespaces/default/sessions";
const COUNT: &str = "count/sessions.streaming.platform";
const GPU: &str = "nvidia.com/gpu";

fn limit_range(api: &FakeApi, mut item: Value) {
    item["type"] = "Container".into();
    api.put(json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits", "namespace": "default"},
        "spec": {"limits": [item]}}));
}

fn node(api: &FakeApi, name: &str, gpus: &str) {
    let amounts = json!({"cpu": "8", "memory": "16Gi", "pods": "110", GPU: gpus});
    api.put(
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {},
        "status": {"allocatable": amounts, "capacity": amounts}}),
    );
}

/// A Pod of somebody else on a node.
fn taken(api: &FakeApi, node: &str, name: &str, gpus: &str) {
    let resources = json!({"requests": {GPU: gpus}, "limits": {GPU: gpus}});
    api.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "team"},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": "i", "resources": resources}]},
        "status": {"phase": "Running"}}));
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed().as_secs() < 20, "{what} never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Creates with `--wait-for-room`, and does `act` when it waits for the `times`-th thing.
fn waiting(
    api: &FakeApi,
    words: &str,
    times: usize,
    act: impl FnOnce(&Interrupt) + Send,
) -> Played {
    let words = format!("alice --template tool --wait=false --wait-for-room {words}");
    Play::on(api).meanwhile::<Create>(&words, |printed: &CapturedOutput, interrupt| {
        until("the wait", || {
            printed.stderr().matches(" waits for room: ").count() == times
        });
        act(interrupt);
    })
}

#[test]
fn bounds_of_a_limit_range_are_told_before_anything_is_written() {
    for (name, item, words) in [
        ("max", json!({"max": {"cpu": "2"}}), "--cpu 4"),
        ("min", json!({"min": {"memory": "64Mi"}}), "--memory 32Mi"),
        ("ratio", json!({"maxLimitRequestRatio": {"cpu": "2"}}), ""),
    ] {
        let api = server();
        limit_range(&api, item);
        let played = create(&api, &format!("alice --template tool {words}"));
        golden(&format!("create-limit-{name}.txt"), &played.text());
        assert!(api.writes().is_empty());
        create(
            &api,
            &format!("alice --template tool --wait=false --skip-checks {words}"),
        )
        .done();
    }
}

#[test]
fn what_a_quota_counts_must_be_set_or_come_from_a_limit_range() {
    let api = server();
    quota(&api, "limits.cpu", "4", "3");
    let played = create(&api, "alice --template tool");
    golden("create-quota-unset.txt", &played.text());
    assert!(api.writes().is_empty());
    // The default of the LimitRange counts, too.
    limit_range(
        &api,
        json!({"default": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}}),
    );
    let played = create(&api, "alice --template tool");
    golden("create-quota-default.txt", &played.text());
    quota(&api, "limits.cpu", "4", "2");
    create(&api, "alice --template tool --wait=false").done();
}

#[test]
fn a_quota_of_gpus_says_gpus() {
    let api = server();
    quota(&api, "requests.nvidia.com/gpu", "4", "3");
    let played = create(&api, "alice --template tool --gpu 2");
    golden("create-quota-gpu.txt", &played.text());
    create(&api, "alice --template tool --gpu 1 --wait=false").done();
}

#[test]
fn gpus_that_no_node_has_or_has_free_are_told_with_their_numbers() {
    let api = server();
    node(&api, "n1", "4");
    node(&api, "n2", "2");
    taken(&api, "n1", "p", "2");
    for (name, gpus) in [("never", "8"), ("full", "3")] {
        let played = create(&api, &format!("alice --template tool --gpu {gpus}"));
        golden(&format!("create-nodes-{name}.txt"), &played.text());
        assert!(api.writes().is_empty());
    }
    create(&api, "alice --template tool --gpu 2 --wait=false").done();
}

#[test]
fn where_an_autoscaler_may_add_nodes_a_full_cluster_is_a_note() {
    let scaled = |api: &FakeApi| {
        let words = "alice --template tool --gpu 8 --wait=false --wait-for-room";
        let played = create(api, words);
        played.done();
        let note = "note: no node has 8 GPUs (nvidia.com/gpu): the largest has 4, 4 of them free; the session stays pending until the cluster has another node\n";
        assert!(played.err.starts_with(note), "{}", played.err);
    };
    let api = server();
    node(&api, "n1", "4");
    api.put(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "cluster-autoscaler-status", "namespace": "kube-system"}}));
    scaled(&api);
    let api = server();
    node(&api, "n1", "4");
    api.serve("karpenter.sh/v1", "NodePool", "nodepools", false);
    scaled(&api);
    // Who may not read the sign is not refused for its absence.
    let api = server();
    node(&api, "n1", "4");
    let status = "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status";
    let forbidden = Answer::forbidden("alice", "get", "configmaps", "kube-system");
    api.on("GET", status, forbidden);
    scaled(&api);
}

#[test]
fn a_cluster_with_room_is_asked_for_the_pods_of_few_nodes() {
    let api = server();
    for number in 1..10 {
        node(&api, &format!("n{number}"), "4");
    }
    let lists = || {
        let lines = api.lines().into_iter();
        let lists = lines.filter(|line| line.starts_with("GET /api/v1/pods?"));
        let nodes: Vec<bool> = lists.map(|line| line.contains("spec.nodeName")).collect();
        api.forget_requests();
        nodes
    };
    create(&api, "alice --template tool --gpu 1 --dry-run=server").done();
    assert_eq!(lists(), [true, true, true]);
    for number in 1..4 {
        taken(&api, &format!("n{number}"), &format!("p{number}"), "4");
    }
    create(&api, "alice --template tool --gpu 1 --dry-run=server").done();
    assert_eq!(lists(), [true, true, true, false]);
}

#[test]
fn who_may_not_list_nodes_or_pods_hears_nothing_of_them() {
    let api = server();
    let nodes = Answer::forbidden("alice", "list", "nodes", "");
    api.on("GET", "/api/v1/nodes", nodes);
    let played = create(&api, "alice --template tool --gpu 8 --wait=false");
    played.done();
    assert!(!played.err.contains("nodes"), "{}", played.err);
    let played = create(
        &api,
        "bob --template tool --gpu 8 --wait=false --wait-for-room",
    );
    played.done();
    let note = "note: free resources of nodes not waited for: no permission to list nodes\n";
    assert!(played.err.starts_with(note), "{}", played.err);

    let api = server();
    node(&api, "n1", "4");
    let pods = Answer::forbidden("alice", "list", "pods", "");
    api.on("GET", "/api/v1/pods", pods);
    create(&api, "alice --template tool --gpu 4 --wait=false").done();
    let played = create(&api, "bob --template tool --gpu 8");
    assert!(
        played.failed().contains("the largest has 4\n"),
        "{played:?}"
    );
}

#[test]
fn a_session_that_waits_for_a_quota_goes_on_by_itself() {
    let api = server();
    quota(&api, COUNT, "2", "2");
    let played = waiting(&api, "", 1, |_| {
        // A change that makes no room.
        quota(&api, "pods", "9", "1");
        quota(&api, COUNT, "2", "2");
        assert!(api.writes().is_empty());
        quota(&api, COUNT, "2", "1");
    });
    golden("create-room-quota.txt", &played.text());
    assert_eq!(made(&api)[0], "sessions.streaming.platform/alice");
}

#[test]
fn a_session_that_waits_for_a_node_goes_on_by_itself() {
    let api = server();
    node(&api, "n1", "4");
    taken(&api, "n1", "p", "4");
    api.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "early", "namespace": "team"},
        "spec": {"containers": [{"name": "main", "image": "i", "resources": {"requests": {"cpu": "9"}}}]}, "status": {"phase": "Pending"}}));
    let played = waiting(&api, "--gpu 2", 1, |_| api.remove("pods", "team", "p"));
    golden("create-room-node.txt", &played.text());
}

#[test]
fn who_loses_the_race_for_room_waits_again_and_leaves_nothing() {
    let api = server();
    // The quota has room, as far as the list says; the server knows better.
    quota(&api, "pods", "5", "4");
    let detail = "requested: pods=1, used: pods=5, limited: pods=5";
    let refusal = Answer::quota("pods", "tool-alice", "q", detail);
    api.on("POST", "/api/v1/namespaces/default/pods", refusal);
    let played = waiting(&api, "", 1, |_| {
        until("the rollback", || left(&api).is_empty());
        api.forget_answers();
    });
    golden("create-room-race.txt", &played.text());
    assert!(api.object("pods", "default", "tool-alice").is_some());
}

#[test]
fn without_the_flag_a_lost_race_reads_as_the_check_does() {
    let race = server();
    let detail = format!("requested: {COUNT}=1, used: {COUNT}=2, limited: {COUNT}=2");
    race.on(
        "POST",
        SESSIONS,
        Answer::quota("sessions.streaming.platform", "alice", "q", &detail),
    );
    let check = server();
    quota(&check, COUNT, "2", "2");
    let words = "alice --template tool";
    assert_eq!(create(&race, words).text(), create(&check, words).text());
}

#[test]
fn room_that_never_comes_ends_the_wait() {
    let api = server();
    quota(&api, COUNT, "2", "2");
    let played = create(&api, "alice --template tool --wait-for-room=300ms");
    golden("create-room-timeout.txt", &played.text());
    // More than the whole quota is refused at once.
    quota(&api, "requests.storage", "512Mi", "0");
    let played = create(&api, "alice --template tool --wait-for-room");
    golden("create-room-hopeless.txt", &played.text());
    assert!(api.writes().is_empty());
}

#[test]
fn ctrl_c_ends_the_wait_for_room_at_once() {
    let api = server();
    quota(&api, COUNT, "2", "2");
    let played = waiting(&api, "", 1, Interrupt::trigger);
    assert_eq!(played.code, 130, "{played:?}");
    assert!(api.writes().is_empty());
}

#[test]
fn a_dry_run_waits_for_nothing() {
    for (words, text) in [
        (
            "--wait-for-room --dry-run=server",
            "cannot be used with --dry-run",
        ),
        ("--wait-for-room --skip-checks", "--skip-checks"),
        ("--wait-for-room=soon", "soon"),
    ] {
        let api = server();
        let played = create(&api, &format!("alice --template tool {words}"));
        assert!(played.failed().contains(text), "{played:?}");
        assert!(api.requests().is_empty());
    }
}

#[test]
fn a_class_that_the_nodes_have_no_room_for_is_refused() {
    let api = crate::roster::server();
    node(&api, "n1", "0");
    let mut text = String::new();
    for words in ["--cpu 3", "--cpu 16"] {
        let played = roster(&api, CLASS, &format!("--template tool {words}"));
        text.push_str(&format!(
            "$ create --roster - --template tool {words}\n{}",
            played.text()
        ));
    }
    assert!(api.writes().is_empty());
    let status = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cluster-autoscaler-status", "namespace": "kube-system"}});
    api.put(status);
    let pending = roster(&api, CLASS, "--template tool --cpu 3 --dry-run=client");
    text.push_str(&format!(
        "$ with an autoscaler\n{}",
        sorted(&pending.text())
    ));
    api.on(
        "GET",
        "/api/v1/nodes",
        Answer::forbidden("eve", "list", "nodes", ""),
    );
    let unread = roster(&api, CLASS, "--template tool --cpu 3 --dry-run=client");
    text.push_str(&format!(
        "$ without the right to list nodes\n{}",
        sorted(&unread.text())
    ));
    golden("create-roster-nodes.txt", &text);
    let api = crate::roster::server();
    roster(&api, CLASS, "--template tool --cpu 3 --skip-checks").done();
}
