//! Tests of reads that several sessions have in common.

use std::future::pending;
use std::sync::Arc;

use anyhow::Result;
use futures::future::{FutureExt, join3};
use serde_json::json;
use session_support::{Answer, FakeApi};

use super::super::{AccessReviews, Cluster, ListOptions, ObjectList, Scope, WriteOptions};
use super::{cluster, pod};
use session_model::failure::{self, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::access::Access;
use session_model::objects::resource::POD;

const HERE: Scope<'static> = Scope::Namespace("default");
const PODS: &str = "/api/v1/namespaces/default/pods";

/// Returns a server with Pod `a`.
fn server() -> FakeApi {
    let api = FakeApi::stateful();
    api.put(pod("a", json!({})));
    api
}

async fn list(cluster: &Cluster) -> Result<Arc<ObjectList>> {
    let all = ListOptions::default();
    cluster.list_shared(&POD, HERE, &all).await
}

/// Returns the names of the Pods, by a shared read.
async fn names(cluster: &Cluster) -> Vec<String> {
    let pods = list(cluster).await.unwrap();
    let names = pods.items.iter().map(|pod| Untyped(pod).name().to_owned());
    names.collect()
}

fn gets(api: &FakeApi) -> usize {
    let requests = api.requests();
    requests.iter().filter(|one| one.method == "GET").count()
}

/// Changes the Pod's label; in a dry run, nothing.
async fn patch(cluster: &Cluster, dry_run: bool) {
    let write = WriteOptions {
        dry_run,
        ..WriteOptions::by("test")
    };
    let label = json!({"metadata": {"labels": {"is": "patched"}}});
    let patched = cluster.merge_patch(&POD, "default", "a", None, &label, &write);
    patched.await.unwrap();
}

#[tokio::test]
async fn a_read_is_sent_once_while_reads_are_shared() {
    let api = server();
    let cluster = cluster(&api);
    let held = cluster.share_reads();
    let (first, second, third) =
        join3(list(&cluster), list(&cluster), list(&cluster.clone())).await;
    let first = first.unwrap();
    assert!(Arc::ptr_eq(&first, &second.unwrap()) && Arc::ptr_eq(&first, &third.unwrap()));
    assert!(
        cluster
            .get_shared(&POD, "default", "a")
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        cluster
            .get_shared(&POD, "default", "b")
            .await
            .unwrap()
            .is_none()
    );
    api.put(pod("b", json!({})));
    assert_eq!(names(&cluster).await, ["a"]);
    assert!(
        cluster
            .get_shared(&POD, "default", "b")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(gets(&api), 3, "{:#?}", api.lines());
    // Another selection is another read.
    let labelled = ListOptions::with_labels("x");
    let labelled = cluster.list_shared(&POD, HERE, &labelled).await.unwrap();
    assert!(labelled.items.is_empty());
    drop(held);
    assert_eq!(names(&cluster).await, ["a", "b"]);
    assert_eq!(names(&cluster).await, ["a", "b"]);
    assert_eq!(gets(&api), 6, "{:#?}", api.lines());
}

#[tokio::test]
async fn what_is_read_after_a_write_is_new() {
    let api = server();
    let cluster = cluster(&api);
    let _held = cluster.share_reads();
    assert_eq!(names(&cluster).await, ["a"]);
    // Neither of them changes anything.
    patch(&cluster, true).await;
    let reviews = AccessReviews::new(&cluster);
    let access = [Access::new("create", &POD, "")];
    reviews.require("default", &access).await.unwrap();
    api.put(pod("b", json!({})));
    assert_eq!(names(&cluster).await, ["a"]);
    patch(&cluster, false).await;
    assert_eq!(names(&cluster).await, ["a", "b"]);
    api.remove("pods", "default", "b");
    assert_eq!(names(&cluster).await, ["a"]);
}

#[tokio::test]
async fn reviews_of_several_caches_are_sent_once() {
    let api = server();
    let cluster = cluster(&api);
    let _held = cluster.share_reads();
    let access = [Access::new("create", &POD, "")];
    for _ in 0..2 {
        let reviews = AccessReviews::new(&cluster);
        reviews.require("default", &access).await.unwrap();
    }
    assert_eq!(api.lines().len(), 1, "{:#?}", api.lines());
}

#[tokio::test]
async fn a_missing_right_is_missing_for_all() {
    let api = FakeApi::new();
    api.on(
        "GET",
        PODS,
        Answer::forbidden("alice", "list", "pods", "default"),
    );
    let cluster = cluster(&api);
    let _held = cluster.share_reads();
    let first = list(&cluster).await.unwrap_err();
    let second = list(&cluster).await.unwrap_err();
    assert!(failure::has_kind(&second, FailureKind::Forbidden));
    assert_eq!(first.to_string(), second.to_string());
    assert_eq!(api.lines().len(), 1);
}

#[tokio::test]
async fn an_error_that_may_pass_is_not_kept() {
    let api = server();
    api.on("GET", PODS, Answer::internal("etcd is away"));
    let cluster = cluster(&api);
    let _held = cluster.share_reads();
    let results = join3(list(&cluster), list(&cluster), list(&cluster)).await;
    for result in [results.0, results.1, results.2] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("etcd is away"), "{error}");
    }
    // Each of those that waited for the first has read by itself.
    assert_eq!(api.lines().len(), 3);
    api.forget_answers();
    assert_eq!(names(&cluster).await, ["a"]);
    assert_eq!(names(&cluster).await, ["a"]);
    assert_eq!(api.lines().len(), 4);
}

#[tokio::test]
async fn a_read_that_is_given_up_keeps_nobody_waiting() {
    let api = server();
    let cluster = cluster(&api);
    let _held = cluster.share_reads();
    let endless = cluster.read_shared("key".to_owned(), pending::<Result<u8>>());
    assert!(endless.now_or_never().is_none());
    let read = cluster.read_shared("key".to_owned(), async { Ok(1_u8) });
    assert_eq!(*read.await.unwrap(), 1);
    let kept = cluster.read_shared("key".to_owned(), async { Ok(2_u8) });
    assert_eq!(*kept.await.unwrap(), 1);
    // A key of another type is another read.
    let other = cluster.read_shared("key".to_owned(), async { Ok(3_u16) });
    assert_eq!(*other.await.unwrap(), 3);
}
