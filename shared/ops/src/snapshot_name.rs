//! Generated names of snapshots: session and time, so that they sort by time.

use jiff::Timestamp;
use serde_json::Value;

use crate::Cluster;
use session_model::objects::resource::VOLUME_SNAPSHOT;
use session_model::objects::volume_snapshot::volume_snapshot_name;

/// Returns the name of a snapshot taken at `now`: `alice-20260301-120000`.
pub fn generate_snapshot_name(session: &str, now: Timestamp) -> String {
    format!("{session}-{}", now.strftime("%Y%m%d-%H%M%S"))
}

/// Returns `set`, with a number appended if a snapshot of the same second exists: a snapshot right before a restore in place must
/// not fail for its name. Most often one request.
pub(super) async fn find_unused_name(
    cluster: &Cluster,
    namespace: &str,
    set: String,
    claims: &[&Value],
) -> String {
    let (mut name, mut number) = (set.clone(), 1);
    while let Some(claim) = claims.first() {
        let first = volume_snapshot_name(&name, claims, claim);
        // If this request is refused, so is the POST, which has the better error.
        let Ok(Some(_)) = cluster.get(&VOLUME_SNAPSHOT, namespace, &first).await else {
            break;
        };
        number += 1;
        name = format!("{set}-{number}");
    }
    name
}
