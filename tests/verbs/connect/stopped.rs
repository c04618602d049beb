//! Stopped sessions, which are started first, and the note for sessions that expire soon.

use kubectl_session_connect::Connect;
use kubectl_session_create::Create;
use kubectl_session_stop::Stop;
use serde_json::{Value, json};
use session_shared::labels::SESSION_HOURS;
use session_support::{Execution, FakeApi, golden};

use crate::play::Play;
use crate::running::{change, connect, pod, usual};
use crate::tool::{ready, server};

/// A stopped session that ran before; its template's shell prints `hi`.
fn rested() -> FakeApi {
    let api = server();
    api.execute("echo hi", Execution::default());
    api.react("pods", |pod| {
        let running = pod["status"]["phase"].is_string();
        if running {
            Vec::new()
        } else {
            vec![ready(pod)]
        }
    });
    Play::on(&api).run::<Create>("alice --template tool").done();
    Play::on(&api).run::<Stop>("alice").done();
    api.forget_requests();
    api
}

fn phase(api: &FakeApi) -> Value {
    let session = api.object("sessions.streaming.platform", "default", "alice");
    session.unwrap()["status"]["phase"].clone()
}

#[test]
fn a_stopped_session_is_started_and_entered() {
    let api = rested();
    let played = connect(&api, "alice");
    golden("connect-stopped.txt", &played.text());
    assert_eq!(api.executed(), [["/bin/sh", "-c", "echo hi"]]);
    assert_eq!(phase(&api), "running");
}

/// Returns the requests so far without their queries, sorted: reads, watches, writes and the command.
fn requests(api: &FakeApi) -> String {
    let mut parts = [const { Vec::new() }; 3];
    for request in api.requests() {
        let (part, line) = match (request.method.as_str(), request.query("watch")) {
            ("GET", Some(_)) => (1, format!("WATCH {}", request.path)),
            ("GET", None) if !request.path.ends_with("/exec") => (0, request.target()),
            _ => (2, request.target()),
        };
        parts[part].push(line);
    }
    parts.iter_mut().for_each(|part| part.sort());
    parts.map(|part| part.join("\n")).join("\n--\n") + "\n"
}

#[test]
fn a_stopped_session_is_read_once() {
    let api = rested();
    connect(&api, "alice").done();
    golden("connect-stopped-requests.txt", &requests(&api));
    assert_eq!(api.executed(), [["/bin/sh", "-c", "echo hi"]]);
}

/// Returns the number of LISTs of Pods.
fn lists_of_pods(api: &FakeApi) -> usize {
    let requests = api.requests();
    let lists = requests.iter().filter(|request| {
        request.target() == "GET /api/v1/namespaces/default/pods"
            && request.query("watch").is_none()
    });
    lists.count()
}

/// The wait ends with the primary Pod; the container is in the other one.
#[test]
fn a_session_of_two_pods_is_listed_after_its_start() {
    let api = rested();
    let mut template = api
        .object("sessiontemplates.streaming.platform", "", "tool")
        .unwrap();
    let manifest = template["spec"]["manifest"].as_str().unwrap().to_owned();
    let side = "\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: \"side-${SESSION_ID}\"}\nspec: {containers: [{name: side, image: a}]}\n";
    template["spec"]["manifest"] = (manifest + side).into();
    api.put(template);
    api.execute("ls", Execution::default());
    connect(&api, "alice -c side -- ls").done();
    assert_eq!(lists_of_pods(&api), 2, "{:?}", api.lines());
    let exec = api.lines().pop().unwrap();
    assert!(exec.contains("/pods/side-alice/exec?"), "{exec}");
}

#[test]
fn the_pods_of_a_controllers_start_are_listed_after_it() {
    let api = rested();
    api.put(session_support::session_fixture::controller_lease());
    api.react("sessions.streaming.platform", |session| {
        if session["spec"]["startRequest"] == session["status"]["startRequest"] {
            return Vec::new();
        }
        let mut pod = pod("tool-alice", session, &["main"]);
        pod["metadata"]["uid"] = "p-9".into();
        let mut session = session.clone();
        session["status"]["phase"] = "running".into();
        session["status"]["startRequest"] = session["spec"]["startRequest"].clone();
        session["status"]["applied"]["objects"] =
            json!([{"apiVersion": "v1", "kind": "Pod", "name": "tool-alice", "uid": "p-9"}]);
        vec![pod, session]
    });
    connect(&api, "alice").done();
    assert_eq!(api.executed(), [["/bin/sh", "-c", "echo hi"]]);
    assert_eq!(lists_of_pods(&api), 2, "{:?}", api.lines());
    let session = "GET /apis/streaming.platform/v1/namespaces/default/sessions/alice";
    let reads = api.requests();
    let reads = reads.iter().filter(|request| request.target() == session);
    assert_eq!(reads.count(), 1, "{:?}", api.lines());
}

/// Ignored Pods that were found before the start are told after it, once.
#[test]
fn ignored_pods_are_told_once() {
    let api = rested();
    let session = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap();
    let mut forged = pod("forged", &session, &["main"]);
    forged["metadata"]["uid"] = "p-66".into();
    api.put(forged);
    let played = connect(&api, "alice");
    played.done();
    let told = played.err.matches("pod \"forged\" is ignored").count();
    assert_eq!(told, 1, "{}", played.err);
    assert_eq!(api.executed(), [["/bin/sh", "-c", "echo hi"]]);
}

#[test]
fn one_that_ended_with_exit_code_0_is_started_too() {
    let api = rested();
    connect(&api, "alice").done();
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    let before = pod["metadata"]["uid"].clone();
    pod["status"] = json!({"phase": "Succeeded", "containerStatuses": [{"name": "main", "image": "", "imageID": "",
        "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]});
    api.put(pod);
    connect(&api, "alice").done();
    let after = api.object("pods", "default", "tool-alice").unwrap();
    assert_ne!(after["metadata"]["uid"], before);
}

#[test]
fn one_whose_time_was_over_gets_a_new_one() {
    let api = rested();
    change(&api, |session| {
        session["status"]["expiresAt"] = "2026-03-01T11:00:00Z".into()
    });
    connect(&api, "alice").done();
    let session = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap();
    assert_eq!(session["status"]["expiresAt"], "2026-03-01T14:00:00Z");
}

#[test]
fn nobody_is_started_against_his_word() {
    for words in ["alice --no-start", "alice --wait=false"] {
        let api = rested();
        let played = connect(&api, words);
        let text = "error: session \"alice\" is stopped\nhint: start the session: kubectl session start alice -n default\n";
        assert_eq!(played.failed(), text, "{words}");
        assert!(api.writes().is_empty() && api.executed().is_empty());
    }
    let api = rested();
    connect(&api, "alice --print -o json").done();
    connect(&api, "alice --method nope").failed();
    assert!(api.writes().is_empty());
}

#[test]
fn a_session_that_does_not_come_up_is_not_entered() {
    let api = rested();
    api.react("pods", |pod| {
        let mut pod = pod.clone();
        pod["status"] = json!({"phase": "Failed", "containerStatuses": [{"name": "main", "image": "", "imageID": "",
            "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 9, "reason": "Error"}}}]});
        vec![pod]
    });
    let played = connect(&api, "alice");
    assert_eq!(played.code, 1, "{played:#?}");
    assert!(
        played.err.contains("did not become ready"),
        "{}",
        played.err
    );
    assert!(api.executed().is_empty());
}

#[test]
fn a_time_that_is_nearly_over_is_told() {
    for (at, told) in [
        ("2026-03-01T12:09:59Z", true),
        ("2026-03-01T12:10:00Z", false),
    ] {
        let api = usual();
        change(&api, |session| session["status"]["expiresAt"] = at.into());
        let played = Play::on(&api).run::<Connect>("alice -- x");
        let text = "note: session \"alice\" expires in 9m59s; to extend: kubectl session extend alice -n default --by 1h\n";
        assert_eq!(played.err, if told { text } else { "" });
        let played = Play::on(&api).run::<Connect>("alice -q -- x");
        assert_eq!(played.err, "", "quiet");
    }
}

#[test]
fn a_session_whose_owner_has_no_hours_left_is_not_started() {
    let api = rested();
    let budget = json!({SESSION_HOURS: "{\"*\":\"0/day\"}"});
    api.put(
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "spec": {},
        "metadata": {"name": "session-hours", "namespace": "default", "annotations": budget}}),
    );
    let played = connect(&api, "alice");
    let text = "has a budget of 0 hours per day";
    assert!(played.failed().contains(text), "{played:?}");
    assert_eq!(phase(&api), "stopped");
}
