//! Tests of servers that never end a response, and of responses that end too early. The clock is paused and advances only
//! while waiting.

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi};
use tokio::time::{Instant, timeout};

use super::super::{ListOptions, Scope, WatchChange};
use super::{cluster, pod};
use session_model::failure::{self, FailureKind};
use session_model::objects::resource::{POD, SESSION};

const HERE: Scope<'static> = Scope::Namespace("default");
const TEN_MINUTES: Duration = Duration::from_secs(600);

fn event(what: &str, name: &str, version: &str) -> Value {
    json!({"type": what, "object": {"kind": "Pod", "metadata": {"name": name, "uid": name, "resourceVersion": version}}})
}

/// Returns the number of requests that a watch from `from` sends in ten minutes, and the changes it reports.
async fn watched(api: &FakeApi, from: Option<&str>) -> (usize, Vec<WatchChange>) {
    let mut changes = Vec::new();
    let mut stream = cluster(api).watch(&POD, HERE, &ListOptions::default(), from, false);
    let all = async {
        while let Some(change) = stream.next().await {
            changes.push(change.unwrap());
        }
    };
    assert!(timeout(TEN_MINUTES, all).await.is_err(), "it goes on");
    (api.requests().len(), changes)
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_news_is_reopened_with_growing_pauses() {
    let bookmark = json!({"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {"resourceVersion": "9"}}});
    for (answer, from) in [
        (Answer::watch(vec![]), Some("5")),
        (Answer::watch(vec![]), None),
        (Answer::watch(vec![bookmark]), Some("5")),
        (Answer::watch(vec![event("ADDED", "a", "7")]), Some("5")),
        (Answer::watch(vec![event("DELETED", "a", "7")]), Some("5")),
        (Answer::cut("{\"type\":"), Some("5")),
        (Answer::expired(), None),
    ] {
        let api = FakeApi::new();
        api.on("GET", "/**", answer.clone());
        let (requests, _) = watched(&api, from).await;
        assert!((20..=50).contains(&requests), "{requests} of {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_expiry_restarts_with_growing_pauses() {
    let expired =
        json!({"type": "ERROR", "object": {"kind": "Status", "reason": "Expired", "code": 410}});
    let api = FakeApi::new();
    api.on(
        "GET",
        "/**",
        Answer::watch(vec![event("ADDED", "a", "7"), expired]),
    );
    let (requests, changes) = watched(&api, None).await;
    assert!((20..=50).contains(&requests), "{requests}");
    assert_eq!(changes[1], WatchChange::Restarted);
    let versions = api.requests();
    let versions = versions
        .iter()
        .filter_map(|one| one.query("resourceVersion"));
    assert_eq!(
        versions.collect::<Vec<_>>(),
        [""; 0],
        "each begins at the beginning"
    );
}

#[tokio::test(start_paused = true)]
async fn new_changes_are_followed_without_a_pause() {
    let api = FakeApi::new();
    for version in 10..30 {
        let changed = event("MODIFIED", "a", &version.to_string());
        api.on("GET", "/**", Answer::watch(vec![changed]));
    }
    let begun = Instant::now();
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), Some("5"), false);
    for _ in 10..30 {
        stream.next().await.unwrap().unwrap();
    }
    assert!(
        begun.elapsed() < Duration::from_millis(100),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_lasted_is_opened_again_at_once() {
    let api = FakeApi::new();
    api.on("GET", "/**", Answer::watch_open(vec![]));
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), Some("5"), false);
    assert!(timeout(TEN_MINUTES, stream.next()).await.is_err());
    // A silent connection is closed after 310 seconds.
    assert_eq!(api.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_cannot_be_opened_again_ends_with_what_stopped_it() {
    let api = FakeApi::new();
    api.on("GET", "/**", Answer::watch(vec![event("ADDED", "a", "7")]))
        .on("GET", "/**", Answer::internal("etcd"));
    let begun = Instant::now();
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), None, false);
    stream.next().await.unwrap().unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(
        failure::has_kind(&error, FailureKind::OtherStatus),
        "{error}"
    );
    let seconds = begun.elapsed().as_secs();
    assert!((24..=50).contains(&seconds), "{seconds}");
    assert!(stream.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn waits_end_at_their_timeout_whatever_their_watches_do() {
    for answer in [Answer::watch(vec![]), Answer::expired()] {
        let api = FakeApi::new();
        api.on("GET", "/**", answer);
        let cluster = cluster(&api);
        let limit = Duration::from_secs(100);
        let begun = Instant::now();
        let wait = cluster.wait_condition(&POD, "default", "a", "Ready", limit);
        let error = wait.await.unwrap_err();
        assert!(failure::has_kind(&error, FailureKind::TimedOut), "{error}");
        assert_eq!(begun.elapsed().as_secs(), 100);
    }
}

#[tokio::test]
async fn an_event_without_an_end_ends_the_watch() {
    let api = FakeApi::new();
    let mut long = event("ADDED", "a", "7");
    long["object"]["data"] = "x".repeat(17 << 20).into();
    api.on("GET", "/**", Answer::watch_open(vec![long]));
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), None, false);
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the server's response (watch pods): a watch event is larger than 16 MiB"
    );
}

#[tokio::test]
async fn an_endless_list_is_a_server_error() {
    let api = FakeApi::new();
    let page = |items: Value, token: &str| {
        Answer::ok(json!({"metadata": {"resourceVersion": "7", "continue": token}, "items": items}))
    };
    api.on(
        "GET",
        "/api/v1/pods",
        page(json!([pod("a", json!({}))]), "same"),
    );
    api.on("GET", "/apis/**", page(json!([]), "same"));
    let cluster = cluster(&api);
    let all = ListOptions::default();
    let error = cluster.list(&POD, Scope::All, &all).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot list pods: the server's list has no end: a continue token was sent twice"
    );
    assert_eq!(api.requests().len(), 2);
    let error = cluster
        .list_metadata(&SESSION, Scope::All, &all)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("has no end"), "{error}");
}

#[tokio::test]
async fn pages_that_expire_again_and_again_are_given_up() {
    let api = FakeApi::new();
    api.handle("GET", "/api/v1/pods", |request| {
        match request.query("continue") {
            Some(_) => Answer::expired(),
            None => Answer::ok(json!({"metadata": {"continue": "next"}, "items": []})),
        }
    });
    let all = ListOptions::default();
    let error = cluster(&api)
        .list(&POD, Scope::All, &all)
        .await
        .unwrap_err();
    assert!(failure::has_kind(&error, FailureKind::Expired), "{error}");
    assert_eq!(api.requests().len(), 4);
}

#[tokio::test]
async fn an_object_is_read_up_to_its_limit() {
    let api = FakeApi::new();
    let large = json!({"metadata": {"name": "a"}, "data": "x".repeat(17 << 20)});
    api.on("GET", "/api/v1/**", Answer::ok(large));
    let brackets = format!("[{}0]", "[0],".repeat(400_000));
    api.on(
        "GET",
        "/version",
        Answer::text(200, "application/json", &brackets),
    );
    let cluster = cluster(&api);
    let error = cluster.get(&POD, "default", "a").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the server's response (get pods a): an object is larger than 16 MiB"
    );
    let error = cluster.get_raw("/version").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the server's response: an object takes more than 128 MiB of memory"
    );
}

#[tokio::test]
async fn an_error_body_is_read_up_to_its_limit() {
    let api = FakeApi::new();
    let page = format!(
        "<html><title>Blocked</title>{}",
        "<p>by us</p>".repeat(400_000)
    );
    api.on("GET", "/**", Answer::text(403, "text/html", &page));
    let error = cluster(&api).get(&POD, "default", "a").await.unwrap_err();
    assert_eq!(error.to_string(), "Blocked: by us (get pods a)");
    assert!(failure::has_kind(&error, FailureKind::Forbidden));
}

#[tokio::test]
async fn the_length_of_a_long_url_is_reported() {
    let api = FakeApi::new();
    api.on(
        "GET",
        "/**",
        Answer::text(414, "text/html", "<html><title>414 URI Too Long</title>"),
    );
    let select = ListOptions::with_labels("x".repeat(9000));
    let error = cluster(&api).list(&POD, HERE, &select).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server responded with the status code 414 but did not return more information (get pods): the request URL has 9056 bytes"
    );
}
