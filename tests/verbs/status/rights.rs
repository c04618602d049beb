//! Missing permissions: the parts concerned are shown as unknown, and the rest is shown.

use serde_json::json;
use session_support::{Answer, golden};

use crate::scenes::{api, crashing, running, running_api, session, several, status, tool, waiting};

#[test]
fn a_missing_right_is_no_error() {
    let api = running_api();
    let parts = [
        ("/api/v1/namespaces/default/events", "events"),
        (
            "/api/v1/namespaces/default/persistentvolumeclaims",
            "persistentvolumeclaims",
        ),
        ("/api/v1/namespaces/default/secrets/*", "secrets"),
        (
            "/apis/streaming.platform/v1/sessiontemplates/*",
            "sessiontemplates.streaming.platform",
        ),
    ];
    for (path, what) in parts {
        api.on(
            "GET",
            path,
            Answer::forbidden("alice", "list", what, "default"),
        );
    }
    let played = status(&api, "");
    assert_eq!((played.code, played.err.as_str()), (0, ""));
    golden("status-no-rights.txt", &played.out);
    let unknown = status(&api, "-o jsonpath={.unknown.events}");
    assert_eq!(unknown.done(), "no permission to read events");
}

#[test]
fn without_pods_the_phase_is_as_it_was_written() {
    let api = running_api();
    api.on(
        "GET",
        "/api/v1/namespaces/default/pods",
        Answer::forbidden("alice", "list", "pods", "default"),
    );
    golden("status-no-pods.txt", status(&api, "").done());
}

/// Without the objects between Pods and session, that no Pod is found proves nothing.
#[test]
fn without_the_workloads_the_phase_is_as_it_was_written() {
    for (version, kind, plural) in [
        ("apps/v1", "Deployment", "deployments"),
        ("apps/v1", "StatefulSet", "statefulsets"),
        ("batch/v1", "Job", "jobs"),
    ] {
        let mut session = session("running");
        let primary = json!({"apiVersion": version, "kind": kind, "name": "tool-alice"});
        session["status"]["applied"]["primary"] = primary.clone();
        session["status"]["applied"]["objects"] = json!([primary]);
        let owner = json!([{"apiVersion": version, "kind": kind, "name": "tool-alice", "uid": "w-1", "controller": true}]);
        let mut pod = tool(running());
        pod["metadata"]["ownerReferences"] = owner;
        let api = api(&[session, pod]);
        let path = format!("/apis/{version}/namespaces/default/{plural}");
        let group = version.split('/').next().unwrap_or_default();
        let resource = format!("{plural}.{group}");
        let forbidden = || Answer::forbidden("alice", "list", &resource, "default");
        api.on("GET", &path, forbidden());
        api.on("GET", &format!("{path}/*"), forbidden());
        if kind == "Deployment" {
            golden("status-no-workloads.txt", status(&api, "").done());
        }
        let told = status(&api, "-o jsonpath={.phase},{.reason},{.diagnosis},{.next}");
        assert_eq!(told.done(), "running,,[],[]", "{kind}");
    }
}

/// Who may not read Pods sees the cause that a command has recorded, and when; who may sees what is true now.
#[test]
fn without_pods_the_recorded_cause_is_shown() {
    let record = json!({"time": "2026-03-01T11:58:00Z", "reason": "OOMKilled",
        "message": "container \"main\" of pod \"tool-alice\" was killed for exceeding its memory limit of 2Gi (OOMKilled)",
        "evidence": ["container \"main\": terminated: OOMKilled, exit code 137"], "remedy": "raise the container's memory limit"});
    let scene = |phase: &str, pods: bool| {
        let mut session = session(phase);
        session["status"]["diagnosis"] = record.clone();
        let api = api(&[session, tool(running())]);
        if !pods {
            let path = "/api/v1/namespaces/default/pods";
            api.on(
                "GET",
                path,
                Answer::forbidden("alice", "list", "pods", "default"),
            );
        }
        api
    };
    let blind = scene("failed", false);
    golden("status-recorded-cause.txt", status(&blind, "").done());
    let time = status(&blind, "-o jsonpath={.diagnosis[*].recordedAt}");
    assert_eq!(time.done(), "2026-03-01T11:58:00Z");
    for (phase, pods) in [("running", false), ("failed", true), ("stopped", false)] {
        let played = status(&scene(phase, pods), "-o jsonpath={.diagnosis}");
        assert_eq!(played.done(), "[]", "{phase} {pods}");
    }
}

/// Events tell causes that nothing else does.
#[test]
fn without_events_it_is_said_that_a_cause_may_be_missing() {
    let creating = waiting("ContainerCreating", "");
    for (state, line) in [
        (
            creating,
            "Note:        the cause may be among the events: no permission to",
        ),
        (
            crashing(),
            "evidence: events: not available (no permission to read events)",
        ),
    ] {
        let api = api(&[session("pending"), tool(state)]);
        let path = "/api/v1/namespaces/default/events";
        api.on(
            "GET",
            path,
            Answer::forbidden("alice", "list", "events", "default"),
        );
        let played = status(&api, "");
        assert!(played.done().contains(line), "{}", played.out);
    }
}

#[test]
fn a_broken_part_says_what_the_server_said() {
    for path in [
        "/api/v1/namespaces/default/events",
        "/api/v1/namespaces/default/services/*",
        "/apis/batch/v1/namespaces/default/cronjobs/*",
    ] {
        let api = several();
        api.on("GET", path, Answer::internal("etcd is sad"));
        let played = status(&api, "");
        let words = "<unknown> (Internal error occurred: etcd is sad)";
        assert!(played.done().contains(words), "{path}: {}", played.out);
    }
}
