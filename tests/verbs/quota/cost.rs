//! `quota cost`.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, SessionFixture, golden};

use crate::play::Play;
use crate::{Quota, quota};

fn limits(cpu: &str, memory: &str) -> Value {
    json!({"spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": cpu, "memory": memory}}}]}})
}

fn claim(session: &SessionFixture, name: &str, size: &str) -> Value {
    let mut claim = session.claim_object(name);
    claim["status"]["capacity"]["storage"] = size.into();
    claim
}

/// A class: alice with the document's session and a load balancer, bob with a GPU and without limits, carol's stopped one, the data of one
/// that is deleted, and a Pod of nobody.
fn class() -> FakeApi {
    let api = FakeApi::stateful();
    let alice = SessionFixture::running("alice")
        .pod_fields(limits("2", "4Gi"))
        .service();
    let alice = alice.clone().claim(claim(&alice, "home-alice", "30Gi"));
    alice.put(&api);
    let mut service = api.object("services", "default", "tool-alice").unwrap();
    service["spec"] = json!({"type": "LoadBalancer"});
    api.put(service);
    let gpu =
        json!({"requests": {"cpu": "500m", "memory": "6Gi"}, "limits": {"nvidia.com/gpu": "1"}});
    let gpu =
        json!({"spec": {"containers": [{"name": "main", "resources": gpu}, {"name": "side"}]}});
    SessionFixture::running("bob")
        .user("bob")
        .namespace("team")
        .pod_fields(gpu)
        .put(&api);
    let carol = SessionFixture::stopped("carol").user("carol@example.com");
    let carol = carol.clone().claim(claim(&carol, "home-carol", "10Gi"));
    carol.put(&api);
    let dave = SessionFixture::running("dave").user("dave");
    api.put(claim(&dave, "home-dave", "60Gi"));
    for pod in session_support::session_fixture::pods_of_others("carol") {
        api.put(pod);
    }
    api
}

#[test]
fn each_session_costs_what_it_takes() {
    let api = class();
    api.forget_requests();
    golden("quota-cost.txt", &quota(&api, "cost").text());
    let mut requests = api.lines();
    requests.sort();
    golden("quota-cost-requests.txt", &(requests.join("\n") + "\n"));
    golden(
        "quota-cost-wide.txt",
        &quota(&api, "cost -A -o wide").text(),
    );
}

#[test]
fn users_and_namespaces_are_summed() {
    let api = class();
    golden(
        "quota-cost-user.txt",
        &quota(&api, "cost -A --by user").text(),
    );
    golden(
        "quota-cost-namespace.txt",
        &quota(&api, "cost -A --by namespace -q").text(),
    );
}

#[test]
fn documents_have_all_parts() {
    let api = class();
    golden("quota-cost-json.txt", &quota(&api, "cost -o yaml").text());
    let columns = quota(
        &api,
        "cost -A -q -o custom-columns=NAME:.name,LOW:.cost.total.low,HIGH:.cost.total.high",
    );
    assert_eq!(
        columns.done(),
        "NAME    LOW    HIGH\nalice   70     115\ncarol   1.67   3.33\ndave    10     20\nbob     75     120\n"
    );
    let total = quota(&api, "cost -A -q -o jsonpath={.total.cost.total}");
    assert_eq!(total.done(), r#"{"high":258.33,"low":156.67}"#);
    assert_eq!(quota(&api, "cost -o name").done(), "alice\ncarol\ndave\n");
}

#[test]
fn prices_of_a_file_replace_all() {
    let api = class();
    let prices = "currency = 'EUR'\nbase = 0\ncompute = 40\nstorage = 3\nloadBalancer = '10-12.50'\n[gpus]\n'nvidia.com/gpu' = 200\n";
    let played = Play::on(&api)
        .piped(prices)
        .run::<Quota>("cost -A --prices - -o wide");
    golden("quota-cost-prices.txt", &played.text());
}

#[test]
fn bad_prices_are_refused_before_any_request() {
    let api = FakeApi::new();
    let mut text = String::new();
    for prices in [
        "",
        "base: 0\ncompute: 50-80\nstorage: 5\n",
        "base: 0\ncompute: 50-80\nstorage: -5\nloadBalancer: 15\n",
        "base: 0\ncompute: 80-50\nstorage: 5\nloadBalancer: 15\nstorageClass: {fast: 1}\n",
        "base: 0\ncompute: [50, 80]\nstorage: 5\nloadBalancer: 15\ngpus: {nvidia.com/gpu: }\n",
        "base = \n",
    ] {
        let played = Play::on(&api).piped(prices).run::<Quota>("cost --prices -");
        text.push_str(&format!(
            "$ quota cost --prices - <<.\n{prices}.\n{}",
            played.failed()
        ));
    }
    let missing = quota(&api, "cost --prices /nowhere/prices.toml");
    text.push_str(missing.failed());
    text.push_str(quota(&api, "cost --by team").failed());
    golden("quota-cost-refused.txt", &text);
    assert!(api.lines().is_empty());
}

#[test]
fn what_cannot_be_listed_is_left_out_with_words() {
    let api = class();
    for resource in ["pods", "services"] {
        let answer = Answer::forbidden("bob", "list", resource, "default");
        api.on(
            "GET",
            &format!("/api/v1/namespaces/default/{resource}"),
            answer,
        );
    }
    golden("quota-cost-unread.txt", &quota(&api, "cost -o wide").text());
    let api = FakeApi::new();
    let answer = |resource| Answer::forbidden("bob", "list", resource, "default");
    api.on(
        "GET",
        "/apis/streaming.platform/v1/namespaces/default/sessions",
        answer("sessions.streaming.platform"),
    );
    for path in [
        "/api/v1/namespaces/default/*",
        "/apis/snapshot.storage.k8s.io/v1/namespaces/default/*",
    ] {
        api.on(
            "GET",
            path,
            Answer::ok(json!({"kind": "List", "items": []})),
        );
    }
    let refused = quota(&api, "cost");
    assert!(
        refused
            .failed()
            .contains("sessions.streaming.platform is forbidden"),
        "{refused:?}"
    );
}

#[test]
fn without_sessions_there_is_nothing_to_pay() {
    let api = FakeApi::stateful();
    let played = quota(&api, "cost");
    assert_eq!(
        (played.done(), played.err.as_str()),
        ("", "No resources found in default namespace.\n")
    );
    let json = quota(&api, "cost -o jsonpath={.items}{.total.cost.total}");
    assert_eq!(
        (json.done(), json.err.as_str()),
        (r#"[]{"high":0,"low":0}"#, "")
    );
    let snapshots = FakeApi::stateful();
    SessionFixture::running("alice").put(&snapshots);
    snapshots.unserve("volumesnapshots.snapshot.storage.k8s.io");
    assert!(quota(&snapshots, "cost").done().contains("alice"));
}

#[test]
fn a_session_costs_before_it_exists_what_its_objects_cost() {
    let api = crate::fit::server();
    api.put(json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l", "namespace": "default"},
        "spec": {"limits": [{"type": "Container", "default": {"cpu": "2", "memory": "4Gi"}}]}}));
    let rendering = include_str!("../../../docs/examples/disney-ai-plus-staging.yaml");
    let mut text = String::new();
    for (words, input) in [
        ("cost --template sindri --count 40", ""),
        ("cost --template shell -o wide", ""),
        ("cost -f - -o wide", rendering),
        ("cost --template sindri --count 3 -o yaml", ""),
        ("cost --template sindri -q -o name", ""),
        (
            "cost -f -",
            include_str!("../../fixtures/sindri-basic.yaml"),
        ),
        ("cost --template nobody", ""),
        ("cost --template sindri --count 0", ""),
        ("cost --template sindri --by user", ""),
        ("cost --template sindri -A", ""),
        ("cost --count 3", ""),
        ("cost --set CPU=1", ""),
        ("cost -f - --prices -", ""),
    ] {
        let played = Play::on(&api).piped(input).run::<Quota>(words);
        text.push_str(&format!("$ quota {words}\n{}", played.text()));
    }
    golden("quota-cost-new.txt", &text);
}

#[test]
fn pods_of_custom_workloads_are_found_without_a_label() {
    let api = FakeApi::stateful();
    let fixture = SessionFixture::running("box");
    let workload = json!({"apiVersion": "agents.x-k8s.io/v1alpha1", "kind": "Sandbox", "metadata": {"name": "box", "namespace": "default", "uid": "sandbox-1"}});
    let session = fixture.clone().session_fields(json!({"status": {"applied": {
        "primary": {"kind": "Sandbox", "name": "box"},
        "objects": [{"apiVersion": "agents.x-k8s.io/v1alpha1", "kind": "Sandbox", "name": "box", "uid": "sandbox-1"}]}}}));
    api.put(session.session());
    let mut pod = limits("2", "4Gi");
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"] = json!({"name": "box-0", "namespace": "default", "ownerReferences": [{"apiVersion": workload["apiVersion"],
        "kind": "Sandbox", "name": "box", "uid": "sandbox-1", "controller": true}]});
    pod["status"] =
        json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    api.put(pod);
    let columns = "-q -o custom-columns=CPU:.limits.cpu,LOW:.cost.total.low --no-headers";
    assert_eq!(quota(&api, &format!("cost {columns}")).done(), "2     50\n");
    let shown = "-q -o custom-columns=CPU:.limits.cpu,RUNS:.sessions.running --no-headers";
    for group in ["session", "user"] {
        let shown = quota(&api, &format!("show --by {group} {shown}"));
        assert_eq!(shown.done(), "2     1\n", "{group}");
    }
    let active = quota(&api, "nodes -q -o jsonpath={.active}");
    assert_eq!(active.done(), "1");
}
