use serde_json::{Value, json};

use super::*;

fn pod(uid: &str, going: bool, phase: &str) -> Value {
    let deleted = going.then_some("2026-01-01T00:00:00Z");
    json!({"metadata": {"uid": uid, "deletionTimestamp": deleted}, "status": {"phase": phase}})
}

#[test]
fn a_terminating_pod_is_unusable() {
    let there = WatchChange::Added(pod("1", false, "Running"));
    let cases = [
        (WatchChange::Modified(pod("1", false, "Running")), None),
        (WatchChange::Bookmark("5".to_owned()), None),
        (
            WatchChange::Modified(pod("1", true, "Running")),
            Some("is being deleted"),
        ),
        (
            WatchChange::Modified(pod("1", false, "Failed")),
            Some("has ended"),
        ),
        (
            WatchChange::Added(pod("2", false, "Running")),
            Some("was replaced"),
        ),
        (
            WatchChange::Deleted(pod("1", true, "Running")),
            Some("was deleted"),
        ),
    ];
    for (change, gone) in cases {
        let mut seen = WatchedPod::default();
        assert_eq!(seen.unusable_reason(&there), None);
        assert_eq!(seen.unusable_reason(&change), gone, "{change:?}");
    }
}

#[test]
fn a_pod_found_terminating_is_used_until_deleted() {
    let mut seen = WatchedPod::default();
    assert_eq!(
        seen.unusable_reason(&WatchChange::Added(pod("1", true, "Running"))),
        None
    );
    assert_eq!(
        seen.unusable_reason(&WatchChange::Modified(pod("1", true, "Running"))),
        None
    );
    assert_eq!(
        seen.unusable_reason(&WatchChange::Deleted(pod("1", true, "Running"))),
        Some("was deleted")
    );
}

#[test]
fn transient_errors_are_retried() {
    let failed = |kind| anyhow::Error::new(failure::Failure::client_side(kind, "x"));
    let long_ago = Instant::now().checked_sub(2 * RETRY_REFUSALS_FOR);
    for kind in [
        FailureKind::ConnectionRefused,
        FailureKind::Unreachable,
        FailureKind::OtherStatus,
    ] {
        assert!(is_transient(&failed(kind), long_ago));
    }
    for kind in [FailureKind::NotFound, FailureKind::Forbidden] {
        assert!(is_transient(&failed(kind), Some(Instant::now())));
        assert!(!is_transient(&failed(kind), long_ago));
    }
    assert!(!is_transient(
        &failed(FailureKind::InvalidConfiguration),
        None
    ));
    assert!(!is_transient(&anyhow!("session \"x\" is stopped"), None));
}
