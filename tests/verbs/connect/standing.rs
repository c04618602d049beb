//! Sessions that cannot be connected to, each with its error.

use serde_json::json;
use session_support::session_fixture::{ended_pod_status, waiting_pod_status};
use session_support::{FakeApi, golden};

use crate::running::{change, connect, server};

/// Returns the error for a session after a change.
fn after(happened: impl FnOnce(&FakeApi)) -> String {
    let api = server(json!([]));
    happened(&api);
    let played = connect(&api, "alice --wait=false");
    assert!(api.executed().is_empty());
    played.text()
}

fn pod_status(api: &FakeApi, status: serde_json::Value) {
    let mut pod = api.object("pods", "default", "tool-alice").unwrap();
    pod["status"] = status;
    api.put(pod);
}

#[test]
fn each_standing_has_its_own_words() {
    let gone = |api: &FakeApi| api.remove("pods", "default", "tool-alice");
    let texts = [
        after(|api| {
            gone(api);
            change(api, |session| {
                session["spec"]["state"] = "stopped".into();
                session["status"]["phase"] = "stopped".into();
                session["status"]["applied"]["primary"] = json!(null);
            });
        }),
        after(|api| pod_status(api, ended_pod_status(0, "Completed"))),
        after(|api| pod_status(api, ended_pod_status(1, "Error"))),
        after(|api| {
            pod_status(
                api,
                waiting_pod_status("InvalidImageName", "couldn't parse image name"),
            );
        }),
        after(gone),
        after(|api| {
            change(api, |session| {
                session["metadata"]["finalizers"] = json!(["example.com/x"]);
                session["metadata"]["deletionTimestamp"] = "2026-03-01T11:00:00Z".into();
            });
        }),
        after(|api| {
            gone(api);
            change(api, |session| {
                session["status"]["expiresAt"] = "2026-03-01T11:00:00Z".into()
            });
        }),
        after(|api| pod_status(api, waiting_pod_status("ContainerCreating", ""))),
    ];
    for (at, text) in texts.iter().enumerate() {
        assert!(!texts[..at].contains(text), "said twice: {text}");
    }
    golden("connect-standing.txt", &texts.concat());
}

#[test]
fn an_expired_session_that_still_runs_is_entered_with_a_warning() {
    let api = server(json!([]));
    api.execute("", session_support::Execution::default());
    change(&api, |session| {
        session["status"]["expiresAt"] = "2026-03-01T11:00:00Z".into()
    });
    let played = connect(&api, "alice -- x");
    assert_eq!(
        (played.err.as_str(), played.code),
        (
            "Warning: session \"alice\" expired at 2026-03-01T11:00:00Z, and may be stopped at any time\n",
            0
        )
    );
}

/// `kubectl apply` of a Session where no controller runs: nobody would end the wait.
#[test]
fn a_session_that_nobody_starts_is_not_waited_for() {
    let applied = |request: Option<&str>| {
        let api = server(json!([]));
        api.remove("pods", "default", "tool-alice");
        change(&api, |session| {
            session["status"] = json!({});
            session["spec"]["startRequest"] = json!(request);
        });
        connect(&api, "alice --timeout=20ms")
    };
    for request in [None, Some("2026-03-01T11:00:00Z")] {
        assert_eq!(
            applied(request).failed(),
            "error: session \"alice\" has not been started: no controller starts it\n\
             hint: start the session: kubectl session start alice -n default\n"
        );
    }
    let just_now = applied(Some("2026-03-01T11:59:50Z"));
    assert!(
        just_now.failed().contains("timed out waiting"),
        "{just_now:?}"
    );
}

#[test]
fn hints_repeat_the_flags_that_choose_the_cluster() {
    let api = server(json!([]));
    api.remove("pods", "default", "tool-alice");
    let played = connect(
        &api,
        "alice --context dev --kubeconfig /k/config --token t0ps3cret",
    );
    let command = "kubectl session start alice -n default --kubeconfig=/k/config --context=dev\n";
    assert!(played.failed().contains(command), "{played:?}");
    assert!(!played.err.contains("t0ps3cret"), "{played:?}");
}
