//! Resize of a class: one session in place, one by a restart, one that cannot be resized.

use kubectl_session_create::Create;
use kubectl_session_resize::Resize;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, SessionFixture, golden};

use crate::play::Play;
use crate::restart::MANIFEST;
use crate::scene::{SESSIONS, kept, resize};

const WORDS: &str = "--template tool --memory 512Mi --restart";

/// Starts a Pod, or resizes its container.
fn obey(pod: &Value) -> Vec<Value> {
    let mut after = pod.clone();
    let wanted = &pod["spec"]["containers"][0]["resources"];
    let container = json!({"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {"startedAt": "2026-03-01T12:00:00Z"}}, "resources": wanted, "allocatedResources": wanted["requests"]});
    after["spec"]["nodeName"] = "node-1".into();
    after["status"] = json!({"phase": "Running", "containerStatuses": [container],
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]});
    if after == *pod { vec![] } else { vec![after] }
}

/// Returns a server with the sessions of a class: memory of alice cannot be lowered in place, bob obeys, carol is stopped.
fn class() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {"manifest": MANIFEST}}));
    api.react("pods", obey);
    for name in ["alice", "bob"] {
        let words = format!("{name} --template tool");
        Play::on(&api).run::<Create>(&words).done();
    }
    SessionFixture::stopped("carol").put(&api);
    let cause = "Forbidden: memory limits cannot be decreased";
    let causes = [("spec.containers[0].resources.limits", cause)];
    let path = "/api/v1/namespaces/default/pods/tool-alice/resize";
    let answer = Answer::invalid("", "Pod", "tool-alice", &causes);
    api.on("PATCH", path, answer);
    api.forget_requests();
    api
}

fn memory(api: &FakeApi, name: &str) -> Value {
    api.object(SESSIONS, "default", name).unwrap()["spec"]["resources"]["memory"].clone()
}

#[test]
fn a_class_is_resized_and_a_failure_stops_no_other() {
    let api = class();
    let words = format!("{WORDS} -y --rate 100/s --parallel 1");
    golden("resize-class.txt", &resize(&api, &words).text());
    assert_eq!(api.repeated_reads(), [""; 0]);
    let sizes = ["alice", "bob", "carol"].map(|name| memory(&api, name));
    assert_eq!(sizes, [json!("512Mi"), json!("512Mi"), Value::Null]);
}

#[test]
fn a_restart_among_several_has_to_be_confirmed() {
    let api = class();
    golden("resize-class-refused.txt", &resize(&api, WORDS).text());
    assert_eq!(kept(&api), [""; 0]);
    for (answer, restarts) in [("n\n", false), ("y\n", true)] {
        let api = class();
        let before = api.object("pods", "default", "tool-alice").unwrap();
        let play = Play::on(&api).at_terminal(answer);
        let played = play.run::<Resize>(WORDS);
        assert!(
            played.out.contains("/alice\n") && !played.out.contains("/bob\n"),
            "{played:?}"
        );
        let after = api.object("pods", "default", "tool-alice").unwrap();
        let is_new = before["metadata"]["uid"] != after["metadata"]["uid"];
        assert_eq!(is_new, restarts, "{answer:?}");
        assert_eq!(memory(&api, "bob").is_string(), restarts, "{answer:?}");
    }
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    let api = class();
    let words = format!("{WORDS} --dry-run=client");
    golden("resize-class-dry-run.txt", &resize(&api, &words).text());
    assert_eq!(kept(&api), [""; 0]);
}

#[test]
fn replicas_of_several_sessions_are_set() {
    let api = FakeApi::stateful();
    for name in ["alice", "bob"] {
        let session = SessionFixture::running(name).workload("Deployment", 1);
        session.put(&api);
    }
    SessionFixture::running("carol").put(&api);
    let words = "--all --replicas tool-alice=1 --wait=false";
    golden("resize-class-replicas.txt", &resize(&api, words).text());
}
