//! Selection of sessions, and dry runs.

use session_support::{FakeApi, golden};

use crate::running::{delete, left, running, with_policy, written};

fn two() -> FakeApi {
    let api = running("alice").server();
    let bob = running("bob");
    bob.put(&api);
    api
}

#[test]
fn what_is_not_there_is_told_after_what_went() {
    let api = two();
    let played = delete(&api, "alice nobody bob noone");
    golden("delete-missing.txt", &played.text());
    assert_eq!(played.code, 1);
    assert_eq!(left(&api).len(), 4, "kept claims and their secrets");
}

#[test]
fn what_is_not_there_may_be_passed_over() {
    let api = two();
    let played = delete(&api, "nobody alice --ignore-not-found");
    let wanted = "session.streaming.platform \"alice\" deleted from default namespace\n";
    assert_eq!(played.done(), wanted);
    let played = delete(&api, "nobody");
    assert_eq!(
        played.failed(),
        "Error from server (NotFound): sessions.streaming.platform \"nobody\" not found\n"
    );
}

#[test]
fn a_selection_is_the_servers() {
    let api = two();
    let played = delete(&api, "-l streaming.platform/user=alice,app!=x");
    let list = api
        .lines()
        .into_iter()
        .find(|line| line.contains("/sessions?"));
    assert!(
        list.as_deref()
            .is_some_and(|line| line
                .contains("labelSelector=streaming.platform%2Fuser%3Dalice%2Capp%21%3Dx")),
        "{list:?}"
    );
    assert_eq!(played.done().lines().count(), 2);
    let api = two();
    assert_eq!(delete(&api, "--all").done().lines().count(), 2);
}

#[test]
fn a_selection_that_finds_nothing_is_no_error() {
    let api = FakeApi::stateful();
    let played = delete(&api, "--all");
    let said = (played.done(), played.err.as_str());
    assert_eq!(said, ("", "No resources found\n"));
}

#[test]
fn names_as_list_prints_them_are_taken() {
    let api = two();
    let played = delete(&api, "session.streaming.platform/alice session/bob -o name");
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice\nsession.streaming.platform/bob\n"
    );
}

#[test]
fn one_that_fails_stops_no_other() {
    let api = FakeApi::stateful();
    api.execute("sync-home", session_support::Execution::default());
    running("alice").put(&api);
    let bob = running("bob");
    bob.put(&api);
    let path = "/api/v1/namespaces/default/pods/tool-alice";
    api.on("DELETE", path, session_support::Answer::internal("x"));
    let played = delete(&api, "alice bob");
    assert_eq!(played.code, 1);
    golden("delete-one-fails.txt", &played.text());
    assert!(
        api.object("sessions.streaming.platform", "default", "bob")
            .is_none()
    );
    assert!(
        api.object("sessions.streaming.platform", "default", "alice")
            .is_some()
    );
}

#[test]
fn a_client_dry_run_sends_nothing_that_writes() {
    let api = with_policy(running("alice"), "delete").server();
    let played = delete(&api, "alice --dry-run=client");
    assert_eq!(
        played.done(),
        "session.streaming.platform \"alice\" deleted from default namespace (dry run)\n"
    );
    assert!(api.requests().iter().all(|request| request.method == "GET"));
    assert!(api.executed().is_empty());
}

#[test]
fn a_bare_dry_run_is_the_clients_and_deprecated() {
    let api = two();
    let played = delete(&api, "alice --dry-run");
    assert!(played.done().ends_with(" (dry run)\n"));
    let text = "Warning: --dry-run is deprecated and can be replaced with --dry-run=client.\n";
    assert!(played.err.starts_with(text), "{}", played.err);
    assert_eq!(written(&api), Vec::<String>::new());
}

#[test]
fn a_server_dry_run_runs_no_hook_and_keeps_everything() {
    let api = two();
    let before = left(&api);
    let played = delete(&api, "alice --dry-run=server");
    assert_eq!(
        played.done(),
        "session.streaming.platform \"alice\" deleted from default namespace (server dry run)\n"
    );
    assert!(api.executed().is_empty());
    assert_eq!(written(&api), Vec::<String>::new());
    assert_eq!(left(&api), before);
    let sent = api.requests().into_iter();
    let sent: Vec<String> = sent
        .filter(|request| request.method != "GET")
        .map(|request| {
            let all = request.query("dryRun").is_some() || request.json()["dryRun"][0] == "All";
            assert!(all, "{}", request.line());
            request.method
        })
        .collect();
    assert_eq!(sent, ["DELETE", "PATCH", "PATCH", "DELETE"]);
    assert!(!api.lines().iter().any(|line| line.contains("watch=")));
}

#[test]
fn without_the_api_it_says_how_to_install_it() {
    let api = FakeApi::stateful();
    api.unserve("sessions.streaming.platform");
    let text = delete(&api, "alice").failed().to_owned();
    assert!(
        text.ends_with("hint: install the API first: kubectl session setup\n"),
        "{text}"
    );
}
