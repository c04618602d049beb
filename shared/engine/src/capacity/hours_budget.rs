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
        if user.contains(",user=") {
            return Err(invalid("repeat --hours for each user".to_owned()));
        }
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

    /// Returns the hours that are used, rounded down: 39.96 hours are not 40.
    pub fn used_hours(&self) -> String {
        format_hours(self.used_seconds)
    }

    /// Returns the hours that are left, rounded down.
    pub fn left_hours(&self) -> String {
        format_hours((self.limit_seconds() - self.used_seconds).max(0))
    }

    /// Returns the share that is used, rounded down; `None` of a budget of 0.
    pub fn used_percent(&self) -> Option<i64> {
        let share = (self.used_seconds * 100).checked_div(self.limit_seconds())?;
        i64::try_from(share).ok()
    }

    /// Returns why a start is refused.
    pub fn refusal(&self, user: &str) -> String {
        if self.budget.hours == 0 {
            let period = self.budget.period.as_str();
            return format!("user {user:?} has a budget of 0 hours per {period}");
        }
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
        let used = self.used_hours();
        let HoursBudget { hours, period } = self.budget;
        let (unit, present) = (if hours == 1 { "hour" } else { "hours" }, period.present());
        format!("user {user:?} has used {used} of {hours} {unit} {present}")
    }
}

fn format_hours(seconds: i128) -> String {
    let tenths = seconds / 360;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

#[cfg(test)]
#[path = "hours_budget_tests.rs"]
mod tests;
