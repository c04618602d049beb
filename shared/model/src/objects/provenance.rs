//! Provenance of VolumeSnapshots: whether one really belongs to the session that its labels name, since anybody can write labels
//! and annotations.
//!
//! The evidence is what the snapshot-controller does: it binds a content to a VolumeSnapshot, and only a content of the claim that
//! the VolumeSnapshot names. While a session has its claim, nobody else can have a claim of that name. A snapshot that somebody
//! else took of the session's claim holds the session's data and counts as the session's.

use serde_json::Value;

use super::kept_data::is_claim;
use super::untyped::Untyped;
use super::volume_snapshot::VolumeSnapshot;
use crate::labels;

/// The reason why a VolumeSnapshot does not count as a session's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvenanceProblem {
    /// The UID of its Session is not recorded.
    NoSessionUid,
    /// It has no source claim: it was made from a content that somebody provided.
    NoSourceClaim,
    /// Its source claim (the name) exists and is not the session's.
    ForeignClaim(String),
    /// Its source claim (the name) is gone while the session has others: it may have been another session's.
    MissingClaim(String),
    /// No VolumeSnapshotContent is bound: it holds no data.
    Unbound,
}

impl ProvenanceProblem {
    /// Returns the reason as part of a sentence for people.
    pub fn describe(&self) -> String {
        match self {
            ProvenanceProblem::NoSessionUid => "UID of its Session is not recorded".into(),
            ProvenanceProblem::NoSourceClaim => "snapshot has no source claim".into(),
            ProvenanceProblem::ForeignClaim(claim) => {
                format!("source claim {claim:?} is not the session's")
            }
            ProvenanceProblem::MissingClaim(claim) => {
                format!("source claim {claim:?} is gone and may have been another session's")
            }
            ProvenanceProblem::Unbound => "no VolumeSnapshotContent is bound".into(),
        }
    }

    /// Returns true if the data is not the session's: such a snapshot is neither restored nor listed as the session's.
    pub fn is_foreign(&self) -> bool {
        matches!(
            self,
            ProvenanceProblem::NoSourceClaim | ProvenanceProblem::ForeignClaim(_)
        )
    }
}

/// Returns the reason why `snapshot` does not count as its session's, or `None` if it counts. A snapshot that does not count is
/// ignored by every rule about number and age, and deleted only by its name. `claims` are the known claims of its Namespace; with
/// fewer claims, fewer reasons are found.
pub fn find_provenance_problem(snapshot: &Value, claims: &[Value]) -> Option<ProvenanceProblem> {
    let parsed = VolumeSnapshot::of(snapshot);
    let Some(name) = parsed.source_claim() else {
        return Some(ProvenanceProblem::NoSourceClaim);
    };
    let same = |claim: &&Value| {
        Untyped(claim).label(labels::SESSION) == Untyped(snapshot).label(labels::SESSION)
            && Untyped(claim).annotation(labels::USER_ID)
                == Untyped(snapshot).annotation(labels::USER_ID)
    };
    let is_named = |claim: &&Value| Untyped(claim).name() == name;
    let claims = || claims.iter().filter(|object| is_claim(object));
    match claims().find(is_named) {
        Some(claim) if same(&claim) => {}
        Some(_) => return Some(ProvenanceProblem::ForeignClaim(name.to_owned())),
        // If all claims of the session are gone, there is no evidence against the snapshot.
        None if claims().any(|claim| same(&claim)) => {
            return Some(ProvenanceProblem::MissingClaim(name.to_owned()));
        }
        None => {}
    }
    if Untyped(snapshot)
        .annotation(labels::SESSION_UID)
        .is_none_or(str::is_empty)
    {
        return Some(ProvenanceProblem::NoSessionUid);
    }
    let is_bound = parsed.bound_content().is_some();
    (!is_bound).then_some(ProvenanceProblem::Unbound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn snapshot() -> Value {
        json!({
            "metadata": { "name": "a-1", "labels": { labels::SESSION: "a" },
                "annotations": { labels::USER_ID: "alice", labels::SESSION_UID: "S" } },
            "spec": { "source": { "persistentVolumeClaimName": "home" } },
            "status": { "boundVolumeSnapshotContentName": "c", "readyToUse": true },
        })
    }

    fn claim(name: &str, session: &str, user: &str) -> Value {
        json!({ "kind": "PersistentVolumeClaim", "metadata": { "name": name,
            "labels": { labels::SESSION: session }, "annotations": { labels::USER_ID: user } } })
    }

    #[test]
    fn a_snapshot_of_the_sessions_claim_counts() {
        assert_eq!(
            find_provenance_problem(&snapshot(), &[claim("home", "a", "alice")]),
            None
        );
        assert_eq!(
            find_provenance_problem(&snapshot(), &[]),
            None,
            "its claim is gone"
        );
        let others = [claim("home-b", "b", "alice")];
        assert_eq!(
            find_provenance_problem(&snapshot(), &others),
            None,
            "all of its claims are gone"
        );
    }

    #[test]
    fn a_snapshot_of_another_claim_does_not() {
        for others in [
            vec![claim("home", "b", "alice")],
            vec![claim("home", "a", "bob")],
        ] {
            let found = find_provenance_problem(&snapshot(), &others).unwrap();
            assert_eq!(
                found,
                ProvenanceProblem::ForeignClaim("home".into()),
                "{others:?}"
            );
            assert!(found.is_foreign());
        }
        let gone = find_provenance_problem(&snapshot(), &[claim("data", "a", "alice")]).unwrap();
        assert_eq!(gone, ProvenanceProblem::MissingClaim("home".into()));
        assert!(!gone.is_foreign(), "it can be restored");
    }

    #[test]
    fn what_is_bound_to_nothing_or_names_no_session_does_not() {
        let without = |pointer: &str, key: &str| {
            let mut forged = snapshot();
            let map = forged.pointer_mut(pointer).unwrap();
            map.as_object_mut().unwrap().shift_remove(key);
            find_provenance_problem(&forged, &[])
        };
        let source = "persistentVolumeClaimName";
        assert_eq!(
            without("/spec/source", source),
            Some(ProvenanceProblem::NoSourceClaim)
        );
        let uid = without("/metadata/annotations", labels::SESSION_UID);
        assert_eq!(uid, Some(ProvenanceProblem::NoSessionUid));
        let content = "boundVolumeSnapshotContentName";
        assert_eq!(
            without("/status", content),
            Some(ProvenanceProblem::Unbound)
        );
    }
}
