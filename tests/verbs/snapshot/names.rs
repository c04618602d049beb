//! Names of snapshots.

use crate::scene::{SNAPSHOTS, Scene, class, snapshot};

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
