//! Waiting for ready by watch, and its outcome.

use std::sync::{Arc, Mutex};

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_shared::client::interrupt::Interrupt;
use session_support::session_fixture::controller_lease;
use session_support::{Answer, FakeApi, golden};

use crate::play::Play;
use crate::tool::{create, deletions, lines, made, ready, server, waiting};

const PODS: &str = "/api/v1/namespaces/default/pods";

/// The watch on Pods reports these states of the created Pod one after another, and stays open.
fn told(api: &FakeApi, states: impl Fn(&Value) -> Vec<Value> + Send + Sync + 'static) {
    let kept: Arc<Mutex<Value>> = Arc::default();
    let keep = kept.clone();
    api.react("pods", move |pod| {
        *keep.lock().unwrap() = pod.clone();
        Vec::new()
    });
    api.handle("GET", PODS, move |_| {
        let pod = kept.lock().unwrap().clone();
        let mut word = "ADDED";
        let mut events = Vec::new();
        for object in std::iter::once(pod.clone()).chain(states(&pod)) {
            events.push(json!({"type": word, "object": object}));
            word = "MODIFIED";
        }
        Answer::watch_open(events)
    });
}

fn status(api: &FakeApi) -> Value {
    let session = api.object("sessions.streaming.platform", "default", "alice");
    session.unwrap()["status"].clone()
}

fn patches(api: &FakeApi) -> usize {
    let lines = api.lines();
    lines
        .iter()
        .filter(|line| line.starts_with("PATCH"))
        .count()
}

#[test]
fn a_session_becomes_ready_through_the_watch() {
    let api = server();
    told(&api, |pod| {
        vec![waiting(pod, "ContainerCreating", ""), ready(pod)]
    });
    let played = create(&api, "alice --template tool");
    golden(
        "create-ready.txt",
        &format!("{}--- requests\n{}", played.text(), lines(&api)),
    );
    assert_eq!(patches(&api), 2);
    let status = status(&api);
    assert_eq!(status["phase"], "running");
    assert_eq!(status["podName"], "tool-alice");
    assert_eq!(status["nodeName"], "node-1");
    assert_eq!(status["conditions"][0]["status"], "True");
    let watches = api.lines();
    let watches = watches.iter().filter(|line| line.contains("watch="));
    assert_eq!(watches.count(), 2, "Pods and Events");
}

/// A Pod whose claim does not exist, as the scheduler reports it.
fn unscheduled(pod: &Value, claim: &str) -> Value {
    let mut pod = pod.clone();
    let message =
        format!("0/1 nodes are available: persistentvolumeclaim \"{claim}\" not found. not found");
    pod["status"] = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]});
    pod
}

#[test]
fn a_claim_that_the_scheduler_has_not_seen_yet_is_waited_for() {
    let api = server();
    told(&api, |pod| vec![unscheduled(pod, "home-alice"), ready(pod)]);
    create(&api, "alice --template tool").done();
    assert_eq!(status(&api)["phase"], "running");
    let api = server();
    told(&api, |pod| vec![unscheduled(pod, "another"), ready(pod)]);
    let failed = create(&api, "alice --template tool");
    let text = "mounts claim \"another\", which does not exist";
    assert!(failed.code == 1 && failed.err.contains(text), "{failed:?}");
}

#[test]
fn stdout_is_one_line_and_a_terminal_sees_the_progress_on_stderr() {
    let api = server();
    told(&api, |pod| {
        vec![waiting(pod, "ContainerCreating", ""), ready(pod)]
    });
    let played = Play::on(&api)
        .at_terminal("")
        .run::<Create>("alice --template tool");
    assert_eq!(played.done(), "session.streaming.platform/alice created\n");
    assert!(played.err.contains("applying"), "{:?}", played.err);
    let api = server();
    told(&api, |pod| vec![ready(pod)]);
    let quiet = Play::on(&api)
        .at_terminal("")
        .run::<Create>("alice --template tool -q");
    assert_eq!(quiet.err, "");
}

#[test]
fn a_pod_that_cannot_heal_ends_the_wait_and_keeps_the_session() {
    let api = server();
    told(&api, |pod| vec![waiting(pod, "ErrImageNeverPull", "")]);
    let played = create(&api, "alice --template tool");
    golden("create-hopeless.txt", &played.text());
    assert_eq!(status(&api)["phase"], "failed");
    assert_eq!(status(&api)["conditions"][0]["reason"], "ErrImageNeverPull");
    assert_eq!(deletions(&api), []);
}

#[test]
fn a_pod_that_ends_at_once_is_told_with_its_exit_code() {
    let api = server();
    told(&api, |pod| {
        let mut pod = pod.clone();
        pod["status"] = json!({"phase": "Failed", "containerStatuses": [{"name": "main", "image": "", "imageID": "",
            "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}]});
        vec![pod]
    });
    let log = "/api/v1/namespaces/default/pods/tool-alice/log";
    api.on(
        "GET",
        log,
        Answer::text(200, "text/plain", "no config found\n"),
    );
    let played = create(&api, "alice --template tool");
    golden("create-ended.txt", &played.text());
    assert_eq!(status(&api)["phase"], "failed");
}

/// Without a readiness probe a container is ready as soon as it runs, in every round of a crash loop.
#[test]
fn ready_for_an_instant_between_two_crashes_is_not_ready() {
    let api = server();
    told(&api, |pod| {
        let crashed = json!({"terminated": {"exitCode": 3, "reason": "Error"}});
        let mut again = ready(pod);
        again["status"]["containerStatuses"] = json!([{"name": "main", "image": "", "imageID": "", "ready": true,
            "restartCount": 2, "lastState": crashed, "state": {"running": {"startedAt": "2999-01-01T00:00:00Z"}}}]);
        let mut over = waiting(pod, "CrashLoopBackOff", "back-off 40s");
        over["status"]["containerStatuses"][0]["restartCount"] = 3.into();
        over["status"]["containerStatuses"][0]["lastState"] = crashed;
        vec![again, over]
    });
    let log = "/api/v1/namespaces/default/pods/tool-alice/log";
    api.on("GET", log, Answer::text(200, "text/plain", "boom\n"));
    let played = create(&api, "alice --template tool");
    golden("create-crash-loop.txt", &played.text());
    let status = status(&api);
    assert_eq!(status["phase"], "failed");
    // The cause is kept without the log, which others may not read.
    let cause = &status["diagnosis"];
    assert_eq!(cause["reason"], "CrashLoopBackOff");
    let text = cause.to_string();
    assert!(
        text.contains("exit code 3") && !text.contains("boom"),
        "{text}"
    );
}

/// A cause that may pass is kept too when the time is over.
#[test]
fn the_cause_of_a_wait_that_timed_out_is_kept() {
    let api = server();
    told(&api, |pod| {
        vec![waiting(pod, "ErrImagePull", "429 Too Many Requests")]
    });
    let played = create(&api, "alice --template tool --timeout=50ms");
    assert_eq!(played.code, 1, "{played:?}");
    let kept = status(&api);
    assert_eq!(kept["phase"], "pending");
    assert_eq!(kept["diagnosis"]["reason"], "ErrImagePull");
    assert!(kept["diagnosis"]["time"].is_string(), "{kept}");
}

/// The clock is that of the call, not that of the machine.
#[test]
fn a_run_outlasts_the_last_one_by_the_clock_of_the_call() {
    for (started, code) in [("2026-03-01T11:59:57Z", 0), ("2026-03-01T11:59:59Z", 1)] {
        let api = server();
        told(&api, move |pod| {
            let mut again = ready(pod);
            again["status"]["containerStatuses"] = json!([{"name": "main", "image": "", "imageID": "", "ready": true,
                "restartCount": 1, "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}},
                "state": {"running": {"startedAt": started}}}]);
            vec![again]
        });
        let played = create(&api, "alice --template tool --timeout=50ms");
        assert_eq!(played.code, code, "{started}: {played:?}");
    }
}

#[test]
fn time_runs_out_in_kubectls_words() {
    let api = server();
    told(&api, |pod| vec![waiting(pod, "ContainerCreating", "")]);
    let played = create(&api, "alice --template tool --timeout=50ms");
    golden("create-timeout.txt", &played.text());
    assert_eq!(deletions(&api), []);
}

#[test]
fn events_that_may_not_be_seen_are_done_without() {
    let api = server();
    told(&api, |pod| vec![ready(pod)]);
    let refused = Answer::forbidden("alice", "watch", "events", "default");
    api.on("GET", "/api/v1/namespaces/default/events", refused);
    create(&api, "alice --template tool").done();
}

/// What hides a cause is said where the session does not come up.
#[test]
fn events_that_may_not_be_seen_are_named_in_the_error() {
    let api = server();
    told(&api, |pod| vec![waiting(pod, "ContainerCreating", "")]);
    let refused = Answer::forbidden("alice", "watch", "events", "default");
    api.on("GET", "/api/v1/namespaces/default/events", refused);
    let played = create(&api, "alice --template tool --timeout=500ms");
    let line = "events: not available (no permission to read events)";
    assert!(played.err.contains(line), "{}", played.err);
}

#[test]
fn ctrl_c_while_waiting_leaves_a_session_that_comes_up() {
    let api = server();
    let interrupt = Interrupt::default();
    let trigger = interrupt.clone();
    told(&api, move |pod| {
        trigger.trigger();
        vec![waiting(pod, "ContainerCreating", "")]
    });
    let played = Play::on(&api)
        .stopped_by(&interrupt)
        .run::<Create>("alice --template tool");
    assert_eq!(played.code, 130);
    golden("create-interrupted-waiting.txt", &played.text());
    assert_eq!(deletions(&api), []);
    assert_eq!(status(&api)["phase"], "pending");
}

/// A Lease renewed just now, by the clock of the fake server.
fn controller(api: &FakeApi, namespace: &str) {
    let mut lease = controller_lease();
    lease["metadata"]["namespace"] = namespace.into();
    api.put(lease);
}

/// A minimal controller that only writes the Session's status.
fn carried_out(session: &Value, phase: &str) -> Vec<Value> {
    let mut session = session.clone();
    session["status"] = json!({"phase": phase, "endpoint": "http://alice.example.com/", "conditions": [
        {"type": "Ready", "status": "False", "reason": "TemplateUnsafe", "message": "IMAGE has no pattern", "lastTransitionTime": ""}]});
    vec![session]
}

#[test]
fn a_controller_that_is_alive_makes_the_objects() {
    for namespace in ["session-system", "default"] {
        let api = server();
        controller(&api, namespace);
        api.react("sessions.streaming.platform", |session| {
            carried_out(session, "running")
        });
        let played = create(&api, "alice --template tool");
        golden("create-controller.txt", &played.text());
        assert_eq!(made(&api), ["sessions.streaming.platform/alice"]);
        assert_eq!(patches(&api), 0, "the status is the controller's");
    }
}

#[test]
fn a_controller_gets_the_secret_that_was_given() {
    let api = server();
    controller(&api, "session-system");
    let played = Play::on(&api)
        .piped("correct horse")
        .run::<Create>("alice --template tool --wait=false --set-file PASSWORD=-");
    played.done();
    let wanted = [
        "sessions.streaming.platform/alice",
        "secrets/session-alice-parameters",
    ];
    assert_eq!(made(&api), wanted);
}

#[test]
fn a_controller_that_refuses_is_quoted() {
    let api = server();
    controller(&api, "session-system");
    api.react("sessions.streaming.platform", |session| {
        carried_out(session, "failed")
    });
    let played = create(&api, "alice --template tool");
    golden("create-controller-failed.txt", &played.text());
}

#[test]
fn a_controller_that_is_gone_or_not_wanted_is_none() {
    let api = server();
    let mut lease = controller_lease();
    lease["spec"]["renewTime"] = "2020-01-01T00:00:00Z".into();
    api.put(lease);
    create(&api, "alice --template tool --wait=false").done();
    assert_eq!(made(&api).len(), 8);
    let api = server();
    controller(&api, "session-system");
    create(
        &api,
        "alice --template tool --wait=false --reconcile=client",
    )
    .done();
    assert_eq!(made(&api).len(), 8);
    assert!(!api.lines().iter().any(|line| line.contains("leases")));
}
