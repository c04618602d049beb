use clap::Parser;
use serde_json::{Value, json};

use session_shared::report::console::Console;
use std::time::Duration;

use super::*;
use crate::args::Args;
use crate::intent::parse_intent;

fn time(text: &str) -> Timestamp {
    format!("2026-03-01T{text}:00Z").parse().unwrap()
}

fn read_end(line: &str) -> Result<NewExpiry> {
    let words = ["extend", "a"].into_iter().chain(line.split_whitespace());
    let (mut console, _) = Console::for_test("", false);
    let intent = parse_intent(Args::parse_from(words), &mut console, time("12:00"));
    intent.map(|intent| intent.expiry)
}

#[test]
fn an_end_is_said_in_one_of_three_ways() {
    assert_eq!(
        read_end("--by 1d2h").unwrap(),
        NewExpiry::After(Duration::from_secs(93600))
    );
    assert_eq!(
        read_end("--by 90").unwrap(),
        NewExpiry::After(Duration::from_secs(90))
    );
    let at = NewExpiry::At(time("17:00"));
    assert_eq!(read_end("--until 2026-03-01T18:00:00+01:00").unwrap(), at);
    assert_eq!(read_end("--no-expiry").unwrap(), NewExpiry::Never);
    for line in [
        "",
        "--by 0",
        "--by never",
        "--by=-2h",
        "--by 99999999999999999999",
        "--by 11y",
        "--by soon",
        "--until 18:00",
        "--until 2026-03-01T12:00:00Z",
        "--by 1h --no-expiry",
        "--by 1h --until 2026-03-01T18:00:00Z",
    ] {
        assert!(read_end(line).is_err(), "{line:?}");
    }
}

/// A session that started at 10:00.
fn session(expires: Value) -> Session {
    serde_json::from_value(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "a"}, "spec": {"userId": "u"},
        "status": {"phase": "running", "startTime": time("10:00"), "expiresAt": expires},
    }))
    .unwrap()
}

fn template(maximum: &str) -> SessionTemplate {
    serde_json::from_value(json!({
        "apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "t"},
        "spec": {"manifest": "", "lifetime": {"timeout": "2h", "maximum": maximum}},
    }))
    .unwrap()
}

fn hours(
    end: NewExpiry,
    expires: Value,
    maximum: &str,
) -> Result<Option<(u64, Option<Timestamp>)>> {
    let found = plan_extension(
        &session(expires),
        Some(&template(maximum)),
        end,
        false,
        time("12:00"),
    )?;
    Ok(found.map(|found| {
        let lifetime = found.lifetime.unwrap();
        let seconds = lifetime.duration().map_or(0, |d| d.as_secs());
        (seconds / 3600, found.until)
    }))
}

#[test]
fn a_lifetime_is_counted_from_the_start() {
    let two = NewExpiry::After(Duration::from_secs(7200));
    for (end, expires, wanted) in [
        (two, json!(time("13:00")), Some((5, Some(time("15:00"))))),
        // Expired already: counted from now.
        (two, json!(time("11:00")), Some((4, Some(time("14:00"))))),
        (
            NewExpiry::At(time("16:00")),
            json!(time("13:00")),
            Some((6, Some(time("16:00")))),
        ),
        (NewExpiry::At(time("13:00")), json!(time("13:00")), None),
        (NewExpiry::Never, json!(time("13:00")), Some((0, None))),
        (NewExpiry::Never, Value::Null, None),
    ] {
        assert_eq!(
            hours(end, expires.clone(), "never").unwrap(),
            wanted,
            "{end:?} {expires}"
        );
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let two = NewExpiry::After(Duration::from_secs(7200));
    for (end, expires, maximum, text) in [
        (two, Value::Null, "never", "never expires"),
        (
            NewExpiry::At(time("12:30")),
            json!(time("13:00")),
            "never",
            "session expires later already",
        ),
        (two, json!(time("13:00")), "4h", "is 4h from the start"),
        (
            NewExpiry::Never,
            json!(time("13:00")),
            "24h",
            "is 24h from the start",
        ),
        (
            NewExpiry::After(Duration::from_secs(315_360_000)),
            json!(time("13:00")),
            "never",
            "at most ten years",
        ),
    ] {
        let error = hours(end, expires, maximum).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
    assert!(
        hours(two, json!(time("13:00")), "5h").is_ok(),
        "just as long as it may"
    );
    let mut stopped = session(json!(time("13:00")));
    stopped.spec.state = Some(DesiredState::Stopped);
    assert!(plan_extension(&stopped, None, two, false, time("12:00")).is_err());
}

#[test]
fn without_an_expiry_only_the_scheduled_stop_moves() {
    let two = NewExpiry::After(Duration::from_secs(7200));
    let (endless, now) = (session(Value::Null), time("12:00"));
    let plan = |end, has_stops| plan_extension(&endless, None, end, has_stops, now);
    for (end, until) in [(two, "14:00"), (NewExpiry::At(time("16:00")), "16:00")] {
        let wanted = Extension {
            lifetime: None,
            until: Some(time(until)),
        };
        assert_eq!(plan(end, true).unwrap(), Some(wanted));
        assert!(plan(end, false).is_err());
    }
    assert_eq!(plan(NewExpiry::Never, true).unwrap(), None);
}
