//! The table: phases from Pods, remaining times, empty lists.

use serde_json::json;
use session_support::{Answer, FakeApi, Recorded, SessionFixture, golden};

use crate::class::{class, list, names};

#[test]
fn sessions_are_joined_with_what_their_pods_say() {
    let api = class();
    let played = list(&api, "");
    let mut lines = api.lines();
    lines.sort();
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    golden(
        "list-table.txt",
        &format!("{}--- requests\n{lines}", played.text()),
    );
    let of_list = |request: &&Recorded| request.query("includeObject").is_some();
    for request in api.requests().iter().filter(of_list) {
        let accept = request.header("accept");
        assert!(
            accept.starts_with("application/json;as=Table;v=v1;g=meta.k8s.io"),
            "{accept}"
        );
        assert_eq!(request.query("limit").unwrap(), "500");
    }
}

#[test]
fn sessions_that_leave_no_doubt_cost_two_requests() {
    let api = FakeApi::stateful();
    SessionFixture::running("one").put(&api);
    SessionFixture::stopped("two").put(&api);
    for words in ["", "-o wide", "-o json"] {
        let before = api.requests().len();
        list(&api, words).done();
        assert_eq!(
            api.requests().len() - before,
            2,
            "{words}: {:?}",
            api.lines()
        );
    }
}

#[test]
fn wide_names_pods_nodes_and_endpoints() {
    golden("list-wide.txt", &list(&class(), "-o wide").text());
}

#[test]
fn all_namespaces_stand_in_a_column() {
    let api = class();
    golden("list-all.txt", &list(&api, "-A").text());
    let paths: Vec<String> = api.requests().iter().map(|r| r.path.clone()).collect();
    assert!(paths.contains(&"/apis/streaming.platform/v1/sessions".to_owned()));
    assert!(paths.contains(&"/api/v1/pods".to_owned()), "{paths:?}");
}

#[test]
fn the_other_list_flags_are_kubectls() {
    let mut text = String::new();
    for words in [
        "--no-headers",
        "--show-labels",
        "-L streaming.platform/user",
        "--show-kind",
        "--sort-by=.spec.userId",
        "--sort-by={.status.expiresAt}",
    ] {
        text.push_str(&format!("$ list {words}\n{}", list(&class(), words).text()));
    }
    golden("list-flags.txt", &text);
}

#[test]
fn an_empty_namespace_says_so_on_stderr() {
    for (words, text) in [
        ("", "No resources found in default namespace.\n"),
        ("--no-headers", "No resources found in default namespace.\n"),
        ("-o wide", "No resources found in default namespace.\n"),
        ("-A", "No resources found\n"),
        ("--ignore-not-found", ""),
    ] {
        let api = FakeApi::stateful();
        let played = list(&api, words);
        assert_eq!((played.done(), played.err.as_str()), ("", text), "{words}");
    }
}

#[test]
fn what_may_not_be_seen_of_pods_is_done_without() {
    let api = class();
    let refused = Answer::forbidden("alice", "list", "pods", "default");
    api.on("GET", "/api/v1/namespaces/default/pods", refused);
    let played = list(&api, "");
    golden("list-no-pods.txt", &played.text());
}

#[test]
fn what_may_not_be_seen_of_sessions_is_an_error() {
    let api = class();
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions";
    let refused = Answer::forbidden("alice", "list", "sessions.streaming.platform", "default");
    api.on("GET", path, refused);
    assert_eq!(
        list(&api, "").failed(),
        "Error from server (Forbidden): sessions.streaming.platform is forbidden: User \"alice\" cannot list resource \
         \"sessions\" in API group \"streaming.platform\" in the namespace \"default\"\n\
         hint: ask an administrator to grant list on sessions in namespace \"default\" with one of the roles view, edit, session-user: kubectl create rolebinding view-alice \
         --clusterrole view --user alice -n default\n"
    );
}

#[test]
fn pages_are_asked_for_until_there_are_no_more() {
    let api = class();
    let played = list(&api, "--chunk-size=2");
    assert_eq!(names(&played).len(), 6);
    let sessions = api
        .lines()
        .into_iter()
        .filter(|line| line.contains("/sessions?"));
    let sessions: Vec<String> = sessions.collect();
    assert_eq!(sessions.len(), 3, "{sessions:?}");
    assert!(sessions[1].contains("continue=2"), "{sessions:?}");
    let api = class();
    list(&api, "--chunk-size=0").done();
    let lines = api.lines();
    let mut lists = lines.iter().filter(|line| line.contains("includeObject="));
    assert!(lists.all(|line| !line.contains("limit=")), "{lines:?}");
}

#[test]
fn a_cell_shows_no_control_characters_of_others() {
    let api = FakeApi::stateful();
    let mut odd = crate::class::session("default", "odd", "u", json!({"phase": "running"}));
    odd["spec"]["userId"] = "a\u{1b}[31mb\nc".into();
    api.put(odd);
    let played = list(&api, "");
    assert!(!played.done().contains('\u{1b}'), "{:?}", played.out);
    assert!(played.out.contains("a^[[31mb..."), "{:?}", played.out);
}
