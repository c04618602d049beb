//! The data policy `snapshot`: nothing is deleted before the snapshot is ready.

use kubectl_session_delete::Delete;
use serde_json::{Value, json};
use session_shared::client::interrupt::Interrupt;
use session_support::{Answer, Execution, FakeApi, golden};

use crate::play::{NOW, Play};
use crate::running::{SNAPSHOTS, delete, left, running, with_policy, without_claim, written};

const CLAIMS: &str = "persistentvolumeclaims";
const DRIVER: &str = "disks.example.com";
const TAKEN: &str = "alice-20260301-120000";
const HOOKS: [&str; 3] = ["sync-home", "freeze", "thaw"];

/// Returns the status of a VolumeSnapshot that is ready.
fn ready() -> Value {
    json!({"readyToUse": true, "restoreSize": "1Gi", "creationTime": "2026-03-01T12:00:00Z",
        "boundVolumeSnapshotContentName": "snapcontent-1"})
}

fn served() -> FakeApi {
    let api = FakeApi::stateful();
    let group = "snapshot.storage.k8s.io/v1";
    api.serve(group, "VolumeSnapshot", "volumesnapshots", true);
    api.serve(group, "VolumeSnapshotClass", "volumesnapshotclasses", false);
    api
}

/// Returns a server with a session and its bound claim, whose driver gives a VolumeSnapshot this status; `null` for none.
fn server(policy: &str, status: Value) -> FakeApi {
    let api = served();
    for hook in HOOKS {
        api.execute(hook, Execution::default());
    }
    api.put(class("cuts", true));
    api.react(SNAPSHOTS, move |snapshot| {
        let mut snapshot = snapshot.clone();
        let done = !snapshot["status"].is_null() || status.is_null();
        snapshot["status"] = status.clone();
        if done { Vec::new() } else { vec![snapshot] }
    });
    put(&api, "alice", policy);
    api
}

fn class(name: &str, default: bool) -> Value {
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "driver": DRIVER, "deletionPolicy": "Delete",
        "metadata": {"name": name, "annotations": {"snapshot.storage.kubernetes.io/is-default-class": default.to_string()}}})
}

fn put(api: &FakeApi, name: &str, policy: &str) {
    let hooks =
        json!({"hooks": {"quiesce": {"command": ["freeze"]}, "resume": {"command": ["thaw"]}}});
    with_policy(running(name), policy).applied(hooks).put(api);
    bind(api, &format!("home-{name}"), "Bound");
}

fn bind(api: &FakeApi, claim: &str, phase: &str) {
    let mut claim = api.object(CLAIMS, "default", claim).unwrap();
    let provisioner = "volume.kubernetes.io/storage-provisioner";
    claim["metadata"]["annotations"][provisioner] = DRIVER.into();
    claim["spec"] = json!({"resources": {"requests": {"storage": "1Gi"}}});
    claim["status"] = json!({"phase": phase});
    api.put(claim);
}

fn annotation(api: &FakeApi, kind: &str, name: &str, key: &str) -> Value {
    let object = api.object(kind, "default", name).unwrap();
    object["metadata"]["annotations"][format!("streaming.platform/{key}")].clone()
}

#[test]
fn claims_go_once_their_snapshot_is_ready_and_the_secret_stays_with_it() {
    let api = server("snapshot", ready());
    let played = delete(&api, "alice");
    let lines: String = api.lines().iter().map(|line| format!("{line}\n")).collect();
    let text = format!("{}--- requests\n{lines}", played.text());
    golden("delete-snapshot.txt", &text);
    assert_eq!(
        api.executed()
            .iter()
            .map(|words| words[0].as_str())
            .collect::<Vec<_>>(),
        HOOKS
    );
    let snapshot = format!("{SNAPSHOTS}/{TAKEN}");
    assert_eq!(
        left(&api),
        ["secrets/session-alice-parameters", snapshot.as_str()]
    );
    for (kind, name) in [("secrets", "session-alice-parameters"), (SNAPSHOTS, TAKEN)] {
        assert_eq!(annotation(&api, kind, name, "kept-since"), NOW, "{name}");
    }
    let remembered = annotation(&api, SNAPSHOTS, TAKEN, "session-spec");
    let remembered: Value = serde_json::from_str(remembered.as_str().unwrap()).unwrap();
    assert_eq!(remembered, json!({"userId": "alice", "template": "tool"}));
}

#[test]
fn the_flag_takes_one_whatever_the_policy_says() {
    for policy in ["keep", "delete"] {
        let api = server(policy, ready());
        api.put(class("slow", false));
        let played = delete(&api, "alice --snapshot-data --class slow");
        assert!(
            played
                .done()
                .starts_with("session.streaming.platform \"alice\" deleted")
        );
        assert_eq!(
            api.objects(SNAPSHOTS)[0]["spec"]["volumeSnapshotClassName"],
            "slow"
        );
        assert!(api.objects(CLAIMS).is_empty());
    }
}

/// Asserts that nothing has changed, except the snapshot objects that are expected to be left.
fn unchanged(api: &FakeApi, snapshots: usize) {
    assert_eq!(left(api).len(), 5 + snapshots, "{:?}", left(api));
    assert!(api.object(CLAIMS, "default", "home-alice").is_some());
    let others: Vec<String> = written(api)
        .into_iter()
        .filter(|line| !line.contains("volumesnapshots") && !line.contains(TAKEN))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn a_snapshot_that_fails_or_hangs_deletes_nothing() {
    let mut text = String::new();
    let failing = json!({"readyToUse": false, "error": {"message": "the array is on fire"}});
    let cut = json!({"readyToUse": false, "creationTime": "2026-03-01T12:00:00Z", "boundVolumeSnapshotContentName": "c"});
    for (what, status, snapshots) in [
        ("fails", failing, 0),
        ("is cut", cut, 1),
        ("hangs", Value::Null, 0),
    ] {
        let api = server("snapshot", status);
        let played = delete(&api, "alice --timeout=50ms");
        played.failed();
        text.push_str(&format!("the driver {what}\n{}", played.text()));
        unchanged(&api, snapshots);
        assert_eq!(api.executed().last().unwrap(), &["thaw"], "it goes on");
        // the hints that it gives
        delete(&api, "alice --keep-data").done();
        assert!(api.object(CLAIMS, "default", "home-alice").is_some());
    }
    golden("delete-snapshot-failed.txt", &text);
}

#[test]
fn a_snapshot_that_cannot_be_taken_is_told_before_anything_is_written() {
    let mut text = String::new();
    let mut refused = |what: &str, api: &FakeApi| {
        let played = delete(api, "alice -y");
        played.failed();
        text.push_str(&format!("{what}\n{}", played.text()));
        assert!(
            api.writes().is_empty() && api.executed().is_empty(),
            "{what}"
        );
    };
    let api = server("snapshot", ready());
    api.put(class("also", true));
    refused("two default classes", &api);
    let api = server("snapshot", ready());
    api.unserve("volumesnapshotclasses.snapshot.storage.k8s.io");
    api.unserve(SNAPSHOTS);
    refused("no snapshots in the cluster", &api);
    let api = server("snapshot", ready());
    bind(&api, "home-alice", "Lost");
    refused("a claim whose volume is gone", &api);
    // if one of two claims cannot be saved, the other is kept as well
    let api = server("snapshot", ready());
    put(&api, "bob", "snapshot");
    bind(&api, "home-bob", "Lost");
    let played = delete(&api, "alice bob -y");
    assert!(played.failed().contains("\"home-bob\""), "{played:?}");
    assert!(api.writes().is_empty());
    golden("delete-snapshot-refused.txt", &text);
}

#[test]
fn a_refused_snapshot_deletes_nothing() {
    let api = server("snapshot", ready());
    let path = "/apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots";
    api.on(
        "POST",
        path,
        Answer::forbidden("alice", "create", "volumesnapshots", "default"),
    );
    let played = delete(&api, "alice");
    assert!(played.failed().contains("--keep-data"), "{played:?}");
    unchanged(&api, 0);
}

#[test]
fn ctrl_c_while_it_is_taken_deletes_nothing() {
    for status in [
        Value::Null,
        json!({"readyToUse": false, "creationTime": "2026-03-01T12:00:00Z"}),
    ] {
        let cut = !status.is_null();
        let api = server("snapshot", status);
        let interrupt = Interrupt::default();
        let trigger = interrupt.clone();
        api.react(SNAPSHOTS, move |snapshot| {
            if !cut || !snapshot["status"].is_null() {
                trigger.trigger();
            }
            Vec::new()
        });
        let played = Play::on(&api).stopped_by(&interrupt).run::<Delete>("alice");
        assert_eq!(played.code, 130, "{played:?}");
        assert!(
            played.err.contains("nothing has been deleted"),
            "{played:?}"
        );
        unchanged(&api, usize::from(cut));
        assert_eq!(api.executed().last().unwrap(), &["thaw"]);
        if cut {
            assert!(
                played.err.contains(&format!("snapshot delete {TAKEN}")),
                "{played:?}"
            );
            let found = &api.objects(SNAPSHOTS)[0]["metadata"]["labels"];
            assert_eq!(found["streaming.platform/session"], "alice");
        }
    }
}

#[test]
fn what_never_had_a_volume_needs_no_snapshot() {
    let api = server("snapshot", ready());
    bind(&api, "home-alice", "Pending");
    let played = delete(&api, "alice");
    golden("delete-snapshot-unused.txt", &played.text());
    assert_eq!(left(&api), Vec::<String>::new());
    let api = served();
    api.execute("sync-home", Execution::default());
    let without = with_policy(without_claim("alice"), "snapshot");
    without.put(&api);
    let played = delete(&api, "alice -y");
    played.done();
    assert_eq!(
        played.err,
        "note: no snapshot is taken of session \"alice\": session has no claims\ndestroyed: pod/tool-alice (container files)\n"
    );
}

#[test]
fn a_rehearsal_takes_none() {
    let mut text = String::new();
    for strategy in ["client", "server"] {
        let api = server("snapshot", ready());
        let played = delete(&api, &format!("alice --dry-run={strategy}"));
        text.push_str(&format!("--dry-run={strategy}\n{}", played.text()));
        assert_eq!(left(&api).len(), 5);
        assert!(api.executed().is_empty());
        let writes = api
            .lines()
            .into_iter()
            .filter(|line| !line.starts_with("GET"));
        let real: Vec<String> = writes
            .filter(|line| !line.contains("dryRun=All") && !line.starts_with("DELETE"))
            .collect();
        assert!(real.is_empty(), "{real:?}");
    }
    golden("delete-snapshot-rehearsed.txt", &text);
}

#[test]
fn a_deletion_that_fails_afterwards_tells_that_the_data_is_saved() {
    let api = server("snapshot", ready());
    let pods = "/api/v1/namespaces/default/pods/*";
    api.on("DELETE", pods, Answer::internal("out of order"));
    let played = delete(&api, "alice");
    let hint = format!("hint: the data is saved: snapshot \"{TAKEN}\" is ready\n");
    assert!(played.failed().contains(&hint), "{played:?}");
    assert!(api.object(CLAIMS, "default", "home-alice").is_some());
}

/// Earlier snapshots are kept under every policy, together with the passwords that they need.
#[test]
fn older_snapshots_stay_under_every_policy() {
    for words in ["alice --keep-data", "alice --delete-data -y"] {
        let api = server("keep", ready());
        let mut metadata = api.object(CLAIMS, "default", "home-alice").unwrap()["metadata"].clone();
        for field in ["uid", "resourceVersion", "creationTimestamp"] {
            metadata.as_object_mut().unwrap().shift_remove(field);
        }
        metadata["name"] = "before".into();
        api.put(json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": metadata, "status": ready()}));
        let played = delete(&api, words);
        played.done();
        assert!(
            played.err.contains("kept: volumesnapshot/before\n"),
            "{played:?}"
        );
        assert_eq!(annotation(&api, SNAPSHOTS, "before", "kept-since"), NOW);
        assert!(
            api.object("secrets", "default", "session-alice-parameters")
                .is_some(),
            "{words}"
        );
    }
}

/// A user who may list snapshots but not patch them can delete a session.
#[test]
fn a_snapshot_that_cannot_be_marked_stops_nothing() {
    let api = server("snapshot", ready());
    let path = "/apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots/*";
    api.on(
        "PATCH",
        path,
        Answer::forbidden("alice", "patch", "volumesnapshots", "default"),
    );
    delete(&api, "alice").done();
    assert_eq!(api.objects(SNAPSHOTS).len(), 1);
}
