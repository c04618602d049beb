//! `-f`: every line once, across restarts, replaced Pods and broken connections.

use std::time::Instant;

use kubectl_session_logs::Logs;
use serde_json::{Value, json};
use session_shared::report::console::CapturedOutput;
use session_support::FakeApi;

use crate::play::{Play, Played};
use crate::stack::{SESSIONS, owned, stack, status, time};

/// Waits until another thread has done something.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed().as_secs() < 10, "{what} never came");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Runs `logs -f` while `act` changes the cluster.
pub fn followed(api: &FakeApi, words: &str, act: impl FnOnce(&CapturedOutput) + Send) -> Played {
    let words = format!("pr -f {words}");
    Play::on(api).meanwhile::<Logs>(&words, |printed, _| act(printed))
}

/// The last note of a session that is stopped.
pub const STOPPED: &str = "note: session \"pr\" was stopped\n";

pub fn printed(captured: &CapturedOutput, text: &str) {
    until(text, || captured.stdout().contains(text));
}

pub fn said(captured: &CapturedOutput, text: &str) {
    until(text, || captured.stderr().contains(text));
}

pub fn pod_with(api: &FakeApi, pod: &str, status_of_main: Value) {
    let mut object = api.object("pods", "default", pod).unwrap();
    object["status"]["containerStatuses"][0] = status_of_main;
    api.put(object);
}

/// Stops the session, so that no more lines can come.
pub fn stop(api: &FakeApi) {
    let mut session = api.object(SESSIONS, "default", "pr").unwrap();
    session["spec"]["state"] = "stopped".into();
    api.put(session);
    for pod in ["db-0", "api-a", "api-b"] {
        for container in ["main", "side"] {
            if api.object("pods", "default", pod).is_some() {
                api.end_run(pod, container);
            }
        }
        api.remove("pods", "default", pod);
    }
}

#[test]
fn lines_come_as_they_are_written_until_the_session_is_stopped() {
    let api = stack();
    let played = followed(&api, "", |out| {
        printed(out, "db-0/main\n");
        api.write_log("db-0", "main", &time(1), b"second\n");
        printed(out, "second\n");
        stop(&api);
    });
    assert_eq!(played.done(), "db-0/main\nsecond\n");
    assert_eq!(played.err, STOPPED);
}

#[test]
fn a_cut_connection_loses_no_line_and_repeats_none() {
    let api = stack();
    let played = followed(&api, "", |out| {
        printed(out, "db-0/main\n");
        // Lines of the same instant: only their number tells them apart.
        api.write_log("db-0", "main", &time(1), b"same\n");
        api.write_log("db-0", "main", &time(1), b"same\n");
        printed(out, "same\nsame\n");
        api.cut_logs();
        api.write_log("db-0", "main", &time(1), b"same\n");
        printed(out, "same\nsame\nsame\n");
        api.cut_logs();
        api.write_log("db-0", "main", &time(2), b"last\n");
        printed(out, "last\n");
        stop(&api);
    });
    assert_eq!(played.done(), "db-0/main\nsame\nsame\nsame\nlast\n");
}

#[test]
fn a_pod_of_the_same_name_takes_the_place_of_the_one_that_is_gone() {
    let api = stack();
    let played = followed(&api, "--tail=0 --since=1s", |out| {
        until("the log", || {
            api.lines().iter().any(|line| line.contains("/log?"))
        });
        api.write_log("db-0", "main", &time(1), b"old\n");
        printed(out, "old\n");
        let set = api.object("statefulsets.apps", "default", "db").unwrap();
        api.end_run("db-0", "main");
        api.remove("pods", "default", "db-0");
        owned(&api, "v1", "Pod", "db-0", &set);
        api.write_log("db-0", "main", &time(0), b"new\n");
        printed(out, "new\n");
        stop(&api);
    });
    assert_eq!(played.done(), "old\nnew\n");
    // The log of the old Pod may end before the new one is seen: then its deletion is told, too, always first.
    let deleted = "note: pod \"db-0\" was deleted\n";
    let err = played.err.strip_prefix(deleted).unwrap_or(&played.err);
    let replaced = "note: pod \"db-0\" was replaced by a new one\n";
    assert_eq!(err, format!("{replaced}{STOPPED}"));
}

#[test]
fn a_pod_that_is_gone_is_told_before_the_one_that_takes_its_place_later() {
    let api = stack();
    let played = followed(&api, "", |out| {
        printed(out, "db-0/main\n");
        let set = api.object("statefulsets.apps", "default", "db").unwrap();
        api.end_run("db-0", "main");
        api.remove("pods", "default", "db-0");
        said(out, "was deleted");
        owned(&api, "v1", "Pod", "db-0", &set);
        said(out, "was replaced");
        stop(&api);
    });
    let notes = "note: pod \"db-0\" was deleted\nnote: pod \"db-0\" was replaced by a new one\n";
    assert_eq!(played.err, format!("{notes}{STOPPED}"));
}

#[test]
fn a_pod_of_another_name_takes_its_place_and_lines_never_mix() {
    let api = stack();
    let played = followed(&api, "api --tail=1", |out| {
        printed(out, "api-a/main\n");
        printed(out, "api-b/main\n");
        let replicas = api.object("replicasets.apps", "default", "api-5d").unwrap();
        // The new one comes before the old one goes: a rolling update.
        owned(&api, "v1", "Pod", "api-c", &replicas);
        api.write_log("api-c", "main", &time(7), b"api-c/main\n");
        printed(out, "api-c/main\n");
        api.end_run("api-a", "main");
        api.remove("pods", "default", "api-a");
        said(out, "replaced");
        api.end_run("api-c", "main");
        api.remove("pods", "default", "api-c");
        stop(&api);
    });
    let mut lines: Vec<&str> = played.done().lines().collect();
    lines.sort_unstable();
    let named = ["a", "b", "c"].map(|pod| format!("[pod/api-{pod}/main] api-{pod}/main"));
    assert_eq!(lines, named);
    assert!(
        played
            .err
            .contains("note: pod \"api-a\" was replaced by \"api-c\"\n"),
        "{}",
        played.err
    );
}

#[test]
fn a_session_that_comes_up_is_waited_for() {
    let api = stack();
    let set = api.object("statefulsets.apps", "default", "db").unwrap();
    api.remove("pods", "default", "db-0");
    let played = followed(&api, "", |out| {
        said(out, "waiting for a pod of session \"pr\"");
        let mut pod = owned(&api, "v1", "Pod", "db-0", &set);
        let ready = pod["status"].take();
        pod["status"] = json!({"phase": "Pending"});
        api.put(pod.clone());
        pod["status"]["containerStatuses"] = json!([status(
            "main",
            "",
            json!({"waiting": {"reason": "ContainerCreating"}}),
            json!({})
        )]);
        api.put(pod.clone());
        said(out, "ContainerCreating");
        api.write_log("db-0", "main", &time(0), b"up\n");
        pod["status"] = ready;
        api.put(pod);
        printed(out, "up\n");
        stop(&api);
    });
    assert_eq!(played.done(), "up\n");
}

#[test]
fn it_ends_when_the_containers_have_ended_for_good() {
    let api = stack();
    let played = followed(&api, "-c prepare", |_| {
        let mut pod = api.object("pods", "default", "db-0").unwrap();
        let done = json!({"terminated": {"exitCode": 0, "containerID": "c://0"}});
        pod["status"]["initContainerStatuses"] =
            json!([status("prepare", "c://0", done, json!({}))]);
        api.put(pod);
    });
    assert_eq!(played.done(), "db-0/prepare\n");
}

#[test]
fn it_ends_with_the_session_and_by_ctrl_c() {
    let api = stack();
    let played = followed(&api, "", |out| {
        printed(out, "db-0/main\n");
        api.end_run("db-0", "main");
        // What it owns goes with it.
        api.remove(SESSIONS, "default", "pr");
    });
    assert_eq!(played.done(), "db-0/main\n");
    assert_eq!(played.err, "note: session \"pr\" was deleted\n");
    let api = stack();
    let played = Play::on(&api).meanwhile::<Logs>("pr -f", |out, interrupt| {
        printed(out, "db-0/main\n");
        interrupt.trigger();
    });
    assert_eq!((played.code, played.err.as_str()), (130, ""));
}

#[test]
fn the_end_of_a_pod_is_told_after_its_last_line_with_its_reason() {
    let api = stack();
    let end = "note: pod \"db-0\" failed: Evicted: The node was low on memory.\n";
    let played = followed(&api, "", |out| {
        printed(out, "db-0/main\n");
        api.write_log("db-0", "main", &time(1), b"last\n");
        api.end_run("db-0", "main");
        let mut pod = api.object("pods", "default", "db-0").unwrap();
        pod["status"] = json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."});
        api.put(pod);
        said(out, end);
        assert!(out.stdout().ends_with("last\n"), "{}", out.stdout());
        stop(&api);
    });
    assert_eq!(played.err, format!("{end}{STOPPED}"));
}

#[test]
fn a_pod_that_is_being_deleted_is_not_followed_while_another_is_there() {
    let api = stack();
    let mut pod = api.object("pods", "default", "api-a").unwrap();
    pod["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z".into();
    api.put(pod.clone());
    let played = followed(&api, "deploy/api", |out| {
        printed(out, "api-b/main\n");
        api.write_log("api-a", "main", &time(1), b"farewell\n");
        // A change of the Pod does not bring it in.
        pod["metadata"]["annotations"] = json!({"x": "y"});
        api.put(pod.clone());
        api.write_log("api-b", "main", &time(1), b"work\n");
        printed(out, "work\n");
        stop(&api);
    });
    assert_eq!(played.done(), "api-b/main\nwork\n");
}

#[test]
fn what_is_no_text_passes_and_only_so_much_of_it() {
    let api = stack();
    let bytes: Vec<u8> = (0..=255)
        .filter(|byte| *byte != b'\n')
        .chain([b'\n'])
        .collect();
    let mut out = Vec::new();
    followed(&api, "--limit-bytes=200", |captured| {
        api.write_log("db-0", "main", &time(1), &bytes);
        until("all of it", || captured.stdout_bytes().len() >= 200);
        out = captured.stdout_bytes();
        stop(&api);
    });
    assert_eq!(out, [b"db-0/main\n", &bytes[..190]].concat());
}

#[test]
fn the_time_limit_of_a_request_ends_what_is_followed() {
    let played = Play::on(&stack()).run::<Logs>("pr -f --request-timeout=1s");
    assert_eq!((played.code, played.out.as_str()), (1, "db-0/main\n"));
    assert!(
        played.err.ends_with(
            "context deadline exceeded (Client.Timeout or context cancellation while reading body)\n"
        ),
        "{}",
        played.err
    );
}
