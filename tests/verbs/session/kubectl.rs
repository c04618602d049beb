//! The same answer, to kubectl and to us: what stands on stderr is the same to the byte.

use std::path::Path;

use serde_json::Value;
use session_support::{Answer, FakeApi, Output, run_binary};

use crate::program::{discoverable, kubectls, program};

/// stderr without kubectl's klog lines, and without the hints that ours adds below kubectl's words.
fn said(output: &Output) -> String {
    let klog = |line: &&str| line.starts_with('E') && line.contains(".go:");
    let lines = output.stderr.lines();
    let lines = lines.filter(|line| !klog(line) && !line.starts_with("hint: "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Every kubectl and ours, with the same flags behind different verbs: what is said and how it ends must be the same.
fn compare(config: &str, verbs: [&str; 2], words: &str, case: &str) {
    let environment = [("KUBECONFIG", config), ("PATH", "/usr/bin:/bin")];
    let call = |path: &Path, verb: &str| {
        let args: Vec<&str> = verb.split(' ').chain(words.split_whitespace()).collect();
        run_binary(path, &args, &environment, "")
    };
    let ours = call(program(), verbs[1]);
    let ends = |output: &Output| (output.code, output.stdout.clone());
    for kubectl in kubectls() {
        let theirs = call(&kubectl, verbs[0]);
        assert_eq!(said(&ours), said(&theirs), "{case} {}", kubectl.display());
        assert_eq!(ends(&ours), ends(&theirs), "{case} {}", kubectl.display());
    }
}

const GET: [&str; 2] = ["get sessions.streaming.platform", "list"];
const DELETE: [&str; 2] = ["delete sessions.streaming.platform", "delete"];

fn answers() -> Vec<(&'static str, Answer)> {
    let causes = [
        ("spec.userId", "Required value"),
        ("spec.gpu", "Invalid value: \"0.25\": must be whole"),
    ];
    let sessions = "sessions.streaming.platform";
    vec![
        ("401", Answer::unauthorized()),
        ("403", Answer::forbidden("bob", "list", sessions, "default")),
        ("409 exists", Answer::already_exists(sessions, "alice")),
        (
            "409 conflict",
            Answer::conflict(sessions, "alice", "the object has been modified"),
        ),
        ("410", Answer::expired()),
        (
            "422",
            Answer::invalid("streaming.platform", "Session", "inv", &causes),
        ),
        (
            "422 one",
            Answer::invalid("streaming.platform", "Session", "inv", &causes[..1]),
        ),
        (
            "422 twice",
            Answer::invalid("", "Session", "inv", &[causes[0], causes[0]]),
        ),
        ("500", Answer::internal("etcdserver: leader changed")),
        (
            "quota",
            Answer::quota("sessions", "q", "five", "requested: 1, used: 5, limited: 5"),
        ),
        (
            "no reason",
            Answer::status(418, "", "I'm a teapot", Value::Null),
        ),
        (
            "503",
            Answer::status(
                503,
                "ServiceUnavailable",
                "apiserver is shutting down",
                Value::Null,
            ),
        ),
    ]
}

#[test]
fn a_list_that_is_refused_reads_as_kubectls() {
    for (case, answer) in answers() {
        if case.starts_with("422") {
            // a list is never invalid, and kubectl words it so that nobody would
            continue;
        }
        let api = FakeApi::stateful();
        discoverable(&api);
        let path = "/apis/streaming.platform/v1/namespaces/default/sessions";
        api.on("GET", path, answer);
        let listening = api.listen();
        let config = listening.kubeconfig().to_str().unwrap();
        compare(config, GET, "", case);
    }
}

#[test]
fn a_deletion_that_is_refused_reads_as_kubectls() {
    for (case, answer) in answers() {
        if case == "409 conflict" {
            // ours says that this UID is gone, which is what was asked for
            continue;
        }
        let api = crate::program::server();
        let path = "/apis/streaming.platform/v1/namespaces/default/sessions/alice";
        api.on("DELETE", path, answer);
        let listening = api.listen();
        let config = listening.kubeconfig().to_str().unwrap();
        compare(config, DELETE, "alice --wait=false", case);
    }
}

#[test]
fn a_name_that_is_not_there_reads_as_kubectls() {
    let api = crate::program::server();
    let listening = api.listen();
    let config = listening.kubeconfig().to_str().unwrap();
    for words in [
        "nobody",
        "nobody --ignore-not-found",
        "alice -A",
        "-n empty",
        "-n empty -o json",
        "nobody -o json",
        "nobody noone -o name",
    ] {
        compare(config, GET, words, words);
    }
}

#[test]
fn a_way_that_leads_nowhere_reads_as_kubectls() {
    let api = crate::program::server();
    let listening = api.listen();
    let config = listening.kubeconfig().to_str().unwrap();
    for words in [
        "--server=http://127.0.0.1:1",
        "--context=nope",
        "--user=nope",
        "--cluster=nope",
        "--kubeconfig=/nowhere/config",
        "--request-timeout=soon",
    ] {
        compare(config, GET, words, words);
    }
}
