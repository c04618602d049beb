//! Tests of reading a session and its Pods.

use serde_json::{Value, json};
use session_support::session_fixture::owned;
use session_support::{Answer, FakeApi};

use super::{cluster, session};
use crate::Driver;
use crate::observed_session::{ObservedSession, Part};
use crate::selected_sessions::SelectedSession;
use session_model::failure::{self, FailureKind};

fn workload(kind: &str, name: &str) -> Value {
    let labels = json!({"streaming.platform/session": "a"});
    let api_version = if kind == "Pod" { "v1" } else { "apps/v1" };
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {"containers": [{"name": "c"}]}})
}

#[tokio::test]
async fn pods_are_found_by_their_owners_and_not_by_their_labels() {
    let api = FakeApi::stateful();
    let owner = api.put(session("a"));
    api.put(owned(workload("Pod", "direct"), &owner));
    let deployment = api.put(owned(workload("Deployment", "d"), &owner));
    let set = api.put(owned(workload("ReplicaSet", "d-1"), &deployment));
    api.put(owned(workload("Pod", "d-1-x"), &set));
    // Anybody can set labels.
    api.put(workload("Pod", "foreign"));
    let other = api.put(workload("StatefulSet", "other"));
    api.put(owned(workload("Pod", "other-0"), &other));
    let present = cluster(&api).observe_session("default", "a").await.unwrap();
    let found: Vec<(String, String)> = present
        .own_pods()
        .map(|pod| {
            let workload = present.live.workload_of(pod, present.uid()).unwrap();
            (
                pod.metadata.name.clone().unwrap(),
                format!("{}/{}", workload.kind, workload.name),
            )
        })
        .collect();
    let pair = |pod: &str, workload: &str| (pod.to_owned(), workload.to_owned());
    assert_eq!(
        found,
        [pair("d-1-x", "Deployment/d"), pair("direct", "Pod/direct")]
    );
    for pod in present.live.pods.iter().filter(|pod| {
        ["foreign", "other-0"].contains(&pod.metadata.name.as_deref().unwrap_or_default())
    }) {
        assert_eq!(present.live.workload_of(pod, present.uid()), None);
    }
}

#[tokio::test]
async fn a_pod_of_the_session_itself_costs_two_requests() {
    let api = FakeApi::stateful();
    let owner = api.put(session("a"));
    api.put(owned(workload("Pod", "direct"), &owner));
    let present = cluster(&api).observe_session("default", "a").await.unwrap();
    assert_eq!(present.own_pods().count(), 1);
    assert_eq!(api.lines().len(), 2, "{:?}", api.lines());
}

#[tokio::test]
async fn a_missing_session_fails_with_the_servers_text() {
    let api = FakeApi::stateful();
    let error = cluster(&api)
        .observe_session("default", "nf")
        .await
        .unwrap_err();
    assert!(failure::has_kind(&error, FailureKind::NotFound));
    assert_eq!(
        error.to_string(),
        "sessions.streaming.platform \"nf\" not found"
    );
}

/// A report goes on without a part, another verb does not; both without a part that every verb can do without.
#[tokio::test]
async fn a_part_that_may_not_be_read_keeps_its_reason() {
    let api = FakeApi::stateful();
    let object = api.put(session("a"));
    for (path, kind) in [("pods", "pods"), ("secrets/*", "secrets")] {
        let path = format!("/api/v1/namespaces/default/{path}");
        api.on(
            "GET",
            &path,
            Answer::forbidden("alice", "get", kind, "default"),
        );
    }
    let parts = [Part::Pods, Part::Claims, Part::ParametersSecret];
    let cluster = cluster(&api);
    let readable = cluster.observe_readable_parts("default", "a", &parts);
    let readable = readable.await.unwrap();
    assert_eq!(
        parts.map(|part| readable.unreadable(part)),
        [
            Some("no permission to read pods"),
            None,
            Some("no permission to read secrets")
        ]
    );
    let selected = SelectedSession::parse(object).unwrap();
    let mut observed = ObservedSession::new(selected, Driver::Client).unwrap();
    let error = observed.load(&cluster, &parts).await.unwrap_err();
    assert!(failure::has_kind(&error, FailureKind::Forbidden));
    observed.load(&cluster, &parts[1..]).await.unwrap();
    let why = observed.unreadable(Part::ParametersSecret);
    assert_eq!(why, Some("no permission to read secrets"));
}

/// Such a session can be shown, and not changed.
#[tokio::test]
async fn a_session_of_an_invalid_owner_can_be_read_for_a_report() {
    let api = FakeApi::stateful();
    let mut object = session("a");
    object["spec"]["userId"] = "al\nice".into();
    let object = api.put(object);
    let cluster = cluster(&api);
    let readable = cluster.observe_readable_parts("default", "a", &[]).await;
    let why = readable.unwrap().ownership().unwrap_err().to_string();
    let selected = SelectedSession::parse(object).unwrap();
    let error = ObservedSession::new(selected, Driver::Client).unwrap_err();
    assert_eq!(error.to_string(), why);
    assert!(why.starts_with("invalid user id \"al\\nice\""), "{why}");
}
