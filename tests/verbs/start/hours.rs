//! Budgets of running hours: told and refused before anything is written; runs in the status.

use kubectl_session_create::Create;
use kubectl_session_stop::Stop;
use serde_json::{Value, json};
use session_shared::labels::SESSION_HOURS;
use session_support::session_fixture::SessionFixture;
use session_support::{Answer, FakeApi, golden};

use crate::play::{NOW, Play};
use crate::rested::{KIND, requests_of, rested, running, start};

const LIST: &str = "/apis/streaming.platform/v1/namespaces/default/sessions";

fn put_budget(api: &FakeApi, budgets: &str) {
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "spec": {},
        "metadata": {"name": "session-hours", "namespace": "default", "annotations": {SESSION_HOURS: budgets}}}));
}

/// Puts a session of alice that has run on the day of the tests (2026-03-01, a Sunday) from 00:00 on.
fn put_used(api: &FakeApi, until: &str) {
    let used = json!({"runs": [{"startTime": "2026-03-01T00:00:00Z", "endTime": until}]});
    SessionFixture::stopped("earlier")
        .status(json!({"usage": used}))
        .put(api);
}

fn usage(api: &FakeApi) -> Value {
    api.object(KIND, "default", "alice").unwrap()["status"]["usage"].clone()
}

#[test]
fn create_start_and_restart_are_refused_when_the_budget_is_used_up() {
    let mut text = String::new();
    for (verb, words) in [
        ("create", "new --template tool --user-id alice"),
        ("start", "alice"),
        ("start", "alice --restart -y"),
    ] {
        let api = if words.contains("restart") {
            running()
        } else {
            rested()
        };
        put_budget(&api, r#"{"alice":"8/week"}"#);
        put_used(&api, "2026-03-01T08:00:00Z");
        let (played, sent) = requests_of(&api, || match verb {
            "create" => Play::on(&api).run::<Create>(words),
            _ => start(&api, words),
        });
        text.push_str(&format!("$ {verb} {words}\n{}", played.text()));
        assert!(
            !sent
                .iter()
                .any(|request| request.writes() && request.method != "POST"),
            "{sent:?}"
        );
        let played = match verb {
            "create" => {
                Play::on(&api).run::<Create>(&format!("{words} --skip-checks --wait=false"))
            }
            _ => start(&api, &format!("{words} --skip-checks --wait=false")),
        };
        assert!(
            played
                .err
                .contains("note: quotas, classes and budgets of running hours not checked\n")
        );
        played.done();
    }
    golden("start-hours.txt", &text);
}

#[test]
fn what_is_nearly_used_up_is_noted_and_others_budgets_do_not_count() {
    let api = rested();
    put_budget(&api, r#"{"*":"8/day"}"#);
    put_used(&api, "2026-03-01T07:30:00Z");
    let played = start(&api, "alice");
    let note = "note: user \"alice\" has used 7.5 of 8 hours today: 30m left\n";
    assert!(played.err.contains(note), "{played:?}");
    let api = rested();
    put_budget(&api, r#"{"bob":"0/day"}"#);
    put_used(&api, "2026-03-01T08:00:00Z");
    let (played, sent) = requests_of(&api, || start(&api, "alice"));
    played.done();
    assert!(
        !sent.iter().any(|request| request.path == LIST),
        "no budget, no list"
    );
}

#[test]
fn a_run_that_ended_by_itself_does_not_count_to_now() {
    let api = rested();
    put_budget(&api, r#"{"alice":"4/day"}"#);
    let end = json!({"containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 0, "finishedAt": "2026-03-01T01:00:00Z"}}}], "phase": "Succeeded"});
    let current = json!({"usage": {"current": {"startTime": "2026-03-01T00:00:00Z"}}});
    let ended = SessionFixture::running("ended").pod_fields(json!({"status": end}));
    ended.status(current).put(&api);
    start(&api, "alice").done();
}

#[test]
fn budgets_that_cannot_be_checked_are_noted() {
    let api = rested();
    put_budget(&api, "40");
    let played = start(&api, "alice");
    assert!(
        played
            .err
            .contains("note: running hours not checked: annotation"),
        "{played:?}"
    );
    let api = rested();
    put_budget(&api, r#"{"alice":"0/day"}"#);
    api.on(
        "GET",
        LIST,
        Answer::forbidden("alice", "list", "sessions.streaming.platform", "default"),
    );
    let played = start(&api, "alice");
    assert!(
        played
            .err
            .contains("note: running hours not checked: no permission to list sessions\n"),
        "{played:?}"
    );
    played.done();
}

#[test]
fn starts_and_stops_record_the_runs() {
    let api = running();
    let current = usage(&api)["current"].clone();
    assert_eq!(current["startTime"], NOW);
    assert!(current["storage"].is_string(), "{current}");
    Play::on(&api).run::<Stop>("alice").done();
    let first = json!({"startTime": NOW, "endTime": NOW, "storage": current["storage"]});
    assert_eq!(usage(&api), json!({"runs": [first]}));
    start(&api, "alice").done();
    assert_eq!(usage(&api), json!({"runs": [first], "current": current}));
}
