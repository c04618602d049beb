//! Snapshots as a table.

use serde_json::Value;
use session_shared::Timestamp;
use session_shared::labels;
use session_shared::objects::provenance::{Doubt, doubt};
use session_shared::objects::resource::{label, text};
use session_shared::objects::snapshot::{SnapshotState, claim_name};
use session_shared::objects::table::{Row, Table};
use session_shared::report::age;

/// Headings, and whether they are shown without `-o wide`.
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

/// A row each, as they are at `now`.
pub(crate) fn table(found: &[Value], now: Timestamp) -> Table {
    let rows = found.iter().map(|snapshot| row(snapshot, now)).collect();
    Table::of(&COLUMNS, rows)
}

/// What is wrong with a VolumeSnapshot of which that can be seen without its claim.
fn doubted(snapshot: &Value) -> Option<String> {
    let doubt = doubt(snapshot, &[]).filter(|doubt| *doubt != Doubt::Unbound)?;
    Some(format!("it is not counted: {}", doubt.told()))
}

fn row(snapshot: &Value, now: Timestamp) -> Row {
    let shown = |text: &str| match text {
        "" => Value::from("<none>"),
        text => Value::from(text),
    };
    let state = SnapshotState::of(snapshot);
    let created = text(snapshot, "/metadata/creationTimestamp").parse().ok();
    let cells = vec![
        shown(text(snapshot, "/metadata/name")),
        shown(label(snapshot, labels::SESSION).unwrap_or_default()),
        shown(claim_name(snapshot)),
        Value::from((state == SnapshotState::Ready).to_string()),
        shown(text(snapshot, "/status/restoreSize")),
        shown(text(snapshot, "/spec/volumeSnapshotClassName")),
        Value::from(age::since(created, now)),
        shown(label(snapshot, labels::USER).unwrap_or_default()),
        Value::from(doubted(snapshot).unwrap_or_else(|| state.told())),
    ];
    Row {
        cells,
        object: snapshot.clone(),
    }
}
