//! Names of snapshots.

use crate::scene::{Driver, SNAPSHOTS, Scene, class, snapshot};

#[test]
fn the_only_snapshot_has_the_name_that_was_asked_for() {
    let api = Scene::default().server();
    api.put(class("slow", crate::scene::DRIVER, false));
    let played = snapshot(
        &api,
        "create session/alice --name before --class slow --skip-hooks -o name",
    );
    assert_eq!(
        played.done(),
        "volumesnapshot.snapshot.storage.k8s.io/before\n"
    );
    assert!(api.executed().is_empty());
    let made = api.object(SNAPSHOTS, "default", "before").unwrap();
    assert_eq!(made["spec"]["volumeSnapshotClassName"], "slow");
    let again = snapshot(&api, "create alice --name before");
    assert_eq!(
        again.failed(),
        "Error from server (AlreadyExists): volumesnapshots.snapshot.storage.k8s.io \"before\" already exists\n"
    );
    assert!(api.object(SNAPSHOTS, "default", "before").is_some());
}

/// An in-place restore right after a snapshot takes another one, probably within the same second.
#[test]
fn two_snapshots_of_one_second_have_two_names() {
    for claims in [&["home-alice"][..], &["home-alice", "data-alice"]] {
        let api = Scene {
            claims,
            ..Scene::default()
        }
        .server();
        let names = ["", "-2", "-3"].map(|number| {
            let line = snapshot(&api, "create alice -o name").done().to_owned();
            assert!(
                line.contains(&format!("/alice-20260301-120000{number}")),
                "{line}"
            );
            line
        });
        assert_eq!(api.objects(SNAPSHOTS).len(), 3 * claims.len(), "{names:?}");
    }
}

/// Scripts read the first line; the order of UIDs, which a server gives by chance, must not decide which claim it names.
#[test]
fn snapshots_are_printed_in_the_order_of_the_claims_and_one_restores_its_claim_alone() {
    for attempt in 0..8 {
        let api = Scene {
            claims: &["data-alice", "home-alice"],
            driver: Driver::Works,
            runs: false,
            ..Scene::default()
        }
        .server();
        // Other objects before, so that the UIDs of the snapshots differ in each attempt.
        for number in 0..attempt {
            api.put(class(
                &format!("other-{number}"),
                crate::scene::DRIVER,
                false,
            ));
        }
        let made = snapshot(&api, "create alice --name before -o name");
        let names = "volumesnapshot.snapshot.storage.k8s.io/before-data-alice\nvolumesnapshot.snapshot.storage.k8s.io/before-home-alice\n";
        assert_eq!(made.done(), names);
        let part = snapshot(
            &api,
            "restore before-home-alice --in-place --dry-run=client",
        );
        assert!(
            part.err.contains("note: only claim \"home-alice\" is restored; to restore all 2 claims, use snapshot \"before\"\n"),
            "{}",
            part.text()
        );
        let whole = snapshot(&api, "restore before --in-place --dry-run=client");
        assert!(!whole.err.contains("only claim"), "{}", whole.text());
    }
}
