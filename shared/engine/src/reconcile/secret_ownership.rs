//! Check that a kept parameters Secret belongs to the same session as the other kept data, and was not planted by another user.

use jiff::Timestamp;
use serde_json::Value;

use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::kept_data::{has_attribution, holds_data, is_claim};

/// Returns true if `data`, a kept claim or a snapshot, proves that the parameters Secret is of the same session.
///
/// Annotations can be copied, but the server's creation times cannot be forged. While the session existed, its Secret occupied the
/// name. A genuine Secret is therefore older than the session's claims, than the deletion that kept them, or than its snapshots.
pub fn proves_secret(data: &Value, secret: &Value) -> bool {
    let fits = !is_claim(data) || names_same_session(data, secret);
    fits && has_same_origin(data, secret) && is_younger_or_kept_later(data, secret)
}

/// Returns true if the kept data proves that the parameters Secret is of the same session. One claim must name the same Session as
/// the Secret, and the oldest claim, which cannot have been planted later, must be younger than the Secret or must have been kept
/// after the Secret was created. Without a claim, the oldest of `snapshots` decides; the caller has verified those.
pub fn is_secret_proven(secret: &Value, claims: &[Value], snapshots: &[&Value]) -> bool {
    let oldest = |data: Vec<&Value>| {
        data.into_iter()
            .min_by_key(|one| creation_time(one))
            .cloned()
    };
    let kept = claims.iter().filter(|claim| has_same_origin(claim, secret));
    let kept: Vec<&Value> = kept.collect();
    let names_it = kept.iter().any(|claim| names_same_session(claim, secret));
    match oldest(kept) {
        Some(claim) => names_it && is_younger_or_kept_later(&claim, secret),
        None => oldest(snapshots.to_vec()).is_some_and(|one| proves_secret(&one, secret)),
    }
}

fn has_same_annotation(key: &str, one: &Value, other: &Value) -> bool {
    Untyped(one).annotation(key) == Untyped(other).annotation(key)
}

/// Returns true if both name the UID of one Session. Objects that name none prove nothing.
fn names_same_session(one: &Value, other: &Value) -> bool {
    let uid = Untyped(one).annotation(labels::SESSION_UID);
    uid.is_some_and(|uid| !uid.is_empty()) && has_same_annotation(labels::SESSION_UID, one, other)
}

fn creation_time(object: &Value) -> Option<Timestamp> {
    Untyped(object).created()
}

/// Returns true if both name the same session, user and template, and `data` holds data.
fn has_same_origin(data: &Value, secret: &Value) -> bool {
    let same = |key: &&str| has_same_annotation(key, data, secret);
    holds_data(data)
        && Untyped(data).label(labels::SESSION) == Untyped(secret).label(labels::SESSION)
        && [labels::USER_ID, labels::TEMPLATE].iter().all(same)
        && has_attribution(data)
        && has_attribution(secret)
}

/// Returns true if `data` was created, or kept by a deletion, after the Secret was created.
fn is_younger_or_kept_later(data: &Value, secret: &Value) -> bool {
    let kept = Untyped(data)
        .annotation(labels::KEPT_SINCE)
        .filter(|_| is_claim(data));
    let last = creation_time(data).max(kept.and_then(|kept| kept.parse().ok()));
    creation_time(secret).is_some_and(|made| last.is_some_and(|last| made <= last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(kind: &str, created: &str, uid: &str) -> Value {
        json!({ "kind": kind, "metadata": {
            "creationTimestamp": created,
            "labels": { labels::SESSION: "a" },
            "annotations": { labels::USER_ID: "alice", labels::RUN: "r", labels::SESSION_UID: uid,
                labels::TEMPLATE: "lab", labels::KEPT_SINCE: "2026-01-02T00:00:00Z" },
        } })
    }

    #[test]
    fn a_secret_is_vouched_for_by_what_it_is_older_than() {
        let claim = kept("PersistentVolumeClaim", "2026-01-01T00:00:01Z", "S");
        let secret = |created: &str| kept("Secret", created, "S");
        assert!(proves_secret(&claim, &secret("2026-01-01T00:00:00Z")));
        assert!(
            proves_secret(&claim, &secret("2026-01-01T12:00:00Z")),
            "of a later start"
        );
        assert!(
            !proves_secret(&claim, &secret("2026-01-03T00:00:00Z")),
            "made after the deletion"
        );
        let mut undated = claim.clone();
        undated["metadata"]["annotations"][labels::KEPT_SINCE] = Value::Null;
        assert!(proves_secret(&undated, &secret("2026-01-01T00:00:00Z")));
        assert!(!proves_secret(&undated, &secret("2026-01-01T12:00:00Z")));
        let snapshot = kept("VolumeSnapshot", "2026-01-01T00:00:00Z", "an earlier one");
        assert!(proves_secret(&snapshot, &secret("2026-01-01T00:00:00Z")));
        assert!(!proves_secret(&snapshot, &secret("2026-01-01T12:00:00Z")));
    }

    #[test]
    fn the_oldest_claim_decides_for_a_secret() {
        let secret = kept("Secret", "2026-01-03T00:00:00Z", "S");
        let genuine = kept("PersistentVolumeClaim", "2026-01-01T00:00:00Z", "S");
        let forged = kept("PersistentVolumeClaim", "2026-01-04T00:00:00Z", "S");
        assert!(
            is_secret_proven(&secret, std::slice::from_ref(&forged), &[]),
            "nothing older is left"
        );
        assert!(!is_secret_proven(&secret, &[forged, genuine.clone()], &[]));
        let older = kept("Secret", "2026-01-01T00:00:00Z", "S");
        assert!(is_secret_proven(
            &older,
            std::slice::from_ref(&genuine),
            &[]
        ));
        let another = kept("Secret", "2026-01-01T00:00:00Z", "T");
        assert!(!is_secret_proven(&another, &[genuine], &[]));
        let snapshot = kept("VolumeSnapshot", "2026-01-01T00:00:00Z", "S");
        assert!(is_secret_proven(&older, &[], &[&snapshot]));
        assert!(!is_secret_proven(&secret, &[], &[&snapshot]));
        assert!(!is_secret_proven(&older, &[], &[]));
    }

    #[test]
    fn a_secret_of_another_user_run_session_or_template_is_not() {
        let claim = kept("PersistentVolumeClaim", "2026-01-01T00:00:01Z", "S");
        for (key, value) in [
            (labels::USER_ID, "bob"),
            (labels::RUN, ""),
            (labels::SESSION_UID, "T"),
            (labels::TEMPLATE, "desktop"),
        ] {
            let mut secret = kept("Secret", "2026-01-01T00:00:00Z", "S");
            secret["metadata"]["annotations"][key] = value.into();
            assert!(!proves_secret(&claim, &secret), "{key}");
        }
        let mut unbound = claim;
        unbound["status"] = json!({ "phase": "Pending" });
        assert!(!proves_secret(
            &unbound,
            &kept("Secret", "2026-01-01T00:00:00Z", "S")
        ));
    }
}
