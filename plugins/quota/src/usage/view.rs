//! Table and JSON of what sessions have used. Pure.

use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::capacity::grouping::Grouping;
use session_shared::capacity::run_hours::{UsedHours, Window};
use session_shared::report::{age, table};

use super::group::UsageGroup;

/// Seconds of an hour.
const HOUR: i128 = 3600;
/// Millicore-seconds of a CPU-hour.
const CPU_HOUR: i128 = 1000 * HOUR;
/// Byte-seconds of a GiB-hour.
const GIB_HOUR: i128 = (1 << 30) * HOUR;

/// Form of the table.
pub(crate) struct TableForm {
    pub(crate) by: Grouping,
    pub(crate) with_namespace: bool,
    pub(crate) wide: bool,
    pub(crate) no_headers: bool,
}

/// Formats the table of groups.
pub(crate) fn usage_table(groups: &[UsageGroup], form: &TableForm, now: Timestamp) -> String {
    let is_by_session = form.by == Grouping::Session;
    let mut headings = vec!["NAME"];
    if form.with_namespace {
        headings.insert(0, "NAMESPACE");
    }
    headings.push(if is_by_session { "USER" } else { "SESSIONS" });
    if form.wide {
        headings.push("RUNNING");
    }
    headings.extend([
        "RUNS",
        "HOURS",
        "CPU-HOURS",
        "MEMORY-GIB-HOURS",
        "GPU-HOURS",
        "STORAGE-GIB-HOURS",
        "AGE",
    ]);
    let row = |group: &UsageGroup| {
        let mut row = vec![group.name.clone()];
        if form.with_namespace {
            row.insert(0, group.namespace.clone());
        }
        let running = match is_by_session {
            true => (group.running > 0).to_string(),
            false => group.running.to_string(),
        };
        row.push(match is_by_session {
            true => group.user.clone(),
            false => group.sessions.to_string(),
        });
        row.extend(form.wide.then_some(running));
        let used = &group.used;
        row.push(used.runs.to_string());
        row.extend(units(used).map(|(amount, unit)| format_hours(amount, unit)));
        row.push(age::age_since(group.created, now));
        row
    };
    let rows: Vec<Vec<String>> = groups.iter().map(row).collect();
    table::format_table(&headings, &rows, form.no_headers)
}

/// Returns each amount with the unit in which it is shown.
fn units(used: &UsedHours) -> [(i128, i128); 5] {
    [
        (used.running, HOUR),
        (used.cpu, CPU_HOUR),
        (used.memory, GIB_HOUR),
        (used.gpu, HOUR),
        (used.storage, GIB_HOUR),
    ]
}

/// Formats an amount in a unit, rounded to two decimals, without zeros at the end: `38.25`, `2`, `<0.01`.
fn format_hours(amount: i128, unit: i128) -> String {
    let hundredths = (amount * 100 + unit / 2) / unit;
    match (hundredths / 100, hundredths % 100) {
        (0, 0) if amount > 0 => "<0.01".to_owned(),
        (whole, 0) => whole.to_string(),
        (whole, rest) if rest % 10 == 0 => format!("{whole}.{}", rest / 10),
        (whole, rest) => format!("{whole}.{rest:02}"),
    }
}

/// Returns a group as JSON.
fn group_json(group: &UsageGroup, by: Grouping) -> Value {
    let [running, cpu, memory, gpu, storage] = units(&group.used).map(|(amount, unit)| {
        let ten_thousandths = (amount * 10_000 + unit / 2) / unit;
        #[expect(
            clippy::cast_precision_loss,
            reason = "an f64 has 15 digits, enough for ten thousandths of hours"
        )]
        let hours = ten_thousandths as f64 / 10_000.0;
        json!(hours)
    });
    let mut object = json!({
        "name": group.name,
        "sessions": group.sessions,
        "running": group.running,
        "runs": i64::try_from(group.used.runs).unwrap_or(i64::MAX),
        "hours": running,
        "cpuHours": cpu,
        "memoryGiBHours": memory,
        "gpuHours": gpu,
        "storageGiBHours": storage,
    });
    if by == Grouping::Session {
        object["namespace"] = group.namespace.as_str().into();
        object["user"] = group.user.as_str().into();
    }
    object
}

/// Returns the whole report as JSON.
pub(crate) fn report_json(
    by: Grouping,
    window: &Window,
    groups: &[UsageGroup],
    notes: &[String],
) -> Value {
    let usage: Vec<Value> = groups.iter().map(|group| group_json(group, by)).collect();
    json!({
        "by": by.as_str(),
        "from": window.from.to_string(),
        "until": window.until.to_string(),
        "usage": usage,
        "notes": notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_have_two_decimals_at_most() {
        let hours = |seconds| format_hours(seconds, HOUR);
        let shown = [0, 1, 18, 36, 360, 3600, 137_700, 3599].map(hours);
        assert_eq!(
            shown,
            ["0", "<0.01", "0.01", "0.01", "0.1", "1", "38.25", "1"]
        );
    }
}
