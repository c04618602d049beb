//! Tests of the words about limits below use, and of the warning about defaults.

use super::*;

fn exceeded(key: &str, used: &str, hard: &str) -> ExceededKey {
    ExceededKey {
        key: key.to_owned(),
        used: used.parse().unwrap(),
        hard: hard.parse().unwrap(),
    }
}

#[test]
fn a_limit_below_use_says_what_stays_and_what_is_over() {
    let sessions = |used, hard| vec![exceeded(SESSION_COUNT, used, hard)];
    let cpu = exceeded("requests.cpu", "6", "4500m");
    assert_eq!(
        exceeded_lines(std::slice::from_ref(&cpu)),
        ["requests.cpu: used 6, hard 4500m"]
    );
    for (exceeded, running, expected) in [
        (
            sessions("6", "3"),
            5,
            "5 sessions keep running (s1, s2, s3, s4, s5); no session can be created until 4 are deleted",
        ),
        (
            sessions("2", "1"),
            1,
            "session \"s1\" keeps running; no session can be created until 2 are deleted",
        ),
        (
            sessions("1", "0"),
            0,
            "what runs keeps running; no session can be created",
        ),
        (
            vec![cpu.clone()],
            6,
            "6 sessions keep running (s1, s2, s3, s4, s5 and 1 more); no session that needs more of this can be created or started until less is used",
        ),
        (
            vec![cpu],
            0,
            "what runs keeps running; no session that needs more of this can be created or started until less is used",
        ),
    ] {
        let running: Vec<String> = (1..=running).map(|number| format!("s{number}")).collect();
        assert_eq!(consequence(&exceeded, Some(&running)), expected);
    }
    assert!(consequence(&sessions("1", "0"), None).starts_with("what runs keeps running; "));
}

#[test]
fn only_a_limit_that_falls_below_use_is_asked_about() {
    let amount = |text: &str| text.parse::<Quantity>().unwrap();
    let used = BTreeMap::from([("requests.cpu".to_owned(), amount("110m"))]);
    for (present, hard, asks) in [
        (None, "50m", true),
        (Some("200m"), "50m", true),
        (Some("60m"), "50m", true),
        (Some("50m"), "50m", false),
        (Some("10m"), "50m", false),
        (Some("200m"), "110m", false),
    ] {
        // The present quota may write the short name of the key.
        let quota = present.map(|cpu| serde_json::json!({"spec": {"hard": {"cpu": cpu}}}));
        let hard = BTreeMap::from([("requests.cpu".to_owned(), amount(hard))]);
        let exceeded = newly_exceeded(&hard, quota.as_ref(), &used);
        assert_eq!(!exceeded.is_empty(), asks, "{present:?} {hard:?}");
    }
}
