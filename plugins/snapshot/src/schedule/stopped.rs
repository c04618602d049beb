//! Scheduled snapshots of a stopped session: one is enough. More would hold the same data and displace older snapshots.

use serde_json::Value;
use session_shared::api::{DesiredState, Phase};
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::volume_snapshot::source_claim_name;
use session_shared::ops::ObservedSession;

use crate::snapshot_set::SnapshotSet;

/// Records on each snapshot the session's last start and the claim's UID, which together identify unchanged data. Returns
/// false, without a change, if the session is not stopped.
pub(crate) fn mark_stopped(snapshots: &mut [Value], observed: &ObservedSession) -> bool {
    let phase = observed.session.phase();
    let rests = observed.session.spec.state == Some(DesiredState::Stopped)
        && matches!(phase, Some(Phase::Stopped | Phase::Failed));
    if !rests {
        return false;
    }
    let started = observed.session.start_time().unwrap_or("never");
    for snapshot in snapshots {
        let mut data = observed.live.own_data(&observed.session);
        let claim = data.find(|object| {
            Untyped(object).kind() == "PersistentVolumeClaim"
                && Some(Untyped(object).name()) == source_claim_name(snapshot)
        });
        if let Some(uid) = claim.and_then(|claim| Untyped(claim).uid()) {
            let rest = format!("{started} {uid}");
            snapshot["metadata"]["annotations"][labels::AT_REST] = rest.into();
        }
    }
    true
}

/// Returns a ready snapshot that holds the same data as `wanted` would: taken since the same stop, of the same claims.
pub(crate) fn find_equivalent<'a>(
    wanted: &[Value],
    taken: &'a [SnapshotSet],
) -> Option<&'a SnapshotSet> {
    let rests = |snapshots: &[Value]| {
        let rest = |snapshot| {
            Untyped(snapshot)
                .annotation(labels::AT_REST)
                .map(str::to_owned)
        };
        let mut all: Vec<String> = snapshots.iter().filter_map(rest).collect();
        all.sort();
        all
    };
    let wants = rests(wanted);
    if wants.is_empty() || wants.len() != wanted.len() {
        return None;
    }
    let mut ready = taken.iter().filter(|set| set.is_ready());
    ready.find(|set| rests(&set.snapshots) == wants)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn snapshots(rests: &[&str]) -> Vec<Value> {
        let one = |rest: &&str| match *rest {
            "" => {
                json!({ "status": { "readyToUse": true, "boundVolumeSnapshotContentName": "c" } })
            }
            rest => {
                json!({ "metadata": { "annotations": { labels::AT_REST: rest } }, "status": { "readyToUse": true, "boundVolumeSnapshotContentName": "c" } })
            }
        };
        rests.iter().map(one).collect()
    }

    fn is_held(wanted: &[&str], taken: &[&str], ready: bool) -> bool {
        let mut snapshots_taken = snapshots(taken);
        snapshots_taken[0]["status"]["readyToUse"] = ready.into();
        let set = SnapshotSet {
            name: "x".into(),
            session: "alice".into(),
            user: "alice".into(),
            snapshots: snapshots_taken,
        };
        find_equivalent(&snapshots(wanted), &[set]).is_some()
    }

    #[test]
    fn only_the_same_rest_of_the_same_claims_is_held_already() {
        assert!(is_held(&["t1 u-1", "t1 u-2"], &["t1 u-2", "t1 u-1"], true));
        assert!(!is_held(&["t1 u-1"], &["t1 u-1"], false), "not ready");
        assert!(!is_held(&["t2 u-1"], &["t1 u-1"], true), "started since");
        assert!(!is_held(&["t1 u-3"], &["t1 u-1"], true), "restored since");
        assert!(
            !is_held(&["t1 u-1", "t1 u-2"], &["t1 u-1"], true),
            "a claim more"
        );
        assert!(!is_held(&[""], &[""], true), "it runs");
    }
}
