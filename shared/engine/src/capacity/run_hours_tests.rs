//! Tests of the arithmetic of windows.

use super::*;
use serde_json::json;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn window(from: &str, until: &str) -> Window {
    Window {
        from: time(from),
        until: time(until),
    }
}

fn usage(value: serde_json::Value) -> SessionUsage {
    serde_json::from_value(value).unwrap()
}

fn run(start: &str, end: Option<&str>) -> serde_json::Value {
    json!({"startTime": start, "endTime": end, "cpu": "1500m", "memory": "2Gi", "gpu": 1, "storage": "10Gi"})
}

const HOUR: i128 = 3600;
const GIB: i128 = 1 << 30;

#[test]
fn runs_are_clipped_to_the_window_and_claims_count_between_them() {
    let usage = usage(json!({"runs": [
        run("2026-03-01T08:00:00Z", Some("2026-03-01T10:00:00Z")),
        run("2026-03-01T12:00:00Z", Some("2026-03-01T13:00:00Z")),
    ]}));
    let window = window("2026-03-01T09:00:00Z", "2026-03-01T14:00:00Z");
    let used = count_usage(&usage, &window, RunEnd::Lasts).used;
    assert_eq!((used.runs, used.running), (2, 2 * HOUR));
    assert_eq!(used.cpu, 2 * HOUR * 1500);
    assert_eq!(used.memory, 2 * HOUR * 2 * GIB);
    assert_eq!(used.gpu, 2 * HOUR);
    assert_eq!(used.storage, 5 * HOUR * 10 * GIB);
}

#[test]
fn windows_side_by_side_count_everything_once() {
    let usage = usage(
        json!({"runs": [run("2026-03-01T08:00:00Z", Some("2026-03-01T10:30:00Z"))],
        "current": run("2026-03-01T11:00:00Z", None)}),
    );
    let whole = window("2026-03-01T00:00:00Z", "2026-03-01T12:00:00Z");
    let (before, after) = (
        window("2026-03-01T00:00:00Z", "2026-03-01T09:17:31Z"),
        window("2026-03-01T09:17:31Z", "2026-03-01T12:00:00Z"),
    );
    let used = |window| count_usage(&usage, &window, RunEnd::Lasts).used;
    let mut sum = used(before);
    sum += used(after);
    // A run that lies in both windows is a run of each.
    sum.runs -= 1;
    assert_eq!(sum, used(whole));
}

#[test]
fn a_current_run_counts_to_now_or_to_its_known_end() {
    let usage = usage(json!({"current": run("2026-03-01T08:00:00Z", None)}));
    let window = window("2026-03-01T00:00:00Z", "2026-03-01T12:00:00Z");
    let count = |end| count_usage(&usage, &window, end);
    assert_eq!(count(RunEnd::Lasts).used.running, 4 * HOUR);
    let end = time("2026-03-01T09:00:00Z");
    let ended = count(RunEnd::At(end));
    assert_eq!(ended.used.running, HOUR);
    assert!(!ended.has_unknown_end);
    let vanished = count(RunEnd::After(end));
    assert_eq!(vanished.used.running, HOUR);
    assert!(vanished.has_unknown_end);
}

#[test]
fn clocks_that_differ_never_count_below_zero() {
    let usage = usage(
        json!({"runs": [run("2026-03-01T10:00:00Z", Some("2026-03-01T09:00:00Z"))],
        "current": run("2026-03-01T13:00:00Z", None)}),
    );
    let window = window("2026-03-01T00:00:00Z", "2026-03-01T12:00:00Z");
    let used = count_usage(&usage, &window, RunEnd::Lasts).used;
    assert_eq!((used.running, used.cpu), (0, 0));
}

#[test]
fn a_run_that_overlaps_the_next_counts_to_its_start() {
    let usage = usage(
        json!({"runs": [run("2026-03-01T08:00:00Z", Some("2026-03-01T11:00:00Z"))],
        "current": run("2026-03-01T10:00:00Z", None)}),
    );
    let window = window("2026-03-01T00:00:00Z", "2026-03-01T12:00:00Z");
    assert_eq!(
        count_usage(&usage, &window, RunEnd::Lasts).used.running,
        4 * HOUR
    );
}

#[test]
fn a_run_that_a_resize_divides_is_one_run() {
    let usage = usage(
        json!({"runs": [run("2026-03-01T08:00:00Z", Some("2026-03-01T09:00:00Z"))],
        "current": run("2026-03-01T09:00:00Z", None)}),
    );
    let window = window("2026-03-01T00:00:00Z", "2026-03-01T12:00:00Z");
    let used = count_usage(&usage, &window, RunEnd::Lasts).used;
    assert_eq!((used.runs, used.running), (1, 4 * HOUR));
}

#[test]
fn a_sum_that_the_window_divides_is_not_counted_and_bounds_a_budget() {
    let usage = usage(
        json!({"earlier": {"since": "2026-02-28T20:00:00Z", "until": "2026-03-01T02:00:00Z",
        "runs": 60, "runningSeconds": 3 * 3600, "cpuMillicoreSeconds": 7, "memoryMebibyteSeconds": 2}}),
    );
    let day = window("2026-03-01T00:00:00Z", "2026-03-01T12:00:00Z");
    let count = count_usage(&usage, &day, RunEnd::Lasts);
    assert_eq!(count.used, UsedHours::default());
    assert_eq!(count.divided_sum.unwrap().runs, 60);
    assert_eq!(
        running_seconds_at_most(&usage, &day, RunEnd::Lasts),
        2 * HOUR
    );
    let all = window("2026-02-01T00:00:00Z", "2026-03-01T12:00:00Z");
    let count = count_usage(&usage, &all, RunEnd::Lasts);
    assert_eq!((count.used.runs, count.used.running), (60, 3 * HOUR));
    assert_eq!((count.used.cpu, count.used.memory), (7, 2 << 20));
    assert_eq!(count.divided_sum, None);
    let later = window("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z");
    assert_eq!(
        count_usage(&usage, &later, RunEnd::Lasts),
        UsageCount::default()
    );
}

#[test]
fn a_run_that_cannot_be_read_is_told_and_not_counted() {
    let usage = usage(
        json!({"runs": [{"startTime": "yesterday"}, {"startTime": "2026-03-01T08:00:00Z", "cpu": "many"}]}),
    );
    let window = window("2026-03-01T00:00:00Z", "2026-03-01T12:00:00Z");
    let count = count_usage(&usage, &window, RunEnd::Lasts);
    assert!(count.has_unreadable_run);
    assert_eq!(count.used, UsedHours::default());
}
