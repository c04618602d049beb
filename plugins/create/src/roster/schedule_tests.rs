//! Tests of the time at which a roster's run starts, and of the names of its objects.

use super::*;

const NOW: &str = "2026-03-01T12:00:00Z";

fn schedule(file: &str, flag: &'static str, time: &str) -> RosterSchedule {
    let flags = ScheduleFlags {
        time_zone: Some("Europe/Berlin".into()),
        image: None,
    };
    RosterSchedule::parse(file, flag, time, &flags, Duration::from_secs(300)).unwrap()
}

fn start(schedule: &RosterSchedule, rows: u64, rate: Option<&str>) -> Result<RosterStart> {
    let now = NOW.parse().unwrap();
    let pace = PaceFlags {
        rate: rate.map(|rate| rate.parse().unwrap()),
        parallel: None,
    };
    schedule.start(schedule.time(now).unwrap(), rows, &pace, now)
}

#[test]
fn a_run_starts_ahead_by_its_pace_and_the_time_until_a_session_is_ready() {
    let ready = schedule("class.csv", "--ready-by", "07:45");
    let found = start(&ready, 300, Some("10/60s")).unwrap();
    // 07:45 less 1m, 30m and 5m, in Berlin.
    assert_eq!(found.at.to_string(), "2026-03-02T06:09:00Z");
    assert_eq!(
        found.lines,
        [
            "  by CronJob \"sessions-class-create\", once, at 2026-03-02 07:09 (Europe/Berlin)",
            "  ready by 2026-03-02 07:45 (Europe/Berlin): 60s until the run begins, 30m for 300 rows at 10/60s, 5m until a session is ready (--timeout)",
        ]
    );
    let unpaced = start(&ready, 300, None).unwrap();
    assert_eq!(
        unpaced.at.to_string(),
        "2026-03-02T06:36:00Z",
        "150 seconds"
    );
    let at = start(&schedule("class.csv", "--at", "07:45"), 300, None).unwrap();
    assert_eq!(at.at.to_string(), "2026-03-02T06:45:00Z");
    assert_eq!(at.lines.len(), 1);
}

#[test]
fn what_is_too_near_names_the_earliest_time() {
    let near = schedule("class.csv", "--ready-by", "13:30");
    let error = start(&near, 300, Some("10/60s")).unwrap_err().to_string();
    let reason = "invalid value of --ready-by \"13:30\": too near; the earliest time is 2026-03-01 13:37 (Europe/Berlin)";
    assert_eq!(error, reason);
    assert!(
        start(
            &schedule("class.csv", "--ready-by", "13:37"),
            300,
            Some("10/60s")
        )
        .is_ok()
    );
    assert!(
        start(&near, u64::MAX, Some("1/24h")).is_err(),
        "no overflow"
    );
}

#[test]
fn a_schedule_is_named_after_the_file() {
    for (file, name, selection) in [
        ("class.csv", "sessions-class-create", "--roster class.csv"),
        (
            "/tmp/lists/class.csv",
            "sessions-class-create",
            "--roster class.csv",
        ),
        ("-", "sessions-stdin-create", "--roster -"),
    ] {
        let schedule = schedule(file, "--at", "07:45");
        assert_eq!(schedule.name.as_str(), name);
        assert_eq!(schedule.selection, selection);
    }
    let odd = schedule("Class A.csv", "--at", "07:45");
    assert!(
        odd.name.as_str().starts_with("sessions-class-a-"),
        "{odd:?}"
    );
    assert_eq!(odd.selection, "--roster 'Class A.csv'");
}
