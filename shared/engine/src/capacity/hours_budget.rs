//! Budgets of running hours: how long the sessions of a user may run in a day, week or month. Admins write them as an annotation on
//! a ResourceQuota, which users may not change; clients check them at each start, the server does not.
//!
//! ```text
//! user=alice:40/week ─► UserBudget ─► annotation of a ResourceQuota ─► budgets_of_user ─► BudgetUse ─► refusal or note
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use serde_json::Value;
use session_model::failure::with_hint;
use session_model::labels::SESSION_HOURS;
use session_model::names::UserId;
use session_model::objects::Untyped;

use super::run_hours::Window;

/// Stands for every user without a budget of their own.
pub const EVERY_USER: &str = "*";
/// Most hours of a budget: those of a month.
const HOURS_MAX: u32 = 31 * 24;
const HINT: &str =
    "use --hours user=NAME:HOURS/day|week|month, or user=NAME:none to remove the budget";

/// Time after which a budget begins anew: a calendar day, week from Monday, or month, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BudgetPeriod {
    /// From 00:00 UTC.
    Day,
    /// From Monday, 00:00 UTC.
    Week,
    /// From the first of the month, 00:00 UTC.
    Month,
}

impl BudgetPeriod {
    /// Returns the period that `now` is in.
    ///
    /// # Errors
    /// A time at the end of the calendar.
    pub fn window(self, now: Timestamp) -> Result<Window> {
        let today = now.to_zoned(TimeZone::UTC).start_of_day()?;
        let (start, length) = match self {
            BudgetPeriod::Day => (today, Span::new().days(1)),
            BudgetPeriod::Week => {
                let days = today.weekday().since(Weekday::Monday);
                (
                    today.checked_sub(Span::new().days(days))?,
                    Span::new().weeks(1),
                )
            }
            BudgetPeriod::Month => (today.first_of_month()?, Span::new().months(1)),
        };
        let end: Zoned = start.checked_add(length)?;
        Ok(Window {
            from: start.timestamp(),
            until: end.timestamp(),
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            BudgetPeriod::Day => "day",
            BudgetPeriod::Week => "week",
            BudgetPeriod::Month => "month",
        }
    }

    /// Returns the present period in words.
    fn present(self) -> &'static str {
        match self {
            BudgetPeriod::Day => "today",
            BudgetPeriod::Week => "this week",
            BudgetPeriod::Month => "this month",
        }
    }
}

/// Hours for which sessions may run in each period. Written `40/week`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoursBudget {
    /// Hours; 0 permits none.
    pub hours: u32,
    /// Period.
    pub period: BudgetPeriod,
}

impl FromStr for HoursBudget {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((hours, period)) = text.split_once('/') else {
            bail!("{text:?} has no \"/\"");
        };
        let period = match period {
            "day" => BudgetPeriod::Day,
            "week" => BudgetPeriod::Week,
            "month" => BudgetPeriod::Month,
            _ => bail!("unknown period {period:?}: must be day, week or month"),
        };
        let is_number = hours.bytes().all(|byte| byte.is_ascii_digit());
        match hours.parse() {
            Ok(hours) if is_number && hours <= HOURS_MAX => Ok(Self { hours, period }),
            _ => bail!("invalid hours {hours:?}: must be a whole number from 0 to {HOURS_MAX}"),
        }
    }
}

impl fmt::Display for HoursBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hours, self.period.as_str())
    }
}

/// A budget as the command line sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserBudget {
    /// User, or [`EVERY_USER`].
    pub user: String,
    /// Budget; `None` removes it.
    pub budget: Option<HoursBudget>,
}

impl FromStr for UserBudget {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |why: String| {
            with_hint(
                anyhow!("invalid argument for --hours: {text:?}: {why}"),
                HINT,
            )
        };
        let Some(rest) = text.strip_prefix("user=") else {
            return Err(invalid("does not begin with \"user=\"".to_owned()));
        };
        // A user's name may have colons, a budget has none.
        let Some((user, budget)) = rest.rsplit_once(':') else {
            return Err(invalid("no hours".to_owned()));
        };
        if user != EVERY_USER {
            let parsed: Result<UserId> = user.parse();
            parsed.map_err(|error| invalid(error.to_string()))?;
        }
        let budget = match budget {
            "none" => None,
            text => Some(
                text.parse()
                    .map_err(|error: anyhow::Error| invalid(error.to_string()))?,
            ),
        };
        Ok(Self {
            user: user.to_owned(),
            budget,
        })
    }
}

/// Reads the budgets of a ResourceQuota by user; none without the annotation.
///
/// # Errors
/// An annotation that is not in the form that `quota set --hours` writes.
pub fn read_budgets(quota: &Value) -> Result<BTreeMap<String, HoursBudget>> {
    let Some(text) = Untyped(quota).annotation(SESSION_HOURS) else {
        return Ok(BTreeMap::new());
    };
    let unreadable = |why: String| {
        let name = Untyped(quota).name();
        anyhow!("annotation {SESSION_HOURS} of quota {name:?} cannot be read: {why}")
    };
    let all: BTreeMap<String, String> =
        serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    let parse = |(user, budget): (String, String)| {
        let budget: Result<HoursBudget> = budget.parse();
        Ok((user, budget.map_err(|error| unreadable(error.to_string()))?))
    };
    all.into_iter().map(parse).collect()
}

/// Returns the value of the annotation after `changes`; `None` if no budget is left.
///
/// # Errors
/// As [`read_budgets`].
pub fn changed_annotation(quota: &Value, changes: &[UserBudget]) -> Result<Option<String>> {
    let mut budgets = read_budgets(quota)?;
    for change in changes {
        match change.budget {
            Some(budget) => drop(budgets.insert(change.user.clone(), budget)),
            None => drop(budgets.remove(&change.user)),
        }
    }
    let texts = budgets
        .iter()
        .map(|(user, budget)| (user, budget.to_string()));
    let texts: BTreeMap<_, _> = texts.collect();
    match texts.is_empty() {
        true => Ok(None),
        false => Ok(Some(serde_json::to_string(&texts)?)),
    }
}

/// Returns the budgets of a user in a namespace's ResourceQuotas: the user's own of each, else that of every user. Adds to `problems`
/// why a quota's budgets cannot be read.
pub fn budgets_of_user(
    quotas: &[Value],
    user: &str,
    problems: &mut Vec<String>,
) -> Vec<HoursBudget> {
    let mut found = Vec::new();
    for quota in quotas {
        match read_budgets(quota) {
            Ok(budgets) => found.extend(budgets.get(user).or(budgets.get(EVERY_USER)).copied()),
            Err(error) => problems.push(error.to_string()),
        }
    }
    found
}

/// How much of a budget is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetUse {
    /// The budget.
    pub budget: HoursBudget,
    /// Seconds for which the user's sessions have run in the present period.
    pub used_seconds: i128,
    /// End of the present period, in which the budget begins anew.
    pub free_again: Timestamp,
}

impl BudgetUse {
    fn limit_seconds(&self) -> i128 {
        i128::from(self.budget.hours) * 3600
    }

    /// Returns true if nothing is left.
    pub fn is_used_up(&self) -> bool {
        self.used_seconds >= self.limit_seconds()
    }

    /// Returns why a start is refused.
    pub fn refusal(&self, user: &str) -> String {
        let free = self.free_again.strftime("%a %Y-%m-%d %H:%M UTC");
        format!("{}; free again on {free}", self.describe(user))
    }

    /// Returns a note if less than a tenth is left.
    pub fn low_note(&self, user: &str) -> Option<String> {
        let left = self.limit_seconds() - self.used_seconds;
        let is_low = left > 0 && left * 10 < self.limit_seconds();
        is_low.then(|| {
            let minutes = left / 60;
            let left = match (minutes / 60, minutes % 60) {
                (0, 0) => "less than a minute".to_owned(),
                (0, minutes) => format!("{minutes}m"),
                (hours, 0) => format!("{hours}h"),
                (hours, minutes) => format!("{hours}h{minutes}m"),
            };
            format!("{}: {left} left", self.describe(user))
        })
    }

    fn describe(&self, user: &str) -> String {
        // Rounded down: 39.96 hours are not 40.
        let tenths = self.used_seconds / 360;
        let used = match (tenths / 10, tenths % 10) {
            (whole, 0) => whole.to_string(),
            (whole, tenth) => format!("{whole}.{tenth}"),
        };
        let HoursBudget { hours, period } = self.budget;
        let (unit, present) = (if hours == 1 { "hour" } else { "hours" }, period.present());
        format!("user {user:?} has used {used} of {hours} {unit} {present}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn window(period: BudgetPeriod, now: &str) -> (String, String) {
        let window = period.window(now.parse().unwrap()).unwrap();
        (window.from.to_string(), window.until.to_string())
    }

    #[test]
    fn periods_are_those_of_the_calendar_in_utc() {
        let of =
            |from: &str, until: &str| (format!("{from}T00:00:00Z"), format!("{until}T00:00:00Z"));
        let (week, month) = (BudgetPeriod::Week, BudgetPeriod::Month);
        assert_eq!(
            window(week, "2026-11-29T23:59:59Z"),
            of("2026-11-23", "2026-11-30")
        );
        assert_eq!(
            window(week, "2026-11-30T00:00:00Z"),
            of("2026-11-30", "2026-12-07")
        );
        assert_eq!(
            window(month, "2026-02-28T12:00:00Z"),
            of("2026-02-01", "2026-03-01")
        );
        assert_eq!(
            window(month, "2026-12-31T23:00:00Z"),
            of("2026-12-01", "2027-01-01")
        );
        assert_eq!(
            window(BudgetPeriod::Day, "2026-12-31T23:00:00Z"),
            of("2026-12-31", "2027-01-01")
        );
    }

    #[test]
    fn a_budget_is_read_as_it_is_written() {
        let parse = |text: &str| text.parse::<UserBudget>();
        let budget = |user: &str, text: &str| UserBudget {
            user: user.into(),
            budget: text.parse().ok(),
        };
        assert_eq!(
            parse("user=alice:40/week").unwrap(),
            budget("alice", "40/week")
        );
        assert_eq!(parse("user=*:8/day").unwrap(), budget("*", "8/day"));
        assert_eq!(
            parse("user=system:admin:0/month").unwrap(),
            budget("system:admin", "0/month")
        );
        assert_eq!(parse("user=alice:none").unwrap().budget, None);
        for (text, why) in [
            ("alice:40/week", "does not begin with \"user=\""),
            ("user=alice", "no hours"),
            ("user=:40/week", ""),
            ("user=alice:40", "has no \"/\""),
            (
                "user=alice:40/year",
                "unknown period \"year\": must be day, week or month",
            ),
            ("user=alice:-1/week", "must be a whole number from 0 to 744"),
            ("user=alice:+1/week", "must be a whole number"),
            ("user=alice:1.5/week", "must be a whole number"),
            ("user=alice:745/month", "must be a whole number"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with("invalid argument for --hours: ") && error.contains(why),
                "{error}"
            );
        }
    }

    #[test]
    fn changes_keep_the_budgets_of_others() {
        let quota =
            |text: &str| json!({"metadata": {"name": "q", "annotations": {SESSION_HOURS: text}}});
        let change = |quota: &Value, texts: &[&str]| {
            let changes: Vec<UserBudget> = texts.iter().map(|text| text.parse().unwrap()).collect();
            changed_annotation(quota, &changes)
        };
        let none = json!({"metadata": {"name": "q"}});
        let first = change(&none, &["user=alice:40/week", "user=*:8/day"])
            .unwrap()
            .unwrap();
        assert_eq!(first, r#"{"*":"8/day","alice":"40/week"}"#);
        let second = change(&quota(&first), &["user=alice:none", "user=bob:1/day"]).unwrap();
        assert_eq!(second.as_deref(), Some(r#"{"*":"8/day","bob":"1/day"}"#));
        assert_eq!(
            change(&quota(r#"{"bob":"1/day"}"#), &["user=bob:none"]).unwrap(),
            None
        );
        let broken = change(&quota("40"), &["user=bob:none"])
            .unwrap_err()
            .to_string();
        assert!(broken.contains("of quota \"q\" cannot be read"), "{broken}");
    }

    #[test]
    fn an_own_budget_goes_before_that_of_every_user_and_each_quota_counts() {
        let quota =
            |text: &str| json!({"metadata": {"name": "q", "annotations": {SESSION_HOURS: text}}});
        let quotas = [
            quota(r#"{"*":"8/day","alice":"40/week"}"#),
            quota(r#"{"*":"100/month"}"#),
            quota("?"),
            json!({}),
        ];
        let mut problems = Vec::new();
        let found = |user: &str, problems: &mut Vec<String>| {
            let found = budgets_of_user(&quotas, user, problems);
            found
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(found("alice", &mut problems), "40/week 100/month");
        assert_eq!(found("bob", &mut problems), "8/day 100/month");
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn what_is_used_is_told_in_words() {
        let used = |seconds: i128| BudgetUse {
            budget: "40/week".parse().unwrap(),
            used_seconds: seconds,
            free_again: "2026-11-30T00:00:00Z".parse().unwrap(),
        };
        let all = used(40 * 3600);
        assert!(all.is_used_up());
        assert_eq!(
            all.refusal("alice"),
            "user \"alice\" has used 40 of 40 hours this week; free again on Mon 2026-11-30 00:00 UTC"
        );
        assert_eq!(all.low_note("alice"), None);
        let almost = used(40 * 3600 - 30);
        assert!(!almost.is_used_up());
        assert_eq!(
            almost.low_note("a").unwrap(),
            "user \"a\" has used 39.9 of 40 hours this week: less than a minute left"
        );
        let low = used(36 * 3600 + 60).low_note("a").unwrap();
        assert_eq!(
            low,
            "user \"a\" has used 36 of 40 hours this week: 3h59m left"
        );
        assert_eq!(used(36 * 3600).low_note("a"), None);
    }
}
