//! Workloads that are scaled to 0, and stops by a controller.

use serde_json::json;
use session_shared::labels;
use session_support::session_fixture::{SESSIONS, controller_lease};
use session_support::{FakeApi, golden};

use crate::running::{lingering, running, session, stop, stop_and_end, written};

#[test]
fn what_can_rest_is_scaled_to_0_and_its_count_remembered() {
    let mut text = String::new();
    for kind in ["StatefulSet", "Deployment"] {
        let api = running("alice").workload(kind, 2).server();
        let played = stop_and_end(&api, "alice");
        text.push_str(&format!("{kind}\n{}", played.text()));
        written(&api)
            .iter()
            .for_each(|line| text.push_str(&format!("{line}\n")));
        let plural = format!("{}s.apps", kind.to_lowercase());
        let set = api.object(&plural, "default", "tool-alice").unwrap();
        assert_eq!(set["spec"]["replicas"], 0);
        let status = session(&api, "alice")["status"].clone();
        let counts = &status["applied"]["replicas"];
        assert_eq!(
            *counts,
            json!({format!("{kind}/tool-alice"): 2}),
            "not what the start made"
        );
        assert_eq!(
            stop(&api, "alice").done(),
            "session.streaming.platform/alice already stopped\n"
        );
    }
    golden("stop-scaled.txt", &text);
}

#[test]
fn a_second_try_does_not_lose_the_count() {
    let api = lingering(running("alice").workload("StatefulSet", 2)).server();
    assert_eq!(stop(&api, "alice --timeout=50ms").code, 1);
    let set = api
        .object("statefulsets.apps", "default", "tool-alice")
        .unwrap();
    assert_eq!(set["spec"]["replicas"], 0);
    stop(&api, "alice --wait=false").done();
    let counts = session(&api, "alice")["status"]["applied"]["replicas"].clone();
    assert_eq!(counts["StatefulSet/tool-alice"], 2);
}

/// A controller for tests: it writes a phase when spec.state changes.
fn controlled(phase: &'static str) -> FakeApi {
    let api = running("alice").server();
    api.put(controller_lease());
    api.react(SESSIONS, move |session| {
        let mut session = session.clone();
        if session["spec"]["state"] != "stopped" {
            return Vec::new();
        }
        session["status"]["phase"] = phase.into();
        if phase == "running" {
            session["status"]["conditions"] = json!([{"type": "Synced", "status": "False", "reason": "SyncFailed",
                "message": "exit code 7", "lastTransitionTime": "2026-03-01T12:00:00Z"}]);
        }
        vec![session]
    });
    api
}

#[test]
fn a_controller_whose_sync_fails_is_told() {
    let api = controlled("running");
    golden("stop-controller-sync.txt", &stop(&api, "alice").text());
    let api = controlled("stopped");
    stop(&api, "alice --skip-sync").done();
    assert_eq!(
        session(&api, "alice")["metadata"]["annotations"][labels::SKIP_SYNC],
        "true"
    );
}
