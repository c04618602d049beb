//! Tests of watches.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi};

use super::super::{ListOptions, Scope, WatchChange};
use super::{cluster, pod};
use session_model::failure::{self, FailureKind};
use session_model::objects::resource::{POD, SESSION};

const HERE: Scope<'static> = Scope::Namespace("default");

async fn next(stream: &mut BoxStream<'static, Result<WatchChange>>) -> Result<WatchChange> {
    tokio::time::timeout(Duration::from_secs(60), stream.next())
        .await
        .expect("a change in time")
        .expect("no end")
}

fn name(change: &WatchChange) -> (&'static str, String) {
    let text = |object: &Value| {
        object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    match change {
        WatchChange::Added(object) => ("added", text(object)),
        WatchChange::Modified(object) => ("modified", text(object)),
        WatchChange::Deleted(object) => ("deleted", text(object)),
        WatchChange::Bookmark(version) => ("bookmark", version.clone()),
        WatchChange::Restarted => ("anew", String::new()),
    }
}

#[tokio::test]
async fn changes_come_as_they_happen() {
    let api = FakeApi::stateful();
    api.put(pod("a", json!({"app": "x"})));
    let cluster = cluster(&api);
    let select = ListOptions::with_labels("app=x");
    let list = cluster.list(&POD, HERE, &select).await.unwrap();
    let mut stream = cluster.watch(&POD, HERE, &select, Some(&list.resource_version), false);
    api.put(pod("b", json!({"app": "x"})));
    assert_eq!(
        name(&next(&mut stream).await.unwrap()),
        ("added", "b".into())
    );
    let mut changed = pod("a", json!({"app": "x"}));
    changed["spec"]["nodeName"] = "n".into();
    api.put(changed);
    assert_eq!(
        name(&next(&mut stream).await.unwrap()),
        ("modified", "a".into())
    );
    api.put(pod("other", json!({})));
    api.put(pod("b", json!({"app": "y"})));
    assert_eq!(
        name(&next(&mut stream).await.unwrap()),
        ("deleted", "b".into())
    );
    api.remove("pods", "default", "a");
    assert_eq!(
        name(&next(&mut stream).await.unwrap()),
        ("deleted", "a".into())
    );
    api.bookmark();
    assert_eq!(name(&next(&mut stream).await.unwrap()).0, "bookmark");
    let request = api.requests().pop().unwrap();
    assert_eq!(
        request.line(),
        "GET /api/v1/namespaces/default/pods?labelSelector=app%3Dx&watch=true&allowWatchBookmarks=true&resourceVersion=101&timeoutSeconds=290"
    );
    assert_eq!(request.header("accept-encoding"), "identity");
}

#[tokio::test]
async fn without_a_version_a_watch_starts_with_existing_objects() {
    let api = FakeApi::stateful();
    api.put(pod("a", json!({})));
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), None, false);
    assert_eq!(
        name(&next(&mut stream).await.unwrap()),
        ("added", "a".into())
    );
}

#[tokio::test]
async fn a_watch_that_ends_is_continued_without_loss() {
    let api = FakeApi::stateful();
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), Some("100"), false);
    api.put(pod("a", json!({})));
    assert_eq!(
        name(&next(&mut stream).await.unwrap()),
        ("added", "a".into())
    );
    api.end_watches();
    api.put(pod("b", json!({})));
    assert_eq!(
        name(&next(&mut stream).await.unwrap()),
        ("added", "b".into())
    );
    assert_eq!(api.requests()[1].query("resourceVersion").unwrap(), "101");
}

fn event(what: &str, name: &str, version: &str) -> Value {
    json!({"type": what, "object": {"kind": "Pod", "metadata": {"name": name, "resourceVersion": version}}})
}

#[tokio::test(start_paused = true)]
async fn a_hang_up_in_the_middle_of_a_line_is_overcome() {
    let api = FakeApi::new();
    let cut = format!("{}\n{{\"type\":\"ADDED\",\"obj", event("ADDED", "a", "7"));
    api.on("GET", "/**", Answer::cut(&cut))
        .on("GET", "/**", Answer::hang_up())
        .on("GET", "/**", Answer::too_many(1));
    api.on(
        "GET",
        "/**",
        Answer::watch_open(vec![event("DELETED", "a", "9")]),
    );
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), Some("5"), false);
    assert_eq!(
        name(&next(&mut stream).await.unwrap()),
        ("added", "a".into())
    );
    assert_eq!(
        name(&next(&mut stream).await.unwrap()),
        ("deleted", "a".into())
    );
    let versions: Vec<String> = api
        .requests()
        .iter()
        .filter_map(|request| request.query("resourceVersion"))
        .collect();
    assert_eq!(versions, ["5", "7", "7", "7"]);
}

#[tokio::test]
async fn an_expired_version_ends_the_watch() {
    let api = FakeApi::stateful();
    api.forget_history();
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), Some("5"), false);
    assert!(failure::has_kind(
        &next(&mut stream).await.unwrap_err(),
        FailureKind::Expired
    ));
    assert!(stream.next().await.is_none());
    let api = FakeApi::new();
    api.on("GET", "/**", Answer::expired());
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), Some("5"), false);
    assert!(failure::has_kind(
        &next(&mut stream).await.unwrap_err(),
        FailureKind::Expired
    ));
}

#[tokio::test]
async fn a_watch_that_cannot_begin_says_so_at_once() {
    let api = FakeApi::new();
    api.on(
        "GET",
        "/**",
        Answer::forbidden("bob", "watch", "pods", "default"),
    );
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), None, false);
    assert!(failure::has_kind(
        &next(&mut stream).await.unwrap_err(),
        FailureKind::Forbidden
    ));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn rows_can_be_watched() {
    let api = FakeApi::stateful();
    let mut stream = cluster(&api).watch(
        &SESSION,
        Scope::All,
        &ListOptions::default(),
        Some("100"),
        true,
    );
    api.put(super::session("a"));
    let WatchChange::Added(table) = next(&mut stream).await.unwrap() else {
        panic!("it was added")
    };
    let table: session_model::objects::table::Table = serde_json::from_value(table).unwrap();
    assert_eq!(table.rows[0].cells[0], "a");
    api.end_watches();
    api.put(super::session("b"));
    next(&mut stream).await.unwrap();
    assert_eq!(api.requests()[1].query("resourceVersion").unwrap(), "101");
}

#[tokio::test]
async fn long_lines_and_many_pieces_are_put_together() {
    let api = FakeApi::new();
    let mut long = event("ADDED", "long", "8");
    long["object"]["data"] = "x".repeat(300_000).into();
    api.on(
        "GET",
        "/**",
        Answer::watch_open(vec![
            event("ADDED", "a", "7"),
            long,
            event("ADDED", "b", "9"),
        ]),
    );
    let mut stream = cluster(&api).watch(&POD, HERE, &ListOptions::default(), Some("5"), false);
    for expected in ["a", "long", "b"] {
        assert_eq!(name(&next(&mut stream).await.unwrap()).1, expected);
    }
}
