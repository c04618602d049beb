//! Tests of `template delete`: deletion by UID, and the note about sessions that still use the template.

use serde_json::json;
use session_support::{Answer, FakeApi, golden};

use crate::{SESSIONS, TEMPLATES, server, template, tool};

const QUALIFIED: &str = "sessiontemplates.streaming.platform";

fn session(api: &FakeApi, namespace: &str, name: &str, of: &str) {
    api.put(json!({"apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": name, "namespace": namespace},
        "spec": {"userId": "alice", "template": of}, "status": {"template": of}}));
}

#[test]
fn a_template_goes_by_its_uid() {
    let api = server();
    let played = template(&api, "delete tool sessiontemplate/tool");
    assert_eq!(
        (played.done(), played.err.as_str()),
        ("sessiontemplate.streaming.platform \"tool\" deleted\n", "")
    );
    assert!(api.object(QUALIFIED, "", "tool").is_none());
    assert_eq!(
        api.lines(),
        [
            format!("GET {TEMPLATES}/tool"),
            format!("GET {SESSIONS}?limit=500&includeObject=Metadata"),
            format!("DELETE {TEMPLATES}/tool"),
        ]
    );
    let sent = api.requests()[2].json();
    assert!(sent["preconditions"]["uid"].is_string(), "{sent}");
}

#[test]
fn sessions_that_go_on_are_named() {
    let api = server();
    let mut other = tool();
    other["metadata"]["name"] = "other".into();
    api.put(other);
    for (name, of) in [
        ("a", "tool"),
        ("b", "tool"),
        ("c", "tool"),
        ("d", "tool"),
        ("e", "other"),
        ("f", "third"),
    ] {
        session(&api, "default", name, of);
    }
    golden(
        "template-delete-used.txt",
        &template(&api, "delete tool other").text(),
    );
    assert_eq!(api.objects("sessions.streaming.platform").len(), 6);
    let api = server();
    session(&api, "default", "a", "tool");
    assert_eq!(
        template(&api, "delete tool -q -o name").text(),
        "--- stdout\nsessiontemplate.streaming.platform/tool\n--- stderr\n--- exit code 0\n"
    );
}

#[test]
fn who_may_not_list_sessions_may_delete_templates() {
    let api = server();
    let forbidden = Answer::forbidden("alice", "list", "sessions.streaming.platform", "");
    api.on("GET", SESSIONS, forbidden);
    let played = template(&api, "delete tool");
    assert_eq!(
        played.done(),
        "sessiontemplate.streaming.platform \"tool\" deleted\n"
    );
    assert!(
        played
            .err
            .starts_with("note: sessions of the templates not checked: no permission to list"),
        "{played:?}"
    );
}

#[test]
fn what_is_missing_stops_no_other() {
    let api = server();
    let played = template(&api, "delete gone tool nothing");
    golden("template-delete-missing.txt", &played.text());
    let played = template(&api, "delete gone --ignore-not-found");
    assert_eq!((played.done(), played.err.as_str()), ("", ""));
}

#[test]
fn a_template_that_was_made_anew_is_left_alone() {
    let api = server();
    let conflict = Answer::conflict(
        QUALIFIED,
        "tool",
        "Precondition failed: UID in precondition: x, UID in object meta: y",
    );
    api.on("DELETE", &format!("{TEMPLATES}/tool"), conflict);
    let played = template(&api, "delete tool");
    assert!(
        played
            .failed()
            .starts_with("Error from server (Conflict): "),
        "{played:?}"
    );
}

#[test]
fn a_refused_deletion_is_told() {
    let api = server();
    let forbidden = Answer::forbidden("alice", "delete", QUALIFIED, "");
    api.on("DELETE", &format!("{TEMPLATES}/tool"), forbidden);
    let played = template(&api, "delete tool");
    assert!(
        played
            .failed()
            .starts_with("Error from server (Forbidden): "),
        "{played:?}"
    );
}
