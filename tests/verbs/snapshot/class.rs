//! `create` for a class: a snapshot of each session, and a failure stops no other.

use kubectl_session_snapshot::Snapshot;
use serde_json::json;
use session_support::{FakeApi, SessionFixture, golden};

use crate::play::Play;
use crate::scene::{DRIVER, SNAPSHOTS, Scene, requests, snapshot};

/// Returns a server where alice and bob have claims and hooks, dave is stopped, and carol has no claims.
fn class() -> FakeApi {
    let api = Scene::default().server();
    let hooks = json!({"hooks": {
        "quiesce": {"command": ["freeze", "/home"]}, "resume": {"command": ["thaw", "/home"]}}});
    for name in ["bob", "carol", "dave"] {
        let mut session = SessionFixture::running(name).applied(hooks.clone());
        let mut claim = session.claim_object(&format!("home-{name}"));
        claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"] =
            DRIVER.into();
        if name == "dave" {
            session = session.at_rest();
        }
        if name != "carol" {
            session = session.claim(claim);
        }
        session.put(&api);
    }
    api
}

#[test]
fn a_snapshot_is_taken_of_each_session() {
    let api = class();
    let words = "create --template tool -y --parallel 1 --rate 100/s";
    golden("snapshot-class.txt", &snapshot(&api, words).text());
    let mut taken: Vec<_> = api
        .objects(SNAPSHOTS)
        .iter()
        .map(|made| made["metadata"]["labels"]["streaming.platform/session"].clone())
        .collect();
    taken.sort_by_key(ToString::to_string);
    assert_eq!(taken, ["alice", "bob", "dave"]);
    let lists = requests(&api).matches("/volumesnapshotclasses?").count();
    assert_eq!(lists, 1, "the classes are listed once");
}

#[test]
fn pauses_of_several_sessions_have_to_be_confirmed() {
    let api = class();
    golden(
        "snapshot-class-refused.txt",
        &snapshot(&api, "create --all").text(),
    );
    assert!(api.writes().is_empty() && api.executed().is_empty());
    for (answer, taken) in [("n\n", 0), ("y\n", 3)] {
        let api = class();
        let play = Play::on(&api).at_terminal(answer);
        let played = play.run::<Snapshot>("create --all");
        assert_eq!(api.objects(SNAPSHOTS).len(), taken, "{played:?}");
    }
    // Nobody is paused.
    let api = class();
    let played = snapshot(&api, "create --phase stopped --all");
    assert_eq!((played.code, api.objects(SNAPSHOTS).len()), (0, 1));
    let api = class();
    snapshot(&api, "create alice bob --skip-hooks").done();
    assert!(api.executed().is_empty());
}

#[test]
fn a_dry_run_takes_none() {
    let api = class();
    let words = "create --all --dry-run=client";
    golden("snapshot-class-dry-run.txt", &snapshot(&api, words).text());
    assert!(api.writes().is_empty() && api.executed().is_empty());
}

#[test]
fn what_only_one_session_can_have_is_told() {
    let mut text = String::new();
    for words in [
        "create",
        "create --all --name before",
        "create alice bob --name before",
        "create --all --to all.tar.gz",
        "create alice --phase running",
        "create --phase broken",
        "create --all --rate 0/60s",
        "create --all --parallel 0",
        "create alice --to a.tar.gz --rate 1/s",
    ] {
        let api = FakeApi::stateful();
        let played = snapshot(&api, words);
        text.push_str(&format!("$ snapshot {words}\n{}", played.failed()));
        assert!(api.requests().is_empty());
    }
    golden("snapshot-class-illegal.txt", &text);
}
