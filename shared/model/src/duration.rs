//! Durations of the API: the lifetime of a session and the timeout of a hook, as jiff reads them: `1w`, `1d12h`, `PT1H`, and
//! integers in seconds.
//!
//! The flags that kubectl has too are read by [`crate::go_duration`] instead, because the two differ in meaning: Go knows no
//! days or weeks and refuses `5 m` and `PT1H`, allows `1.5h30m` and `30m1h`, and kubectl takes a negative duration as no limit,
//! where a lifetime refuses it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};
use jiff::{Span, SpanRelativeTo};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest duration in seconds: ten years of 365 days. A longer one is a typing error, and start time plus lifetime must stay
/// within RFC 3339.
const LIFETIME_MAX: u64 = 10 * 365 * 86_400;
/// Longest text that is parsed as a duration, in bytes.
const TEXT_MAX: usize = 64;

/// Time from a session's start to its expiry, in whole seconds, or no expiry.
///
/// Parsed from integer seconds (`7200`), a duration (`2h`, `7d`, `1w`, `1d12h`, `1.5h`, `PT1H`), or `0` or `never` for no
/// expiry. At most ten years. Printed and serialized as it was written; comparison ignores the notation.
#[derive(Clone, Debug)]
pub struct Lifetime {
    seconds: u64,
    notation: LifetimeNotation,
}

#[derive(Clone, Debug)]
enum LifetimeNotation {
    Seconds,
    Text(String),
}

impl Lifetime {
    /// Creates a lifetime without expiry.
    pub fn never() -> Self {
        Self {
            seconds: 0,
            notation: LifetimeNotation::Text("never".into()),
        }
    }

    /// Creates a lifetime from seconds; 0 means no expiry.
    ///
    /// # Errors
    /// If `seconds` is negative or more than ten years.
    pub fn from_seconds(seconds: i64) -> Result<Self> {
        match u64::try_from(seconds) {
            Ok(seconds) if seconds <= LIFETIME_MAX => Ok(Self {
                seconds,
                notation: LifetimeNotation::Seconds,
            }),
            Ok(_) => bail!("invalid duration {seconds}: must be at most ten years"),
            Err(_) => bail!("invalid duration {seconds}: must not be negative"),
        }
    }

    /// Returns the duration, or `None` for no expiry.
    pub fn duration(&self) -> Option<Duration> {
        (self.seconds > 0).then(|| Duration::from_secs(self.seconds))
    }

    /// Returns true for no expiry.
    pub fn is_never(&self) -> bool {
        self.seconds == 0
    }

    /// Returns true if `self` is longer than `other`. No expiry is longer than every duration.
    pub fn exceeds(&self, other: &Self) -> bool {
        !other.is_never() && (self.is_never() || self.seconds > other.seconds)
    }
}

impl PartialEq for Lifetime {
    fn eq(&self, other: &Self) -> bool {
        self.seconds == other.seconds
    }
}

impl Eq for Lifetime {}

impl FromStr for Lifetime {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let written = LifetimeNotation::Text(text.to_owned());
        if text == "never" {
            return Ok(Self::never());
        }
        if let Ok(seconds) = text.parse::<i64>() {
            let seconds = Self::from_seconds(seconds)?.seconds;
            return Ok(Self {
                seconds,
                notation: written,
            });
        }
        let duration = parse_duration(text)?;
        if duration.subsec_nanos() != 0 {
            bail!("invalid duration {text:?}: must be whole seconds");
        }
        if duration.as_secs() > LIFETIME_MAX {
            bail!("invalid duration {text:?}: must be at most ten years");
        }
        let seconds = duration.as_secs();
        Ok(Self {
            seconds,
            notation: written,
        })
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.notation {
            LifetimeNotation::Text(text) => f.write_str(text),
            LifetimeNotation::Seconds => write!(f, "{}", self.seconds),
        }
    }
}

/// Parses a duration that is not negative and has a fixed length. Days have 24 hours, weeks seven days.
fn parse_duration(text: &str) -> Result<Duration> {
    if text.len() > TEXT_MAX {
        bail!(
            "invalid duration: must have at most {TEXT_MAX} characters, but has {}",
            text.len()
        );
    }
    let Ok(span) = text.parse::<Span>() else {
        if is_too_large_number(text) {
            bail!("invalid duration {text:?}: must be at most ten years");
        }
        bail!(
            "invalid duration {text:?}: must be seconds or a number with a unit, such as 90s, 30m, 2h or 7d"
        );
    };
    // jiff reads both `-5m` and `5m ago` as negative.
    if span.is_negative() || text.starts_with('-') {
        bail!("invalid duration {text:?}: must not be negative");
    }
    if span.get_months() != 0 || span.get_years() != 0 {
        bail!("invalid duration {text:?}: months and years have no fixed length; use days");
    }
    match span.to_duration(SpanRelativeTo::days_are_24_hours()) {
        Ok(duration) => Ok(duration.unsigned_abs()),
        Err(_) => bail!("invalid duration {text:?}: must be at most ten years"),
    }
}

impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.notation {
            LifetimeNotation::Text(text) => serializer.serialize_str(text),
            LifetimeNotation::Seconds => serializer.serialize_u64(self.seconds),
        }
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Lifetime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds, or a duration such as 2h")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Lifetime, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Lifetime, E> {
                Lifetime::from_seconds(seconds).map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Lifetime, E> {
                self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Lifetime {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Lifetime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"x-kubernetes-int-or-string": true})
    }
}

/// Returns true for a number too large to parse, with or without a unit.
fn is_too_large_number(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let many = digits.len() > 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    many && ["", "s", "m", "h", "d", "w"].contains(&unit)
}

/// Parses the timeout of a hook: integer seconds, or a duration as a lifetime has, but also of less than a second. At most ten
/// years.
///
/// # Errors
/// If the text is not such a duration.
pub fn parse_hook_timeout(text: &str) -> Result<Duration> {
    let duration = match text.parse::<i64>() {
        Ok(seconds) => Duration::from_secs(Lifetime::from_seconds(seconds)?.seconds),
        Err(_) => parse_duration(text)?,
    };
    if duration.as_secs() > LIFETIME_MAX {
        bail!("invalid duration {text:?}: must be at most ten years");
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> u64 {
        match text.parse::<Lifetime>() {
            Ok(lifetime) => lifetime.duration().map_or(0, |duration| duration.as_secs()),
            Err(error) => panic!("{text}: {error}"),
        }
    }

    #[test]
    fn a_lifetime_is_written_in_many_ways() {
        for (text, wanted) in [
            ("7200", 7200),
            ("2h", 7200),
            ("7d", 604_800),
            ("1w", 604_800),
            ("1d12h", 129_600),
            ("1.5h", 5400),
            ("PT1H", 3600),
            ("90s", 90),
            ("0", 0),
            ("never", 0),
            ("0s", 0),
            ("3650d", LIFETIME_MAX),
        ] {
            assert_eq!(seconds(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_has_no_fixed_length_or_no_sense_is_refused() {
        for (text, reason) in [
            ("1mo", "no fixed length"),
            ("1y", "no fixed length"),
            ("-5m", "negative"),
            ("5m ago", "negative"),
            ("-1", "negative"),
            ("-0s", "negative"),
            ("3651d", "ten years"),
            ("999999999999999", "ten years"),
            ("99999999999999999999", "ten years"),
            ("99999999999999999999s", "ten years"),
            ("9223372036854775807d", "ten years"),
            ("99999999999999999999x", "must be seconds"),
            ("500ms", "whole seconds"),
            ("", "must be seconds"),
            ("h", "must be seconds"),
            ("5x", "must be seconds"),
            ("forever", "must be seconds"),
            ("1.5", "must be seconds"),
        ] {
            let error = text.parse::<Lifetime>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_lifetime_stays_as_it_was_written() {
        for json in ["3600", "\"2h\"", "\"never\"", "0", "\"1d12h\""] {
            let lifetime: Lifetime = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&lifetime).unwrap(), json);
        }
        assert!(serde_json::from_str::<Lifetime>("-1").is_err());
        assert!(serde_json::from_str::<Lifetime>("1.5").is_err());
        assert!(serde_json::from_str::<Lifetime>("18446744073709551615").is_err());
    }

    #[test]
    fn never_is_longer_than_everything() {
        let (day, hour): (Lifetime, Lifetime) = ("24h".parse().unwrap(), "1h".parse().unwrap());
        assert!(day.exceeds(&hour) && !hour.exceeds(&day) && !day.exceeds(&"1d".parse().unwrap()));
        assert!(Lifetime::never().exceeds(&day) && !day.exceeds(&Lifetime::never()));
        assert_eq!(day, "1d".parse().unwrap());
    }

    #[test]
    fn a_hook_may_have_less_than_a_second() {
        for (text, milliseconds) in [
            ("30s", 30_000),
            ("300", 300_000),
            ("1h30m", 5_400_000),
            ("1500ms", 1500),
            ("1d", 86_400_000),
            ("0", 0),
        ] {
            let read = parse_hook_timeout(text).unwrap();
            assert_eq!(read, Duration::from_millis(milliseconds), "{text}");
        }
        for (text, reason) in [
            ("", "must be seconds"),
            ("-1s", "must not be negative"),
            ("-5", "must not be negative"),
            ("1y", "no fixed length"),
            ("soon", "must be seconds"),
            ("5m ago", "must not be negative"),
            ("3651d", "must be at most ten years"),
        ] {
            let error = parse_hook_timeout(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
