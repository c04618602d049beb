//! Resize in place: the Pod, its StatefulSet's Pod template, the Session.

use serde_json::{Value, json};
use session_shared::labels::RESIZED;
use session_support::golden;

use crate::scene::{half, kept, neighbour, obeying, resize, resources, server, session, told};

#[test]
fn the_pod_gets_its_size_and_the_session_keeps_it() {
    let api = server("Pod", &half());
    obeying(&api);
    let played = resize(&api, "alice --cpu 2 --memory 3Gi");
    golden("resize.txt", &told(&api, &played));
    let size = json!({"limits": {"cpu": "2", "memory": "3Gi"}, "requests": {"cpu": "1", "memory": "1536Mi"}});
    assert_eq!(resources(&api), size);
    let alice = session(&api);
    assert_eq!(
        alice["spec"]["resources"],
        json!({"cpu": 2, "memory": "3Gi"})
    );
    let pod = api.object("pods", "default", "tool-alice-0").unwrap();
    let uids = [&pod, &alice].map(|object| object["metadata"]["uid"].clone());
    let sent: Vec<_> = api
        .writes()
        .iter()
        .map(|write| write.json()["metadata"]["uid"].clone())
        .collect();
    assert_eq!(sent, uids);
    assert_eq!(
        pod["spec"]["containers"][0],
        json!({"name": "side"}),
        "others are left alone"
    );
}

#[test]
fn a_second_time_nothing_is_written() {
    let api = server("Pod", &half());
    obeying(&api);
    resize(&api, "alice --cpu 2").done();
    let before = api.writes().len();
    let again = resize(&api, "session/alice --cpu 2000m");
    assert_eq!(again.done(), "session.streaming.platform/alice unchanged\n");
    assert_eq!((again.err.as_str(), api.writes().len()), ("", before));
}

#[test]
fn a_start_that_was_cut_off_is_told_of() {
    let api = server("Pod", &half());
    obeying(&api);
    let mut alice = session(&api);
    alice["spec"]["startRequest"] = "2026-03-01T11:00:00Z".into();
    alice["spec"]["resources"] = json!({"cpu": "1"});
    api.put(alice);
    let played = resize(&api, "alice --cpu 1");
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice unchanged\n"
    );
    let note = "note: the last start was interrupted; finish it with: kubectl session start alice -n default\n";
    assert_eq!(played.err, note);
}

#[test]
fn what_a_killed_client_left_is_finished() {
    let api = server("StatefulSet", &half());
    obeying(&api);
    resize(&api, "alice --cpu 2").done();
    let mut alice = session(&api);
    alice["spec"]["resources"] = json!({"cpu": "1"});
    api.put(alice);
    let before = kept(&api).len();
    let played = resize(&api, "alice --cpu 2");
    assert_eq!(played.done(), "session.streaming.platform/alice resized\n");
    assert_eq!(kept(&api).len(), before + 1);
    assert_eq!(session(&api)["spec"]["resources"]["cpu"], 2);
}

#[test]
fn the_template_of_a_statefulset_changes_with_its_pod() {
    let api = server("StatefulSet", &half());
    obeying(&api);
    resize(&api, "alice --memory 2Gi").done();
    let set = api.object("statefulsets.apps", "default", "tool-alice");
    let template = &set.unwrap()["spec"]["template"]["spec"]["containers"];
    assert_eq!(template[1]["resources"], resources(&api));
    assert_eq!(template[1]["resources"]["requests"]["memory"], "1Gi");
    assert_eq!(template[0], json!({"name": "side"}));
    assert_eq!(
        kept(&api),
        [
            "PATCH /api/v1/namespaces/default/pods/tool-alice-0/resize",
            "PATCH /apis/apps/v1/namespaces/default/statefulsets/tool-alice",
            "PATCH /apis/streaming.platform/v1/namespaces/default/sessions/alice",
        ]
    );
}

#[test]
fn a_node_that_is_full_now_is_told_before() {
    let api = server("Pod", &half());
    neighbour(&api, "3");
    obeying(&api);
    let played = resize(&api, "alice --cpu 3");
    assert_eq!(played.done(), "session.streaming.platform/alice resized\n");
    let line = "note: node \"node-1\": 4 cpu allocatable, 3 requested by other Pods, 500m by this Pod, which now needs 1500m: resize is deferred until the node has room\n";
    assert!(played.err.starts_with(line), "{}", played.err);
}

#[test]
fn nobody_waits_who_does_not_want_to() {
    let api = server("Pod", &half());
    let played = resize(&api, "alice --cpu 2 --wait=false");
    assert_eq!(played.done(), "session.streaming.platform/alice resized\n");
    assert!(!api.lines().iter().any(|line| line.contains("watch=")));
    assert_eq!(session(&api)["spec"]["resources"], json!({"cpu": 2}));
}

#[test]
fn a_resize_in_place_divides_the_recorded_run_without_another_request() {
    let requests = |records_runs: bool| {
        let api = server("Pod", &half());
        obeying(&api);
        if records_runs {
            let mut alice = session(&api);
            alice["status"]["usage"] =
                json!({"current": {"startTime": "2026-03-01T10:00:00Z", "cpu": "500m"}});
            api.put(alice);
        }
        api.forget_requests();
        resize(&api, "alice --cpu 2 --memory 3Gi").done();
        let annotation = session(&api)["metadata"]["annotations"][RESIZED].clone();
        (api.lines(), annotation)
    };
    let (sent, annotation) = requests(true);
    let resized: Value = serde_json::from_str(annotation.as_str().unwrap()).unwrap();
    assert_eq!(
        resized,
        json!([{"startTime": "2026-03-01T12:00:00Z", "cpu": "1", "memory": "1536Mi"}])
    );
    assert_eq!((sent, Value::Null), requests(false));
}
