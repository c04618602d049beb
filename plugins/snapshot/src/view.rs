//! Table of snapshots for `snapshot list`.

use serde_json::Value;
use session_shared::Timestamp;
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::provenance::{ProvenanceProblem, find_provenance_problem};
use session_shared::objects::table::{Row, Table};
use session_shared::objects::volume_snapshot::{SnapshotState, VolumeSnapshot, source_claim_name};
use session_shared::report::age;

/// Column headings; true if the column is shown without `-o wide`.
const COLUMNS: [(&str, bool); 9] = [
    ("Name", true),
    ("Session", true),
    ("Claim", true),
    ("Ready", true),
    ("Size", true),
    ("Class", true),
    ("Age", true),
    ("User", false),
    ("State", false),
];

/// Returns a table with one row for each VolumeSnapshot; ages are relative to `now`.
pub(crate) fn snapshot_table(found: &[Value], now: Timestamp) -> Table {
    let rows = found
        .iter()
        .map(|snapshot| snapshot_row(snapshot, now))
        .collect();
    Table::from_rows(&COLUMNS, rows)
}

/// Returns the reason why a VolumeSnapshot is not trusted, as far as the VolumeSnapshot alone shows it.
fn doubt_text(snapshot: &Value) -> Option<String> {
    let doubt = find_provenance_problem(snapshot, &[])
        .filter(|doubt| *doubt != ProvenanceProblem::Unbound)?;
    Some(format!("not counted: {}", doubt.describe()))
}

fn snapshot_row(snapshot: &Value, now: Timestamp) -> Row {
    let shown = |text: &str| match text {
        "" => Value::from("<none>"),
        text => Value::from(text),
    };
    let state = SnapshotState::of(snapshot);
    let created = Untyped(snapshot).created();
    let cells = vec![
        shown(Untyped(snapshot).name()),
        shown(
            Untyped(snapshot)
                .label(labels::SESSION)
                .unwrap_or(Untyped::NONE),
        ),
        shown(source_claim_name(snapshot).unwrap_or(Untyped::NONE)),
        Value::from((state == SnapshotState::Ready).to_string()),
        shown(
            Untyped(snapshot)
                .str_at("/status/restoreSize")
                .unwrap_or(Untyped::NONE),
        ),
        shown(
            VolumeSnapshot::of(snapshot)
                .class()
                .unwrap_or(Untyped::NONE),
        ),
        Value::from(age::age_since(created, now)),
        shown(
            Untyped(snapshot)
                .label(labels::USER)
                .unwrap_or(Untyped::NONE),
        ),
        Value::from(doubt_text(snapshot).unwrap_or_else(|| state.describe())),
    ];
    Row {
        cells,
        object: snapshot.clone(),
    }
}
