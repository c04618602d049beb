//! Unhealthy sessions, and sessions that only look unhealthy.

use serde_json::{Value, json};
use session_support::session_fixture::SESSIONS;
use session_support::{FakeApi, SessionFixture, golden};

use crate::scene::{Session, cleanup};

fn named(name: &'static str) -> Session<'static> {
    Session {
        name,
        expires: "",
        ..Session::default()
    }
}

/// A session whose Pod is changed by `change`.
fn with_pod(api: &FakeApi, name: &'static str, change: impl FnOnce(&mut Value)) {
    named(name).put(api);
    let mut pod = api
        .object("pods", "default", &format!("tool-{name}"))
        .unwrap();
    change(&mut pod);
    api.put(pod);
}

fn with_session(api: &FakeApi, name: &'static str, change: impl FnOnce(&mut Value)) {
    let mut session = named(name).put(api);
    change(&mut session);
    api.put(session);
}

fn unready_since(pod: &mut Value, since: &str) {
    pod["status"]["conditions"][1] =
        json!({"type": "Ready", "status": "False", "lastTransitionTime": since});
}

fn ended(pod: &mut Value) {
    pod["status"] = json!({"phase": "Failed", "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}]});
}

/// A create that was killed before it recorded its objects.
fn begun(session: &mut Value, asked: Option<&str>) {
    session["status"] = json!({});
    session["spec"]["startRequest"] = json!(asked);
}

fn ward() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}));
    with_pod(&api, "ended", ended);
    with_pod(&api, "node-gone", |pod| {
        pod["spec"]["nodeName"] = "n9".into()
    });
    with_pod(&api, "unready", |pod| {
        unready_since(pod, "2026-03-01T11:45:00Z")
    });
    with_session(&api, "lost", |session| {
        session["status"]["startTime"] = "2026-03-01T11:59:00Z".into();
    });
    api.remove("pods", "default", "tool-lost");
    with_session(&api, "half-made", |session| {
        begun(session, Some("2026-03-01T11:00:00Z"))
    });
    api.remove("pods", "default", "tool-half-made");
    api
}

fn well() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}));
    named("ready").put(&api);
    with_pod(&api, "unready-shortly", |pod| {
        unready_since(pod, "2026-03-01T11:55:00Z")
    });
    with_pod(&api, "never-ready", |pod| {
        unready_since(pod, "2026-03-01T10:00:00Z")
    });
    let mut session = api.object(SESSIONS, "default", "never-ready").unwrap();
    session["status"]["phase"] = "pending".into();
    api.put(session);
    with_session(&api, "in-the-making", |session| {
        begun(session, Some("2026-03-01T11:55:00Z"))
    });
    api.remove("pods", "default", "tool-in-the-making");
    with_session(&api, "applied", |session| begun(session, None));
    api.remove("pods", "default", "tool-applied");
    // The Pod was created after the Pods were listed.
    with_session(&api, "just-made", |session| {
        session["status"]["startTime"] = "2026-03-01T11:59:01Z".into();
    });
    api.remove("pods", "default", "tool-just-made");
    // One user has stopped the failed session, another one restarts his.
    with_pod(&api, "stopped", ended);
    let mut session = api.object(SESSIONS, "default", "stopped").unwrap();
    session["spec"]["state"] = "stopped".into();
    api.put(session);
    with_pod(&api, "starts-again", ended);
    let mut session = api.object(SESSIONS, "default", "starts-again").unwrap();
    session["spec"]["startRequest"] = "2026-03-01T11:00:00Z".into();
    api.put(session);
    api
}

#[test]
fn who_cannot_be_used_any_more_is_deleted_by_the_data_policy() {
    let api = ward();
    let played = cleanup(&api, "--unhealthy -y");
    golden("cleanup-unhealthy.txt", &played.text());
    assert!(api.objects(SESSIONS).is_empty());
    assert_eq!(api.objects("persistentvolumeclaims").len(), 5, "kept");
}

#[test]
fn who_may_still_come_up_or_rests_is_left_alone() {
    let api = well();
    let played = cleanup(&api, "--unhealthy -y");
    assert_eq!(played.done(), "");
    assert!(api.writes().is_empty());
}

#[test]
fn without_the_right_to_see_nodes_the_rest_is_looked_at() {
    let api = ward();
    let refused = session_support::Answer::status(403, "Forbidden", "no", json!({}));
    api.on("GET", "/api/v1/nodes", refused);
    let played = cleanup(&api, "--unhealthy --dry-run=client");
    assert!(played.err.contains("note: nodes not checked"), "{played:?}");
    assert_eq!(played.done().lines().count(), 5, "{played:?}");
}

#[test]
fn who_gets_well_in_the_meantime_is_left_alone() {
    let api = FakeApi::stateful();
    api.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}));
    with_pod(&api, "ended", ended);
    let mut pod = api.object("pods", "default", "tool-ended").unwrap();
    pod["status"] = json!({"phase": "Running", "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]});
    let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}, "items": [pod]});
    let sick = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}, "items": api.objects("pods")});
    api.on(
        "GET",
        "/api/v1/namespaces/default/pods",
        session_support::Answer::ok(sick),
    );
    api.on(
        "GET",
        "/api/v1/namespaces/default/pods",
        session_support::Answer::ok(list),
    );
    let played = cleanup(&api, "--unhealthy -y");
    assert!(played.done().ends_with("1 left alone\n"), "{played:?}");
    assert!(api.writes().is_empty());
}

/// The Pod was recreated on a node that joined after the nodes were listed.
#[test]
fn a_node_that_has_just_joined_is_not_gone() {
    let api = FakeApi::stateful();
    api.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}));
    let before = json!({"kind": "NodeList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []});
    api.on("GET", "/api/v1/nodes", session_support::Answer::ok(before));
    named("alice").put(&api);
    let played = cleanup(&api, "--unhealthy -y");
    assert!(played.done().ends_with("1 left alone\n"), "{played:?}");
    assert!(api.writes().is_empty());
}

/// Only the events of the StatefulSet say why it has no Pod; they are read again right before the deletion.
#[test]
fn who_has_no_pod_because_a_policy_refuses_it_is_deleted() {
    let refused = |with_event: bool| {
        let api = FakeApi::stateful();
        let fixture = SessionFixture::stopped("refused").workload("StatefulSet", 1);
        fixture
            .session_fields(json!({"spec": {"state": "running"}, "status": {"phase": "pending"}}))
            .put(&api);
        let set = api.objects("statefulsets.apps").remove(0);
        let event = refusal_event(&set["metadata"]);
        if with_event {
            api.put(event);
        }
        let played = cleanup(&api, "--unhealthy -y");
        (played.done().to_owned(), api.objects(SESSIONS).is_empty())
    };
    let (text, is_gone) = refused(true);
    assert!(
        text.contains("failed: AdmissionPolicyDenied") && is_gone,
        "{text}"
    );
    assert_eq!(refused(false), (String::new(), false));
}

/// An event of a StatefulSet whose Pod an admission policy refuses.
fn refusal_event(set: &Value) -> Value {
    let message = "create Pod web-0 in StatefulSet web failed error: pods \"web-0\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no";
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e1", "namespace": "default"},
        "involvedObject": {"kind": "StatefulSet", "name": set["name"], "uid": set["uid"], "namespace": "default"},
        "type": "Warning", "reason": "FailedCreate", "message": message, "count": 3,
        "firstTimestamp": "2026-03-01T11:50:00Z", "lastTimestamp": "2026-03-01T11:59:00Z"})
}
