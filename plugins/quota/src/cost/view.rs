//! Costs as a table, as JSON and in words. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use session_shared::capacity::amount_text::format_amount;
use session_shared::capacity::cost_report::{
    CostGaps, CostParts, CostRange, CostReport, CostRow, DELETED,
};
use session_shared::capacity::grouping::Grouping;
use session_shared::report::table;
use session_shared::template::Prices;

use session_shared::report::name_list::list_names;

/// Containers and claims that a note names.
const NAMED: usize = 3;

/// Costs and how they are shown.
#[derive(Debug)]
pub(crate) struct CostView<'a> {
    /// Subject of a row: session, user, namespace, template or file.
    pub(crate) by: &'static str,
    pub(crate) rows: Vec<CostRow>,
    pub(crate) total: CostRow,
    pub(crate) notes: Vec<String>,
    pub(crate) prices: &'a Prices,
    /// Plurals of the kinds that could not be read.
    pub(crate) unread: &'a [&'static str],
    /// True if the rows may be of several namespaces.
    pub(crate) has_namespaces: bool,
}

impl CostView<'_> {
    /// Formats the table with the total, and below it the cost of the cluster itself. Without rows it is empty.
    pub(crate) fn table(&self, wide: bool, no_headers: bool) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let by_session = self.by_session();
        let price = format!("{}/MONTH", self.prices.currency);
        let mut headings = Vec::new();
        if by_session && self.has_namespaces {
            headings.push("NAMESPACE");
        }
        headings.push("NAME");
        headings.extend_from_slice(if by_session {
            &["USER", "PHASE"]
        } else {
            &["SESSIONS"]
        });
        headings.extend(["CPU", "MEMORY", "STORAGE", "GPUS", "LOAD-BALANCERS"]);
        if wide {
            headings.extend([
                "COMPUTE",
                "GPU-COST",
                "STORAGE-COST",
                "SNAPSHOT-COST",
                "LOAD-BALANCER-COST",
            ]);
        }
        headings.push(&price);
        let mut rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| self.cells(row, wide)).collect();
        // No session has a name in upper case.
        let total = CostRow {
            name: "TOTAL".to_owned(),
            ..self.total.clone()
        };
        rows.push(self.cells(&total, wide));
        let table = table::format_table(&headings, &rows, no_headers);
        let base = format_range(CostRange::of_price(self.prices.base));
        let currency = &self.prices.currency;
        format!(
            "{table}\nThe cluster itself: {base} {currency} per month, not in the total; 0 if self-hosted\n"
        )
    }

    fn by_session(&self) -> bool {
        self.by == Grouping::Session.as_str()
    }

    fn is_unread(&self, kind: &str) -> bool {
        self.unread.contains(&kind)
    }

    fn cells(&self, row: &CostRow, wide: bool) -> Vec<String> {
        let or_unknown = |kind: &str, text: String| match self.is_unread(kind) {
            true => "<unknown>".to_owned(),
            false => text,
        };
        let mut cells = Vec::new();
        if self.by_session() {
            if self.has_namespaces {
                cells.push(or_none(row.namespace.as_deref()));
            }
            cells.extend([
                row.name.clone(),
                or_none(row.user.as_deref()),
                or_none(row.phase.as_deref()),
            ]);
        } else {
            cells.extend([row.name.clone(), row.sessions.to_string()]);
        }
        let gpus = format_counts(&row.gpus);
        cells.extend([
            or_unknown("pods", format_amount("cpu", &row.cpu)),
            or_unknown("pods", format_amount("memory", &row.memory)),
            or_unknown(
                "persistentvolumeclaims",
                format_amount("storage", &row.storage),
            ),
            or_unknown("pods", gpus),
            or_unknown("services", row.load_balancers.to_string()),
        ]);
        let costs = &row.costs;
        if wide {
            cells.extend([
                or_unknown("pods", format_range(costs.compute)),
                or_unknown("pods", format_range(costs.gpus)),
                or_unknown("persistentvolumeclaims", format_range(costs.storage)),
                or_unknown("volumesnapshots", format_range(costs.snapshots)),
                or_unknown("services", format_range(costs.load_balancers)),
            ]);
        }
        cells.push(format_range(costs.total()));
        cells
    }

    /// Returns the costs as a document.
    pub(crate) fn to_json(&self) -> Value {
        let items: Vec<Value> = self.rows.iter().map(|row| self.row_json(row)).collect();
        json!({
            "currency": self.prices.currency,
            "period": "month",
            "by": self.by,
            "items": items,
            "total": self.row_json(&self.total),
            "base": range_json(CostRange::of_price(self.prices.base)),
            "notes": self.notes,
        })
    }

    fn row_json(&self, row: &CostRow) -> Value {
        let or_null = |kind: &str, value: Value| match self.is_unread(kind) {
            true => Value::Null,
            false => value,
        };
        let CostParts {
            compute,
            gpus,
            storage,
            snapshots,
            load_balancers,
        } = row.costs;
        let mut object = json!({
            "name": row.name,
            "sessions": row.sessions,
            "limits": or_null("pods", json!({"cpu": row.cpu, "memory": row.memory})),
            "gpus": or_null("pods", json!(row.gpus)),
            "storage": or_null("persistentvolumeclaims", json!(row.storage)),
            "loadBalancers": or_null("services", json!(row.load_balancers)),
            "cost": {
                "compute": or_null("pods", range_json(compute)),
                "gpus": or_null("pods", range_json(gpus)),
                "storage": or_null("persistentvolumeclaims", range_json(storage)),
                "snapshots": or_null("volumesnapshots", range_json(snapshots)),
                "loadBalancers": or_null("services", range_json(load_balancers)),
                "total": range_json(row.costs.total()),
            },
        });
        for (key, value) in [
            ("namespace", &row.namespace),
            ("user", &row.user),
            ("phase", &row.phase),
        ] {
            if let Some(value) = value {
                object[key] = value.as_str().into();
            }
        }
        object
    }
}

fn format_counts(counts: &BTreeMap<String, i64>) -> String {
    let counts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
    or_none(Some(counts.join(",").as_str()).filter(|text| !text.is_empty()))
}

fn or_none(text: Option<&str>) -> String {
    text.unwrap_or("<none>").to_owned()
}

/// Formats a range: `50`, `50-80`, `62.50-100.00`.
fn format_range(range: CostRange) -> String {
    let is_whole = range.low % 100 == 0 && range.high % 100 == 0;
    let amount = |cents: i64| match is_whole {
        true => (cents / 100).to_string(),
        false => format!("{}.{:02}", cents / 100, cents % 100),
    };
    match range.low == range.high {
        true => amount(range.low),
        false => format!("{}-{}", amount(range.low), amount(range.high)),
    }
}

fn range_json(range: CostRange) -> Value {
    let amount = |cents: i64| match cents % 100 {
        0 => json!(cents / 100),
        _ => json!(cents as f64 / 100.0),
    };
    json!({"low": amount(range.low), "high": amount(range.high)})
}

/// First note of all costs.
const ESTIMATE: &str =
    "costs are estimates for sessions that run all month; network traffic is not included";

/// Returns what the costs of sessions assume and leave out. `scope_flag` is the flag of kubectl for the namespaces that were read.
pub(crate) fn notes(report: &CostReport, unread: &[&'static str], scope_flag: &str) -> Vec<String> {
    let gaps = &report.gaps;
    let mut notes = vec![ESTIMATE.to_owned()];
    for kind in unread {
        notes.push(format!(
            "{kind} cannot be listed: what they cost is left out of every amount"
        ));
    }
    if gaps.without_pods > 0 && !unread.contains(&"pods") {
        let sessions = gaps.without_pods;
        notes.push(format!("sessions without a Pod ({sessions}) cost only their storage, snapshots and load balancers"));
    }
    let is_deleted = |row: &&CostRow| row.phase.as_deref() == Some(DELETED);
    let deleted = report.rows.iter().filter(is_deleted).count();
    if deleted > 0 {
        notes.push(format!(
            "data of deleted sessions ({deleted}) still costs money; to list it: kubectl session list --kept {scope_flag}"
        ));
    }
    notes.extend(gap_notes(gaps));
    notes
}

/// Returns what the costs of sessions that do not exist yet assume and leave out: `unknown`, and what the report lacks.
pub(crate) fn notes_of_new(report: &CostReport, unknown: Vec<String>) -> Vec<String> {
    let first = std::iter::once(ESTIMATE.to_owned());
    first
        .chain(unknown)
        .chain(gap_notes(&report.gaps))
        .collect()
}

/// Returns what limits, sizes and prices do not tell.
fn gap_notes(gaps: &CostGaps) -> Vec<String> {
    let mut notes = Vec::new();
    for (text, names) in [
        (
            "requests are used where limits are missing",
            &gaps.by_request,
        ),
        (
            "containers with neither limit nor request count as 0",
            &gaps.unlimited,
        ),
        ("claims without a size count as 0", &gaps.claims),
    ] {
        if !names.is_empty() {
            notes.push(format!("{text}: {}", list_names(names, NAMED)));
        }
    }
    notes.extend(gpu_note(&gaps.gpus));
    if gaps.unpriced_snapshots > 0 {
        let snapshots = count(gaps.unpriced_snapshots, "snapshot is", "snapshots are");
        notes.push(format!(
            "{snapshots} left out: the prices have no price for snapshots (--prices)"
        ));
    }
    if gaps.unsized_snapshots > 0 {
        let snapshots = count(gaps.unsized_snapshots, "snapshot", "snapshots");
        notes.push(format!("{snapshots} without a size left out"));
    }
    notes
}

fn gpu_note(gpus: &BTreeMap<String, i64>) -> Option<String> {
    let counts: Vec<String> = gpus
        .iter()
        .map(|(resource, count)| format!("{count} {resource}"))
        .collect();
    (!counts.is_empty()).then(|| {
        format!(
            "GPUs without a price are left out: {} (gpus in --prices)",
            counts.join(", ")
        )
    })
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_decimals_on_both_sides_or_on_none() {
        let format = |low, high| format_range(CostRange { low, high });
        let all = [
            format(5000, 8000),
            format(0, 0),
            format(6250, 10000),
            format(5, 5),
        ];
        assert_eq!(all, ["50-80", "0", "62.50-100.00", "0.05"]);
    }
}
