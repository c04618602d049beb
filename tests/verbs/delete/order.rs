//! Order of a deletion: sync hook, workload, wait for the Pods, data, Session; every write names a UID.

use serde_json::json;
use session_shared::client::interrupt::Interrupt;
use session_support::session_fixture::SESSIONS;
use session_support::{Answer, Execution, golden};

use crate::play::NOW;
use crate::running::{delete, left, lingering, meanwhile, running, written};

#[test]
fn everything_goes_in_order_and_data_is_kept() {
    let api = running("alice").server();
    let played = delete(&api, "alice");
    let lines: String = api.lines().iter().map(|line| format!("{line}\n")).collect();
    golden(
        "delete-order.txt",
        &format!("{}--- requests\n{lines}", played.text()),
    );
    assert_eq!(api.executed(), [["sync-home", "--all"]]);
    let stays = [
        "persistentvolumeclaims/home-alice",
        "secrets/session-alice-parameters",
    ];
    assert_eq!(left(&api), stays);
    let claim = api.object("persistentvolumeclaims", "default", "home-alice");
    let annotations = &claim.unwrap()["metadata"]["annotations"];
    assert_eq!(annotations["streaming.platform/kept-since"], NOW);
}

#[test]
fn every_delete_and_patch_insists_on_what_was_seen() {
    let api = running("alice").server();
    let uid = |kind: &str, name: &str| {
        api.object(kind, "default", name).unwrap()["metadata"]["uid"].clone()
    };
    let (session, pod) = (uid(SESSIONS, "alice"), uid("pods", "tool-alice"));
    let claim = uid("persistentvolumeclaims", "home-alice");
    delete(&api, "alice").done();
    for write in api.writes() {
        let body = write.json();
        let wanted = match write.path.rsplit('/').next().unwrap() {
            "alice" => &session,
            "tool-alice" => &pod,
            "home-alice" => &claim,
            _ => continue,
        };
        if write.method == "DELETE" {
            assert_eq!(&body["preconditions"]["uid"], wanted);
            assert_eq!(body["propagationPolicy"], "Background");
        } else {
            assert_eq!(&body["metadata"]["uid"], wanted);
            assert_eq!(write.query("fieldManager").unwrap(), "kubectl-session");
            assert_eq!(write.query("fieldValidation").unwrap(), "Strict");
        }
    }
    assert_eq!(written(&api).len(), 4);
}

#[test]
fn a_sync_that_fails_deletes_nothing() {
    let mut text = String::new();
    let failing = Execution {
        stderr: b"copying\nno space left on device\n".to_vec(),
        code: 7,
        ..Execution::default()
    };
    let cut = Execution {
        cut: true,
        ..Execution::default()
    };
    for execution in [failing, cut] {
        let api = session_support::FakeApi::stateful();
        api.execute("sync-home", execution);
        running("alice").put(&api);
        let played = delete(&api, "alice");
        assert_eq!(played.code, 1);
        text.push_str(&played.text());
        assert!(api.writes().is_empty(), "{:?}", written(&api));
        let played = delete(&api, "alice --skip-sync");
        played.done();
        assert_eq!(api.executed().len(), 1, "not a second time");
    }
    golden("delete-sync-failed.txt", &text);
}

#[test]
fn what_does_not_run_is_not_synchronised() {
    let api = running("alice").server();
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "True"}]);
    api.put(pod);
    delete(&api, "alice").done();
    assert!(api.executed().is_empty());
}

#[test]
fn the_data_waits_until_the_pods_are_gone() {
    let api = lingering(running("alice")).server();
    let played = meanwhile(&api, "fieldSelector=metadata.name%3Dtool-alice", |_| {
        assert_eq!(written(&api), ["DELETE pods/tool-alice"]);
        api.remove("pods", "default", "tool-alice");
    });
    played.done();
    assert_eq!(written(&api).last().unwrap(), "DELETE sessions/alice");
}

#[test]
fn without_waiting_nobody_looks_whether_it_is_gone() {
    let api = lingering(running("alice")).server();
    let played = delete(&api, "alice --wait=false");
    assert_eq!(
        played.done(),
        "session.streaming.platform \"alice\" deleted from default namespace\n"
    );
    assert!(!api.lines().iter().any(|line| line.contains("watch=")));
    assert_eq!(written(&api).len(), 4);
}

#[test]
fn ctrl_c_in_the_sync_deletes_nothing() {
    let api = session_support::FakeApi::stateful();
    let delay = std::time::Duration::from_secs(30);
    api.execute(
        "sync-home",
        Execution {
            delay,
            ..Execution::default()
        },
    );
    running("alice").put(&api);
    let played = meanwhile(&api, "/exec?", Interrupt::trigger);
    golden("delete-interrupted-sync.txt", &played.text());
    assert_eq!(played.code, 130, "{played:?}");
    assert!(api.writes().is_empty());
}

#[test]
fn a_refusal_is_printed_in_the_servers_words() {
    let api = running("alice").server();
    let pods = "/api/v1/namespaces/default/pods/*";
    api.on(
        "DELETE",
        pods,
        Answer::forbidden("alice", "delete", "pods", "default"),
    );
    let played = delete(&api, "alice");
    let text = played.failed();
    assert!(
        text.starts_with("Error from server (Forbidden): pods is forbidden"),
        "{text}"
    );
    assert_eq!(left(&api).len(), 5);
}
