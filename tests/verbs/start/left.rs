//! Start of sessions that are incomplete, ended or lost.

use serde_json::{Value, json};
use session_support::FakeApi;

use crate::rested::{KIND, lively, object, requests_of, running, session, start, uid, written};
use crate::tool::{MADE, left, ready};

/// Returns a server with the first `count` objects of a create that was killed, in the order of their POSTs.
fn half_made(count: usize) -> FakeApi {
    let (whole, api) = (running(), lively());
    for made in &MADE[..count] {
        let (kind, name) = made.split_once('/').unwrap();
        let mut object = object(&whole, kind, name);
        if kind == KIND {
            object.as_object_mut().unwrap().shift_remove("status");
        }
        api.put(object);
    }
    api
}

#[test]
fn a_create_that_was_killed_is_finished_wherever_it_was() {
    for count in 1..=MADE.len() {
        let api = half_made(count);
        let before: Vec<String> = MADE[..count]
            .iter()
            .map(|made| made.split_once('/').unwrap())
            .map(|(kind, name)| uid(&api, kind, name))
            .collect();
        let (played, requests) = requests_of(&api, || start(&api, "alice"));
        let line = "session.streaming.platform/alice started\n";
        assert_eq!(played.done(), line, "after {count}");
        let mut wanted: Vec<String> = MADE.iter().map(|&made| made.to_owned()).collect();
        let mut there = left(&api);
        wanted.sort();
        there.sort();
        assert_eq!(there, wanted, "after {count}");
        for (made, uid_before) in MADE.iter().zip(before) {
            let (kind, name) = made.split_once('/').unwrap();
            assert_eq!(uid(&api, kind, name), uid_before, "after {count}: {made}");
        }
        assert_eq!(session(&api)["status"]["phase"], "running");
        let deleted = written(&requests)
            .into_iter()
            .find(|line| line.starts_with("DELETE"));
        assert_eq!(deleted, None, "after {count}");
    }
}

#[test]
fn a_password_that_was_kept_is_not_generated_again() {
    let api = half_made(2);
    let kept = object(&api, "secrets", "session-alice-parameters")["data"]["PASSWORD"].clone();
    assert!(kept.is_string());
    start(&api, "alice").done();
    assert_eq!(
        object(&api, "secrets", "tool-alice")["data"]["password"],
        kept
    );
}

fn ended(api: &FakeApi, code: i64) {
    let mut pod = object(api, "pods", "tool-alice");
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    pod["status"] = json!({"phase": phase, "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"terminated": {"exitCode": code, "reason": "Error"}}}]});
    api.put(pod);
}

#[test]
fn a_pod_that_ended_is_made_again() {
    for code in [0, 3] {
        let api = running();
        let before = uid(&api, "pods", "tool-alice");
        ended(&api, code);
        let (played, requests) = requests_of(&api, || start(&api, "alice"));
        assert_eq!(played.done(), "session.streaming.platform/alice started\n");
        assert_ne!(uid(&api, "pods", "tool-alice"), before);
        let delete = requests.iter().find(|request| request.method == "DELETE");
        assert_eq!(delete.unwrap().json()["preconditions"]["uid"], before);
        assert_eq!(session(&api)["status"]["phase"], "running");
    }
}

#[test]
fn a_lost_pod_is_made_again() {
    let api = running();
    api.remove("pods", "default", "tool-alice");
    start(&api, "alice").done();
    assert_eq!(session(&api)["status"]["phase"], "running");
    object(&api, "pods", "tool-alice");
}

/// A terminating Pod still holds its name.
#[test]
fn a_pod_on_its_way_out_is_waited_for() {
    let api = running();
    let mut pod: Value = ready(&object(&api, "pods", "tool-alice"));
    pod["metadata"]["finalizers"] = json!(["example.com/kubelet"]);
    pod["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z".into();
    let before = api.put(pod)["metadata"]["uid"].clone();
    let awaited = "fieldSelector=metadata.name%3Dtool-alice";
    let played =
        crate::play::Play::on(&api).meanwhile::<kubectl_session_start::Start>("alice", |_, _| {
            let begun = std::time::Instant::now();
            while !api.lines().iter().any(|line| line.contains(awaited)) {
                assert!(begun.elapsed().as_secs() < 10, "nobody asked for {awaited}");
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            api.remove("pods", "default", "tool-alice");
        });
    played.done();
    assert_ne!(uid(&api, "pods", "tool-alice"), before);
}
