//! Reads that the sessions of a class have in common: sent once, and again after the first write.

use kubectl_session_create::Create;
use kubectl_session_start::Start;
use kubectl_session_stop::Stop;
use serde_json::json;
use session_support::{Answer, FakeApi, golden};

use crate::play::Play;
use crate::rested::{lively, requests_of, start};
use crate::room::{quota, wait_until};

const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";

/// Returns a server with a stopped class and two nodes.
fn class(sessions: usize) -> FakeApi {
    let api = lively();
    for name in ["default", "node-1", "node-2"] {
        let kind = if name == "default" {
            "Namespace"
        } else {
            "Node"
        };
        let allocatable = json!({"cpu": "64", "memory": "256Gi", "pods": "500"});
        api.put(json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "status": {"allocatable": allocatable}}));
    }
    let rows: Vec<String> = (0..sessions)
        .map(|row| format!("u{row},s-{row}\n"))
        .collect();
    let roster = format!("user,name\n{}", rows.concat());
    let play = Play::on(&api).piped(&roster);
    play.run::<Create>("--roster - --template tool --wait=false")
        .done();
    Play::on(&api).run::<Stop>("--all -y").done();
    api.forget_requests();
    api
}

/// Returns the requests before the first write, sorted.
fn planning(api: &FakeApi) -> Vec<String> {
    let requests = api.requests();
    let before = requests.iter().take_while(|request| !request.writes());
    let mut lines: Vec<String> = before
        .map(|request| format!("{}\n", request.line()))
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_class_reads_what_its_sessions_have_in_common_once() {
    let api = class(3);
    start(&api, "--all --wait=false").done();
    assert_eq!(api.repeated_reads(), [""; 0]);
    golden("start-class-requests.txt", &planning(&api).concat());
    assert_eq!(planning(&api).len(), 11 + 3 * 8);
    // Each session more costs the reads of its own objects; a large class, once, those that count the nodes for all.
    let api = class(30);
    start(&api, "--all --wait=false").done();
    assert_eq!(planning(&api).len(), 11 + 30 * 8 + 4);
}

#[test]
fn a_restart_of_a_class_asks_for_each_right_once() {
    let api = class(3);
    start(&api, "--all --wait=false").done();
    api.forget_requests();
    start(&api, "--all --restart -y --wait=false").done();
    assert_eq!(api.repeated_reads(), [""; 0]);
    let requests = api.requests();
    let reviews = requests
        .iter()
        .filter(|one| one.path.ends_with("accessreviews"));
    let mut asked: Vec<String> = reviews.map(|one| one.json()["spec"].to_string()).collect();
    let all = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), all);
}

#[test]
fn what_may_not_be_read_is_asked_for_once() {
    let api = class(3);
    let quotas = Answer::forbidden("eve", "list", "resourcequotas", "default");
    api.on("GET", QUOTAS, quotas);
    let played = start(&api, "--all --wait=false");
    played.done();
    let note = "quotas not checked: no permission to list them";
    assert!(played.err.contains(note), "{}", played.err);
    let requests = api.requests();
    let lists = requests.iter().filter(|request| request.path == QUOTAS);
    assert_eq!(lists.count(), 1);
}

#[test]
fn a_session_that_waits_for_room_reads_it_anew() {
    let api = class(3);
    quota(&api, "3");
    let play = Play::on(&api);
    let words = "--all --wait=false --wait-for-room";
    let (played, requests) = requests_of(&api, || {
        play.meanwhile::<Start>(words, |printed, _| {
            wait_until(printed, " waits for room: ");
            quota(&api, "0");
        })
    });
    assert_eq!(played.done().matches(" started\n").count(), 3);
    let lists = requests.iter();
    let lists = lists.filter(|one| one.path == QUOTAS && one.query("watch").is_none());
    assert_eq!(lists.count(), 4, "one for the plans, one for each start");
}

#[test]
fn a_class_that_does_not_fit_into_a_quota_is_told_how_many_do() {
    let api = class(3);
    quota(&api, "1");
    let played = start(&api, "--all --wait=false --parallel 1");
    golden("start-class-quota.txt", &played.text());
    quota(&api, "0");
    Play::on(&api).run::<Stop>("--all -y").done();
    let played = start(&api, "--all --wait=false");
    assert!(!played.err.contains("fit into"), "{}", played.err);
}

#[test]
fn a_class_that_the_nodes_have_no_room_for_is_told_how_many_fit() {
    let api = class(30);
    for (pods, fits) in [("12", false), ("15", true)] {
        for node in ["node-1", "node-2"] {
            let allocatable = json!({"cpu": "64", "memory": "256Gi", "pods": pods});
            api.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}, "status": {"allocatable": allocatable}}));
        }
        let played = start(&api, "--all --wait=false");
        let note = "note: only 24 of 30 sessions of template \"tool\" fit on the nodes: not enough pods; those without room stay pending \
                    until a node has room\n";
        assert_eq!(played.err.contains(note), !fits, "{}", played.err);
        assert_eq!(played.err.contains("fit on"), !fits, "{}", played.err);
        Play::on(&api).run::<Stop>("--all -y").done();
    }
}
