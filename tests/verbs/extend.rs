//! `kubectl session extend`: writes, refusals and output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

use kubectl_session_extend::Extend;
use play::{Play, Played};
use serde_json::{Value, json};
use session_shared::client::interrupt::Interrupt;
use session_support::{FakeApi, SessionFixture, golden};

#[path = "play.rs"]
mod play;

const KIND: &str = "sessions.streaming.platform";

/// Returns a server where alice's and bob's sessions started at 11:00 and expire at 13:00; their template allows 24 hours.
fn server() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(json!({
        "apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {"manifest": "x", "lifetime": {"timeout": "2h", "maximum": "24h"}},
    }));
    for name in ["alice", "bob"] {
        SessionFixture::running(name)
            .user(name)
            .status(
                json!({"startTime": "2026-03-01T11:00:00Z", "expiresAt": "2026-03-01T13:00:00Z"}),
            )
            .put(&api);
    }
    api
}

fn extend(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Extend>(words)
}

fn session(api: &FakeApi, name: &str) -> Value {
    api.object(KIND, "default", name).unwrap()
}

/// Changes alice's session on the server.
fn change(api: &FakeApi, change: impl FnOnce(&mut Value)) {
    let mut session = session(api, "alice");
    change(&mut session);
    api.put(session);
}

#[test]
fn the_lifetime_is_written_and_the_end_that_follows() {
    let api = server();
    let played = extend(&api, "alice --by 2h");
    let annotations = &session(&api, "alice")["metadata"]["annotations"];
    let until = &annotations["streaming.platform/extended-until"];
    assert_eq!(until, "2026-03-01T15:00:00Z");
    let lines: String = api.lines().iter().map(|line| format!("{line}\n")).collect();
    golden(
        "extend.txt",
        &format!("{}--- requests\n{lines}", played.text()),
    );
    let alice = session(&api, "alice");
    assert_eq!(alice["spec"]["timeout"], 4 * 3600);
    assert_eq!(alice["status"]["expiresAt"], "2026-03-01T15:00:00Z");
    for write in api.writes() {
        assert_eq!(write.json()["metadata"]["uid"], alice["metadata"]["uid"]);
    }
    let bob = session(&api, "bob");
    assert_eq!(bob["status"]["expiresAt"], "2026-03-01T13:00:00Z");
}

#[test]
fn an_end_that_is_named_is_taken_and_a_second_time_nothing_is_written() {
    let api = server();
    let words = "--all --until 2026-03-01T18:00:00+01:00";
    let lines =
        "session.streaming.platform/alice extended\nsession.streaming.platform/bob extended\n";
    assert_eq!(extend(&api, words).done(), lines);
    assert_eq!(api.repeated_reads(), [""; 0]);
    for name in ["alice", "bob"] {
        let found = session(&api, name)["status"]["expiresAt"].clone();
        assert_eq!(found, "2026-03-01T17:00:00Z");
    }
    let before = api.writes().len();
    assert_eq!(
        extend(&api, words).done(),
        lines.replace("extended", "unchanged")
    );
    assert_eq!(api.writes().len(), before);
}

#[test]
fn an_end_is_taken_away_where_the_template_has_no_longest_lifetime() {
    let api = server();
    change(&api, |alice| {
        alice["spec"]["template"] = Value::Null;
        alice["spec"]["manifest"] = "x".into();
        alice["status"]["conditions"] = json!([{"type": "Expired", "status": "True", "reason": "LifetimeOver", "message": "",
            "lastTransitionTime": "2026-03-01T11:30:00Z"}]);
    });
    let played = extend(&api, "alice --no-expiry");
    assert_eq!(played.err, "note: never expires\n");
    let alice = session(&api, "alice");
    assert_eq!(alice["spec"]["timeout"], "never");
    assert_eq!(alice["status"].get("expiresAt"), None);
    assert_eq!(alice["status"]["conditions"], json!([]));
    let again = extend(&api, "alice --no-expiry");
    assert_eq!(again.done(), "session.streaming.platform/alice unchanged\n");
}

#[test]
fn what_cannot_be_is_told_and_nothing_is_written() {
    let mut text = String::new();
    let mut refused = |words: &str, happened: &dyn Fn(&FakeApi)| {
        let api = server();
        happened(&api);
        text.push_str(&format!(
            "$ extend {words}\n{}",
            extend(&api, words).failed()
        ));
        assert!(api.writes().is_empty(), "{words}");
    };
    let nothing = |_: &FakeApi| {};
    refused("nobody --by 1h", &nothing);
    refused("alice --by 23h", &nothing);
    refused("alice --no-expiry", &nothing);
    refused("alice --until 2026-03-01T12:30:00Z", &nothing);
    refused("alice --by 1h", &|api| {
        change(api, |alice| alice["spec"]["state"] = "stopped".into())
    });
    refused("alice --by 1h", &|api| {
        change(api, |alice| alice["status"] = json!({}))
    });
    refused("alice --by 1h", &|api| {
        change(api, |alice| alice["status"]["expiresAt"] = Value::Null)
    });
    refused("alice --by 1h", &|api| {
        api.remove("sessiontemplates.streaming.platform", "", "tool")
    });
    refused("alice --by 1h", &|api| {
        change(api, |alice| {
            alice["metadata"]["finalizers"] = json!(["x/y"]);
            alice["metadata"]["deletionTimestamp"] = "2026-03-01T11:30:00Z".into();
        });
    });
    golden("extend-refused.txt", &text);
}

#[test]
fn a_controller_writes_the_end_itself() {
    let api = server();
    api.put(session_support::session_fixture::controller_lease());
    extend(&api, "alice --by 1h").done();
    let writes = api.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].json()["spec"], json!({"timeout": 3 * 3600}));
}

#[test]
fn the_object_is_printed_as_it_is_then() {
    let api = server();
    let played = extend(
        &api,
        "alice --by 1h -o jsonpath={.spec.timeout}/{.status.expiresAt}",
    );
    assert_eq!(played.done(), "10800/2026-03-01T14:00:00Z");
    let api = server();
    let played = extend(&api, "session/alice --by 1h -o name -q");
    assert_eq!(played.done(), "session.streaming.platform/alice\n");
    assert_eq!(played.err, "");
}

#[test]
fn template_owner_and_roster_select_sessions() {
    for (words, input, extended) in [
        ("--user-id bob", "", &["bob"][..]),
        ("--template tool", "", &["alice", "bob"]),
        ("--template other", "", &[]),
        ("--phase running", "", &["alice", "bob"]),
        ("--phase pending,failed", "", &[]),
        ("--phase running --user-id bob", "", &["bob"]),
        ("--template tool --user-id alice", "", &["alice"]),
        ("--roster -", "user,SIZE\nbob,1Gi\n", &["bob"]),
    ] {
        let api = server();
        let words = format!("{words} --by 2h");
        let played = Play::on(&api).piped(input).run::<Extend>(&words);
        let lines: String = extended
            .iter()
            .map(|name| format!("session.streaming.platform/{name} extended\n"))
            .collect();
        assert_eq!(played.done(), lines, "{words}");
    }
}

#[test]
fn a_roster_of_several_namespaces_is_worked_through_one_by_one() {
    let extend = |roster: &str| {
        let api = server();
        let play = Play::on(&api).piped(roster);
        play.run::<Extend>("--roster - --by 2h")
    };
    let done = extend("user,name,namespace\nalice,alice,default\nbob,bob,b\neve,eve,c\nbob,b2,b\n");
    assert_eq!(done.done(), "session.streaming.platform/alice extended\n");
    assert_eq!(
        done.err,
        "note: expires at 2026-03-01T15:00:00Z, in 3h\nnote: rows of other namespaces left out: \"b\" (2), \"c\" (1); run the command once for each: -n b, -n c\n"
    );
    let refused = extend("user,name,namespace\nbob,bob,b\n");
    assert_eq!(
        refused.failed(),
        "error: standard input has no row of namespace \"default\"\nhint: run the command once for each: -n b\n"
    );
}

#[test]
fn a_roster_that_names_sessions_of_others_changes_nothing() {
    let api = server();
    let roster = "user,name,namespace\nmallory,alice,\nbob,bob,other\nbob,bob,\ncarol,,\n";
    let played = Play::on(&api)
        .piped(roster)
        .run::<Extend>("--roster - --by 2h");
    golden("extend-roster.txt", &played.text());
    assert!(api.writes().is_empty());
}

#[test]
fn a_pace_ends_with_ctrl_c_and_tells_what_is_left() {
    let api = server();
    let words = "--phase running --by 2h --rate 1/1h --parallel 1";
    let interrupt = Interrupt::default();
    let play = Play::on(&api).stopped_by(&interrupt);
    let played = play.meanwhile::<Extend>(words, |_, interrupt| {
        let begun = std::time::Instant::now();
        // The status is the last write of a session.
        let ended = |line: &String| line.starts_with("PATCH") && line.contains("/status");
        while !api.lines().iter().any(ended) {
            assert!(begun.elapsed().as_secs() < 10, "nothing was extended");
            std::thread::yield_now();
        }
        interrupt.trigger();
    });
    golden("extend-interrupted.txt", &played.text());
}

#[test]
fn several_sessions_have_one_line_of_progress() {
    let api = server();
    let play = Play::on(&api).at_terminal("");
    let played = play.run::<Extend>("--all --by 2h --parallel 1");
    for line in ["2 sessions: 0 done, 2 left", "2 sessions: 1 done, 1 left"] {
        assert!(played.err.contains(line), "{line}: {:?}", played.err);
    }
}

#[test]
fn a_session_without_an_expiry_is_extended_for_its_scheduled_stop() {
    let api = server();
    change(&api, |session| session["status"]["expiresAt"] = Value::Null);
    extend(&api, "alice --by 2h").failed();
    let owner = json!({"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "alice",
        "uid": session(&api, "alice")["metadata"]["uid"]});
    let pod =
        json!({"spec": {"containers": [{"name": "stop", "args": ["stop", "alice", "--yes"]}]}});
    api.put(json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "session-alice-stop", "namespace": "default",
        "labels": {"app.kubernetes.io/managed-by": "kubectl-session"}, "ownerReferences": [owner]},
        "spec": {"schedule": "0 20 * * *", "jobTemplate": {"spec": {"template": pod}}}}));
    let played = extend(&api, "alice --by 2h");
    assert_eq!(played.done(), "session.streaming.platform/alice extended\n");
    let note = "note: never expires; scheduled stops wait until 2026-03-01T14:00:00Z, for 2h\n";
    assert_eq!(played.err, note);
    let after = session(&api, "alice");
    let annotation = &after["metadata"]["annotations"]["streaming.platform/extended-until"];
    assert_eq!(annotation, "2026-03-01T14:00:00Z");
    assert!(after["status"]["expiresAt"].is_null());
}
