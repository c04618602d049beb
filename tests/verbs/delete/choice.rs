//! Selection of sessions, and dry runs.

use kubectl_session_delete::Delete;
use session_support::{FakeApi, golden};

use crate::play::Play;
use crate::running::{delete, left, running};

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
fn what_deletions_have_in_common_is_read_once() {
    let api = two();
    delete(&api, "--all --delete-data -y").done();
    assert_eq!(api.repeated_reads(), [""; 0]);
}

#[test]
fn a_roster_deletes_its_users_sessions_and_no_others() {
    let api = two();
    let roster = "user,name\nmallory,alice\nalice,bob\ncarol,carol\n";
    let played = Play::on(&api).piped(roster).run::<Delete>("--roster -");
    let error = "error: standard input:2: session \"alice\" belongs to another user than in the roster: \"alice\"\n\
                 error: nothing was done: 1 of 3 rows name no session of their user\n";
    assert_eq!(played.failed(), error);
    assert!(api.writes().is_empty());
    // A session that is gone is passed over, so that a second run ends as the first.
    let roster = "user,name\nalice,bob\ncarol,carol\n";
    let played = Play::on(&api).piped(roster).run::<Delete>("--roster -");
    let deleted = "session.streaming.platform \"bob\" deleted from default namespace\n";
    assert_eq!(played.done(), deleted);
    assert!(!played.err.contains("carol"), "{played:#?}");
    let sessions = api.objects("sessions.streaming.platform");
    assert_eq!(sessions.len(), 1);
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
fn sessions_that_are_all_missing_are_all_named() {
    let played = delete(&two(), "four five");
    assert_eq!(
        played.failed(),
        "Error from server (NotFound): sessions.streaming.platform \"four\" not found\n\
         Error from server (NotFound): sessions.streaming.platform \"five\" not found\n"
    );
}
