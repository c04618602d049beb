//! Expired sessions: stopped or deleted, by the onExpiry recorded at the start.

use kubectl_session_cleanup::Cleanup;
use serde_json::json;
use session_support::session_fixture::{SESSIONS, owned};
use session_support::{Execution, FakeApi, SessionFixture, golden};

use crate::play::{NOW, Play};
use crate::scene::{Session, class, cleanup, left, written};

#[test]
fn the_plan_is_shown_first_and_nothing_is_done_in_a_rehearsal() {
    let api = class();
    let all = cleanup(&api, "--expired -A --dry-run=client");
    let here = cleanup(&api, "--expired --dry-run=client");
    golden(
        "cleanup-plan.txt",
        &format!("{}{}", all.text(), here.text()),
    );
    assert!(api.writes().is_empty());
    let before = left(&api);
    let server = cleanup(&api, "--expired --dry-run=server");
    golden("cleanup-rehearsal.txt", &server.text());
    let requests = api.requests();
    let writes: Vec<_> = requests.iter().filter(|r| r.method != "GET").collect();
    // Six deletions and two changes.
    assert_eq!(writes.len(), 8, "{writes:?}");
    for request in writes {
        let sent = request.query("dryRun").unwrap_or_default();
        assert!(
            sent == "All" || request.json()["dryRun"][0] == "All",
            "{request:?}"
        );
    }
    assert!(api.executed().is_empty() && left(&api) == before);
}

#[test]
fn each_ends_as_its_start_wrote_it_down() {
    let api = class();
    let played = cleanup(&api, "--expired -A -y");
    let done: String = written(&api)
        .iter()
        .map(|line| format!("{line}\n"))
        .collect();
    let left: String = left(&api).iter().map(|line| format!("{line}\n")).collect();
    golden(
        "cleanup-expired.txt",
        &format!("{}--- left\n{left}", played.text()),
    );
    // Requests of concurrent deletions may interleave.
    assert_eq!(
        done.lines()
            .filter(|line| line.starts_with("DELETE"))
            .count(),
        7,
        "{done}"
    );
    assert_eq!(api.executed(), [["sync-home", "--all"]]);
    let alice = api.object(SESSIONS, "default", "alice").unwrap();
    assert_eq!(alice["status"]["phase"], "stopped");
    assert_eq!(alice["spec"]["state"], "stopped");
    let home = api.object("persistentvolumeclaims", "default", "home-bob");
    assert_eq!(
        home.unwrap()["metadata"]["annotations"]["streaming.platform/kept-since"],
        NOW
    );
    let again = cleanup(&api, "--expired -A -y");
    assert_eq!(
        (again.done(), again.err.as_str()),
        ("", "No resources found\n")
    );
}

#[test]
fn every_write_insists_on_what_was_seen() {
    let api = class();
    cleanup(&api, "--expired -A -y").done();
    let writes = api.writes();
    // Seven deletions and five changes.
    assert_eq!(writes.len(), 12, "{writes:?}");
    for write in writes {
        let body = write.json();
        let uid = if write.method == "DELETE" {
            &body["preconditions"]["uid"]
        } else {
            &body["metadata"]["uid"]
        };
        assert!(uid.is_string(), "{write:?}");
    }
}

#[test]
fn a_word_is_needed_and_asked_for_on_a_terminal() {
    let api = class();
    let mut text = cleanup(&api, "--expired").text();
    assert!(api.writes().is_empty());
    let no = Play::on(&api)
        .at_terminal("n\n")
        .run::<Cleanup>("--expired");
    text.push_str(&no.text());
    assert!(api.writes().is_empty());
    golden("cleanup-asked.txt", &text);
    let yes = Play::on(&api)
        .at_terminal("y\n")
        .run::<Cleanup>("--expired");
    assert!(yes.done().ends_with("1 stopped, 2 deleted\n"), "{yes:?}");
}

#[test]
fn who_has_got_more_time_in_the_meantime_is_left_alone() {
    let api = class();
    // The Lease is read after the plan has been made.
    let mut alice = api.object(SESSIONS, "default", "alice").unwrap();
    alice["status"]["expiresAt"] = "2026-03-01T18:00:00Z".into();
    let later = session_support::Answer::ok(alice);
    api.on(
        "GET",
        "/apis/streaming.platform/v1/namespaces/default/sessions/alice",
        later,
    );
    let played = cleanup(&api, "--expired --max 2 -y");
    golden("cleanup-extended.txt", &played.text());
    assert!(!written(&api).iter().any(|line| line.contains("alice")));
}

#[test]
fn a_session_that_was_made_anew_in_the_meantime_is_left_alone() {
    let api = class();
    let mut bob = api.object(SESSIONS, "default", "bob").unwrap();
    bob["metadata"]["uid"] = "another".into();
    api.on(
        "GET",
        "/apis/streaming.platform/v1/namespaces/default/sessions/bob",
        session_support::Answer::ok(bob),
    );
    let played = cleanup(&api, "--expired --max 1 -y");
    assert!(played.done().ends_with("1 left alone\n"), "{played:?}");
    assert!(api.writes().is_empty());
}

#[test]
fn one_that_fails_is_told_and_the_rest_goes_on() {
    let api = FakeApi::stateful();
    let failing = Execution {
        stderr: b"no space left on device\n".to_vec(),
        code: 7,
        ..Execution::default()
    };
    api.execute("sync-home", failing);
    for (name, sync, policy) in [
        ("alice", true, "keep"),
        ("bob", false, "snapshot"),
        ("carol", false, "keep"),
    ] {
        Session {
            name,
            sync,
            policy,
            on_expiry: "delete",
            ..Session::default()
        }
        .put(&api);
    }
    let played = cleanup(&api, "--expired -y");
    golden("cleanup-failed.txt", &played.text());
    assert_eq!(played.code, 1);
    assert!(api.object(SESSIONS, "default", "carol").is_none());
    assert!(api.object(SESSIONS, "default", "alice").is_some());
    assert!(api.object("pods", "default", "tool-bob").is_some());
}

#[test]
fn an_expired_session_is_saved_in_a_snapshot_where_its_policy_says_so() {
    let api = FakeApi::stateful();
    let group = "snapshot.storage.k8s.io/v1";
    api.serve(group, "VolumeSnapshot", "volumesnapshots", true);
    api.serve(group, "VolumeSnapshotClass", "volumesnapshotclasses", false);
    api.put(
        json!({"apiVersion": group, "kind": "VolumeSnapshotClass", "driver": "disks.example.com",
        "metadata": {"name": "cuts"}}),
    );
    api.react("volumesnapshots.snapshot.storage.k8s.io", |snapshot| {
        let mut snapshot = snapshot.clone();
        let new = snapshot["status"].is_null();
        snapshot["status"] = json!({"readyToUse": true, "boundVolumeSnapshotContentName": "c", "restoreSize": "1Gi"});
        if new { vec![snapshot] } else { Vec::new() }
    });
    let alice = Session {
        on_expiry: "delete",
        policy: "snapshot",
        ..Session::default()
    };
    alice.put(&api);
    let mut claim = alice.claim_of("home-alice");
    claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"] =
        "disks.example.com".into();
    api.put(claim);
    let played = cleanup(&api, "--expired -y");
    golden("cleanup-saved.txt", &played.text());
    assert!(api.objects(SESSIONS).is_empty() && api.objects("persistentvolumeclaims").is_empty());
    let snapshots = api.objects("volumesnapshots.snapshot.storage.k8s.io");
    assert_eq!(snapshots.len(), 1);
}

#[test]
fn who_has_no_end_or_is_asked_for_anew_or_rests_is_not_expired() {
    let api = FakeApi::stateful();
    Session {
        expires: "",
        ..Session::default()
    }
    .put(&api);
    let bob = Session {
        name: "bob",
        ..Session::default()
    };
    let mut asked = bob.put(&api);
    asked["spec"]["startRequest"] = "2026-03-01T11:59:59Z".into();
    api.put(asked);
    let carol = Session {
        name: "carol",
        ..Session::default()
    };
    let mut going = carol.put(&api);
    going["metadata"]["deletionTimestamp"] = NOW.into();
    going["metadata"]["finalizers"] = json!(["x/y"]);
    api.put(going);
    let played = cleanup(&api, "--expired -y");
    assert_eq!(played.done(), "");
    assert!(api.writes().is_empty());
}

/// A claim that the controller of a Sandbox made goes with it: the plan says so, and nothing is deleted without a confirmation.
#[test]
fn claims_that_go_with_their_owner_are_told() {
    let api = FakeApi::stateful();
    let expired = json!({"expiresAt": "2026-03-01T10:00:00Z", "dataPolicy": "keep"});
    let fixture = SessionFixture::running("alice")
        .status(expired)
        .applied(json!({"onExpiry": "delete"}));
    let sandbox = json!({"apiVersion": "agents.x-k8s.io/v1beta1", "kind": "Sandbox", "metadata": {"name": "box"}, "spec": {}});
    let patches =
        json!({"stop": {"spec": {"mode": "Suspended"}}, "start": {"spec": {"mode": "Running"}}});
    let sandbox = fixture.put_custom(&api, sandbox, "sandboxes", patches);
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-box", "namespace": "default"},
        "spec": {"volumeName": "pv"}});
    api.put(owned(claim, &sandbox));
    let refused = cleanup(&api, "--expired");
    assert!(api.writes().is_empty());
    let done = cleanup(&api, "--expired -y");
    golden(
        "cleanup-owned-claims.txt",
        &format!("{}{}", refused.text(), done.text()),
    );
    assert_eq!(api.objects("persistentvolumeclaims"), [json!(null); 0]);
}
