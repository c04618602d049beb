//! Kept data and snapshots: deleted only on request, and only if old enough.

use serde_json::json;
use session_support::{FakeApi, golden};

use crate::orphans::{GONE, object};
use crate::scene::{Session, cleanup, left};

/// Data kept since February from a deleted session; bob's, in use again; carol's, kept recently.
fn kept() -> FakeApi {
    let api = FakeApi::stateful();
    api.serve(
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshot",
        "volumesnapshots",
        true,
    );
    let since = |session: Session<'_>, name: &str, since: &str| {
        let mut claim = session.claim_of(name);
        claim["metadata"]["annotations"]["streaming.platform/kept-since"] = since.into();
        api.put(claim);
    };
    since(GONE, "home-ghost", "2026-01-30T12:00:00Z");
    let bob = Session {
        name: "bob",
        ..GONE
    };
    bob.put(&api);
    since(bob, "home-bob", "2026-01-01T00:00:00Z");
    let carol = Session {
        name: "carol",
        ..GONE
    };
    since(carol, "home-carol", "2026-02-01T00:00:00Z");
    api.put(GONE.claim_of("not-kept"));
    let mut secret = GONE.metadata("session-ghost-parameters");
    secret["labels"]["streaming.platform/parameters"] = "true".into();
    secret["annotations"]["streaming.platform/kept-since"] = "2026-01-30T12:00:00Z".into();
    api.put(object("v1", "Secret", secret));
    for (name, taken) in [
        ("old", "2026-01-01T00:00:00Z"),
        ("restored", "2026-01-01T00:00:00Z"),
        ("young", "2026-02-28T00:00:00Z"),
    ] {
        let mut metadata = GONE.metadata(name);
        metadata["creationTimestamp"] = taken.into();
        metadata["annotations"]["streaming.platform/session-uid"] = "gone".into();
        let mut snapshot = object("snapshot.storage.k8s.io/v1", "VolumeSnapshot", metadata);
        snapshot["spec"] = json!({"source": {"persistentVolumeClaimName": "home-ghost"}});
        snapshot["status"] = json!({"readyToUse": true, "boundVolumeSnapshotContentName": "c", "restoreSize": "3Gi"});
        api.put(snapshot);
    }
    let mut claim = bob.claim_of("being-restored");
    claim["spec"] = json!({"dataSource": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "restored"}});
    claim["status"] = json!({"phase": "Pending"});
    api.put(claim);
    api
}

#[test]
fn kept_data_goes_when_it_is_meant_and_old_enough() {
    let api = kept();
    let before = left(&api);
    let asked = cleanup(&api, "--kept-older-than 30d");
    assert_eq!((asked.code, left(&api)), (1, before));
    let played = cleanup(&api, "--kept-older-than 30d -y");
    let left: String = left(&api).iter().map(|line| format!("{line}\n")).collect();
    golden(
        "cleanup-kept.txt",
        &format!("{}--- left\n{left}", played.text()),
    );
    assert_eq!(
        api.objects("volumesnapshots.snapshot.storage.k8s.io").len(),
        3
    );
    for write in api.writes() {
        let body = write.json();
        let conditions = match write.method.as_str() {
            "DELETE" => &body["preconditions"],
            _ => &body["metadata"],
        };
        assert!(conditions["uid"].is_string() && conditions["resourceVersion"].is_string());
    }
}

#[test]
fn snapshots_go_when_they_are_meant_and_old_enough() {
    let api = kept();
    let before = left(&api);
    let played = cleanup(&api, "--snapshots-older-than 30d -y");
    golden("cleanup-snapshots.txt", &played.text());
    assert_eq!(left(&api), before);
    assert_eq!(
        api.objects("volumesnapshots.snapshot.storage.k8s.io").len(),
        2
    );
}

#[test]
fn a_cluster_without_snapshots_says_so() {
    let api = FakeApi::stateful();
    let path = "/apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots";
    api.on(
        "GET",
        path,
        session_support::Answer::json(404, json!("404 page not found")),
    );
    let played = cleanup(&api, "--snapshots-older-than 30d -y");
    assert!(played.failed().starts_with("error: "), "{played:?}");
}

/// Kept data mounted by a Pod that is not part of a session.
#[test]
fn kept_data_that_any_pod_uses_stays() {
    let api = kept();
    api.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "rescue", "namespace": "default"},
        "spec": {"containers": [], "volumes": [{"name": "x", "persistentVolumeClaim": {"claimName": "home-ghost"}}]}}));
    let played = cleanup(&api, "--kept-older-than 30d -y");
    assert!(!played.done().contains("home-ghost"), "{played:?}");
    assert!(played.done().ends_with("1 dated\n"), "{played:?}");
    let claim = api.object("persistentvolumeclaims", "default", "home-ghost");
    assert!(claim.is_some());
}

const SINCE: &str = "streaming.platform/kept-since";

fn since(api: &FakeApi, kind: &str, name: &str) -> serde_json::Value {
    api.object(kind, "default", name).unwrap()["metadata"]["annotations"][SINCE].clone()
}

/// `kubectl delete session` records no time on data, and users may record anything: the age counts from the time at which
/// a cleanup first observes it.
#[test]
fn data_that_nobody_dated_is_dated_and_not_destroyed() {
    for written in [json!(null), json!("yesterday")] {
        let api = FakeApi::stateful();
        let mut claim = GONE.claim_of("home-ghost");
        claim["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z".into();
        claim["metadata"]["annotations"][SINCE] = written;
        api.put(claim);
        let played = cleanup(&api, "--kept-older-than 1s --dry-run=client");
        golden("cleanup-undated.txt", &played.text());
        let asked = cleanup(&api, "--kept-older-than 1s");
        assert_eq!((asked.code, api.writes().len()), (1, 0), "{asked:?}");
        let played = cleanup(&api, "--kept-older-than 1s -y");
        assert!(played.done().ends_with("1 dated\n"), "{played:?}");
        assert_eq!(
            since(&api, "persistentvolumeclaims", "home-ghost"),
            crate::play::NOW
        );
        let again = cleanup(&api, "--kept-older-than 1s -y");
        assert_eq!(again.done(), "", "its first second is not over");
        // no other sweep looks at it
        let all = cleanup(&api, "--all -y");
        assert_eq!(all.done(), "");
        let mut claim = api
            .object("persistentvolumeclaims", "default", "home-ghost")
            .unwrap();
        claim["metadata"]["annotations"][SINCE] = "2026-02-01T00:00:00Z".into();
        api.put(claim);
        let old = cleanup(&api, "--kept-older-than 1d -y");
        assert!(old.done().ends_with("1 deleted\n"), "{old:?}");
    }
}

/// A database restored from a snapshot needs its old password.
#[test]
fn secrets_stay_as_long_as_there_is_a_snapshot() {
    let api = kept();
    api.remove("persistentvolumeclaims", "default", "not-kept");
    let secret = || {
        api.object("secrets", "default", "session-ghost-parameters")
            .is_some()
    };
    cleanup(&api, "--kept-older-than 1d -y").done();
    assert!(secret());
    // who may not see snapshots cannot know
    let path = "/apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots";
    let forbidden =
        || session_support::Answer::forbidden("x", "list", "volumesnapshots", "default");
    for name in ["old", "restored", "young"] {
        api.remove("volumesnapshots.snapshot.storage.k8s.io", "default", name);
    }
    api.on("GET", path, forbidden());
    let played = cleanup(&api, "--kept-older-than 1d -y");
    assert!(
        played.err.contains("volumesnapshots not checked"),
        "{played:?}"
    );
    assert!(secret());
    api.forget_answers();
    cleanup(&api, "--kept-older-than 1d -y").done();
    assert!(!secret());
}

/// A snapshot taken between the plan and its execution.
#[test]
fn a_snapshot_that_comes_in_between_saves_the_secret() {
    let api = FakeApi::stateful();
    let mut secret = GONE.metadata("session-ghost-parameters");
    secret["labels"]["streaming.platform/parameters"] = "true".into();
    secret["annotations"][SINCE] = "2026-01-30T12:00:00Z".into();
    api.put(object("v1", "Secret", secret));
    let path = "/apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots";
    let (snapshot, first) = (
        GONE.metadata("late"),
        std::sync::atomic::AtomicBool::new(true),
    );
    api.handle("GET", path, move |_| {
        let none = first.swap(false, std::sync::atomic::Ordering::SeqCst);
        let late = object(
            "snapshot.storage.k8s.io/v1",
            "VolumeSnapshot",
            snapshot.clone(),
        );
        let items = if none { json!([]) } else { json!([late]) };
        session_support::Answer::ok(
            json!({"kind": "VolumeSnapshotList", "apiVersion": "snapshot.storage.k8s.io/v1",
            "metadata": {"resourceVersion": "1"}, "items": items}),
        )
    });
    let played = cleanup(&api, "--kept-older-than 1d -y");
    assert!(played.done().ends_with("1 left alone\n"), "{played:?}");
    assert!(api.writes().is_empty());
}
