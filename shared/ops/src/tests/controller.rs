//! Tests of the caller's identity and the controller's Lease.

use std::time::Duration;

use serde_json::json;
use session_support::{Answer, FakeApi};

use super::cluster;
use crate::Driver;

fn lease(namespace: &str, renewed: &str) -> Answer {
    let spec = json!({"holderIdentity": "x", "renewTime": renewed, "leaseDurationSeconds": 15});
    Answer::ok(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "session-controller", "namespace": namespace}, "spec": spec}))
        .header("date", "Sat, 21 Nov 2026 09:00:20 GMT")
}

#[tokio::test]
async fn a_controller_is_alive_by_the_servers_clock() {
    let path = |namespace: &str| {
        format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/session-controller")
    };
    let none = || Answer::not_found("leases.coordination.k8s.io", "session-controller");
    let forbidden = || Answer::forbidden("bob", "get", "leases.coordination.k8s.io", "default");
    for (system, here, alive) in [
        (none(), forbidden(), false),
        (
            lease("session-system", "2026-11-21T09:00:10.000000Z"),
            none(),
            true,
        ),
        (
            lease("session-system", "2026-11-21T09:00:04.000000Z"),
            none(),
            false,
        ),
        (
            forbidden(),
            lease("default", "2026-11-21T09:00:05.000000Z"),
            true,
        ),
        (
            Answer::internal("etcd"),
            lease("default", "2026-11-21T09:00:05.000000Z"),
            true,
        ),
    ] {
        let api = FakeApi::new();
        api.on("GET", &path("session-system"), system)
            .on("GET", &path("default"), here);
        assert_eq!(
            cluster(&api).is_controller_alive("default").await.unwrap(),
            alive
        );
        assert_eq!(api.requests().len(), 2);
        let chosen = cluster(&api).choose_driver("default", None).await.unwrap();
        let driver = match alive {
            true => Driver::Controller,
            false => Driver::Client,
        };
        assert_eq!(chosen, driver);
        assert_eq!(api.requests().len(), 4, "the two Leases again");
    }
}

#[tokio::test]
async fn a_forced_driver_sends_no_request() {
    let api = FakeApi::new();
    for driver in [Driver::Client, Driver::Controller] {
        let chosen = cluster(&api).choose_driver("default", Some(driver)).await;
        assert_eq!(chosen.unwrap(), driver);
    }
    assert_eq!(api.requests().len(), 0);
}

#[tokio::test]
async fn the_callers_name_is_asked_for_once() {
    let api = FakeApi::new();
    api.on(
        "POST",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        Answer::ok(json!({"status": {"userInfo": {"username": "alice"}}})),
    );
    let cluster = cluster(&api);
    assert_eq!(cluster.caller_name().await.unwrap(), "alice");
    assert_eq!(cluster.clone().caller_name().await.unwrap(), "alice");
    assert_eq!(api.requests().len(), 1);
}

#[tokio::test]
async fn both_leases_are_asked_for_at_once() {
    let api = FakeApi::new();
    let slow =
        || Answer::not_found("leases", "session-controller").delay(Duration::from_millis(150));
    api.on(
        "GET",
        "/apis/coordination.k8s.io/v1/namespaces/*/leases/session-controller",
        slow(),
    );
    let started = std::time::Instant::now();
    assert!(!cluster(&api).is_controller_alive("default").await.unwrap());
    assert!(
        started.elapsed() < Duration::from_millis(280),
        "{:?}",
        started.elapsed()
    );
}
