//! ResourceQuotas as table and as objects. Pure.

use serde_json::{Map, Value, json};
use session_shared::Timestamp;
use session_shared::capacity::amount_text::format_amount;
use session_shared::capacity::hours_budget::EVERY_USER;
use session_shared::capacity::quota_usage::{QuotaUsage, ResourceUsage};
use session_shared::objects::Untyped;
use session_shared::objects::table::{Row, Table};
use session_shared::ops::hours_check::ShownBudget;
use session_shared::quantity::Quantity;
use session_shared::report::age;

/// Text of a figure that is not known.
pub(super) const UNKNOWN: &str = "<unknown>";
/// Columns of a bar.
const BAR: i64 = 20;

/// Adds the figures of the table to a quota's status: `free` and `usedPercent` by resource, and `bottleneck`.
pub(super) fn add_figures(quota: &mut Value) {
    let Some(usage) = QuotaUsage::of(quota) else {
        return;
    };
    let (mut free, mut percent) = (Map::new(), Map::new());
    for one in &usage.resources {
        let name = &one.resource;
        free.extend(
            one.free()
                .map(|free| (name.clone(), free.to_string().into())),
        );
        percent.extend(one.used_percent().map(|used| (name.clone(), used.into())));
    }
    let bottleneck = usage.bottleneck().map(|one| one.resource.clone());
    for (field, value) in [
        ("free", (!free.is_empty()).then(|| free.into())),
        ("usedPercent", (!percent.is_empty()).then(|| percent.into())),
        ("bottleneck", bottleneck.map(Value::from)),
    ] {
        if let Some(value) = value {
            quota["status"][field] = value;
        }
    }
}

/// Adds budgets of running hours to a quota's status as `hours`.
pub(super) fn add_hours(quota: &mut Value, budgets: &[ShownBudget]) {
    let documents = budgets.iter().map(|one| {
        let mut document = json!({"user": one.user, "budget": one.budget.to_string()});
        if let Some(used) = &one.used {
            document["used"] = used.used_hours().into();
            document["free"] = used.left_hours().into();
            document["usedPercent"] = used.used_percent().into();
            document["renews"] = used.free_again.to_string().into();
        }
        document
    });
    if !budgets.is_empty() {
        quota["status"]["hours"] = documents.collect();
    }
}

/// Returns a table with one row for each resource of each quota, and for each budget of running hours. `bars` draws the used share.
pub(super) fn quota_table(quotas: &[Value], bars: bool, now: Timestamp) -> Table {
    let has_hours = quotas.iter().any(|quota| hours_of(quota).next().is_some());
    let mut columns = vec![
        ("Name", true),
        ("Resource", true),
        ("Used", true),
        ("Hard", true),
        ("Free", true),
        ("Use%", bars),
    ];
    columns.extend(has_hours.then_some(("Renews", true)));
    columns.extend([("Scopes", false), ("Age", false)]);
    let rows = quotas
        .iter()
        .flat_map(|quota| quota_rows(quota, bars, has_hours, now));
    Table::from_rows(&columns, rows.collect())
}

fn hours_of(quota: &Value) -> impl Iterator<Item = Untyped<'_>> {
    Untyped(quota).items_at("/status/hours")
}

fn quota_rows(quota: &Value, bars: bool, has_hours: bool, now: Timestamp) -> Vec<Row> {
    let usage = QuotaUsage::of(quota);
    let scopes = usage.as_ref().map(|usage| usage.scopes.join(","));
    let scopes = scopes.filter(|scopes| !scopes.is_empty());
    let row = |figures: [String; 5], renews: &str| {
        let mut cells = vec![Value::from(Untyped(quota).name())];
        cells.extend(figures.map(Value::from));
        cells.extend(has_hours.then(|| renews.into()));
        cells.push(scopes.as_deref().unwrap_or(Untyped::NONE).into());
        cells.push(age::age_since(Untyped(quota).created(), now).into());
        Row {
            cells,
            object: quota.clone(),
        }
    };
    let resources = usage.as_ref().map_or(&[][..], |usage| &usage.resources);
    let budgets = hours_of(quota).map(|budget| {
        let renews = budget.str_at("/renews").unwrap_or(Untyped::NONE);
        row(budget_figures(budget, bars), renews)
    });
    let budgets: Vec<Row> = budgets.collect();
    if resources.is_empty() && budgets.is_empty() {
        // As kubectl does, a quota without limits is listed, too.
        return vec![row(
            [(); 5].map(|()| Untyped::NONE.to_owned()),
            Untyped::NONE,
        )];
    }
    let rows = resources
        .iter()
        .map(|usage| row(figures(usage, bars), Untyped::NONE));
    rows.chain(budgets).collect()
}

/// Returns the figures of a budget of running hours. That of every user has none: each of them has it alone.
fn budget_figures(budget: Untyped<'_>, bars: bool) -> [String; 5] {
    let user = budget.str_at("/user").unwrap_or(UNKNOWN);
    let missing = match budget.at("/used") {
        None if user != EVERY_USER => UNKNOWN,
        // A budget of 0 has no shares.
        _ => Untyped::NONE,
    };
    let text = |path: &str| budget.str_at(path).unwrap_or(missing).to_owned();
    let percent = budget.at("/usedPercent").and_then(Value::as_i64);
    [
        format!("hours/{user}"),
        text("/used"),
        text("/budget"),
        text("/free"),
        percent.map_or_else(|| missing.to_owned(), |percent| share(percent, bars)),
    ]
}

fn share(percent: i64, bars: bool) -> String {
    match bars {
        true => format!("{percent:>3}% {}", bar(percent)),
        false => format!("{percent}%"),
    }
}

fn figures(usage: &ResourceUsage, bars: bool) -> [String; 5] {
    let resource = &usage.resource;
    let shown = |amount: Option<&Quantity>| match amount {
        Some(amount) => format_amount(resource, amount),
        None => UNKNOWN.to_owned(),
    };
    let share = match (usage.used, usage.used_percent()) {
        (None, _) => UNKNOWN.to_owned(),
        (_, Some(percent)) => share(percent, bars),
        // A limit of 0 has no shares.
        (_, None) => Untyped::NONE.to_owned(),
    };
    [
        resource.clone(),
        shown(usage.used.as_ref()),
        shown(Some(&usage.hard)),
        shown(usage.free().as_ref()),
        share,
    ]
}

/// Draws a percentage: `#######.............` for 35. Only 100 and more fill the bar.
fn bar(percent: i64) -> String {
    let full = (percent * BAR / 100).clamp(0, BAR);
    let part = |sign: &str, count: i64| sign.repeat(usize::try_from(count).unwrap_or_default());
    format!("{}{}", part("#", full), part(".", BAR - full))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_bar_is_as_long_for_any_share() {
        assert_eq!(bar(0), "....................");
        assert_eq!(bar(35), "#######.............");
        assert_eq!(bar(99), "###################.");
        assert_eq!(bar(150), "####################");
        assert_eq!(bar(i64::MAX / 100).len(), 20);
    }

    #[test]
    fn figures_are_added_only_where_they_are_known() {
        let mut quota = json!({"metadata": {"name": "q", "namespace": "ns"}, "spec": {"hard": {"pods": "4", "cpu": "2"}}});
        let before = quota.clone();
        add_figures(&mut quota);
        assert_eq!(quota, before);
        quota["status"] = json!({"hard": {"pods": "4", "cpu": "2"}, "used": {"pods": "3"}});
        add_figures(&mut quota);
        let status = &quota["status"];
        assert_eq!(status["free"], json!({"pods": "1"}));
        assert_eq!(status["usedPercent"], json!({"pods": 75}));
        assert_eq!(status["bottleneck"], "pods");
    }
}
