//! `quota usage`: windows, groups, formats, and what cannot be counted.

use serde_json::{Value, json};
use session_support::session_fixture::SessionFixture;
use session_support::{Answer, FakeApi, golden};

use crate::quota;

const PODS: &str = "/api/v1/namespaces/default/pods";

fn run(start: &str, end: Option<&str>) -> Value {
    json!({"startTime": start, "endTime": end, "cpu": "500m", "memory": "2Gi", "gpu": "1", "storage": "10Gi"})
}

fn with_usage(fixture: SessionFixture, usage: Value) -> SessionFixture {
    let created = json!({"metadata": {"creationTimestamp": "2026-02-01T12:00:00Z"}});
    fixture
        .status(json!({"usage": usage}))
        .session_fields(created)
}

/// Sessions of alice and bob: one runs, one is stopped, one has ended by itself, the Pod of one is gone.
fn server() -> FakeApi {
    let api = FakeApi::stateful();
    let yesterday = run("2026-02-28T08:00:00Z", Some("2026-02-28T10:15:00Z"));
    let current = json!({"runs": [yesterday], "current": run("2026-03-01T10:00:00Z", None)});
    with_usage(SessionFixture::running("lab"), current.clone()).put(&api);
    let stopped = with_usage(SessionFixture::stopped("old"), json!({"runs": [yesterday]}));
    stopped.put(&api);
    let end = json!({"containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 0, "finishedAt": "2026-03-01T11:00:00Z"}}}], "phase": "Succeeded"});
    let ended = SessionFixture::running("done")
        .user("bob")
        .pod_fields(json!({"status": end}));
    with_usage(ended, current).put(&api);
    let gone = SessionFixture::stopped("gone").user("bob").session_fields(
        json!({"spec": {"state": "running"}, "status": {"phase": "running", "conditions": [
            {"type": "Ready", "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": "2026-03-01T10:30:00Z"}]}}),
    );
    with_usage(gone, json!({"current": run("2026-03-01T10:00:00Z", None)})).put(&api);
    with_usage(
        SessionFixture::running("far").namespace("team"),
        json!({"current": run("2026-03-01T11:30:00Z", None)}),
    )
    .put(&api);
    api
}

#[test]
fn hours_are_summed_by_session_user_and_namespace() {
    let mut text = String::new();
    for words in [
        "usage",
        "usage --by user -A -o wide",
        "usage --by namespace -A --no-headers",
        "usage -A -o wide -q",
        "usage --since 2026-03-01 --by user -o yaml",
        "usage --since 90m -q -o custom-columns=WHO:.name,H:.hours,GPU:.gpuHours",
        "usage -q -o name",
        "usage --since 1m -q -o jsonpath={.usage[0].name}",
    ] {
        text.push_str(&format!("$ {words}\n{}", quota(&server(), words).text()));
    }
    golden("quota-hours.txt", &text);
}

#[test]
fn what_cannot_be_counted_is_told() {
    let api = FakeApi::stateful();
    let sum = json!({"since": "2026-02-20T08:00:00Z", "until": "2026-02-23T08:00:00Z", "runs": 60, "runningSeconds": 7200});
    let divided = json!({"earlier": sum, "runs": [run("2026-02-28T08:00:00Z", Some("2026-02-28T09:00:00Z"))]});
    with_usage(SessionFixture::stopped("many"), divided).put(&api);
    let invalid = json!({"runs": [{"startTime": "yesterday"}]});
    with_usage(SessionFixture::stopped("odd"), invalid).put(&api);
    SessionFixture::stopped("before").put(&api);
    let mut broken = SessionFixture::stopped("broken").session();
    broken["status"]["usage"] = json!({"runs": 7});
    api.put(broken);
    with_usage(
        SessionFixture::running("lab"),
        json!({"current": run("2026-03-01T10:00:00Z", None)}),
    )
    .put(&api);
    let short = quota(&api, "usage");
    let long = quota(
        &api,
        "usage --since 2026-02-20T08:00:00Z -l streaming.platform/user=alice",
    );
    let forbidden = Answer::forbidden("alice", "list", "pods", "default");
    api.on("GET", PODS, forbidden);
    let blind = quota(&api, "usage");
    golden(
        "quota-hours-gaps.txt",
        &format!("{}{}{}", short.text(), long.text(), blind.text()),
    );
}

#[test]
fn two_lists_are_read_and_one_where_nothing_runs() {
    let api = server();
    quota(&api, "usage").done();
    assert_eq!(api.requests().len(), 2, "{:?}", api.requests());
    let api = FakeApi::stateful();
    let usage = json!({"runs": [run("2026-02-28T08:00:00Z", Some("2026-02-28T09:00:00Z"))]});
    with_usage(SessionFixture::stopped("old"), usage).put(&api);
    quota(&api, "usage").done();
    assert_eq!(api.requests().len(), 1, "{:?}", api.requests());
}

#[test]
fn bad_input_is_refused_before_any_request() {
    let api = server();
    let mut text = String::new();
    for words in [
        "usage --since tomorrow",
        "usage --since 2027-01-01",
        "usage --by team",
        "usage -o csv",
        "usage alice",
    ] {
        let played = quota(&api, words);
        assert_ne!(played.code, 0);
        text.push_str(&format!("$ {words}\n{}", played.text()));
    }
    assert_eq!(api.requests().len(), 0);
    text.push_str(&quota(&FakeApi::stateful(), "usage").text());
    golden("quota-hours-illegal.txt", &text);
}
