//! Tests of budgets: calendar, notation, annotation, words.

use super::*;
use serde_json::json;

fn window(period: BudgetPeriod, now: &str) -> (String, String) {
    let window = period.window(now.parse().unwrap()).unwrap();
    (window.from.to_string(), window.until.to_string())
}

#[test]
fn periods_are_those_of_the_calendar_in_utc() {
    let of = |from: &str, until: &str| (format!("{from}T00:00:00Z"), format!("{until}T00:00:00Z"));
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
        (
            "user=alice:8/day,user=bob:4/day",
            "repeat --hours for each user",
        ),
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
fn a_budget_of_nothing_is_never_free_again() {
    let none = BudgetUse {
        budget: "0/day".parse().unwrap(),
        used_seconds: 0,
        free_again: "2026-11-30T00:00:00Z".parse().unwrap(),
    };
    assert!(none.is_used_up());
    assert_eq!(
        none.refusal("alice"),
        "user \"alice\" has a budget of 0 hours per day"
    );
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
