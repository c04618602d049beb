//! `quota set --hours`.

use serde_json::{Value, json};
use session_shared::labels::SESSION_HOURS;
use session_support::session_fixture::SessionFixture;
use session_support::{Answer, FakeApi, golden};

use crate::quota;

fn budgets(api: &FakeApi) -> Option<Value> {
    let quota = api.object("resourcequotas", "default", "session-hours")?;
    quota["metadata"]["annotations"].get(SESSION_HOURS).cloned()
}

#[test]
fn budgets_are_kept_beside_those_of_others_in_a_quota_without_limits() {
    let api = FakeApi::stateful();
    let mut text = String::new();
    for words in [
        "set --hours user=alice:none",
        "set --hours user=alice:40/week --hours user=*:8/day",
        "set --hours user=alice:40/week",
        "set --hours user=alice:20/month --dry-run=client -o jsonpath={.metadata.annotations}",
        "show",
        "set --hours user=bob:1/day --hours user=*:none",
        "set --hours user=nobody:none",
        "set --hours user=alice:40",
        "set --hours alice:40/week",
        "set --hours user=alice:40/week --hours user=alice:8/day",
    ] {
        text.push_str(&format!("$ {words}\n{}", quota(&api, words).text()));
    }
    assert_eq!(
        budgets(&api).unwrap(),
        r#"{"alice":"40/week","bob":"1/day"}"#
    );
    quota(&api, "set --hours user=alice:none --hours user=bob:none").done();
    assert_eq!(budgets(&api), None);
    let object = api
        .object("resourcequotas", "default", "session-hours")
        .unwrap();
    assert_eq!(object["spec"], json!({}));
    golden("quota-set-hours.txt", &text);
}

#[test]
fn documents_of_budgets_and_limits_are_apart() {
    let api = FakeApi::stateful();
    let words = "set --hours user=alice:1/day --cpu 1 --limit-range defaultRequest.cpu=1 --dry-run=client -o yaml";
    let played = quota(&api, words);
    golden("quota-set-hours-documents.txt", &played.text());
    assert_eq!(played.done().matches("---\n").count(), 2);
}

#[test]
fn who_may_not_read_the_budgets_still_gets_the_object() {
    let api = FakeApi::stateful();
    let path = "/api/v1/namespaces/default/resourcequotas/*";
    let denied = Answer::forbidden("bob", "get", "resourcequotas", "default");
    api.on("GET", path, denied);
    let words = "set --hours user=alice:1/day";
    let refused = quota(&api, words);
    let printed = quota(&api, &format!("{words} --dry-run=client -o yaml"));
    golden(
        "quota-set-hours-forbidden.txt",
        &format!("{}{}", refused.text(), printed.text()),
    );
    assert_eq!(printed.code, 0);
}

#[test]
fn budgets_that_cannot_be_read_have_a_way_out() {
    let api = FakeApi::stateful();
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "session-hours", "namespace": "default",
        "annotations": {SESSION_HOURS: "8/day"}}, "spec": {}}));
    let played = quota(&api, "set --hours user=alice:1/day");
    golden("quota-set-hours-unreadable.txt", &played.text());
    assert_eq!(budgets(&api).unwrap(), "8/day");
}

/// Alice has used 40 hours of 40 and Bob 1.5 of today; Carol's budget is not begun, and dave's session is in another namespace.
fn class() -> FakeApi {
    let api = FakeApi::stateful();
    let run =
        |start: &str, end: Option<&str>| json!({"startTime": start, "endTime": end, "cpu": "1"});
    let put = |name: &str, namespace: &str, usage: Value| {
        let fixture = match usage["current"].is_null() {
            true => SessionFixture::stopped(name),
            false => SessionFixture::running(name),
        };
        let fixture = fixture.user(name).namespace(namespace);
        fixture.status(json!({ "usage": usage })).put(&api);
    };
    let week = run("2026-02-23T00:00:00Z", Some("2026-02-24T16:00:00Z"));
    put("alice", "default", json!({ "runs": [week] }));
    put(
        "bob",
        "default",
        json!({"current": run("2026-03-01T10:30:00Z", None)}),
    );
    put(
        "dave",
        "team",
        json!({"current": run("2026-03-01T06:00:00Z", None)}),
    );
    let set = "set --hours user=alice:40/week --hours user=carol:0/month --hours user=*:8/day";
    quota(&api, set).done();
    let stored = api.object("resourcequotas", "default", "session-hours");
    let annotations = &stored.unwrap()["metadata"]["annotations"];
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "session-hours", "namespace": "team", "annotations": annotations}, "spec": {}}));
    quota(&api, "set --pods 5 --wait=false").done();
    api
}

#[test]
fn budgets_are_shown_with_what_is_used_and_when_they_begin_anew() {
    let api = class();
    let mut text = String::new();
    for words in [
        "show",
        "show -A -o wide",
        "show session-hours -o jsonpath={.status.hours}",
        "show session-hours --no-headers",
    ] {
        text.push_str(&format!("$ {words}\n{}\n", quota(&api, words).text()));
    }
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions";
    api.on(
        "GET",
        path,
        Answer::forbidden("eve", "list", "sessions.streaming.platform", "default"),
    );
    text.push_str(&format!(
        "$ show (no right to list sessions)\n{}",
        quota(&api, "show session-hours").text()
    ));
    golden("quota-show-hours.txt", &text);
    let found: Value =
        serde_json::from_str(quota(&class(), "show session-hours -o json").done()).unwrap();
    assert_eq!(
        found["status"]["hours"][0],
        json!({"user": "alice", "budget": "40/week", "used": "40", "free": "0", "usedPercent": 100, "renews": "2026-03-02T00:00:00Z"})
    );
}

#[test]
fn a_budget_costs_two_lists_more_and_no_budget_none() {
    let api = class();
    api.forget_requests();
    quota(&api, "show").done();
    let mut lines = api.lines();
    lines.sort();
    let [pods, quotas, sessions] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert!(pods.contains("/pods?labelSelector=") && quotas.contains("/resourcequotas"));
    assert!(sessions.contains("/sessions"));
}
