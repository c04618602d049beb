//! `-w`: a row for every visible change.

use kubectl_session_list::List;
use session_support::{Answer, FakeApi};

use crate::class::{KIND, class, crashing, pod, running};
use crate::play::{Play, Played};

/// Waits until another thread has done something.
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed().as_secs() < 10, "{what} never came");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Runs `list -w` while `changes` are made, until that many lines are printed, then sends Ctrl-C.
fn watched(
    api: &FakeApi,
    words: &str,
    lines: usize,
    changes: impl FnOnce(&FakeApi) + Send,
) -> Played {
    let words = format!("-w {words}");
    let play = Play::on(api);
    let played = play.meanwhile::<List>(&words, |printed, interrupt| {
        let watches = || {
            api.lines()
                .iter()
                .filter(|line| line.contains("watch="))
                .count()
        };
        until("the watches", || watches() >= 2);
        changes(api);
        until("the last row", || printed.stdout().lines().count() >= lines);
        interrupt.trigger();
    });
    assert_eq!((played.code, played.err.as_str()), (130, ""));
    played
}

/// Returns the output after the first table.
fn after_the_table(played: &Played, rows: usize) -> Vec<String> {
    let lines = played.out.lines().skip(rows + 1);
    lines.map(str::to_owned).collect()
}

#[test]
fn a_change_of_a_pod_prints_its_session_anew() {
    let api = class();
    let played = watched(&api, "", 8, |api| {
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
    let played = watched(&api, "", 8, |api| {
        let mut alice = api.object(KIND, "default", "alice").unwrap();
        alice["metadata"]["annotations"] = serde_json::json!({"x": "y"});
        api.put(alice);
        let mut other = pod("default", "alice", running());
        other["metadata"]["annotations"] = serde_json::json!({"x": "y"});
        api.put(other);
        api.put(pod("default", "alice", crashing()));
    });
    let rows = after_the_table(&played, 6);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].contains("CrashLoopBackOff"), "{rows:?}");
}

#[test]
fn sessions_that_come_and_go_are_shown() {
    let api = class();
    let played = watched(&api, "", 9, |api| {
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
    let played = watched(&api, "alice", 3, |api| {
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
    watched(&api, "", 7, |_| {});
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
fn pods_that_may_not_be_seen_are_not_watched() {
    let api = class();
    let refused = Answer::forbidden("alice", "list", "pods", "default");
    api.on("GET", "/api/v1/namespaces/default/pods", refused);
    let words = "-w";
    let played = Play::on(&api).meanwhile::<List>(words, |printed, interrupt| {
        until("the watch", || {
            api.lines().iter().any(|line| line.contains("watch="))
        });
        let status = serde_json::json!({"phase": "running", "template": "tool"});
        api.put(crate::class::session("default", "zoe", "zoe", status));
        until("the row", || printed.stdout().contains("zoe"));
        interrupt.trigger();
    });
    let rows = after_the_table(&played, 6);
    assert!(rows[0].contains("running"), "{rows:?}");
}

#[test]
fn a_watch_that_is_refused_is_an_error() {
    let api = class();
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions";
    let page = serde_json::json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "1"}, "columnDefinitions": [], "rows": []});
    api.on("GET", path, Answer::ok(page));
    let refused = Answer::forbidden("alice", "watch", KIND, "default");
    api.on("GET", path, refused);
    let played = Play::on(&api).run::<List>("-w");
    let text = played.failed();
    assert!(
        text.starts_with("Error from server (Forbidden): "),
        "{text}"
    );
}

#[test]
fn only_a_table_can_be_watched() {
    let played = Play::on(&class()).run::<List>("-w -o json");
    assert!(
        played
            .failed()
            .starts_with("error: --watch can be used only with"),
        "{}",
        played.err
    );
}
