//! Order of a stop: sync hook, spec.state, workload, wait for the Pods, status; every write names a UID.

use serde_json::json;
use session_support::{Answer, Execution, FakeApi, golden};

use crate::play::NOW;
use crate::running::{lingering, running, session, stop, written};

#[test]
fn a_pod_goes_and_everything_else_stays() {
    let api = running("alice").server();
    let played = stop(&api, "alice");
    let lines: String = api.lines().iter().map(|line| format!("{line}\n")).collect();
    golden(
        "stop-order.txt",
        &format!("{}--- requests\n{lines}", played.text()),
    );
    assert_eq!(api.executed(), [["sync-home", "--all"]]);
    assert_eq!(api.objects("pods").len(), 0);
    for (kind, name) in [
        ("services", "tool-alice"),
        ("persistentvolumeclaims", "home-alice"),
    ] {
        let stays = api.object(kind, "default", name).unwrap();
        let annotations = &stays["metadata"]["annotations"];
        assert!(annotations.get("streaming.platform/kept-since").is_none());
    }
    let session = session(&api, "alice");
    assert_eq!(session["spec"]["state"], "stopped");
    let status = &session["status"];
    assert_eq!(status["phase"], "stopped");
    assert_eq!(status.get("podName"), None);
    let condition = |kind: &str| {
        let all = status["conditions"].as_array().unwrap();
        all.iter().find(|c| c["type"] == kind).cloned().unwrap()
    };
    assert_eq!(condition("Ready")["reason"], "Stopped");
    assert_eq!(condition("Synced")["status"], "True");
    assert_eq!(condition("Synced")["lastTransitionTime"], NOW);
}

#[test]
fn every_write_insists_on_what_was_seen() {
    let api = running("alice").server();
    let uid = |kind: &str, name: &str| {
        api.object(kind, "default", name).unwrap()["metadata"]["uid"].clone()
    };
    let (owner, pod) = (
        uid("sessions.streaming.platform", "alice"),
        uid("pods", "tool-alice"),
    );
    stop(&api, "alice").done();
    for write in api.writes() {
        let body = write.json();
        if write.method == "DELETE" {
            assert_eq!(body["preconditions"]["uid"], pod);
            assert_eq!(body.get("gracePeriodSeconds"), None, "the Pod's own");
        } else {
            assert_eq!(body["metadata"]["uid"], owner);
            assert_eq!(write.query("fieldManager").unwrap(), "kubectl-session");
            assert_eq!(write.query("fieldValidation").unwrap(), "Strict");
        }
    }
    assert_eq!(written(&api).len(), 3);
}

#[test]
fn a_sync_that_fails_stops_nothing() {
    let mut text = String::new();
    let failing = Execution {
        stderr: b"copying\nno space left on device\n".to_vec(),
        code: 7,
        ..Execution::default()
    };
    let cut = Execution {
        cut: true,
        ..Execution::default()
    };
    for execution in [failing, cut] {
        let api = FakeApi::stateful();
        api.execute("sync-home", execution);
        running("alice").put(&api);
        let played = stop(&api, "alice");
        text.push_str(&played.text());
        assert_eq!(played.code, 1);
        assert!(api.writes().is_empty(), "{:?}", written(&api));
        stop(&api, "alice --skip-sync").done();
        assert_eq!(api.executed().len(), 1, "not a second time");
    }
    golden("stop-sync-failed.txt", &text);
}

/// The admission policy is not in the answers of access reviews. Where an interrupted stop has patched the Session, the Pod would be
/// deleted first.
#[test]
fn a_session_that_may_not_be_stopped_is_neither_synchronised_nor_ended() {
    let mut text = String::new();
    for state in ["running", "stopped"] {
        let api = running("alice").server();
        let mut asked = session(&api, "alice");
        asked["spec"]["state"] = state.into();
        api.put(asked);
        let path = "/apis/streaming.platform/v1/namespaces/default/sessions/alice";
        let why = "the session belongs to 'alice', but you are 'bobby'";
        api.on("PATCH", path, Answer::denied_by_policy("alice", why));
        for words in ["alice", "alice --skip-sync"] {
            api.forget_requests();
            let played = stop(&api, words);
            played.failed();
            let (told, sent) = (played.text(), api.lines());
            let patches = sent.iter().filter(|line| line.starts_with("PATCH"));
            let patches: String = patches.map(|line| format!("{line}\n")).collect();
            text.push_str(&format!("$ stop {words} ({state})\n{told}{patches}"));
        }
        assert!(api.executed().is_empty());
        assert_eq!(api.objects("pods").len(), 1);
    }
    golden("stop-not-owner.txt", &text);
}

#[test]
fn what_does_not_run_is_not_synchronised() {
    let api = running("alice").server();
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "True"}]);
    api.put(pod);
    stop(&api, "alice").done();
    assert!(api.executed().is_empty());
}

fn ended(code: u8) -> FakeApi {
    let api = running("alice").server();
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    pod["status"] = json!({"phase": phase, "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"terminated": {"exitCode": code, "reason": "Error"}}}]});
    api.put(pod);
    api
}

#[test]
fn what_has_ended_stays_as_it_ended() {
    for (code, phase) in [(0, "stopped"), (3, "failed")] {
        let api = ended(code);
        stop(&api, "alice").done();
        assert!(api.executed().is_empty(), "nothing runs in it");
        assert_eq!(api.objects("pods").len(), 0);
        let status = session(&api, "alice")["status"].clone();
        assert_eq!(status["phase"], phase);
        let message = status["conditions"][0]["message"].as_str().unwrap();
        assert!(message.contains(&code.to_string()), "{message}");
        let played = stop(&api, "alice");
        let wanted = "session.streaming.platform/alice already stopped\n";
        assert_eq!(played.done(), wanted);
    }
}

#[test]
fn a_lost_pod_is_a_stopped_session() {
    let api = running("alice").server();
    api.remove("pods", "default", "tool-alice");
    stop(&api, "alice").done();
    assert_eq!(session(&api, "alice")["status"]["phase"], "stopped");
}

#[test]
fn a_second_stop_says_so_and_writes_nothing() {
    let api = running("alice").server();
    stop(&api, "alice").done();
    let before = written(&api).len();
    let played = stop(&api, "alice");
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice already stopped\n"
    );
    assert_eq!(written(&api).len(), before);
}

#[test]
fn a_stop_that_was_cut_off_is_finished_by_the_next() {
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions/alice/status";
    for refused in ["pods", "status"] {
        let api = running("alice").server();
        let (method, pattern) = match refused {
            "pods" => ("DELETE", "/api/v1/namespaces/default/pods/tool-alice"),
            _ => ("PATCH", path),
        };
        let (lost, uid) = (
            Answer::internal("x"),
            session(&api, "alice")["metadata"]["uid"].clone(),
        );
        api.on(method, pattern, lost);
        stop(&api, "alice").failed();
        let whole = FakeApi::stateful();
        whole.execute("sync-home", Execution::default());
        for kind in [
            "sessions.streaming.platform",
            "pods",
            "services",
            "persistentvolumeclaims",
        ] {
            api.objects(kind)
                .into_iter()
                .for_each(|object| drop(whole.put(object)));
        }
        assert_eq!(
            stop(&whole, "alice").done(),
            "session.streaming.platform/alice stopped\n"
        );
        assert_eq!(session(&whole, "alice")["metadata"]["uid"], uid);
        assert_eq!(session(&whole, "alice")["status"]["phase"], "stopped");
        assert_eq!(whole.objects("pods").len(), 0);
    }
}

#[test]
fn a_stop_whose_wait_took_too_long_is_finished_by_the_next() {
    let api = lingering(running("alice")).server();
    assert_eq!(stop(&api, "alice --timeout=50ms").code, 1);
    assert_eq!(session(&api, "alice")["spec"]["state"], "stopped");
    assert_eq!(
        session(&api, "alice")["status"]["phase"],
        "running",
        "not yet"
    );
    stop(&api, "alice --wait=false").done();
    assert_eq!(session(&api, "alice")["status"]["phase"], "stopped");
}
