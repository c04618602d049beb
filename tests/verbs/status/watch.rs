//! `-w`: the report is printed again after a change.

use kubectl_session_status::Status;

use crate::objects::{OWN, pod};
use crate::play::Play;
use crate::scenes::{KIND, api, crashing, running, running_api, session, tool};
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
            until("the second", || printed.stdout().contains("runningfailed"));
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

/// A Pod can arrive before the status that records it. Nothing is read for that, except what an unknown Pod may refer to.
#[test]
fn a_pod_counts_once_the_session_records_it() {
    let api = api(&[session("running")]);
    let words = "alice -w -o jsonpath={.phase}{.workloads[*].name}";
    let played = Play::on(&api).meanwhile::<Status>(words, |printed, interrupt| {
        until("the watches", || watches(&api) >= 4);
        api.put(pod("tool-2", "p-2", OWN, running()));
        let events = || {
            api.requests()
                .into_iter()
                .filter(|one| one.path.ends_with("/events"))
        };
        let lists = || events().filter(|one| one.query("watch").is_none()).count();
        assert_eq!(lists(), 1, "{:?}", api.lines());
        let mut recording = api.object(KIND, "default", "alice").unwrap();
        recording["status"]["applied"]["objects"][0]["uid"] = "p-2".into();
        api.put(recording);
        // The unknown Pod may make a document of its own.
        until("the second", || {
            printed.stdout().ends_with("failedrunningtool-2")
        });
        interrupt.trigger();
    });
    assert_eq!(played.code, 130, "{}", played.out);
}

/// The watch of events tells them all: the reads after a new Pod leave them out.
#[test]
fn events_are_listed_once() {
    let api = running_api();
    let played = Play::on(&api).meanwhile::<Status>("alice -w", |printed, interrupt| {
        until("the watches", || watches(&api) >= 4);
        let of_template = || {
            let lines = api.lines().into_iter();
            lines
                .filter(|line| line.contains("sessiontemplates"))
                .count()
        };
        let before = of_template();
        api.remove("pods", "default", "tool-alice");
        until("the second report", || printed.stdout().contains("PodLost"));
        until("the second round", || of_template() > before);
        interrupt.trigger();
    });
    assert_eq!(played.code, 130);
    let lists = api.lines().into_iter();
    let lists = lists.filter(|line| line.contains("/events") && !line.contains("watch="));
    assert_eq!(lists.count(), 1, "{:?}", api.lines());
}
