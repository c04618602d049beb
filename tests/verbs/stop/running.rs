//! Fixtures: running sessions as `create` leaves them, and the writes of a stop.

use kubectl_session_stop::Stop;
use serde_json::Value;
use session_support::session_fixture::SESSIONS;
use session_support::{FakeApi, Recorded, SessionFixture};

use crate::play::{Play, Played};

/// Returns a running session with a sync hook, a Service and a claim.
pub fn running(name: &str) -> SessionFixture {
    without_claim(name).home()
}

pub fn without_claim(name: &str) -> SessionFixture {
    SessionFixture::running(name).sync().service()
}

/// Returns the session with a Pod that stays until its finalizer is removed.
pub fn lingering(fixture: SessionFixture) -> SessionFixture {
    fixture.pod_fields(serde_json::json!({"metadata": {"finalizers": ["example.com/kubelet"]}}))
}

pub fn stop(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Stop>(words)
}

/// Runs stop and removes the Pod when it is watched, as a controller or kubelet does.
pub fn stop_and_end(api: &FakeApi, words: &str) -> Played {
    let awaited = "fieldSelector=metadata.name%3Dtool-alice";
    Play::on(api).meanwhile::<Stop>(words, |_, _| {
        let begun = std::time::Instant::now();
        while !api.lines().iter().any(|line| line.contains(awaited)) {
            assert!(begun.elapsed().as_secs() < 10, "nobody asked for {awaited}");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        api.remove("pods", "default", "tool-alice");
    })
}

/// Returns the writes in order: verb, object and subresource.
pub fn written(api: &FakeApi) -> Vec<String> {
    api.writes().iter().map(short).collect()
}

fn short(request: &Recorded) -> String {
    let path = request
        .path
        .split("/default/")
        .nth(1)
        .unwrap_or(&request.path);
    format!("{} {path}", request.method)
}

pub fn session(api: &FakeApi, name: &str) -> Value {
    api.object(SESSIONS, "default", name).unwrap()
}
