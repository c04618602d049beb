//! Cron expressions for a CronJob's `spec.schedule`. Pure.
//!
//! The server refuses what it cannot parse, but only when the schedule's other objects have been created, and never in a
//! client-side dry run; so the form is checked here. The server accepts a date that never comes and an interval of a second;
//! these two are refused only here.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::failure::with_hint;
use crate::go_duration;
use anyhow::{Result, anyhow};

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
/// Shortest interval of `@every`.
const MIN_INTERVAL: Duration = Duration::from_secs(60);

/// One of the five fields: its name, its range of values, and names for the values from the lowest on.
struct Field(&'static str, u32, u32, &'static [&'static str]);

const FIELDS: [Field; 5] = [
    Field("minute", 0, 59, &[]),
    Field("hour", 0, 23, &[]),
    Field("day of the month", 1, 31, &[]),
    Field("month", 1, 12, &MONTHS),
    Field("day of the week", 0, 6, &DAYS),
];

/// Hint for most mistakes.
const FORMAT_HINT: &str = "write minute, hour, day of the month, month and day of the week, such as \"30 3 * * *\" for every day at 03:30, or one of \
    @hourly, @daily, @weekly, @monthly, @yearly";

/// Hint for a mistake in a time of the day.
const CLOCK_HINT: &str = "write hour, minute and, if not every day, days of the week, such as 20:00, \"07:30 Mon-Fri\" or \"9:00 weekends\", or a cron expression";

/// A cron expression of the form that a CronJob accepts.
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
        Self::parse_flag("--cron", text)
    }
}

impl CronExpression {
    /// Parses the value of a flag.
    ///
    /// # Errors
    /// An expression that a CronJob does not accept; the error names the flag.
    pub fn parse_flag(flag: &str, text: &str) -> Result<Self> {
        let (reason, hint) = match text.contains("TZ=") {
            true => (
                Err("time zones are not allowed in the expression".to_owned()),
                "set the time zone with --time-zone",
            ),
            false => (check_expression(text.trim()), FORMAT_HINT),
        };
        match reason {
            Ok(()) => Ok(Self(text.trim().to_owned())),
            Err(reason) => Err(with_hint(
                anyhow!("invalid value of {flag} {text:?}: {reason}"),
                hint,
            )),
        }
    }

    /// Parses the value of a flag that takes a cron expression or a time of the day with days of the week: `20:00`, `07:30 Mon-Fri`,
    /// `9:00 weekends`.
    ///
    /// # Errors
    /// Neither of the two, with the name of the flag.
    pub fn parse_clock(flag: &str, text: &str) -> Result<Self> {
        let Some((hour, rest)) = text.trim().split_once(':') else {
            return Self::parse_flag(flag, text);
        };
        let (minute, days) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let two_digits = minute.len() == 2;
        let fields = (
            FIELDS[1].value(hour),
            FIELDS[0].value(minute).filter(|_| two_digits),
            clock_days(days.trim()),
        );
        let (Some(hour), Some(minute), Some(days)) = fields else {
            let error = anyhow!("invalid value of {flag} {text:?}: not a time of the day");
            return Err(with_hint(error, CLOCK_HINT));
        };
        Ok(Self(format!("{minute} {hour} * * {days}")))
    }
}

/// Returns the field of the days of the week: names and ranges of names, which may pass the end of the week.
fn clock_days(text: &str) -> Option<String> {
    let text = match text.to_ascii_lowercase().as_str() {
        "" | "daily" => return Some("*".to_owned()),
        "weekdays" => "mon-fri".to_owned(),
        "weekends" => "sat,sun".to_owned(),
        other => other.to_owned(),
    };
    let position = |name: &str| DAYS.iter().position(|day| *day == name.trim());
    let item = |item: &str| {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (first, last) = (position(first)?, position(last)?);
        let range = |first: usize, last: usize| match first == last {
            true => DAYS[first].to_owned(),
            false => format!("{}-{}", DAYS[first], DAYS[last]),
        };
        // A range of cron ends with Saturday.
        Some(match first <= last {
            true => range(first, last),
            false => format!("{},{}", range(first, DAYS.len() - 1), range(0, last)),
        })
    };
    let items: Option<Vec<String>> = text.split(',').map(item).collect();
    Some(items?.join(",").to_uppercase())
}

/// Validates an expression. The error is the reason.
fn check_expression(text: &str) -> Result<(), String> {
    if let Some(interval) = text.strip_prefix("@every ").map(str::trim) {
        let length = go_duration::parse(interval)?;
        // A number alone is a duration for our flags and none for the server.
        let is_number = interval.parse::<u64>().is_ok();
        return match is_number || length < MIN_INTERVAL {
            true => Err("the interval must be at least 1m".to_owned()),
            false => Ok(()),
        };
    }
    if text.starts_with('@') {
        let is_known = DESCRIPTORS.contains(&text);
        return is_known
            .then_some(())
            .ok_or("unknown descriptor".to_owned());
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    let &[_, _, days, months, weekdays] = parts.as_slice() else {
        return Err(format!("expected 5 fields, found {}", parts.len()));
    };
    for (field, part) in FIELDS.iter().zip(&parts) {
        field.check(part)?;
    }
    // With days of the week beside days of the month, either of them is enough.
    let is_every_day = |item| ["*", "?", "*/1", "?/1"].contains(&item);
    let only_days = weekdays.split(',').any(is_every_day);
    match only_days && !day_exists(days, months) {
        true => Err("no given month has such a day".to_owned()),
        false => Ok(()),
    }
}

/// Returns false if every given day is after the end of every given month. Ranges of months count as long ones.
fn day_exists(days: &str, months: &str) -> bool {
    let [_, _, day, month, _] = &FIELDS;
    let start = |item: &str| {
        item.split(['-', '/'])
            .next()
            .and_then(|text| day.value(text))
    };
    let first = days.split(',').map(|item| start(item).unwrap_or(1)).min();
    let length = |item: &str| MONTH_DAYS.get(month.value(item)?.checked_sub(1)? as usize);
    let longest = months.split(',').map(|item| *length(item).unwrap_or(&31));
    first <= longest.max()
}

impl Field {
    /// Checks a field: items `*`, `5` or `1-5`, each with an optional `/STEP`.
    fn check(&self, part: &str) -> Result<(), String> {
        let is_range = |range: &str| match range.split_once('-') {
            _ if matches!(range, "*" | "?") => true,
            None => self.value(range).is_some(),
            Some((low, high)) => {
                matches!((self.value(low), self.value(high)), (Some(low), Some(high)) if low <= high)
            }
        };
        let is_item = |item: &str| match item.split_once('/') {
            None => is_range(item),
            Some((range, step)) => is_range(range) && number(step).is_some_and(|step| step > 0),
        };
        match part.split(',').all(is_item) {
            true => Ok(()),
            false => {
                let Self(name, low, high, _) = self;
                let is_value = part.chars().all(char::is_alphanumeric);
                let form = if is_value {
                    ""
                } else {
                    "a list of values and ranges "
                };
                Err(format!(
                    "{name} {part:?} is not {form}between {low} and {high}"
                ))
            }
        }
    }

    fn value(&self, text: &str) -> Option<u32> {
        let Self(_, low, high, names) = self;
        let named = names
            .iter()
            .position(|name| text.eq_ignore_ascii_case(name));
        let value = match named {
            Some(at) => low + u32::try_from(at).ok()?,
            None => number(text)?,
        };
        (*low..=*high).contains(&value).then_some(value)
    }
}

/// Parses a number without a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
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
            "0 0 31 2 */2",
            "0 0 30-31 1,2 *",
            "0 0 31,5 2 *",
            "@daily",
            "@annually",
            "@every 1h30m",
        ] {
            let cron: CronExpression = good.parse().unwrap();
            assert_eq!(cron.to_string(), good.trim());
        }
    }

    #[test]
    fn a_time_of_the_day_is_a_cron_expression() {
        let clock = |text: &str| CronExpression::parse_clock("--stop", text);
        for (text, cron) in [
            ("20:00", "0 20 * * *"),
            (" 7:30  Mon-Fri ", "30 7 * * MON-FRI"),
            ("07:05 daily", "5 7 * * *"),
            ("09:00 weekends", "0 9 * * SAT,SUN"),
            ("22:00 weekdays", "0 22 * * MON-FRI"),
            ("22:00 fri-mon, wed", "0 22 * * FRI-SAT,SUN-MON,WED"),
            ("0 20 * * 1-5", "0 20 * * 1-5"),
            ("@daily", "@daily"),
        ] {
            let found = clock(text).unwrap();
            assert_eq!(found.to_string(), cron, "{text:?}");
            assert_eq!(check_expression(cron), Ok(()), "{text:?}");
        }
        for text in [
            "24:00",
            "20:60",
            "20:5",
            "20:",
            ":30",
            "20:00 Mo",
            "20:00 Mon-",
            "8:00pm",
        ] {
            let error = clock(text).unwrap_err().to_string();
            let reason = format!("invalid value of --stop {text:?}: not a time of the day");
            assert_eq!(error, reason);
        }
        let other = clock("8 pm").unwrap_err().to_string();
        assert_eq!(
            other,
            "invalid value of --stop \"8 pm\": expected 5 fields, found 2"
        );
    }

    #[test]
    fn what_is_none_is_told_with_its_field() {
        for (bad, reason) in [
            ("", "expected 5 fields, found 0"),
            ("0 * * * * *", "expected 5 fields, found 6"),
            ("60 * * * *", "minute \"60\" is not between 0 and 59"),
            ("* 24 * * *", "hour \"24\" is not between 0 and 23"),
            (
                "* * L * *",
                "day of the month \"L\" is not between 1 and 31",
            ),
            ("* * * june *", "month \"june\" is not between 1 and 12"),
            ("* * * * 7", "day of the week \"7\" is not between 0 and 6"),
            (
                "+5 * * * *",
                "minute \"+5\" is not a list of values and ranges between 0 and 59",
            ),
            (
                "1,,2 * * * *",
                "minute \"1,,2\" is not a list of values and ranges between 0 and 59",
            ),
            (
                "1-2-3 * * * *",
                "minute \"1-2-3\" is not a list of values and ranges between 0 and 59",
            ),
            (
                "*/5/5 * * * *",
                "minute \"*/5/5\" is not a list of values and ranges between 0 and 59",
            ),
            (
                "30-10 * * * *",
                "minute \"30-10\" is not a list of values and ranges between 0 and 59",
            ),
            (
                "*/0 * * * *",
                "minute \"*/0\" is not a list of values and ranges between 0 and 59",
            ),
            ("0 0 31 2,4,6 *", "no given month has such a day"),
            ("0 0 30 feb ?", "no given month has such a day"),
            ("@reboot", "unknown descriptor"),
            ("@every 10s", "the interval must be at least 1m"),
            ("@every 3600", "the interval must be at least 1m"),
            ("@every soon", "time: invalid duration \"soon\""),
        ] {
            assert_eq!(check_expression(bad).unwrap_err(), reason, "{bad:?}");
        }
        let zone = "TZ=UTC 0 0 * * *".parse::<CronExpression>().unwrap_err();
        assert!(
            zone.to_string()
                .ends_with("time zones are not allowed in the expression")
        );
    }
}
