use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use session_client::interrupt::Interrupt;
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
