//! `-w`: the report is printed again after a change.

use kubectl_session_status::Status;

use crate::play::Play;
use crate::scenes::{KIND, crashing, running_api, tool};
use crate::wait::{until, watches};

#[test]
fn off_a_terminal_a_change_prints_a_new_report() {
    let api = running_api();
    let played = Play::on(&api).meanwhile::<Status>("alice -w", |printed, interrupt| {
        until("the watches", || watches(&api) >= 4);
        let mut same = api.object(KIND, "default", "alice").unwrap();
        same["metadata"]["labels"] = serde_json::json!({});
        api.put(tool(crashing()));
        until("the second report", || {
            printed.stdout().contains("CrashLoopBackOff")
        });
        interrupt.trigger();
    });
    assert_eq!((played.code, played.err.as_str()), (130, ""));
    let reports: Vec<&str> = played.out.split("\n\nName:").collect();
    assert_eq!(reports.len(), 2, "{}", played.out);
    assert!(reports[0].contains("running since") && reports[1].contains("failed since"));
    assert!(!played.out.contains('\u{1b}'));
}

#[test]
fn json_is_one_document_after_another() {
    let api = running_api();
    let played = Play::on(&api).meanwhile::<Status>(
        "alice -w -o jsonpath={.phase}",
        |printed, interrupt| {
            until("the watches", || watches(&api) >= 4);
            api.put(tool(crashing()));
            until("the second", || printed.stdout() == "runningfailed");
            interrupt.trigger();
        },
    );
    assert_eq!(played.code, 130);
}

#[test]
fn a_terminal_is_drawn_in_place_and_given_back() {
    let api = running_api();
    let play = Play::on(&api).at_terminal("");
    let played = play.meanwhile::<Status>("alice -w --color never", |printed, interrupt| {
        until("the watches", || watches(&api) >= 4);
        assert!(
            printed
                .stdout()
                .starts_with("\u{1b}[?1049h\u{1b}[?25l\u{1b}[HName:        alice\u{1b}[K\r\n")
        );
        api.put(tool(crashing()));
        until("the second screen", || {
            printed.stdout().contains("CrashLoopBackOff")
        });
        interrupt.trigger();
    });
    assert_eq!(played.code, 130);
    assert!(
        played.out.ends_with("\u{1b}[J\u{1b}[?25h\u{1b}[?1049l"),
        "{:?}",
        played.out
    );
    assert_eq!(played.out.matches("\u{1b}[?1049h").count(), 1);
}

#[test]
fn the_end_of_the_session_is_the_end_of_the_watch() {
    let api = running_api();
    let played = Play::on(&api).meanwhile::<Status>("alice -w", |_, _| {
        until("the watches", || watches(&api) >= 4);
        api.remove(KIND, "default", "alice");
    });
    assert_eq!(played.code, 1);
    assert_eq!(
        played.err,
        "Error from server (NotFound): sessions.streaming.platform \"alice\" not found\n"
    );
}
