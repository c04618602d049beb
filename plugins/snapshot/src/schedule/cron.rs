//! When a schedule runs: the text of a CronJob's `spec.schedule`, understood as Kubernetes understands it. Pure.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, anyhow};
use session_shared::failure::hinted;
use session_shared::go_duration;

/// Texts that stand for five fields.
const WORDS: [&str; 7] = [
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
/// Days that a month has at most.
const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// One of the five fields.
struct Field {
    what: &'static str,
    low: u32,
    high: u32,
    /// Words for its numbers, from `low` on.
    names: &'static [&'static str],
}

const fn field(what: &'static str, low: u32, high: u32, names: &'static [&'static str]) -> Field {
    Field {
        what,
        low,
        high,
        names,
    }
}

const FIELDS: [Field; 5] = [
    field("minute", 0, 59, &[]),
    field("hour", 0, 23, &[]),
    field("day of the month", 1, 31, &[]),
    field("month", 1, 12, &MONTHS),
    field("day of the week", 0, 6, &DAYS),
];

/// A text that a CronJob takes, and that means a time which comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron(String);

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cron {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |(why, way): (String, &str)| {
            hinted(anyhow!("invalid value of --cron {text:?}: {why}"), way)
        };
        check(text).map_err(wrong)?;
        Ok(Self(text.trim().to_owned()))
    }
}

/// The way out of most mistakes.
const WAY: &str = "write minute, hour, day of the month, month and day of the week, as in \"30 3 * * *\" for every day at 03:30, or one of \
    @hourly, @daily, @weekly, @monthly, @yearly";

/// Finds what is wrong with a text, and the way out.
fn check(text: &str) -> Result<(), (String, &'static str)> {
    let otherwise = |why: String| (why, WAY);
    if text.contains("TZ=") {
        let why = "a time zone does not stand in it".to_owned();
        return Err((why, "name it with --time-zone"));
    }
    if let Some(period) = text.trim().strip_prefix("@every ") {
        let length = go_duration::parse(period.trim()).map_err(otherwise)?;
        let number = period.trim().parse::<u64>().is_ok();
        if number || length.as_secs() < 60 {
            let why = "the time between two snapshots must be a minute or more, as in 90m";
            return Err(otherwise(why.to_owned()));
        }
        return Ok(());
    }
    if text.trim().starts_with('@') {
        let known = WORDS.contains(&text.trim());
        return if known {
            Ok(())
        } else {
            Err(otherwise("there is no such word".into()))
        };
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        let why = format!("it has {} fields, five are wanted", parts.len());
        return Err(otherwise(why));
    }
    let mut sets = [0_u64; 5];
    for ((set, part), field) in sets.iter_mut().zip(&parts).zip(&FIELDS) {
        *set = field
            .read(part)
            .map_err(|why| otherwise(format!("{} {part:?} {why}", field.what)))?;
    }
    if !comes(sets[2], sets[3], any(parts[4])) {
        return Err(otherwise("such a day never comes".into()));
    }
    Ok(())
}

/// True for a field that says nothing: of the two fields for days the other one decides then.
fn any(part: &str) -> bool {
    part.split(',')
        .any(|item| ["*", "?", "*/1", "?/1"].contains(&item))
}

/// True if a day is in a month. Where a day of the week is named as well either of them is enough.
fn comes(days: u64, months: u64, any_weekday: bool) -> bool {
    let has = |month: usize, length: u32| {
        months & (1 << (month + 1)) != 0 && days & ((1 << (length + 1)) - 1) != 0
    };
    let mut lengths = LENGTHS.iter().enumerate();
    !any_weekday || lengths.any(|(month, length)| has(month, *length))
}

impl Field {
    /// The numbers of a field, a bit each.
    fn read(&self, part: &str) -> Result<u64, String> {
        let mut set = 0;
        for item in part.split(',') {
            set |= self.range(item)?;
        }
        Ok(set)
    }

    /// `*`, `5`, `1-5`, and each with `/STEP`; `5/10` is from 5 on.
    fn range(&self, item: &str) -> Result<u64, String> {
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
            ("*" | "?", None) => (self.low, self.high),
            (low, None) if step.is_some() => (self.number(low)?, self.high),
            (low, None) => (self.number(low)?, self.number(low)?),
            (low, Some(high)) => (self.number(low)?, self.number(high)?),
        };
        if start > end {
            return Err("ends before it begins".into());
        }
        let step = match step {
            None => 1,
            Some(step) => match plain(step) {
                Some(step) if step > 0 => step,
                _ => return Err("has a step that is no number above 0".into()),
            },
        };
        let steps = usize::try_from(step).unwrap_or(usize::MAX);
        Ok((start..=end)
            .step_by(steps)
            .fold(0, |set, number| set | 1 << number))
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let lower = text.to_ascii_lowercase();
        let named = self.names.iter().zip(self.low..);
        let named = named.into_iter().find(|(name, _)| **name == lower);
        let number = match named {
            Some((_, number)) => Some(number),
            None => plain(text),
        };
        let within = number.filter(|number| (self.low..=self.high).contains(number));
        within.ok_or_else(|| format!("is not within {} to {}", self.low, self.high))
    }
}

/// A number without a sign.
fn plain(text: &str) -> Option<u32> {
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
            let cron: Cron = good.parse().unwrap();
            assert_eq!(cron.to_string(), good.trim());
        }
    }

    #[test]
    fn what_is_none_is_told_with_its_field() {
        let why = |text: &str| check(text).unwrap_err().0;
        for (bad, reason) in [
            ("", "it has 0 fields, five are wanted"),
            ("* * * *", "it has 4 fields, five are wanted"),
            ("0 * * * * *", "it has 6 fields, five are wanted"),
            ("60 * * * *", "minute \"60\" is not within 0 to 59"),
            ("* 24 * * *", "hour \"24\" is not within 0 to 23"),
            ("* * 0 * *", "day of the month \"0\" is not within 1 to 31"),
            ("* * L * *", "day of the month \"L\" is not within 1 to 31"),
            ("* * * 13 *", "month \"13\" is not within 1 to 12"),
            ("* * * june *", "month \"june\" is not within 1 to 12"),
            ("* * * * 7", "day of the week \"7\" is not within 0 to 6"),
            ("* * * * -1", "day of the week \"-1\" is not within 0 to 6"),
            ("+5 * * * *", "minute \"+5\" is not within 0 to 59"),
            ("1,,2 * * * *", "minute \"1,,2\" is not within 0 to 59"),
            ("1-2-3 * * * *", "minute \"1-2-3\" has more than one \"-\""),
            ("*/5/5 * * * *", "minute \"*/5/5\" has more than one \"/\""),
            ("*-5 * * * *", "minute \"*-5\" is not within 0 to 59"),
            ("30-10 * * * *", "minute \"30-10\" ends before it begins"),
            (
                "*/0 * * * *",
                "minute \"*/0\" has a step that is no number above 0",
            ),
            (
                "*/x * * * *",
                "minute \"*/x\" has a step that is no number above 0",
            ),
            (
                "99999999999 * * * *",
                "minute \"99999999999\" is not within 0 to 59",
            ),
            ("0 0 31 2,4,6 *", "such a day never comes"),
            ("0 0 30 feb ?", "such a day never comes"),
            ("@reboot", "there is no such word"),
            (
                "@every 10s",
                "the time between two snapshots must be a minute or more, as in 90m",
            ),
            (
                "@every 3600",
                "the time between two snapshots must be a minute or more, as in 90m",
            ),
            ("@every soon", "time: invalid duration \"soon\""),
            ("TZ=UTC 0 0 * * *", "a time zone does not stand in it"),
        ] {
            assert_eq!(why(bad), reason, "{bad:?}");
        }
    }

    #[test]
    fn a_field_means_the_numbers_it_names() {
        let numbers = |part: &str| {
            let set = FIELDS[0].read(part).unwrap();
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
