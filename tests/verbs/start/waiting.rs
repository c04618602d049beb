//! The wait until the session is ready, and starts that fail before.

use kubectl_session_create::Create;
use kubectl_session_stop::Stop;
use serde_json::json;
use session_support::{Answer, FakeApi, golden};

use crate::play::Play;
use crate::rested::{requests_of, rested, session, start, written};
use crate::tool::{server, waiting};

/// Returns a server with a stopped session, where no Pod becomes ready.
fn lame() -> FakeApi {
    let api = server();
    Play::on(&api)
        .run::<Create>("alice --template tool --wait=false")
        .done();
    Play::on(&api).run::<Stop>("alice").done();
    api
}

#[test]
fn without_waiting_the_pod_is_made_and_told() {
    let api = lame();
    let played = start(&api, "alice --wait=false");
    golden("start-no-wait.txt", &played.text());
    assert_eq!(session(&api)["status"]["phase"], "pending");
    let (played, requests) = requests_of(&api, || start(&api, "alice --wait=false"));
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice already starting\n"
    );
    assert_eq!(written(&requests), [""; 0]);
}

#[test]
fn a_session_that_does_not_come_up_is_kept_and_explained() {
    let api = lame();
    api.react("pods", |pod| {
        let told = pod["status"]["phase"].is_string();
        if told {
            Vec::new()
        } else {
            vec![waiting(pod, "InvalidImageName", "no such name")]
        }
    });
    let played = start(&api, "alice");
    golden("start-hopeless.txt", &played.text());
    assert_eq!(
        (played.code, session(&api)["status"]["phase"].clone()),
        (1, json!("failed"))
    );
}

#[test]
fn a_start_that_was_cut_off_is_finished_by_the_next() {
    for (method, path) in [
        ("POST", "/api/v1/namespaces/default/pods"),
        (
            "PATCH",
            "/apis/streaming.platform/v1/namespaces/default/sessions/alice/status",
        ),
        ("PATCH", "/api/v1/namespaces/default/services/tool-alice"),
    ] {
        let api = rested();
        api.on(method, path, Answer::internal("x"));
        let cut = start(&api, "alice");
        assert_eq!(cut.code, 1, "{method} {path}: {cut:?}");
        let way = "hint: continue with: kubectl session start alice -n default\n";
        assert!(cut.err.contains(way), "{}", cut.err);
        api.forget_answers();
        let line = "session.streaming.platform/alice started\n";
        assert_eq!(start(&api, "alice").done(), line, "{method} {path}");
        assert_eq!(session(&api)["status"]["phase"], "running");
    }
}

#[test]
fn a_quota_that_has_no_room_is_told_before_anything_is_written() {
    let api = rested();
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "default"},
        "spec": {"hard": {"pods": "3"}}, "status": {"hard": {"pods": "3"}, "used": {"pods": "3"}}}));
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    golden("start-quota.txt", played.failed());
    assert_eq!(written(&requests), [""; 0]);
    start(&api, "alice --skip-checks").done();
}
