//! Durations as Go and kubectl write them, for the flags that kubectl has too.
//!
//! Not read by jiff as the API's durations are ([`crate::duration`]): a script that gives kubectl and us the same words must get
//! the same answer. jiff accepts `1d`, `5 m`, `5m ago` and `PT1H`, which kubectl refuses, and refuses `1.5h30m` and `30m1h`, which it
//! accepts; negative durations mean no limit here; errors are Go's words.

use std::time::Duration;

/// Nanoseconds in Go's units of time, longest spelling first where one begins another.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// Reads a duration as Go does (`1h30m`, `1.5s`, `-1s`), or as a number of seconds. A negative duration is read as zero, which
/// kubectl takes as no limit.
///
/// # Errors
/// Go's message if the text is not a duration or is longer than Go's durations, 292 years.
pub fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanoseconds = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(|| format!("time: missing unit in duration {text:?}"))?;
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let unit = &rest[..end];
        let size = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, size)| size);
        nanoseconds += number
            * size.ok_or_else(|| format!("time: unknown unit {unit:?} in duration {text:?}"))?;
        rest = &rest[end..];
    }
    // Go's durations are 64 bits of nanoseconds: 292 years.
    if nanoseconds > i64::MAX as f64 {
        return Err(invalid());
    }
    Ok(if negative {
        Duration::ZERO
    } else {
        Duration::from_nanos(nanoseconds.round() as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let read = |text| parse(text).map(|duration| duration.as_millis());
        for (text, milliseconds) in [
            ("5m", 300_000),
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1500),
            ("90", 90_000),
            ("0", 0),
            ("-1s", 0),
            ("250ms", 250),
        ] {
            assert_eq!(read(text), Ok(milliseconds), "{text:?}");
        }
        for text in ["", "-", "bogus", "5x", "1.2.3s", "5 m", "m", "99999999h"] {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert_eq!(
            read("5x").unwrap_err(),
            r#"time: unknown unit "x" in duration "5x""#
        );
    }

    /// Why this is no job for jiff.
    #[test]
    fn jiff_reads_other_durations() {
        for text in ["1.5h30m", "30m1h", "1h1h"] {
            assert!(parse(text).is_ok(), "{text}");
            assert!(text.parse::<jiff::Span>().is_err(), "{text}");
        }
        for text in ["1d", "5 m", "5m ago", "PT1H"] {
            assert!(parse(text).is_err(), "{text}");
            assert!(text.parse::<jiff::Span>().is_ok(), "{text}");
        }
    }
}
