//! A start for which there is no room: refused before it writes, or it waits.

use std::time::{Duration, Instant};

use kubectl_session_start::Start;
use serde_json::json;
use session_shared::client::interrupt::Interrupt;
use session_shared::report::console::CapturedOutput;
use session_support::{Answer, FakeApi, golden};

use crate::play::{Play, Played};
use crate::rested::{requests_of, rested, session, start, written};

pub fn quota(api: &FakeApi, used: &str) {
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "default"},
        "spec": {"hard": {"pods": "3"}}, "status": {"hard": {"pods": "3"}, "used": {"pods": used}}}));
}

/// Starts with `--wait-for-room`, and does `act` when it waits.
fn waiting(api: &FakeApi, act: impl FnOnce(&Interrupt) + Send) -> Played {
    let words = "alice --wait=false --wait-for-room";
    Play::on(api).meanwhile::<Start>(words, |printed, interrupt| {
        wait_until(printed, " waits for room: ");
        act(interrupt);
    })
}

/// Waits until that has been said on standard error.
pub fn wait_until(printed: &CapturedOutput, said: &str) {
    let begun = Instant::now();
    while !printed.stderr().contains(said) {
        assert!(begun.elapsed().as_secs() < 20, "never said: {said}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_start_waits_for_room_and_goes_on_by_itself() {
    let api = rested();
    quota(&api, "3");
    let (played, requests) = requests_of(&api, || waiting(&api, |_| quota(&api, "2")));
    golden("start-room.txt", &played.text());
    assert!(!written(&requests).is_empty());
    assert_eq!(session(&api)["spec"]["state"], "running");
}

#[test]
fn a_start_that_loses_the_race_waits_again() {
    let api = rested();
    quota(&api, "2");
    let detail = "requested: pods=1, used: pods=3, limited: pods=3";
    let refusal = Answer::quota("pods", "tool-alice", "q", detail);
    api.on("POST", "/api/v1/namespaces/default/pods", refusal);
    waiting(&api, |_| api.forget_answers()).done();
    assert!(api.object("pods", "default", "tool-alice").is_some());
}

#[test]
fn without_the_flag_a_start_that_loses_the_race_reads_as_the_check_does() {
    let api = rested();
    let detail = "requested: pods=1, used: pods=3, limited: pods=3";
    let refusal = Answer::quota("pods", "tool-alice", "q", detail);
    api.on("POST", "/api/v1/namespaces/default/pods", refusal);
    let played = start(&api, "alice");
    golden("start-quota-race.txt", played.failed());
}

#[test]
fn ctrl_c_ends_the_wait_and_nothing_is_written() {
    let api = rested();
    quota(&api, "3");
    let (played, requests) = requests_of(&api, || waiting(&api, Interrupt::trigger));
    assert_eq!(played.code, 130, "{played:?}");
    assert_eq!(written(&requests), [""; 0]);
}
