//! Cron expressions for a CronJob's `spec.schedule`, validated by the rules of Kubernetes. Pure.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, anyhow};
use session_shared::failure::with_hint;
use session_shared::go_duration;

/// Descriptors that stand for five fields.
const DESCRIPTORS: [&str; 7] = [
    "@hourly",
    "@daily",
    "@midnight",
    "@weekly",
    "@monthly",
    "@yearly",
    "@annually",
];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// Maximum number of days of each month.
const MONTH_DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// One of the five fields of a cron expression: name, range of values, and names for values.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    /// Names for the values, beginning with `low`.
    value_names: &'static [&'static str],
}

const fn field(what: &'static str, low: u32, high: u32, names: &'static [&'static str]) -> Field {
    Field {
        name: what,
        min: low,
        max: high,
        value_names: names,
    }
}

const FIELDS: [Field; 5] = [
    field("minute", 0, 59, &[]),
    field("hour", 0, 23, &[]),
    field("day of the month", 1, 31, &[]),
    field("month", 1, 12, &MONTHS),
    field("day of the week", 0, 6, &DAYS),
];

/// A cron expression that a CronJob accepts and that matches some date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronExpression(String);

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CronExpression {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |(why, way): (String, &str)| {
            with_hint(anyhow!("invalid value of --cron {text:?}: {why}"), way)
        };
        check_expression(text).map_err(wrong)?;
        Ok(Self(text.trim().to_owned()))
    }
}

/// Hint for most mistakes.
const FORMAT_HINT: &str = "write minute, hour, day of the month, month and day of the week, such as \"30 3 * * *\" for every day at 03:30, or one of \
    @hourly, @daily, @weekly, @monthly, @yearly";

/// Validates an expression. The error is the reason and a hint.
fn check_expression(text: &str) -> Result<(), (String, &'static str)> {
    let otherwise = |why: String| (why, FORMAT_HINT);
    if text.contains("TZ=") {
        let why = "time zones are not allowed in the expression".to_owned();
        return Err((why, "set the time zone with --time-zone"));
    }
    if let Some(period) = text.trim().strip_prefix("@every ") {
        let length = go_duration::parse(period.trim()).map_err(otherwise)?;
        let number = period.trim().parse::<u64>().is_ok();
        if number || length.as_secs() < 60 {
            let why = "the interval must be at least 1m";
            return Err(otherwise(why.to_owned()));
        }
        return Ok(());
    }
    if text.trim().starts_with('@') {
        let known = DESCRIPTORS.contains(&text.trim());
        return if known {
            Ok(())
        } else {
            Err(otherwise("unknown descriptor".into()))
        };
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        let why = format!("expected 5 fields, found {}", parts.len());
        return Err(otherwise(why));
    }
    let mut sets = [0_u64; 5];
    for ((set, part), field) in sets.iter_mut().zip(&parts).zip(&FIELDS) {
        *set = field
            .parse(part)
            .map_err(|why| otherwise(format!("{} {part:?} {why}", field.name)))?;
    }
    if !day_exists(sets[2], sets[3], matches_every_day(parts[4])) {
        return Err(otherwise("no given month has such a day".into()));
    }
    Ok(())
}

/// Returns true for a day field that matches every day, so that only the other day field decides.
fn matches_every_day(part: &str) -> bool {
    part.split(',')
        .any(|item| ["*", "?", "*/1", "?/1"].contains(&item))
}

/// Returns true if one of the days exists in one of the months. If a day of the week is given too, either of them is enough.
fn day_exists(days: u64, months: u64, any_weekday: bool) -> bool {
    let has = |month: usize, length: u32| {
        months & (1 << (month + 1)) != 0 && days & ((1 << (length + 1)) - 1) != 0
    };
    let mut lengths = MONTH_DAYS.iter().enumerate();
    !any_weekday || lengths.any(|(month, length)| has(month, *length))
}

impl Field {
    /// Parses a field. Returns its values as a bit set.
    fn parse(&self, part: &str) -> Result<u64, String> {
        let mut set = 0;
        for item in part.split(',') {
            set |= self.parse_range(item)?;
        }
        Ok(set)
    }

    /// Parses `*`, `5` or `1-5`, each with an optional `/STEP`; `5/10` means every tenth value from 5 on.
    fn parse_range(&self, item: &str) -> Result<u64, String> {
        let mut halves = item.split('/');
        let (range, step, more) = (halves.next(), halves.next(), halves.next());
        if more.is_some() {
            return Err("has more than one \"/\"".into());
        }
        let range = range.unwrap_or_default();
        let mut ends = range.split('-');
        let (low, high, more) = (ends.next(), ends.next(), ends.next());
        if more.is_some() {
            return Err("has more than one \"-\"".into());
        }
        let low = low.unwrap_or_default();
        let (start, end) = match (low, high) {
            ("*" | "?", None) => (self.min, self.max),
            (low, None) if step.is_some() => (self.parse_value(low)?, self.max),
            (low, None) => (self.parse_value(low)?, self.parse_value(low)?),
            (low, Some(high)) => (self.parse_value(low)?, self.parse_value(high)?),
        };
        if start > end {
            return Err("has a start after its end".into());
        }
        let step = match step {
            None => 1,
            Some(step) => match parse_unsigned(step) {
                Some(step) if step > 0 => step,
                _ => return Err("has a step that is not a positive number".into()),
            },
        };
        let steps = usize::try_from(step).unwrap_or(usize::MAX);
        Ok((start..=end)
            .step_by(steps)
            .fold(0, |set, number| set | 1 << number))
    }

    fn parse_value(&self, text: &str) -> Result<u32, String> {
        let lower = text.to_ascii_lowercase();
        let named = self.value_names.iter().zip(self.min..);
        let named = named.into_iter().find(|(name, _)| **name == lower);
        let number = match named {
            Some((_, number)) => Some(number),
            None => parse_unsigned(text),
        };
        let within = number.filter(|number| (self.min..=self.max).contains(number));
        within.ok_or_else(|| format!("is not between {} and {}", self.min, self.max))
    }
}

/// Parses a number without a sign; a number too large becomes `u32::MAX`.
fn parse_unsigned(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cron_job_takes_is_taken() {
        for good in [
            "* * * * *",
            "30 3 * * *",
            " 0  */6\t* * 1-5 ",
            "0,15,30-45/5 0-23/2 1,15 jan,JUL-sep MON",
            "5/10 ? * ? ?",
            "0 0 29 2 *",
            "0 0 31 2 mon",
            "0 0 30-31 1,2 *",
            "@daily",
            "@annually",
            "@every 1h30m",
        ] {
            let cron: CronExpression = good.parse().unwrap();
            assert_eq!(cron.to_string(), good.trim());
        }
    }

    #[test]
    fn what_is_none_is_told_with_its_field() {
        let why = |text: &str| check_expression(text).unwrap_err().0;
        for (bad, reason) in [
            ("", "expected 5 fields, found 0"),
            ("* * * *", "expected 5 fields, found 4"),
            ("0 * * * * *", "expected 5 fields, found 6"),
            ("60 * * * *", "minute \"60\" is not between 0 and 59"),
            ("* 24 * * *", "hour \"24\" is not between 0 and 23"),
            (
                "* * 0 * *",
                "day of the month \"0\" is not between 1 and 31",
            ),
            (
                "* * L * *",
                "day of the month \"L\" is not between 1 and 31",
            ),
            ("* * * 13 *", "month \"13\" is not between 1 and 12"),
            ("* * * june *", "month \"june\" is not between 1 and 12"),
            ("* * * * 7", "day of the week \"7\" is not between 0 and 6"),
            (
                "* * * * -1",
                "day of the week \"-1\" is not between 0 and 6",
            ),
            ("+5 * * * *", "minute \"+5\" is not between 0 and 59"),
            ("1,,2 * * * *", "minute \"1,,2\" is not between 0 and 59"),
            ("1-2-3 * * * *", "minute \"1-2-3\" has more than one \"-\""),
            ("*/5/5 * * * *", "minute \"*/5/5\" has more than one \"/\""),
            ("*-5 * * * *", "minute \"*-5\" is not between 0 and 59"),
            (
                "30-10 * * * *",
                "minute \"30-10\" has a start after its end",
            ),
            (
                "*/0 * * * *",
                "minute \"*/0\" has a step that is not a positive number",
            ),
            (
                "*/x * * * *",
                "minute \"*/x\" has a step that is not a positive number",
            ),
            (
                "99999999999 * * * *",
                "minute \"99999999999\" is not between 0 and 59",
            ),
            ("0 0 31 2,4,6 *", "no given month has such a day"),
            ("0 0 30 feb ?", "no given month has such a day"),
            ("@reboot", "unknown descriptor"),
            ("@every 10s", "the interval must be at least 1m"),
            ("@every 3600", "the interval must be at least 1m"),
            ("@every soon", "time: invalid duration \"soon\""),
            (
                "TZ=UTC 0 0 * * *",
                "time zones are not allowed in the expression",
            ),
        ] {
            assert_eq!(why(bad), reason, "{bad:?}");
        }
    }

    #[test]
    fn a_field_means_the_numbers_it_names() {
        let numbers = |part: &str| {
            let set = FIELDS[0].parse(part).unwrap();
            (0..60_u32)
                .filter(|n| set & (1 << n) != 0)
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers("3"), [3]);
        assert_eq!(numbers("50/4"), [50, 54, 58]);
        assert_eq!(numbers("1-5/2,9"), [1, 3, 5, 9]);
        assert_eq!(numbers("*/20"), [0, 20, 40]);
        assert_eq!(numbers("*/4294967295"), [0]);
    }
}
