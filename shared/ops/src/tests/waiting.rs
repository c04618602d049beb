use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use session_client::interrupt::Interrupt;
use session_engine::reconcile::WorkloadState;
use session_model::progress::{ProgressEvent, ProgressSink};
use session_support::{Answer, FakeApi};

use super::{cluster, session};
use crate::wait_ready::{AwaitedWorkloads, WaitContext, WaitOutcome};

struct Nobody;

impl ProgressSink for Nobody {
    fn tell(&mut self, _event: ProgressEvent) {}
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_ready_ends_at_its_timeout_whatever_its_watches_do() {
    for answer in [Answer::watch(vec![]), Answer::expired()] {
        let api = FakeApi::new();
        api.on("GET", "/**", answer);
        let cluster = cluster(&api);
        let limit = Duration::from_secs(100);
        let session = serde_json::from_value(session("a")).unwrap();
        let (interrupt, mut nobody) = (Interrupt::default(), Nobody);
        let mut run = WaitContext {
            interrupt: &interrupt,
            sink: &mut nobody,
            now: &Timestamp::now,
        };
        let wait = cluster.wait_ready(
            "default",
            &session,
            vec![],
            AwaitedWorkloads::All,
            limit,
            &mut run,
        );
        let waited = wait.await.unwrap();
        assert!(matches!(waited, WaitOutcome::TimedOut(_)), "{waited:?}");
        let (stop, pause) = (interrupt.clone(), Duration::from_secs(50));
        let stop = async move {
            tokio::time::sleep(pause).await;
            stop.trigger();
        };
        let wait = cluster.wait_ready(
            "default",
            &session,
            vec![],
            AwaitedWorkloads::All,
            limit,
            &mut run,
        );
        let (waited, ()) = futures::join!(wait, stop);
        assert!(matches!(waited.unwrap(), WaitOutcome::Interrupted(_)));
    }
}

/// A container that crashed before counts as ready after its run has outlasted the last one, by the clock that is given.
#[tokio::test]
async fn a_wait_for_ready_reads_no_clock_but_the_given_one() {
    let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [
        {"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 1,
            "lastState": {"terminated": {"exitCode": 1, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:03Z"}},
            "state": {"running": {"startedAt": "2026-01-01T00:01:00Z"}}}]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "main"}]}, "status": status,
        "metadata": {"name": "p", "namespace": "default", "uid": "p-1", "labels": {"streaming.platform/primary": "true"},
            "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "s-1", "controller": true}]}});
    let mut session = session("a");
    session["metadata"]["uid"] = "s-1".into();
    for (now, is_ready) in [
        ("2026-01-01T00:01:04Z", false),
        ("2026-01-01T00:01:05Z", true),
    ] {
        let api = FakeApi::new();
        let added = json!({"type": "ADDED", "object": pod});
        api.on(
            "GET",
            "/api/v1/namespaces/default/pods",
            Answer::watch(vec![added]),
        )
        .on(
            "GET",
            "/api/v1/namespaces/default/events",
            Answer::watch(vec![]),
        )
        .on(
            "GET",
            "/api/v1/namespaces/default/pods/p/log",
            Answer::text(200, "text/plain", "boom\n"),
        );
        let now: Timestamp = now.parse().unwrap();
        let mut run = WaitContext {
            interrupt: &Interrupt::default(),
            sink: &mut Nobody,
            now: &|| now,
        };
        let session = serde_json::from_value(session.clone()).unwrap();
        let limit = Duration::from_millis(if is_ready { 10_000 } else { 300 });
        let cluster = cluster(&api);
        let waited = cluster.wait_ready(
            "default",
            &session,
            vec![],
            AwaitedWorkloads::All,
            limit,
            &mut run,
        );
        let waited = waited.await.unwrap();
        assert_eq!(
            matches!(waited, WaitOutcome::Settled { .. }),
            is_ready,
            "{now}: {waited:?}"
        );
    }
}

/// Returns a Pod of the session, owned by it, with container "main".
fn pod(name: &str, status: &Value) -> Value {
    let labels = match name {
        "web" => json!({"streaming.platform/primary": "true"}),
        _ => json!({}),
    };
    json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "main"}], "nodeSelector": {"disk": "ssd"}},
        "status": status, "metadata": {"name": name, "namespace": "default", "uid": name, "labels": labels,
            "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "s-1", "controller": true}]}})
}

fn ready_since(started: &str) -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [
        {"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": started}}}]})
}

/// Returns the outcome of a wait for a session of which the server shows `events` of Pods, and `nodes`.
async fn outcome(
    awaited: AwaitedWorkloads,
    pods: &[(&str, Value)],
    nodes: Vec<Value>,
) -> WaitOutcome {
    let api = FakeApi::new();
    let added = pods
        .iter()
        .map(|(name, status)| json!({"type": "MODIFIED", "object": pod(name, status)}));
    let nodes = json!({"apiVersion": "v1", "kind": "NodeList", "metadata": {"resourceVersion": "1"}, "items": nodes});
    let path = "/api/v1/namespaces/default";
    api.on(
        "GET",
        &format!("{path}/pods"),
        Answer::watch(added.collect()),
    )
    .on("GET", &format!("{path}/events"), Answer::watch(vec![]))
    .on(
        "GET",
        &format!("{path}/pods/*/log"),
        Answer::text(200, "text/plain", "boom\n"),
    )
    .on("GET", "/api/v1/nodes", Answer::ok(nodes));
    let mut session = session("a");
    session["metadata"]["uid"] = "s-1".into();
    let session = serde_json::from_value(session).unwrap();
    let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
    let mut run = WaitContext {
        interrupt: &Interrupt::default(),
        sink: &mut Nobody,
        now: &|| now,
    };
    let (cluster, limit) = (cluster(&api), Duration::from_secs(4));
    let made = pods.iter().map(|(name, _)| pod(name, &json!({}))).collect();
    let wait = cluster.wait_ready("default", &session, made, awaited, limit, &mut run);
    wait.await.unwrap()
}

const JUST_NOW: &str = "2026-01-01T00:00:59Z";
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

#[tokio::test]
async fn a_pod_that_ends_in_its_first_second_was_never_ready() {
    let end = json!({"phase": "Failed", "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}]});
    let pods = [("web", ready_since(JUST_NOW)), ("web", end)];
    let WaitOutcome::Settled { state, .. } =
        outcome(AwaitedWorkloads::Primary, &pods, vec![]).await
    else {
        panic!("it has ended")
    };
    assert!(
        matches!(*state, WorkloadState::Terminated { code: 3, .. }),
        "{state:?}"
    );
}

#[tokio::test]
async fn a_first_ready_is_believed_after_one_relist_and_an_old_one_at_once() {
    for (started, least, most) in [(JUST_NOW, 1300, 3000), (LONG_AGO, 0, 1000)] {
        let begin = std::time::Instant::now();
        let pods = [("web", ready_since(started))];
        let waited = outcome(AwaitedWorkloads::All, &pods, vec![]).await;
        let lasted = begin.elapsed().as_millis();
        assert!(matches!(waited, WaitOutcome::Settled { .. }), "{waited:?}");
        assert!((least..most).contains(&lasted), "{started}: {lasted} ms");
    }
}

#[tokio::test]
async fn a_start_waits_for_all_workloads_and_a_connect_for_the_primary_one() {
    let no_image = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "main", "image": "r.example.com/i:1", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ErrImagePull", "message": "r.example.com/i:1: not found"}}}]});
    let pods = [("web", ready_since(LONG_AGO)), ("api", no_image)];
    let WaitOutcome::Settled { state, .. } = outcome(AwaitedWorkloads::All, &pods, vec![]).await
    else {
        panic!("the image of api does not exist")
    };
    let cause = state.cause().map(|cause| cause.message.clone());
    assert_eq!(
        cause.as_deref(),
        Some(
            "container \"main\" of pod \"api\": registry \"r.example.com\" does not have image \"r.example.com/i:1\""
        )
    );
    let WaitOutcome::Settled { state, .. } =
        outcome(AwaitedWorkloads::Primary, &pods, vec![]).await
    else {
        panic!("the primary workload is ready")
    };
    assert!(matches!(*state, WorkloadState::Ready { .. }), "{state:?}");
}

#[tokio::test]
async fn a_selector_that_no_node_has_ends_the_wait_and_one_that_a_node_has_does_not() {
    let message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
    let waits = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]});
    for (disk, is_over) in [("hdd", true), ("ssd", false)] {
        let node = json!({"metadata": {"name": "n", "labels": {"disk": disk}}, "status": {"allocatable": {}}});
        let waited = outcome(AwaitedWorkloads::All, &[("web", waits.clone())], vec![node]).await;
        assert_eq!(
            matches!(waited, WaitOutcome::Settled { .. }),
            is_over,
            "{disk}: {waited:?}"
        );
    }
}

#[tokio::test]
async fn a_quota_that_refuses_a_workloads_pod_is_waited_for_if_the_start_waits_for_room() {
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"replicas": 1}, "status": {"replicas": 0},
        "metadata": {"name": "web", "namespace": "default", "uid": "w-1",
            "labels": {"streaming.platform/primary": "true"},
            "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "s-1", "controller": true}]}});
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"},
        "type": "Warning", "reason": "FailedCreate", "lastTimestamp": "2026-01-01T00:00:59Z", "count": 1,
        "involvedObject": {"kind": "StatefulSet", "name": "web", "uid": "w-1", "namespace": "default"},
        "message": "create Pod web-0 in StatefulSet web failed error: pods \"web-0\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3"});
    for (awaited, is_over) in [
        (AwaitedWorkloads::All, true),
        (AwaitedWorkloads::AllInRoom, false),
    ] {
        let api = FakeApi::new();
        let told = json!({"type": "ADDED", "object": event});
        api.on(
            "GET",
            "/api/v1/namespaces/default/pods",
            Answer::watch_open(vec![]),
        )
        .on(
            "GET",
            "/api/v1/namespaces/default/events",
            Answer::watch_open(vec![told]),
        )
        .on(
            "GET",
            "/api/v1/namespaces/default/resourcequotas",
            Answer::forbidden("alice", "list", "resourcequotas", "default"),
        );
        let mut session = session("a");
        session["metadata"]["uid"] = "s-1".into();
        let session = serde_json::from_value(session).unwrap();
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let mut run = WaitContext {
            interrupt: &Interrupt::default(),
            sink: &mut Nobody,
            now: &|| now,
        };
        let (cluster, limit) = (cluster(&api), Duration::from_millis(500));
        let made = vec![set.clone()];
        let wait = cluster.wait_ready("default", &session, made, awaited, limit, &mut run);
        let waited = wait.await.unwrap();
        let (WaitOutcome::Settled { state, .. } | WaitOutcome::TimedOut(state)) = &waited else {
            panic!("{waited:?}")
        };
        let cause = state.cause().map(|cause| cause.message.as_str());
        let text = "StatefulSet \"web\" cannot create its Pod: quota \"q\" is exceeded: pods: requested 1, used 3, hard 3";
        assert_eq!(cause, Some(text));
        assert_eq!(matches!(waited, WaitOutcome::Settled { .. }), is_over);
    }
}
