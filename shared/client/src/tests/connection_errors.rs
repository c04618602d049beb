//! Tests of connection errors and error responses.

use std::time::{Duration, Instant};

use serde_json::json;
use session_support::{Answer, FakeApi};

use super::super::process_env::ProcessEnv;
use super::super::{Cluster, ListOptions, Scope};
use super::agent;
use super::cluster;
use crate::options::ConnectOptions;
use session_model::failure::{self, Failure, FailureKind};
use session_model::objects::resource::{POD, SESSION};

async fn to(server: &str, flags: ConnectOptions) -> Cluster {
    let flags = ConnectOptions {
        server: Some(server.into()),
        ..flags
    };
    Cluster::connect_with_env(&flags, agent(), &ProcessEnv::default())
        .await
        .unwrap()
}

async fn fault(server: &str, flags: ConnectOptions) -> Failure {
    let error = to(server, flags)
        .await
        .get_raw("/version")
        .await
        .unwrap_err();
    failure::find_failure(&error).unwrap().clone()
}

#[tokio::test]
async fn connection_refused() {
    // Port 1 has no listener and is never assigned by chance.
    let refused = fault("http://127.0.0.1:1", ConnectOptions::default()).await;
    assert_eq!(refused.kind, FailureKind::ConnectionRefused);
    assert_eq!(
        refused.message,
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?"
    );
    let proxied = ConnectOptions {
        proxy_url: Some("http://127.0.0.1:1".into()),
        ..ConnectOptions::default()
    };
    let proxied = fault("https://10.0.0.1:6443", proxied).await;
    assert_eq!(
        proxied.message,
        "proxyconnect tcp: connect: connection refused"
    );
}

#[tokio::test]
async fn unknown_host() {
    let unknown = fault("http://nohost.invalid", ConnectOptions::default()).await;
    assert_eq!(unknown.kind, FailureKind::Unreachable);
    assert!(
        unknown
            .message
            .starts_with("dial tcp: lookup nohost.invalid on "),
        "{}",
        unknown.message
    );
}

#[tokio::test]
async fn slow_server_times_out() {
    let api = FakeApi::new();
    api.on(
        "GET",
        "/version",
        Answer::ok(json!({})).delay(Duration::from_secs(4)),
    );
    let listening = api.listen();
    let started = Instant::now();
    let late = fault(
        listening.url(),
        ConnectOptions {
            request_timeout: Some(std::time::Duration::from_millis(300)),
            ..ConnectOptions::default()
        },
    )
    .await;
    assert!(
        started.elapsed() < Duration::from_millis(800),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(
        late.message,
        "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
    );
}

#[tokio::test]
async fn server_closes_the_connection() {
    let api = FakeApi::new();
    api.on("GET", "/version", Answer::hang_up());
    let listening = api.listen();
    assert_eq!(
        fault(listening.url(), ConnectOptions::default())
            .await
            .message,
        "EOF"
    );
    assert_eq!(
        fault(
            &listening.url().replace("http", "https"),
            ConnectOptions::default()
        )
        .await
        .message,
        "http: server gave HTTP response to HTTPS client"
    );
    let api = FakeApi::new();
    api.on("GET", "/version", Answer::cut("{\"a\":"));
    let listening = api.listen();
    assert_eq!(
        fault(listening.url(), ConnectOptions::default())
            .await
            .message,
        "unexpected EOF"
    );
    assert_eq!(
        cluster(&api)
            .get_raw("/version")
            .await
            .unwrap_err()
            .to_string(),
        "EOF"
    );
}

#[tokio::test]
async fn a_proxy_answers_instead() {
    let api = FakeApi::new();
    api.on(
        "GET",
        "/api/v1/namespaces/*/pods/x",
        Answer::text(502, "text/html", "<html>Bad Gateway</html>"),
    );
    api.on(
        "GET",
        "/api/v1/namespaces/*/pods/y",
        Answer::text(401, "application/json", "{}"),
    );
    api.on(
        "GET",
        "/version",
        Answer::text(200, "text/html", "<html>Log in</html>"),
    );
    let cluster = cluster(&api);
    let bad = cluster.get(&POD, "default", "x").await.unwrap_err();
    assert_eq!(
        bad.to_string(),
        r#"an error on the server ("<html>Bad Gateway</html>") has prevented the request from succeeding (get pods x)"#
    );
    assert_eq!(failure::find_failure(&bad).unwrap().reason, "InternalError");
    let unauthorized = cluster.get(&POD, "default", "y").await.unwrap_err();
    assert!(failure::has_kind(&unauthorized, FailureKind::Unauthorized));
    let page = cluster.get_raw("/version").await.unwrap_err();
    assert!(failure::has_kind(&page, FailureKind::Unreachable), "{page}");
}

#[tokio::test]
async fn every_status_is_known_by_its_kind() {
    let resource = "sessions.streaming.platform";
    for (answer, kind) in [
        (Answer::unauthorized(), FailureKind::Unauthorized),
        (
            Answer::forbidden("bob", "list", resource, "default"),
            FailureKind::Forbidden,
        ),
        (
            Answer::conflict(resource, "x", "the object has been modified"),
            FailureKind::Conflict,
        ),
        (
            Answer::already_exists(resource, "x"),
            FailureKind::AlreadyExists,
        ),
        (Answer::expired(), FailureKind::Expired),
        (
            Answer::invalid("streaming.platform", "Session", "x", &[("a", "b")]),
            FailureKind::Invalid,
        ),
        (Answer::internal("etcd"), FailureKind::OtherStatus),
        (Answer::not_found(resource, "x"), FailureKind::NotFound),
        (Answer::no_such_path(), FailureKind::ResourceTypeNotFound),
        (
            Answer::status(
                404,
                "NotFound",
                "the server could not find the requested resource",
                json!({}),
            ),
            FailureKind::ResourceTypeNotFound,
        ),
        (
            Answer::status(409, "", "taken", json!(null)),
            FailureKind::Conflict,
        ),
    ] {
        let api = FakeApi::new();
        api.on("GET", "/**", answer);
        let error = cluster(&api)
            .list(&SESSION, Scope::All, &ListOptions::default())
            .await
            .unwrap_err();
        assert_eq!(failure::find_failure(&error).unwrap().kind, kind, "{error}");
    }
}
