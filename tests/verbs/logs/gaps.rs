//! `-f`: lines that cannot be read any more are told with their time span.

use serde_json::Value;
use session_support::FakeApi;

use crate::follow::{followed, pod_with, printed, said, stop};
use crate::play::Played;
use crate::stack::{running, stack, status, terminated, time};

#[test]
fn lines_that_were_rotated_away_while_the_connection_was_lost_are_told_with_their_time_span() {
    let api = stack();
    let played = followed(&api, "", |out| {
        printed(out, "db-0/main\n");
        api.without_logs(|| {
            api.write_log("db-0", "main", &time(1), b"lost\n");
            api.rotate_log("db-0", "main");
            api.write_log("db-0", "main", &time(2), b"after\n");
        });
        printed(out, "after\n");
        stop(&api);
    });
    assert_eq!(played.done(), "db-0/main\nafter\n");
    let told = played
        .err
        .lines()
        .filter(|line| line.contains("may be missing"));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "Warning: the log of container \"main\" of pod \"db-0\" was rotated while the connection was lost: lines between \
             2026-03-01T12:00:00Z and 2026-03-01T12:00:00.000000002Z may be missing"
        ]
    );
}

/// The warnings of missing lines, without the end of their time span, which is the clock's.
fn missing(played: &Played) -> Vec<String> {
    let all = played
        .err
        .lines()
        .filter(|line| line.contains("may be missing"));
    let cut = all.map(|line| {
        line.split(" and 2026-")
            .next()
            .unwrap_or_default()
            .to_owned()
    });
    cut.collect()
}

fn missing_after(cause: &str, at: &str) -> Vec<String> {
    vec![format!(
        "Warning: the log of container \"main\" of pod \"db-0\" {cause} while the connection was lost: lines between {at}"
    )]
}

#[test]
fn a_rotated_log_to_which_no_line_is_added_any_more_is_told_too() {
    let first = "2026-03-01T12:00:00Z";
    let rotated = |api: &FakeApi| {
        api.without_logs(|| {
            api.write_log("db-0", "main", &time(1), b"lost\n");
            api.rotate_log("db-0", "main");
        });
    };
    // While the container runs on in silence, even if the notes are not wanted.
    let api = stack();
    let played = followed(&api, "--quiet", |out| {
        printed(out, "db-0/main\n");
        rotated(&api);
        said(out, "may be missing");
        stop(&api);
    });
    assert_eq!(played.done(), "db-0/main\n");
    assert_eq!(missing(&played), missing_after("was rotated", first));
    // At the end of the run.
    let api = stack();
    let played = followed(&api, "", |out| {
        printed(out, "db-0/main\n");
        rotated(&api);
        api.end_run("db-0", "main");
        let mut pod = api.object("pods", "default", "db-0").unwrap();
        pod["status"]["phase"] = "Succeeded".into();
        pod["status"]["containerStatuses"][0] =
            status("main", "c://1", terminated("c://1"), Value::Null);
        api.put(pod);
        said(out, "may be missing");
        stop(&api);
    });
    assert_eq!(missing(&played), missing_after("was rotated", first));
}

#[test]
fn a_log_that_ends_with_its_pod_or_run_while_the_connection_is_lost_is_told() {
    let first = "2026-03-01T12:00:00Z";
    let api = stack();
    let played = followed(&api, "", |out| {
        printed(out, "db-0/main\n");
        api.without_logs(|| {
            api.write_log("db-0", "main", &time(1), b"lost\n");
            stop(&api);
        });
    });
    assert_eq!(
        missing(&played),
        missing_after("was deleted with the Pod", first)
    );
    let api = stack();
    let played = followed(&api, "", |out| {
        printed(out, "db-0/main\n");
        api.without_logs(|| {
            for (at, run) in [(2, b"c://8\n"), (3, b"c://9\n")] {
                api.end_run("db-0", "main");
                api.begin_run("db-0", "main");
                api.write_log("db-0", "main", &time(at), run);
            }
            pod_with(
                &api,
                "db-0",
                status("main", "c://9", running(), terminated("c://8")),
            );
        });
        printed(out, "c://9");
        stop(&api);
    });
    assert_eq!(played.done(), "db-0/main\nc://8\nc://9\n");
    assert_eq!(
        missing(&played),
        missing_after("was deleted with an earlier run", first)
    );
}

#[test]
fn a_rotated_log_of_the_run_before_is_told_once_and_read_on() {
    let first = "2026-03-01T12:00:00Z";
    for rest in [&b"rest\n"[..], b""] {
        let api = stack();
        let played = followed(&api, "", |out| {
            printed(out, "db-0/main\n");
            api.without_logs(|| {
                api.write_log("db-0", "main", &time(1), b"lost\n");
                api.rotate_log("db-0", "main");
                if !rest.is_empty() {
                    api.write_log("db-0", "main", &time(2), rest);
                }
                api.end_run("db-0", "main");
                api.begin_run("db-0", "main");
                api.write_log("db-0", "main", &time(3), b"again\n");
                let now = status("main", "c://9", running(), terminated("c://1"));
                pod_with(&api, "db-0", now);
            });
            printed(out, "again\n");
            stop(&api);
        });
        let rest = String::from_utf8_lossy(rest);
        assert_eq!(played.done(), format!("db-0/main\n{rest}again\n"));
        assert_eq!(missing(&played), missing_after("was rotated", first));
    }
}
