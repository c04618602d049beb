//! Start of a stopped session: same claims, same secrets, new values.

use std::io::Write;

use kubectl_session_start::Start;
use serde_json::{Value, json};
use session_support::{FakeApi, Recorded, golden};

use crate::play::Play;
use crate::rested::{
    condition, object, requests_of, rested, running, session, start, uid, written,
};
use crate::tool::left;

#[test]
fn what_stayed_is_applied_over_and_what_went_is_made() {
    let api = rested();
    let before = [
        uid(&api, "persistentvolumeclaims", "home-alice"),
        uid(&api, "secrets", "session-alice-parameters"),
        uid(&api, "services", "tool-alice"),
    ];
    let secret = object(&api, "secrets", "session-alice-parameters");
    let asked = session(&api)["spec"]["startRequest"].clone();
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    let lines: String = requests
        .iter()
        .map(|one| format!("{}\n", one.line()))
        .collect();
    golden(
        "start-again.txt",
        &format!("{}--- requests\n{lines}", played.text()),
    );
    let after = [
        uid(&api, "persistentvolumeclaims", "home-alice"),
        uid(&api, "secrets", "session-alice-parameters"),
        uid(&api, "services", "tool-alice"),
    ];
    assert_eq!(before, after);
    assert_eq!(object(&api, "secrets", "session-alice-parameters"), secret);
    let session = session(&api);
    let (spec, status) = (&session["spec"], &session["status"]);
    assert_eq!(
        (&spec["state"], &status["phase"]),
        (&json!("running"), &json!("running"))
    );
    assert!(spec["startRequest"].as_str() > asked.as_str(), "{asked}");
    assert_eq!(status["startRequest"], spec["startRequest"]);
    assert_eq!(status["podName"], "tool-alice");
    assert_eq!(status["applied"]["objects"].as_array().unwrap().len(), 6);
    assert_eq!(condition(&api, "Ready").unwrap()["status"], "True");
}

#[test]
fn every_write_insists_on_what_was_seen() {
    let api = rested();
    let owner = uid(&api, "sessions.streaming.platform", "alice");
    let (_, requests) = requests_of(&api, || start(&api, "alice"));
    let writes: Vec<&Recorded> = requests.iter().filter(|one| one.writes()).collect();
    assert!(writes.len() > 5);
    for write in writes {
        assert_eq!(write.query("fieldManager").unwrap(), "kubectl-session");
        assert_eq!(write.query("fieldValidation").unwrap(), "Strict");
        if write.path.contains("/sessions/") {
            assert_eq!(write.json()["metadata"]["uid"], owner);
        }
        if write
            .header("content-type")
            .starts_with("application/apply-patch")
        {
            assert!(write.json()["metadata"]["uid"].is_string(), "{write:?}");
        }
    }
}

#[test]
fn a_value_is_taken_and_kept() {
    let api = rested();
    start(&api, "alice --set IMAGE=tool:2").done();
    let image =
        |api: &FakeApi| object(api, "pods", "tool-alice")["spec"]["containers"][0]["image"].clone();
    assert_eq!(image(&api), "tool:2");
    assert_eq!(session(&api)["spec"]["parameters"]["IMAGE"], "tool:2");
    start(&api, "alice --restart").done();
    assert_eq!(image(&api), "tool:2");
}

/// Encodes a value as a server stores it.
fn password(api: &FakeApi, name: &str, key: &str) -> Value {
    object(api, "secrets", name)["data"][key].clone()
}

#[test]
fn a_new_password_reaches_the_secrets_and_nothing_else() {
    let api = rested();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"n3w-passw0rd\n").unwrap();
    let words = format!("alice --set-file PASSWORD={}", file.path().display());
    let (played, requests) = requests_of(&api, || start(&api, &words));
    played.done();
    assert!(!played.text().contains("n3w-passw0rd"));
    assert_eq!(
        password(&api, "session-alice-parameters", "PASSWORD"),
        "bjN3LXBhc3N3MHJk"
    );
    assert_eq!(password(&api, "tool-alice", "password"), "bjN3LXBhc3N3MHJk");
    for request in &requests {
        let body = request.json().to_string();
        let told = body.contains("n3w-passw0rd") || body.contains("bjN3LXBhc3N3MHJk");
        assert!(
            !told || request.path.contains("/secrets/"),
            "{}",
            request.line()
        );
    }
    assert_eq!(session(&api)["spec"]["secretsFrom"], "client");
    let (played, requests) = requests_of(&api, || start(&api, "alice --restart --set PASSWORD=x"));
    golden("start-secret-refused.txt", played.failed());
    assert_eq!(written(&requests), [""; 0]);
}

#[test]
fn a_session_that_runs_is_left_alone() {
    let api = running();
    for words in ["alice", "alice --wait=false"] {
        let (played, requests) = requests_of(&api, || start(&api, words));
        let line = "session.streaming.platform/alice already running\n";
        assert_eq!(played.done(), line);
        assert_eq!(written(&requests), [""; 0]);
    }
}

#[test]
fn a_session_that_runs_and_was_never_said_to_is_written_down() {
    let api = running();
    let mut unsaid = session(&api);
    unsaid["status"]["phase"] = "pending".into();
    unsaid["status"]["podName"] = serde_json::Value::Null;
    api.put(unsaid);
    let line = "session.streaming.platform/alice already starting\n";
    assert_eq!(start(&api, "alice").done(), line);
    let status = session(&api)["status"].clone();
    assert_eq!(
        (&status["phase"], &status["podName"]),
        (&json!("running"), &json!("tool-alice"))
    );
}

#[test]
fn an_unfinished_copy_is_not_started_without_its_data() {
    let api = rested();
    let mut copy = session(&api);
    copy["metadata"]["annotations"]["streaming.platform/copying"] = "before".into();
    api.put(copy);
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    let said = played.failed();
    assert!(
        said.contains("is an incomplete copy of snapshot \"before\""),
        "{said}"
    );
    assert_eq!(written(&requests), [""; 0]);
}

#[test]
fn values_for_a_session_that_runs_are_not_forgotten() {
    let api = running();
    let (played, requests) = requests_of(&api, || start(&api, "alice --set IMAGE=tool:2"));
    golden("start-values-running.txt", played.failed());
    assert_eq!(written(&requests), [""; 0]);
    start(&api, "alice --restart --set IMAGE=tool:2").done();
    start(&api, "alice --set IMAGE=tool:2").done();
}

#[test]
fn a_restart_stops_first() {
    let api = running();
    let pod = uid(&api, "pods", "tool-alice");
    let (played, requests) = requests_of(&api, || start(&api, "alice --restart"));
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice restarted\n"
    );
    assert_ne!(uid(&api, "pods", "tool-alice"), pod);
    let writes = written(&requests);
    let at = |line: &str| {
        writes
            .iter()
            .position(|one| one == line)
            .unwrap_or_else(|| panic!("{line}: {writes:?}"))
    };
    assert!(at("DELETE pods/tool-alice") < at("POST pods/tool-alice"));
    assert_eq!(session(&api)["status"]["phase"], "running");
}

#[test]
fn a_claim_grows_and_never_shrinks() {
    let size = |api: &FakeApi| {
        let claim = object(api, "persistentvolumeclaims", "home-alice");
        claim["spec"]["resources"]["requests"]["storage"].clone()
    };
    let api = rested();
    start(&api, "alice --set SIZE=5Gi").done();
    assert_eq!(size(&api), "5Gi");
    start(&api, "alice --restart --set SIZE=2Gi").done();
    assert_eq!(size(&api), "5Gi");
}

#[test]
fn a_claim_that_cannot_be_what_is_wanted_is_told_before_anything_is_written() {
    let api = rested();
    let mut claim = object(&api, "persistentvolumeclaims", "home-alice");
    claim["spec"]["accessModes"] = json!(["ReadWriteMany"]);
    api.put(claim);
    let (played, requests) = requests_of(&api, || start(&api, "alice"));
    golden("start-claim-conflict.txt", played.failed());
    assert_eq!(written(&requests), [""; 0]);
    assert!(!left(&api).contains(&"pods/tool-alice".to_owned()));
}

#[test]
fn a_claim_that_was_deleted_is_waited_for_and_made_again() {
    let api = rested();
    let mut going = object(&api, "persistentvolumeclaims", "home-alice");
    going["metadata"]["deletionTimestamp"] = "2026-03-01T00:00:00Z".into();
    going["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    api.put(going.clone());
    let played = Play::on(&api).meanwhile::<Start>("alice", |_, _| {
        let begun = std::time::Instant::now();
        let watched = |line: &String| line.contains("metadata.name%3Dhome-alice");
        while !api.lines().iter().any(watched) {
            assert!(begun.elapsed().as_secs() < 10, "nobody waits for it");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        api.remove("persistentvolumeclaims", "default", "home-alice");
    });
    assert_eq!(played.code, 0, "{}", played.err);
    let made = uid(&api, "persistentvolumeclaims", "home-alice");
    assert_ne!(made, going["metadata"]["uid"]);
}

/// A start after an interrupted deletion removes the annotation that the data is kept.
#[test]
fn data_that_is_used_again_is_not_written_down_as_kept() {
    let api = rested();
    let since = "streaming.platform/kept-since";
    let kept = [
        ("persistentvolumeclaims", "home-alice"),
        ("secrets", "session-alice-parameters"),
    ];
    for (kind, name) in kept {
        let mut data = object(&api, kind, name);
        data["metadata"]["annotations"][since] = "2026-02-01T00:00:00Z".into();
        api.put(data);
    }
    start(&api, "alice").done();
    for (kind, name) in kept {
        let data = object(&api, kind, name);
        assert_eq!(data["metadata"]["annotations"].get(since), None, "{name}");
    }
}

#[test]
fn values_for_a_session_that_is_pending_are_refused_with_its_phase() {
    let api = running();
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["status"] = serde_json::json!({"phase": "Pending"});
    api.put(pod);
    let played = start(&api, "alice --set IMAGE=tool:2");
    assert!(
        played
            .failed()
            .starts_with("error: cannot change values of session \"alice\": session is pending\n"),
        "{}",
        played.err
    );
}
