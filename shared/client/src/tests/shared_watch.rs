//! Tests of watches that several waits share.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi};

use super::super::shared_watch::ALONE_MAX;
use super::super::{Cluster, ListOptions, Scope, WatchChange, WatchPart};
use super::{cluster, pod};
use session_model::failure::{self, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::resource::POD;

const HERE: Scope<'static> = Scope::Namespace("default");

type Changes = BoxStream<'static, Result<WatchChange>>;

/// Returns the next change of a wait, as one word.
async fn next(changes: &mut Changes) -> String {
    let next = tokio::time::timeout(Duration::from_secs(60), changes.next());
    match next.await.expect("a change in time").expect("no end") {
        Ok(WatchChange::Added(object)) => format!("added {}", Untyped(&object).name()),
        Ok(WatchChange::Modified(object)) => format!("modified {}", Untyped(&object).name()),
        Ok(WatchChange::Deleted(object)) => format!("deleted {}", Untyped(&object).name()),
        Ok(WatchChange::Bookmark(_)) => "bookmark".to_owned(),
        Ok(WatchChange::Restarted) => "restarted".to_owned(),
        Err(error) => format!("{error:#}"),
    }
}

/// The Pods of a class, by label.
fn class(name: &str) -> WatchPart {
    WatchPart {
        own: ListOptions::with_labels(format!("class={name}")),
        all: ListOptions::with_labels("class"),
        part_of: |object| Untyped(object).label("class"),
        parts: BTreeSet::from([name.to_owned()]),
        is_kept: false,
    }
}

fn watch(cluster: &Cluster, part: &WatchPart) -> Changes {
    cluster.watch_part(&POD, HERE, part.clone(), None)
}

/// The first waits, which watch alone. Nothing is sent before somebody asks for changes.
fn begin_alone(cluster: &Cluster, part: &WatchPart) {
    for _ in 0..ALONE_MAX {
        drop(watch(cluster, part));
    }
}

fn in_class(name: &str, class: &str) -> Value {
    pod(name, json!({"class": class}))
}

fn moved(name: &str, class: &str, node: &str) -> Value {
    let mut object = in_class(name, class);
    object["spec"]["nodeName"] = node.into();
    object
}

fn watches(api: &FakeApi) -> usize {
    let lines = api.lines().into_iter();
    lines.filter(|line| line.contains("watch=true")).count()
}

#[tokio::test]
async fn many_waits_share_one_watch_and_each_is_told_of_its_own() {
    let api = FakeApi::stateful();
    api.put(in_class("a", "a"));
    let cluster = cluster(&api);
    let held = cluster.share_watches();
    begin_alone(&cluster, &class("a"));
    let mut first = watch(&cluster, &class("a"));
    assert_eq!(next(&mut first).await, "added a");
    api.put(moved("a", "a", "n"));
    api.put(in_class("b", "b"));
    assert_eq!(next(&mut first).await, "modified a");
    // One that comes late begins with what exists, and is told of nothing older.
    let mut late = watch(&cluster, &class("b"));
    let mut both = watch(&cluster, &WatchPart::named("b"));
    assert_eq!(next(&mut late).await, "added b");
    assert_eq!(next(&mut both).await, "added b");
    api.put(moved("a", "a", "m"));
    api.remove("pods", "default", "b");
    assert_eq!(next(&mut late).await, "deleted b");
    assert_eq!(next(&mut both).await, "deleted b");
    assert_eq!(next(&mut first).await, "modified a");
    let of_class = api.lines().into_iter();
    let of_class = of_class.filter(|line| line.contains("labelSelector=class&watch=true"));
    assert_eq!(of_class.count(), 1, "{:#?}", api.lines());
    drop(held);
    // The shared watch ends with the work on many sessions, and the waits go on alone.
    api.put(in_class("a2", "a"));
    assert_eq!(next(&mut first).await, "restarted");
    let mut rest = [next(&mut first).await, next(&mut first).await];
    rest.sort();
    assert_eq!(rest, ["added a", "added a2"]);
}

#[tokio::test]
async fn few_waits_watch_alone() {
    let api = FakeApi::stateful();
    api.put(in_class("a", "a"));
    let cluster = cluster(&api);
    let _held = cluster.share_watches();
    for _ in 0..ALONE_MAX {
        assert_eq!(next(&mut watch(&cluster, &class("a"))).await, "added a");
        assert!(!cluster.shares_watch(&POD, "default", &class("a")));
    }
    let own = |line: &String| line.contains("labelSelector=class%3Da&watch=true");
    assert!(api.lines().iter().all(own), "{:#?}", api.lines());
    // Another namespace counts for itself.
    let there = Scope::Namespace("other");
    drop(cluster.watch_part(&POD, there, class("a"), None));
    assert!(!cluster.shares_watch(&POD, "other", &class("a")));
}

#[tokio::test]
async fn a_wait_from_a_version_learns_that_the_object_is_gone() {
    let api = FakeApi::stateful();
    api.put(in_class("a", "a"));
    let cluster = cluster(&api);
    let _held = cluster.share_watches();
    let part = WatchPart::named("a");
    begin_alone(&cluster, &part);
    let mut gone = cluster.watch_part(&POD, HERE, WatchPart::named("b"), Some("100"));
    assert_eq!(next(&mut gone).await, "restarted");
    let mut there = cluster.watch_part(&POD, HERE, part, Some("101"));
    assert_eq!(next(&mut there).await, "added a");
    api.remove("pods", "default", "a");
    assert_eq!(next(&mut there).await, "deleted a");
}

#[tokio::test(start_paused = true)]
async fn an_expired_watch_is_overcome() {
    let api = FakeApi::stateful();
    api.put(in_class("a", "a"));
    let cluster = cluster(&api);
    let _held = cluster.share_watches();
    begin_alone(&cluster, &class("a"));
    let mut wait = watch(&cluster, &class("a"));
    assert_eq!(next(&mut wait).await, "added a");
    // A connection that ends is continued.
    api.end_watches();
    api.put(moved("a", "a", "n"));
    assert_eq!(next(&mut wait).await, "modified a");
    api.put(in_class("b", "b"));
    api.remove("pods", "default", "a");
    api.forget_history();
    api.end_watches();
    let mut told = Vec::new();
    while told.last().is_none_or(|last| last != "restarted") {
        told.push(next(&mut wait).await);
    }
    assert!(told.len() <= 2, "{told:?}");
    api.put(in_class("c", "a"));
    assert_eq!(next(&mut wait).await, "added c");
    assert!(!cluster.shares_watch(&POD, "default", &class("a")));
    begin_alone(&cluster, &class("b"));
    assert_eq!(next(&mut watch(&cluster, &class("b"))).await, "added b");
    assert!(cluster.shares_watch(&POD, "default", &class("b")));
}

#[tokio::test]
async fn what_is_kept_is_read_once_for_all() {
    let api = FakeApi::stateful();
    for name in ["a", "b"] {
        api.put(in_class(name, name));
    }
    let cluster = cluster(&api);
    let _held = cluster.share_watches();
    let kept = |name: &str| WatchPart {
        is_kept: true,
        own: ListOptions::default(),
        all: ListOptions::default(),
        ..class(name)
    };
    begin_alone(&cluster, &kept("a"));
    let mut first = watch(&cluster, &kept("a"));
    assert_eq!(next(&mut first).await, "added a");
    let mut late = watch(&cluster, &kept("b"));
    assert_eq!(next(&mut late).await, "added b");
    api.put(moved("b", "b", "n"));
    assert_eq!(next(&mut late).await, "modified b");
    api.remove("pods", "default", "a");
    assert_eq!(next(&mut first).await, "deleted a");
    api.put(in_class("a2", "a"));
    assert_eq!(next(&mut first).await, "added a2");
    assert_eq!(next(&mut watch(&cluster, &kept("a"))).await, "added a2");
    assert_eq!((api.lines().len(), watches(&api)), (2, 1));
}

#[tokio::test]
async fn who_may_not_watch_all_watches_alone() {
    let api = FakeApi::stateful();
    api.put(in_class("a", "a"));
    let path = "/api/v1/namespaces/default/pods";
    api.on(
        "GET",
        path,
        Answer::forbidden("bob", "list", "pods", "default"),
    );
    let cluster = cluster(&api);
    let _held = cluster.share_watches();
    begin_alone(&cluster, &class("a"));
    let mut wait = watch(&cluster, &class("a"));
    let refused = loop {
        match wait.next().await.expect("no end") {
            Ok(WatchChange::Restarted) => {}
            other => break other.unwrap_err(),
        }
    };
    assert!(failure::has_kind(&refused, FailureKind::Forbidden));
    assert!(!cluster.shares_watch(&POD, "default", &class("a")));
}
