//! Clients that wait for the same room.

use std::cell::Cell;
use std::time::Duration;

use futures::future::{join, join_all};
use serde_json::json;
use session_client::interrupt::Interrupt;
use session_model::failure::{Failure, FailureKind};
use session_model::progress::DiscardingSink;
use session_support::FakeApi;

use super::{cluster, session};
use crate::room::{CheckedRoom, RoomRequest, refused_start_error};
use crate::room_wait::{RoomLimit, RoomWait};

const COUNT: &str = "count/sessions.streaming.platform";

/// A quota of one session.
fn quota(api: &FakeApi, used: &str) {
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "default"},
        "spec": {"hard": {COUNT: "1"}}, "status": {"hard": {COUNT: "1"}, "used": {COUNT: used}}}));
}

/// The server's refusal of a session for which there is no room.
fn refusal() -> anyhow::Error {
    let message = format!(
        "sessions.streaming.platform \"a\" is forbidden: exceeded quota: q, requested: {COUNT}=1, used: {COUNT}=1, limited: {COUNT}=1"
    );
    let failure = Failure {
        code: 403,
        ..Failure::client_side(FailureKind::QuotaExceeded, message)
    };
    refused_start_error("a", "default", failure.into())
}

#[tokio::test]
async fn each_client_that_waits_for_one_place_gets_it_in_the_end_and_few_ask_in_vain() {
    let (api, interrupt) = (FakeApi::stateful(), Interrupt::default());
    let (is_taken, attempts) = (Cell::new(true), Cell::new(0));
    quota(&api, "1");
    let cluster = cluster(&api);
    let clients = (0..5).map(|number| {
        let (cluster, interrupt, api) = (&cluster, &interrupt, &api);
        let (is_taken, attempts) = (&is_taken, &attempts);
        async move {
            let name = format!("s-{number}");
            let request = RoomRequest::new(&name, "default", vec![session(&name)]);
            let facts = request.read(cluster, &mut DiscardingSink).await.unwrap();
            let checked = CheckedRoom { request, facts };
            let start = async |_: &mut dyn session_model::progress::ProgressSink| {
                attempts.set(attempts.get() + 1);
                if is_taken.replace(true) {
                    return Err(refusal());
                }
                quota(api, "1");
                Ok(())
            };
            let wait = RoomWait::new(RoomLimit::Within(Duration::from_secs(60)), interrupt);
            let mut sink = DiscardingSink;
            let started = wait.start_in_room(cluster, checked, &mut sink, start);
            started.await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            is_taken.set(false);
            quota(api, "0");
        }
    });
    let release = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        is_taken.set(false);
        quota(&api, "0");
    };
    join(join_all(clients), release).await;
    assert!(attempts.get() <= 10, "{} attempts", attempts.get());
}
