//! `--wait-for`: reached, unreachable, deleted, timed out.

use std::time::Duration;

use kubectl_session_status::Status;
use session_support::FakeApi;

use crate::play::{Play, Played};
use crate::scenes::{KIND, api, crash_loop, running, running_api, session, status, tool, waiting};

/// Waits until another thread has done something.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed().as_secs() < 10, "{what} never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub fn watches(api: &FakeApi) -> usize {
    api.lines()
        .iter()
        .filter(|line| line.contains("watch="))
        .count()
}

fn coming_up() -> FakeApi {
    api(&[session("pending"), tool(waiting("ContainerCreating", ""))])
}

/// Runs `status` with `words`, and calls `act` once all watches are open.
fn meanwhile(api: &FakeApi, words: &str, act: impl FnOnce(&FakeApi) + Send) -> Played {
    Play::on(api).meanwhile::<Status>(&format!("alice {words}"), |_, _| {
        until("the watches", || watches(api) >= 4);
        act(api);
    })
}

#[test]
fn what_is_so_already_is_said_at_once() {
    let played = status(&running_api(), "--wait-for ready");
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice condition met\n"
    );
    assert_eq!(status(&running_api(), "--timeout 0").code, 0);
    assert_eq!(
        status(&running_api(), "--wait-for running -o jsonpath={.phase}").done(),
        "running"
    );
}

#[test]
fn a_session_that_comes_up_is_waited_for_by_watch() {
    let api = coming_up();
    let played = meanwhile(&api, "--wait-for ready", |api| {
        api.put(tool(running()));
    });
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice condition met\n"
    );
    let gets = |line: &&String| line.contains("/pods") && !line.contains("watch=");
    assert_eq!(
        api.lines().iter().filter(gets).count(),
        1,
        "the Pods are listed once"
    );
}

#[test]
fn time_that_is_over_is_kubectls_error() {
    let text = "error: timed out waiting for the condition on session.streaming.platform/alice\n  the session is ";
    for words in [
        "--wait-for ready --timeout 0",
        "--timeout 0",
        "--timeout 50ms",
    ] {
        let said = format!(
            "{text}pending: starting pod/tool-alice\nhint: watch the session start: kubectl session status alice -n default -w\n"
        );
        assert_eq!(status(&coming_up(), words).failed(), said, "{words}");
    }
    let played = status(&running_api(), "--wait-for stopped --timeout 50ms");
    assert_eq!(played.failed(), format!("{text}running\n"));
}

#[test]
fn a_server_that_has_forgotten_is_asked_anew() {
    let api = coming_up();
    let played = meanwhile(&api, "--wait-for ready", |api| {
        api.forget_history();
        api.end_watches();
        until("the watches are opened again", || watches(api) >= 8);
        api.put(tool(running()));
    });
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice condition met\n"
    );
}

#[test]
fn what_cannot_come_up_is_said_at_once() {
    let played = status(&crash_loop(), "--wait-for ready");
    let begin = "error: session \"alice\" cannot become running: CrashLoopBackOff: container \"main\" of pod \"tool-alice\"";
    assert!(played.failed().starts_with(begin), "{}", played.err);
    assert!(played.err.contains("\nhint: "), "{}", played.err);
    assert_eq!(status(&crash_loop(), "--wait-for failed").code, 0);
    let api = coming_up();
    let played = meanwhile(&api, "--wait-for ready", |api| {
        api.put(tool(waiting("ErrImageNeverPull", "not there")));
    });
    assert!(
        played
            .failed()
            .contains("cannot become running: ErrImageNeverPull: "),
        "{}",
        played.err
    );
}

#[test]
fn a_session_that_goes_is_not_found() {
    let api = coming_up();
    let played = meanwhile(&api, "--wait-for ready", |api| {
        api.remove(KIND, "default", "alice")
    });
    assert!(
        played
            .failed()
            .starts_with("Error from server (NotFound): "),
        "{}",
        played.err
    );
    let mut going = session("running");
    going["metadata"]["deletionTimestamp"] = "2026-03-01T11:59:00Z".into();
    let api = crate::scenes::api(&[going, tool(running())]);
    assert_eq!(
        status(&api, "--wait-for ready").failed(),
        "error: session \"alice\" cannot become running: the session is being deleted\nhint: watch the deletion: kubectl session status alice -n default -w\n"
    );
    assert_eq!(status(&api, "--wait-for terminating").code, 0);
}

#[test]
fn a_terminal_shows_what_is_waited_for() {
    let api = coming_up();
    let played = Play::on(&api)
        .at_terminal("")
        .run::<Status>("alice --timeout 50ms");
    assert!(
        played.err.contains("starting pod/tool-alice"),
        "{:?}",
        played.err
    );
}
