//! Tests of `setup --remove`, which is refused while sessions exist.

use serde_json::json;
use session_support::{Answer, FakeApi, golden};

use crate::cluster::{cluster, count, sent, setup};

fn installed() -> FakeApi {
    let api = cluster();
    setup(&api, "").done();
    api
}

fn with_sessions(count: usize) -> FakeApi {
    let api = installed();
    for number in 0..count {
        api.put(json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": format!("s-{number}"), "namespace": "team"}, "spec": {"userId": "u"}}));
    }
    api
}

#[test]
fn everything_goes_last_ones_first_and_by_uid() {
    let api = installed();
    let before = sent(&api).len();
    let played = setup(&api, "--remove");
    golden("setup-removed.txt", &played.text());
    assert_eq!(count(&api), 0);
    for request in &sent(&api)[before..] {
        assert_eq!(request.method, "DELETE");
        let uid = request.json()["preconditions"]["uid"].clone();
        assert!(uid.as_str().is_some_and(|uid| !uid.is_empty()));
    }
    let played = setup(&api, "--remove");
    let said = (played.done(), played.err.as_str());
    assert_eq!(said, ("", "No resources found\n"));
}

#[test]
fn a_refusal_of_one_deletion_leaves_everything_there() {
    let api = installed();
    let before = (count(&api), sent(&api).len());
    api.on(
        "DELETE",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/session-reader",
        Answer::forbidden("carol", "delete", "clusterroles", ""),
    );
    let refused = setup(&api, "--remove");
    golden("setup-removal-refused.txt", &refused.text());
    refused.failed();
    assert_eq!(count(&api), before.0);
    for request in &sent(&api)[before.1..] {
        assert_eq!(request.json()["dryRun"], json!(["All"]));
    }
}

#[test]
fn a_refusal_in_the_namespace_of_a_user_leaves_everything_there() {
    const POLICIES: &str = "networkpolicies.networking.k8s.io";
    let api = cluster();
    setup(&api, "namespace dev-alice --user-id alice").done();
    let before = sent(&api).len();
    let policy = "/apis/networking.k8s.io/v1/namespaces/dev-alice/networkpolicies/session";
    let answer = Answer::forbidden("carol", "delete", "networkpolicies", "dev-alice");
    api.on("DELETE", policy, answer);
    let refused = setup(&api, "namespace dev-alice --remove");
    assert!(
        refused
            .failed()
            .contains("\nhint: nothing has been deleted\n"),
        "{refused:?}"
    );
    assert_eq!(api.objects(POLICIES).len(), 3);
    for request in &sent(&api)[before..] {
        assert_eq!(request.json()["dryRun"], json!(["All"]));
    }
}

#[test]
fn it_is_refused_while_there_are_sessions() {
    for number in [1, 5] {
        let api = with_sessions(number);
        let before = count(&api);
        let played = setup(&api, "--remove");
        golden(&format!("setup-in-use-{number}.txt"), &played.text());
        assert_eq!(count(&api), before);
        let rehearsed = setup(&api, "--remove --force --dry-run=client");
        let forced = setup(&api, "--remove --force");
        forced.done();
        assert_eq!(count(&api), 0);
        let warning = match number {
            1 => "Warning: 1 session is deleted (team/s-0)\n",
            _ => "Warning: 5 sessions are deleted (team/s-0, team/s-1, team/s-2, …)\n",
        };
        assert_eq!(
            (rehearsed.err.as_str(), forced.err.as_str()),
            (warning, warning)
        );
    }
}

#[test]
fn parts_that_no_session_needs_go_all_the_same() {
    let api = with_sessions(1);
    let before = count(&api);
    setup(&api, "templates --remove").done();
    assert!(count(&api) < before);
    assert!(
        api.objects("sessiontemplates.streaming.platform")
            .is_empty()
    );
    assert_eq!(api.objects("sessions.streaming.platform").len(), 1);
}

#[test]
fn a_cluster_without_the_api_has_nothing_to_remove() {
    let api = cluster();
    api.unserve("sessiontemplates.streaming.platform")
        .unserve("sessions.streaming.platform");
    let played = setup(&api, "--remove");
    assert_eq!(
        (played.done(), played.err.as_str()),
        ("", "No resources found\n")
    );
}

#[test]
fn a_rehearsal_takes_nothing_away() {
    let api = installed();
    let before = (count(&api), sent(&api).len());
    let played = setup(&api, "--remove --dry-run=client");
    let lines: Vec<&str> = played.done().lines().collect();
    assert!(
        lines
            .iter()
            .all(|line| line.ends_with(" deleted (dry run)")),
        "{lines:#?}"
    );
    assert_eq!((count(&api), sent(&api).len()), before);
    let played = setup(&api, "--remove --dry-run=server");
    let lines: Vec<&str> = played.done().lines().collect();
    assert!(
        lines
            .iter()
            .all(|line| line.ends_with(" deleted (server dry run)")),
        "{lines:#?}"
    );
    assert_eq!(count(&api), before.0);
    for request in &sent(&api)[before.1..] {
        assert_eq!(request.json()["dryRun"], json!(["All"]));
    }
}
