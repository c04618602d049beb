use serde_json::json;

use super::*;

fn pod(uid: &str, going: bool, phase: &str) -> Value {
    let deleted = going.then_some("2026-01-01T00:00:00Z");
    json!({"metadata": {"uid": uid, "deletionTimestamp": deleted}, "status": {"phase": phase}})
}

#[test]
fn a_pod_is_of_no_more_use_once_it_goes() {
    let there = Change::Added(pod("1", false, "Running"));
    let cases = [
        (Change::Modified(pod("1", false, "Running")), None),
        (Change::Bookmark("5".to_owned()), None),
        (
            Change::Modified(pod("1", true, "Running")),
            Some("is being deleted"),
        ),
        (
            Change::Modified(pod("1", false, "Failed")),
            Some("has ended"),
        ),
        (
            Change::Added(pod("2", false, "Running")),
            Some("was replaced"),
        ),
        (
            Change::Deleted(pod("1", true, "Running")),
            Some("was deleted"),
        ),
    ];
    for (change, gone) in cases {
        let mut seen = Seen::default();
        assert_eq!(seen.gone(&there), None);
        assert_eq!(seen.gone(&change), gone, "{change:?}");
    }
}

#[test]
fn a_pod_that_was_going_when_it_was_found_is_used_to_its_end() {
    let mut seen = Seen::default();
    assert_eq!(seen.gone(&Change::Added(pod("1", true, "Running"))), None);
    assert_eq!(
        seen.gone(&Change::Modified(pod("1", true, "Running"))),
        None
    );
    assert_eq!(
        seen.gone(&Change::Deleted(pod("1", true, "Running"))),
        Some("was deleted")
    );
}

#[test]
fn what_passes_is_tried_again() {
    let failed = |kind| anyhow::Error::new(failure::Failure::client_side(kind, "x"));
    let long_ago = Instant::now().checked_sub(2 * UNSETTLED);
    for kind in [FailureKind::ConnectionRefused, FailureKind::Unreachable, FailureKind::OtherStatus] {
        assert!(is_passing(&failed(kind), long_ago));
    }
    for kind in [FailureKind::NotFound, FailureKind::Forbidden] {
        assert!(is_passing(&failed(kind), Some(Instant::now())));
        assert!(!is_passing(&failed(kind), long_ago));
    }
    assert!(!is_passing(&failed(FailureKind::InvalidConfiguration), None));
    assert!(!is_passing(&anyhow!("session \"x\" is stopped"), None));
}
