//! `-w`: a row for every change that shows.

use kubectl_session_list::List;
use session_shared::cluster::interrupt::Interrupt;
use session_support::{Answer, FakeApi};

use crate::class::{KIND, class, crashing, pod, running};
use crate::play::{Play, Played};

const SESSIONS: &str = "/apis/streaming.platform/v1/namespaces/default/sessions";

/// Watches until `done` changes have been made; then the server refuses the next watch, which ends the command.
fn watched(api: &FakeApi, words: &str, changes: impl FnOnce(&FakeApi) + Send) -> Played {
    let words = format!("-w {words}");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let both = || {
                api.lines()
                    .iter()
                    .filter(|line| line.contains("watch="))
                    .count()
                    >= 2
            };
            let begun = std::time::Instant::now();
            while !both() {
                assert!(begun.elapsed().as_secs() < 10, "{:?}", api.lines());
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            changes(api);
            let refused = Answer::forbidden("alice", "watch", KIND, "default");
            api.on("GET", SESSIONS, refused);
            api.end_watches();
        });
        Play::on(api)
            .stopped_by(&Interrupt::default())
            .run::<List>(&words)
    })
}

/// What was printed after the first table.
fn after_the_table(played: &Played, rows: usize) -> Vec<String> {
    let lines = played.out.lines().skip(rows + 1);
    lines.map(str::to_owned).collect()
}

#[test]
fn a_change_of_a_pod_prints_its_session_anew() {
    let api = class();
    let played = watched(&api, "", |api| {
        api.put(pod("default", "alice", crashing()));
    });
    let rows = after_the_table(&played, 6);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(
        rows[0].starts_with("alice   alice@example.com   tool       CrashLoopBackOff   2h"),
        "{rows:?}"
    );
}

#[test]
fn a_change_that_shows_nothing_new_prints_nothing() {
    let api = class();
    let played = watched(&api, "", |api| {
        let mut alice = api.object(KIND, "default", "alice").unwrap();
        alice["metadata"]["annotations"] = serde_json::json!({"x": "y"});
        api.put(alice);
        let mut other = pod("default", "alice", running());
        other["metadata"]["annotations"] = serde_json::json!({"x": "y"});
        api.put(other);
    });
    assert_eq!(after_the_table(&played, 6), Vec::<String>::new());
}

#[test]
fn sessions_that_come_and_go_are_shown() {
    let api = class();
    let played = watched(&api, "", |api| {
        let status = serde_json::json!({"phase": "pending", "template": "tool"});
        api.put(crate::class::session("default", "zoe", "zoe", status));
        api.remove(KIND, "default", "carol");
    });
    let rows = after_the_table(&played, 6);
    let first: Vec<&str> = rows
        .iter()
        .map(|row| row.split(' ').next().unwrap())
        .collect();
    assert_eq!(first, ["zoe", "carol"]);
    assert!(rows[1].contains("terminating"), "{rows:?}");
}

#[test]
fn only_what_was_asked_for_is_watched() {
    let api = class();
    let played = watched(&api, "alice", |api| {
        api.put(pod("default", "bob", running()));
        api.put(pod("default", "alice", crashing()));
    });
    let rows = after_the_table(&played, 1);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].starts_with("alice "), "{rows:?}");
    let watches = api.lines();
    let of_sessions = watches
        .iter()
        .find(|line| line.contains("/sessions?") && line.contains("watch="));
    let line = of_sessions.unwrap();
    assert!(
        line.contains("fieldSelector=metadata.name%3Dalice"),
        "{line}"
    );
}

#[test]
fn a_watch_begins_where_the_list_was() {
    let api = class();
    watched(&api, "", |_| {});
    let watches = api
        .lines()
        .into_iter()
        .filter(|line| line.contains("watch="));
    let mut count = 0;
    for line in watches {
        count += 1;
        assert!(line.contains("resourceVersion=1"), "{line}");
    }
    assert!(count >= 2);
}

#[test]
fn only_a_table_can_be_watched() {
    let played = Play::on(&class()).run::<List>("-w -o json");
    assert!(
        played.failed().starts_with("error: --watch prints a table"),
        "{}",
        played.err
    );
}
