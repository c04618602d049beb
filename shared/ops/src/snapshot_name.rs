//! Names of snapshots: they sort by time, and no two are the same.

use jiff::Timestamp;
use serde_json::Value;

use crate::Cluster;
use session_model::objects::resource::VOLUME_SNAPSHOT;
use session_model::objects::snapshot::name_of;

/// The name of a snapshot that is taken at `now`: it sorts by time, `alice-20260301-120000`.
pub fn set_of(session: &str, now: Timestamp) -> String {
    format!("{session}-{}", now.strftime("%Y%m%d-%H%M%S"))
}

/// `set`, or with a number behind it where a snapshot of this second has that name: one that is taken right before a restore in
/// place must not keep it from saving what there is. One request, most often.
pub(super) async fn unused(
    cluster: &Cluster,
    namespace: &str,
    set: String,
    claims: &[&Value],
) -> String {
    let (mut name, mut number) = (set.clone(), 1);
    while let Some(claim) = claims.first() {
        let first = name_of(&name, claims, claim);
        // What this request is refused for, the POST is refused for too, and says it better.
        let Ok(Some(_)) = cluster.get(&VOLUME_SNAPSHOT, namespace, &first).await else {
            break;
        };
        number += 1;
        name = format!("{set}-{number}");
    }
    name
}
