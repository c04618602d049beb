//! Retention of the snapshots a schedule has taken. Snapshots taken by hand are neither counted nor deleted.

use anyhow::Result;
use serde_json::Value;
use session_shared::labels;
use session_shared::names::{SessionName, UserId};
use session_shared::objects::ownership::Ownership;
use session_shared::objects::provenance::ProvenanceProblem;
use session_shared::ops::Cluster;
use session_shared::progress::ProgressSink;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;

use crate::delete;
use crate::plan::SnapshotWrites;
use crate::snapshot_set::{self, SnapshotSet};

/// Minimum number of snapshots kept that are not ready: a slow CSI driver may still be working on them.
const MIN_UNREADY_KEPT: usize = 3;

/// Labels snapshots as taken by the schedule of `session`.
pub(crate) fn label_scheduled(snapshots: &mut [Value], session: &SessionName) {
    for snapshot in snapshots {
        snapshot["metadata"]["labels"][labels::SCHEDULE] = session.as_str().into();
    }
}

/// Lists the snapshots that a session's schedule has taken.
///
/// # Errors
/// The server's refusal; a cluster without the VolumeSnapshot API.
pub(crate) async fn list_scheduled(
    cluster: &Cluster,
    ownership: &Ownership,
    sink: &mut dyn ProgressSink,
) -> Result<Vec<SnapshotSet>> {
    let mut sets = snapshot_set::list_snapshot_sets(cluster, Some(&ownership.session)).await?;
    sets.retain(|set| is_scheduled(set) && belongs_to(set, &ownership.user_id));
    // Unbound snapshots, which the driver has not started, count too: they must not accumulate.
    snapshot_set::exclude_doubtful(
        cluster,
        sets,
        |doubt| *doubt != ProvenanceProblem::Unbound,
        sink,
    )
    .await
}

/// Deletes scheduled snapshots beyond the newest `keep`. Returns the errors of those that were not deleted.
///
/// # Errors
/// A refused list; closed standard output.
pub(crate) async fn prune_scheduled(
    cluster: &Cluster,
    ownership: &Ownership,
    keep: u32,
    writes: &SnapshotWrites,
    mutations: &MutationPrinter,
    environment: &mut Environment,
) -> Result<Vec<anyhow::Error>> {
    let marked = list_scheduled(cluster, ownership, &mut environment.console.progress()).await?;
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    // A deletion that hangs in the driver must not delay the next run.
    let writes = SnapshotWrites {
        wait: false,
        ..writes.clone()
    };
    delete::delete_snapshot_sets(
        cluster,
        &select_for_deletion(marked, keep),
        &writes,
        mutations,
        environment,
    )
    .await
}

fn is_scheduled(set: &SnapshotSet) -> bool {
    let marked = |one: &Value| one["metadata"]["labels"].get(labels::SCHEDULE).is_some();
    set.snapshots.iter().all(marked)
}

/// Returns true if the snapshot belongs to `user`: another user may have had a session of the same name.
fn belongs_to(set: &SnapshotSet, user: &UserId) -> bool {
    set.user == user.as_str()
}

/// Returns the snapshots to delete: all ready ones but the newest `keep`, and all that are not ready but the newest `keep` or
/// `MIN_UNREADY_KEPT`, whichever is more. A driver whose snapshots never become ready thus cannot fill the cluster.
fn select_for_deletion(mut sets: Vec<SnapshotSet>, keep: usize) -> Vec<SnapshotSet> {
    sets.sort_by(|one, other| {
        (other.created_at(), &other.name).cmp(&(one.created_at(), &one.name))
    });
    let (mut ready, mut waiting) = (0, 0);
    sets.retain(|set| {
        let (count, most) = if set.is_ready() {
            (&mut ready, keep)
        } else {
            (&mut waiting, keep.max(MIN_UNREADY_KEPT))
        };
        *count += 1;
        *count > most
    });
    sets
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn left(states: &[bool], keep: usize) -> Vec<String> {
        let set = |(hour, ready): (usize, &bool)| {
            let made = format!("2026-03-01T{hour:02}:00:00Z");
            let one = json!({ "metadata": { "creationTimestamp": made }, "status": { "readyToUse": ready, "boundVolumeSnapshotContentName": "c" } });
            SnapshotSet {
                name: hour.to_string(),
                session: "alice".into(),
                user: "alice".into(),
                snapshots: vec![one],
            }
        };
        let all = states.iter().enumerate().map(set).collect();
        let mut gone: Vec<String> = select_for_deletion(all, keep)
            .into_iter()
            .map(|set| set.name)
            .collect();
        gone.sort();
        gone
    }

    #[test]
    fn the_newest_stay_and_what_never_gets_ready_does_not_heap_up() {
        assert_eq!(left(&[true, true, true], 2), ["0"]);
        assert!(left(&[true, true], 2).is_empty());
        assert_eq!(left(&[true, false, true, true], 1), ["0", "2"]);
        assert_eq!(left(&[false, false, true, false, false], 1), ["0"]);
        assert_eq!(left(&[false; 7], 4), ["0", "1", "2"]);
    }

    #[test]
    fn only_what_a_schedule_took_is_marked() {
        let one = json!({ "metadata": { "labels": { labels::SESSION: "alice" } } });
        let mut set = SnapshotSet {
            name: "x".into(),
            session: "alice".into(),
            user: "alice".into(),
            snapshots: vec![one],
        };
        assert!(!is_scheduled(&set));
        label_scheduled(&mut set.snapshots, &"alice".parse().unwrap());
        assert!(is_scheduled(&set));
    }
}
