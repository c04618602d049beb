//! Durations and times as kubectl's tables write them: age and remaining time.

use jiff::{SignedDuration, Timestamp};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// kubectl's year has no leap days.
const YEAR: i64 = 365 * DAY;

/// Formats a duration as kubectl's AGE column does: `5s`, `3m10s`, `2d1h`, `2y5d`; whole seconds, truncated. Up to a
/// second of clock skew is printed as `0s`, more as `<invalid>`.
pub fn format_age(duration: SignedDuration) -> String {
    match duration.as_secs() {
        ..=-2 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        seconds => format_age_seconds(seconds),
    }
}

fn format_age_seconds(seconds: i64) -> String {
    // Below each limit: the unit that is shown, and the smaller unit that is added to it.
    let (unit, smaller) = match seconds {
        s if s < 2 * MINUTE => ((1, "s"), None),
        s if s < 10 * MINUTE => ((MINUTE, "m"), Some((1, "s"))),
        s if s < 3 * HOUR => ((MINUTE, "m"), None),
        s if s < 8 * HOUR => ((HOUR, "h"), Some((MINUTE, "m"))),
        s if s < 2 * DAY => ((HOUR, "h"), None),
        s if s < 8 * DAY => ((DAY, "d"), Some((HOUR, "h"))),
        s if s < 2 * YEAR => ((DAY, "d"), None),
        s if s < 8 * YEAR => ((YEAR, "y"), Some((DAY, "d"))),
        _ => ((YEAR, "y"), None),
    };
    let rest = smaller.map(|(size, letter)| (seconds % unit.0 / size, letter));
    match rest {
        Some((count, letter)) if count > 0 => {
            format!("{}{}{count}{letter}", seconds / unit.0, unit.1)
        }
        _ => format!("{}{}", seconds / unit.0, unit.1),
    }
}

/// Formats the age of `then` at `now`, or `<unknown>` without a time.
pub fn age_since(then: Option<Timestamp>, now: Timestamp) -> String {
    then.map_or_else(
        || "<unknown>".to_owned(),
        |then| format_age(now.duration_since(then)),
    )
}

/// Formats the time until `expires_at`: `1h58m`, `expired` from that moment on, `<none>` without an expiry.
///
/// Two units are shown up to days, finer than an age, because a user wants to know whether the rest is enough: `45s`,
/// `12m5s`, `1h58m`, `6d3h`.
pub fn remaining_time(expires_at: Option<Timestamp>, now: Timestamp) -> String {
    let Some(end) = expires_at else {
        return "<none>".to_owned();
    };
    if end <= now {
        return "expired".to_owned();
    }
    let seconds = end.duration_since(now).as_secs();
    let (unit, smaller) = match seconds {
        s if s < MINUTE => return format!("{s}s"),
        s if s < HOUR => ((MINUTE, "m"), (1, "s")),
        s if s < DAY => ((HOUR, "h"), (MINUTE, "m")),
        _ => ((DAY, "d"), (HOUR, "h")),
    };
    match seconds % unit.0 / smaller.0 {
        0 => format!("{}{}", seconds / unit.0, unit.1),
        rest => format!("{}{}{rest}{}", seconds / unit.0, unit.1, smaller.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of a duration and the text that kubectl prints for it, measured.
    const GOLDEN: &str = "-2s=<invalid> -2s+1ns=0s 0=0s 1s-e=0s 1s=1s 70s=70s 2m-e=119s 2m=2m 2m1s=2m1s 190s=3m10s \
        10m-e=9m59s 10m=10m 10m1s=10m 70m=70m 3h-e=179m 3h=3h 3h1m=3h1m 8h-e=7h59m 8h=8h \
        8h59m=8h 47h=47h 48h-e=47h 48h=2d 49h=2d1h 8d-e=7d23h 8d=8d 8d2h=8d 8d23h=8d 367d=367d 730d-e=729d 730d=2y \
        730d23h=2y 730d23h59m=2y 731d-e=2y 731d=2y1d 731d1h=2y1d \
        1095d=3y 2555d=7y 2920d-e=7y364d 2920d=8y 2920d2h=8y 3284d=8y 3285d=9y";

    /// `8d23h`, `-2s+1ns`, `2m-e` (one millisecond less).
    fn parse(text: &str) -> SignedDuration {
        let (text, extra) = if let Some(text) = text.strip_suffix("-e") {
            (text, SignedDuration::from_millis(-1))
        } else if let Some(text) = text.strip_suffix("+1ns") {
            (text, SignedDuration::from_nanos(1))
        } else {
            (text, SignedDuration::ZERO)
        };
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (-1, text),
            None => (1, text),
        };
        let (mut seconds, mut count) = (0, 0);
        for c in text.chars() {
            match c {
                '0'..='9' => count = count * 10 + i64::from(c as u8 - b'0'),
                _ => {
                    let unit = [('s', 1), ('m', MINUTE), ('h', HOUR), ('d', DAY)];
                    let size = unit.iter().find(|(letter, _)| *letter == c).unwrap().1;
                    seconds += std::mem::take(&mut count) * size;
                }
            }
        }
        SignedDuration::from_secs(negative * seconds) + extra
    }

    #[test]
    fn age_is_what_kubectl_prints() {
        let mut cases = 0;
        for case in GOLDEN.split_whitespace() {
            let (input, expected) = case.split_once('=').unwrap();
            assert_eq!(format_age(parse(input)), expected, "{case}");
            cases += 1;
        }
        assert_eq!(cases, 43);
    }

    #[test]
    fn no_time_is_unknown_and_extremes_are_printed() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(age_since(None, now), "<unknown>");
        assert_eq!(age_since(Some(now), now), "0s");
        assert_eq!(age_since(Some(Timestamp::MIN), Timestamp::MAX), "20012y");
        assert_eq!(age_since(Some(Timestamp::MAX), Timestamp::MIN), "<invalid>");
        assert_eq!(format_age(SignedDuration::MIN), "<invalid>");
    }

    #[test]
    fn what_remains_is_told_in_two_units() {
        let now = Timestamp::UNIX_EPOCH;
        let in_seconds = |s| remaining_time(Some(now + SignedDuration::from_secs(s)), now);
        assert_eq!(remaining_time(None, now), "<none>");
        assert_eq!(in_seconds(0), "expired");
        assert_eq!(in_seconds(-5), "expired");
        assert_eq!(in_seconds(59), "59s");
        assert_eq!(in_seconds(60), "1m");
        assert_eq!(in_seconds(725), "12m5s");
        assert_eq!(in_seconds(2 * HOUR - 100), "1h58m");
        assert_eq!(in_seconds(24 * HOUR), "1d");
        assert_eq!(in_seconds(7 * DAY - HOUR), "6d23h");
    }
}
