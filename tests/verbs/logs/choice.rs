//! Choice of Pods and containers.

use serde_json::json;
use session_support::{Answer, golden};

use crate::stack::{SESSIONS, logs, stack, stack_with};

#[test]
fn whose_logs_are_printed() {
    let api = stack();
    let mut text = String::new();
    for words in [
        "pr",
        "session/pr -c side",
        "pr --prefix",
        "pr --timestamps",
        "pr --all-containers",
        "pr --all-containers --prefix=false",
        "pr api",
        "pr deploy/api -q",
        "pr deployments.apps/api -c prepare",
        "pr api-b -c main",
        "pr pod/api-b -c main --prefix",
        "pr -c nowhere",
        "pr web",
        "pr sts/api",
        "pr pod/foreign",
        "pr -p",
        "nobody",
    ] {
        let played = logs(&api, words);
        text.push_str(&format!("$ logs {words}\n{}", played.text()));
    }
    golden("logs-choice.txt", &text);
}

#[test]
fn what_is_asked_of_the_server_is_what_was_typed() {
    let api = stack();
    logs(
        &api,
        "pr -p -c main --tail=5 --since=90s --timestamps --limit-bytes=100",
    )
    .failed();
    logs(&api, "pr --since-time=2026-03-01T13:00:00+01:00").done();
    golden("logs-requests.txt", &api.lines().join("\n"));
}

#[test]
fn the_annotation_chooses_and_the_first_is_told() {
    let api = stack_with(None);
    let first = logs(&api, "pr");
    assert_eq!(first.done(), "db-0/main\n");
    let out_of = "main, side, debug (ephem), prepare (init)";
    assert_eq!(
        first.err,
        format!("Defaulted container \"main\" out of: {out_of}\n")
    );
    let annotate = |name: &str| {
        let mut pod = api.object("pods", "default", "db-0").unwrap();
        pod["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/default-container": name});
        api.put(pod);
        logs(&api, "pr")
    };
    let side = annotate("side");
    assert_eq!((side.done(), side.err.as_str()), ("db-0/side\n", ""));
    let none = annotate("none");
    assert_eq!(none.done(), "db-0/main\n");
    assert_eq!(
        none.err,
        format!(
            "Default container name \"none\" not found in pod db-0\nDefaulted container \"main\" out of: {out_of}\n"
        )
    );
}

#[test]
fn a_session_without_pods_says_what_became_of_them() {
    let api = stack();
    for pod in ["db-0", "api-a", "api-b"] {
        api.remove("pods", "default", pod);
    }
    let mut text = String::new();
    let mut tell = |words: &str| {
        let played = logs(&api, words);
        text.push_str(&format!("$ logs {words}\n{}", played.failed()));
    };
    tell("pr");
    tell("pr api");
    let mut session = api.object(SESSIONS, "default", "pr").unwrap();
    session["spec"]["state"] = "stopped".into();
    api.put(session.clone());
    tell("pr");
    tell("pr --previous");
    tell("pr -f");
    session["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z".into();
    session["metadata"]["finalizers"] = json!(["x/y"]);
    api.put(session);
    tell("pr -f");
    golden("logs-absent.txt", &text);
}

#[test]
fn a_right_that_is_missing_is_named() {
    let api = stack();
    let path = "/api/v1/namespaces/default/pods/db-0/log";
    let refused = Answer::forbidden("alice", "get", "pods/log", "default");
    api.on("GET", path, refused);
    for words in ["pr", "pr -f"] {
        let played = logs(&api, words);
        let error = played.failed();
        assert!(
            error.starts_with("Error from server (Forbidden): "),
            "{error}"
        );
        assert!(
            error.contains("\nhint: ask an administrator to grant get on pods/log in namespace \"default\" with one of the roles view, edit, session-user: "),
            "{error}"
        );
    }
}

#[test]
fn a_log_that_cannot_be_read_keeps_no_other_back() {
    let api = stack();
    api.on(
        "GET",
        "/api/v1/namespaces/default/pods/api-a/log",
        Answer::status(
            400,
            "BadRequest",
            "container \"main\" in pod \"api-a\" is waiting to start: ContainerCreating",
            json!(null),
        ),
    );
    let played = logs(&api, "pr api -q");
    assert_eq!(
        (played.code, played.out.as_str()),
        (1, "[pod/api-b/main] api-b/main\n")
    );
    assert_eq!(
        played.err,
        "Error from server (BadRequest): container \"main\" in pod \"api-a\" is waiting to start: ContainerCreating\n"
    );
}
