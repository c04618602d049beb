//! The value of `--since`.

use anyhow::Result;
use session_shared::Timestamp;
use session_shared::duration::Lifetime;
use session_shared::failure::{usage_error, with_hint};

/// Parses a duration before `now`, a date in UTC, or an RFC 3339 time.
///
/// # Errors
/// Another text; a time after `now`.
pub(crate) fn parse_since(text: &str, now: Timestamp) -> Result<Timestamp> {
    let invalid = |why: &str| {
        let error = usage_error(format!(
            "invalid argument {text:?} for \"--since\" flag: {why}"
        ));
        with_hint(
            error,
            "use a duration before now (7d, 12h), a date (2026-11-01) or an RFC 3339 time (2026-11-01T08:00:00Z)",
        )
    };
    let date = || format!("{text}T00:00:00Z").parse().ok();
    let time: Option<Timestamp> = text.parse().ok().or_else(date);
    let from = match time {
        Some(time) => time,
        None => {
            let lifetime: Option<Lifetime> = text.parse().ok();
            let duration = lifetime.and_then(|lifetime| lifetime.duration());
            let Some(duration) = duration else {
                return Err(invalid("neither a duration nor a time"));
            };
            now.checked_sub(duration)
                .map_err(|_| invalid("too long ago"))?
        }
    };
    match from > now {
        true => Err(invalid("in the future")),
        false => Ok(from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_dates_and_times_are_read() {
        let now: Timestamp = "2026-11-30T01:00:00Z".parse().unwrap();
        let since = |text: &str| parse_since(text, now).map(|at| at.to_string());
        assert_eq!(since("7d").unwrap(), "2026-11-23T01:00:00Z");
        assert_eq!(since("90").unwrap(), "2026-11-30T00:58:30Z");
        assert_eq!(since("2026-11-01").unwrap(), "2026-11-01T00:00:00Z");
        assert_eq!(
            since("2026-11-30T01:30:00+01:00").unwrap(),
            "2026-11-30T00:30:00Z"
        );
        for text in [
            "",
            "never",
            "0",
            "-7d",
            "2026-13-01",
            "2027-01-01",
            "2026-11-01T08:00",
            "yesterday",
        ] {
            let error = since(text).unwrap_err().to_string();
            assert!(error.starts_with("invalid argument "), "{text:?}: {error}");
        }
    }
}
