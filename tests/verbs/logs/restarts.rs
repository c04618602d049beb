//! `-f`: a container that runs again is followed on, with all that its runs wrote.

use serde_json::json;

use crate::follow::{STOPPED, followed, pod_with, printed, said, stop, until};
use crate::stack::{owned, running, stack, status, terminated, time};

#[test]
fn a_restarted_container_is_followed_on_with_what_it_wrote_last() {
    let api = stack();
    let played = followed(&api, "--timestamps", |out| {
        printed(out, "db-0/main\n");
        // The connection breaks, and before it is there again the container has come to its end and been started anew.
        api.without_logs(|| {
            api.write_log("db-0", "main", &time(1), b"last words\n");
            api.end_run("db-0", "main");
            api.begin_run("db-0", "main");
            api.write_log("db-0", "main", &time(2), b"again\n");
            let now = status("main", "c://9", running(), terminated("c://1"));
            pod_with(&api, "db-0", now);
        });
        printed(out, "again\n");
        said(out, "restarted");
        stop(&api);
    });
    let stamped = |at, text| format!("{} {text}\n", time(at));
    let expected = [
        stamped(0, "db-0/main"),
        stamped(1, "last words"),
        stamped(2, "again"),
    ];
    assert_eq!(played.done(), expected.concat());
    // Whether the log was asked for while the node answered nobody is a matter of moments.
    let told = played
        .err
        .lines()
        .filter(|line| !line.contains("cannot read the log"));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "note: container \"main\" of pod \"db-0\" was restarted",
            STOPPED.trim()
        ]
    );
}

#[test]
fn a_log_of_a_run_that_the_pod_reports_later_is_no_rotated_log() {
    // The node sends the log of the new run while the Pod still reports the run before, as running or as ended.
    for before in [running(), terminated("c://1")] {
        let api = stack();
        let played = followed(&api, "", |out| {
            printed(out, "db-0/main\n");
            let asked = || {
                let lines = api.lines();
                let logs = lines.iter().filter(|line| line.contains("/pods/db-0/log?"));
                logs.count()
            };
            let mut asked_before = 0;
            api.without_logs(|| {
                api.write_log("db-0", "main", &time(1), b"last words\n");
                api.end_run("db-0", "main");
                api.begin_run("db-0", "main");
                api.write_log("db-0", "main", &time(2), b"again\n");
                pod_with(
                    &api,
                    "db-0",
                    status("main", "c://1", before.clone(), json!({})),
                );
                asked_before = asked();
            });
            until("the log of the new run", || asked() > asked_before);
            let now = status("main", "c://9", running(), terminated("c://1"));
            pod_with(&api, "db-0", now);
            printed(out, "again\n");
            said(out, "restarted");
            stop(&api);
        });
        assert_eq!(played.done(), "db-0/main\nlast words\nagain\n");
        assert!(!played.err.contains("may be missing"), "{}", played.err);
    }
}

#[test]
fn a_crash_loop_is_waited_for_and_said_once() {
    let api = stack();
    let played = followed(&api, "", |out| {
        printed(out, "db-0/main\n");
        api.end_run("db-0", "main");
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        pod_with(
            &api,
            "db-0",
            status("main", "c://1", waiting, terminated("c://1")),
        );
        said(out, "CrashLoopBackOff");
        api.begin_run("db-0", "main");
        api.write_log("db-0", "main", &time(5), b"again\n");
        pod_with(
            &api,
            "db-0",
            status("main", "c://2", running(), terminated("c://1")),
        );
        printed(out, "again\n");
        stop(&api);
    });
    assert_eq!(played.done(), "db-0/main\nagain\n");
    assert_eq!(
        played.err,
        format!(
            "note: waiting for container \"main\" of pod \"db-0\" to start: CrashLoopBackOff\n\
             note: container \"main\" of pod \"db-0\" was restarted\n{STOPPED}"
        )
    );
}

#[test]
fn a_first_run_that_ends_before_the_pod_reports_it_is_read_too() {
    let api = stack();
    let set = api.object("statefulsets.apps", "default", "db").unwrap();
    api.remove("pods", "default", "db-0");
    let mut pod = owned(&api, "v1", "Pod", "db-0", &set);
    let creating = json!({"waiting": {"reason": "ContainerCreating"}});
    pod["status"]["containerStatuses"] = json!([status("main", "", creating, json!({}))]);
    api.put(pod);
    let played = followed(&api, "", |out| {
        said(out, "ContainerCreating");
        api.write_log("db-0", "main", &time(0), b"first run\n");
        api.end_run("db-0", "main");
        api.begin_run("db-0", "main");
        api.write_log("db-0", "main", &time(1), b"second run\n");
        let now = status("main", "c://9", running(), terminated("c://8"));
        pod_with(&api, "db-0", now);
        printed(out, "second run\n");
        stop(&api);
    });
    assert_eq!(played.done(), "first run\nsecond run\n");
    assert_eq!(
        played.err,
        format!(
            "note: waiting for container \"main\" of pod \"db-0\" to start: ContainerCreating\n\
             note: container \"main\" of pod \"db-0\" was restarted\n{STOPPED}"
        )
    );
}
