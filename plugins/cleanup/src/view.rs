//! Table of the plan, and counts of the outcome. Pure.

use session_shared::client::DryRun;
use session_shared::report::table;

use crate::item_outcome::Outcome;
use crate::plan_item::PlanItem;

const HEADINGS: [&str; 7] = [
    "namespace",
    "action",
    "object",
    "owner",
    "size",
    "data",
    "why",
];

/// Returns the plan as a table, with a namespace column if `namespaces` is true.
pub(crate) fn plan_table<'i>(
    items: impl Iterator<Item = &'i PlanItem>,
    namespaces: bool,
) -> String {
    let first = usize::from(!namespaces);
    let rows: Vec<Vec<String>> = items.map(|item| plan_row(item)[first..].to_vec()).collect();
    table::format_table(&HEADINGS[first..], &rows, false)
}

fn plan_row(item: &PlanItem) -> [String; 7] {
    let size = item.size.as_ref();
    [
        item.namespace.clone(),
        item.action.as_str().to_owned(),
        format!("{}/{}", item.resource.kind.to_lowercase(), item.name),
        item.owner.clone(),
        size.map_or_else(|| "<none>".to_owned(), ToString::to_string),
        item.data.as_str().to_owned(),
        item.reason.clone(),
    ]
}

/// Returns the counts of the outcome, as in `1 stopped, 2 deleted, 1 failed`; empty if nothing was begun.
pub(crate) fn count_outcomes(done: &[Option<anyhow::Result<Outcome>>], dry_run: DryRun) -> String {
    let begun = || done.iter().flatten();
    let ended = |is: fn(&Outcome) -> bool| begun().flatten().filter(|done| is(done)).count();
    let counts = [
        (ended(|done| matches!(done, Outcome::Stopped(_))), "stopped"),
        (
            ended(|done| matches!(done, Outcome::Deleted { .. } | Outcome::ObjectDeleted)),
            "deleted",
        ),
        (
            ended(|done| matches!(done, Outcome::Labelled(_))),
            "labeled",
        ),
        (ended(|done| matches!(done, Outcome::Dated(_))), "dated"),
        (ended(|done| matches!(done, Outcome::Skipped)), "left alone"),
        (begun().filter(|done| done.is_err()).count(), "failed"),
    ];
    let words: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if words.is_empty() {
        return String::new();
    }
    let suffix = match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    format!("{}{suffix}", words.join(", "))
}
