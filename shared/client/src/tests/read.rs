//! Tests of reads, Tables, discovery, warnings and retries.
//!
//! Long because each way to read has its tests here.

use futures::StreamExt;
use http::header::{ACCEPT, USER_AGENT};
use serde_json::json;
use session_support::{Answer, FakeApi};

use super::super::{IncludeObject, ListOptions, Scope, WriteOptions};
use super::{cluster, pod, session};
use session_model::failure::{self, FailureKind};
use session_model::objects::ObjectRef;
use session_model::objects::resource::{CUSTOM_RESOURCE_DEFINITION, NAMESPACE, POD, SESSION};

const HERE: Scope<'static> = Scope::Namespace("default");

#[tokio::test]
async fn get_returns_none_for_a_missing_object() {
    let api = FakeApi::stateful();
    api.put(session("a"));
    let cluster = cluster(&api);
    assert_eq!(
        cluster
            .get(&SESSION, "default", "a")
            .await
            .unwrap()
            .unwrap()["spec"]["userId"],
        "alice"
    );
    assert_eq!(cluster.get(&SESSION, "default", "b").await.unwrap(), None);
    api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}));
    assert!(cluster.get(&NAMESPACE, "", "n").await.unwrap().is_some());
    let path = "GET /apis/streaming.platform/v1/namespaces/default/sessions";
    assert_eq!(
        api.lines(),
        [
            format!("{path}/a"),
            format!("{path}/b"),
            "GET /api/v1/namespaces/n".to_owned()
        ]
    );
    let agent = api.requests()[0].headers[USER_AGENT]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        agent.starts_with(concat!(
            "kubectl-session-test/",
            env!("CARGO_PKG_VERSION"),
            " ("
        )),
        "{agent}"
    );
    assert_eq!(api.requests()[0].headers[ACCEPT], "application/json");
}

#[tokio::test]
async fn get_of_an_unserved_type_is_no_such_resource() {
    let api = FakeApi::stateful();
    api.unserve("sessions.streaming.platform");
    let error = cluster(&api)
        .get(&SESSION, "default", "a")
        .await
        .unwrap_err();
    assert!(failure::has_kind(&error, FailureKind::ResourceTypeNotFound));
    assert_eq!(
        error.to_string(),
        r#"the server doesn't have a resource type "sessions""#
    );
    let error = cluster(&api)
        .list(&SESSION, Scope::All, &ListOptions::default())
        .await
        .unwrap_err();
    assert!(failure::has_kind(&error, FailureKind::ResourceTypeNotFound));
}

#[tokio::test]
async fn a_list_goes_through_all_pages_and_names_its_items() {
    let api = FakeApi::stateful();
    for name in ["a", "b", "c"] {
        api.put(pod(name, json!({"app": "x"})));
    }
    api.put(pod("other", json!({})));
    let select = ListOptions {
        limit: 2,
        field_selector: "metadata.name!=c".into(),
        ..ListOptions::with_labels("app=x")
    };
    let list = cluster(&api).list(&POD, HERE, &select).await.unwrap();
    let names: Vec<ObjectRef> = list.items.iter().map(ObjectRef::from_object).collect();
    assert_eq!(
        names
            .iter()
            .map(|name| name.name.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(
        (names[0].kind.as_str(), names[0].api_version.as_str()),
        ("Pod", "v1")
    );
    assert_eq!(list.resource_version, "104");
    let select = ListOptions {
        limit: 3,
        ..ListOptions::default()
    };
    assert_eq!(
        cluster(&api)
            .list(&POD, Scope::All, &select)
            .await
            .unwrap()
            .items
            .len(),
        4
    );
    assert_eq!(
        api.lines(),
        [
            "GET /api/v1/namespaces/default/pods?labelSelector=app%3Dx&fieldSelector=metadata.name%21%3Dc&limit=2",
            "GET /api/v1/pods?limit=3",
            "GET /api/v1/pods?limit=3&continue=3",
        ]
    );
}

#[tokio::test]
async fn a_list_of_one_page_is_one_request() {
    let api = FakeApi::new();
    let list = |token: &str| {
        let item = json!({"metadata": {"name": "a"}});
        let metadata = json!({"resourceVersion": "7", "continue": token});
        Answer::ok(json!({"metadata": metadata, "items": [item]}))
    };
    api.on("GET", "/api/v1/pods", list(""))
        .on("GET", "/api/v1/pods", list("next"))
        .on("GET", "/api/v1/pods", Answer::expired());
    let cluster = cluster(&api);
    let select = ListOptions {
        limit: 2,
        ..ListOptions::default()
    };
    let read = || cluster.list_if_one_page(&POD, Scope::All, &select);
    let whole = read().await.unwrap().unwrap();
    assert_eq!(whole.resource_version, "7");
    assert_eq!(
        whole.items,
        [json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}})]
    );
    assert_eq!(read().await.unwrap(), None);
    let refused = read().await.unwrap_err();
    assert!(
        failure::has_kind(&refused, FailureKind::Expired),
        "{refused:#}"
    );
    assert_eq!(api.lines(), ["GET /api/v1/pods?limit=2"; 3]);
}

#[tokio::test]
async fn an_expired_page_begins_anew_all_at_once() {
    let api = FakeApi::new();
    let item = json!({"metadata": {"name": "a"}});
    let list = |token: &str| {
        Answer::ok(
            json!({"metadata": {"resourceVersion": "7", "continue": token}, "items": [item]}),
        )
    };
    api.on("GET", "/api/v1/pods", list("next"))
        .on("GET", "/api/v1/pods", Answer::expired())
        .on("GET", "/api/v1/pods", list(""));
    let all = cluster(&api)
        .list(&POD, Scope::All, &ListOptions::default())
        .await
        .unwrap();
    assert_eq!((all.items.len(), all.resource_version.as_str()), (1, "7"));
    assert_eq!(
        api.lines(),
        [
            "GET /api/v1/pods?limit=500",
            "GET /api/v1/pods?limit=500&continue=next",
            "GET /api/v1/pods"
        ]
    );
}

#[tokio::test]
async fn metadata_reads_drop_everything_else() {
    let api = FakeApi::stateful();
    api.put(pod("a", json!({})));
    let list = cluster(&api)
        .list_metadata(&POD, HERE, &ListOptions::default())
        .await
        .unwrap();
    assert_eq!(list.items[0]["kind"], "Pod");
    assert!(list.items[0].get("spec").is_none());
    assert!(
        api.requests()[0]
            .header("accept")
            .starts_with("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")
    );
}

#[tokio::test]
async fn a_table_comes_page_by_page() {
    let api = FakeApi::stateful();
    let cluster = cluster(&api);
    let empty: Vec<_> = cluster
        .list_table_pages(
            &SESSION,
            HERE,
            &ListOptions::default(),
            500,
            IncludeObject::Object,
        )
        .collect()
        .await;
    assert_eq!((empty.len(), empty[0].as_ref().unwrap().rows.len()), (1, 0));
    for name in ["a", "b", "c"] {
        api.put(session(name));
    }
    let pages: Vec<_> = cluster
        .list_table_pages(
            &SESSION,
            HERE,
            &ListOptions::default(),
            2,
            IncludeObject::Object,
        )
        .collect()
        .await;
    let rows: Vec<usize> = pages
        .iter()
        .map(|page| page.as_ref().unwrap().rows.len())
        .collect();
    assert_eq!(rows, [2, 1]);
    let first = pages[0].as_ref().unwrap();
    assert_eq!(
        (
            first.column_index("PHASE"),
            &first.rows[0].cells[1],
            &first.rows[0].object["spec"]["userId"]
        ),
        (Some(3), &json!("alice"), &json!("alice"))
    );
    assert_eq!(
        api.lines()[1],
        "GET /apis/streaming.platform/v1/namespaces/default/sessions?limit=2&includeObject=Object"
    );
    assert!(
        api.requests()[1]
            .header("accept")
            .starts_with("application/json;as=Table;v=v1;g=meta.k8s.io,")
    );
}

#[tokio::test]
async fn a_table_that_fails_says_so_and_ends() {
    let api = FakeApi::new();
    api.on(
        "GET",
        "/**",
        Answer::forbidden("bob", "list", "sessions.streaming.platform", "default"),
    );
    let pages: Vec<_> = cluster(&api)
        .list_table_pages(
            &SESSION,
            HERE,
            &ListOptions::default(),
            500,
            IncludeObject::None,
        )
        .collect()
        .await;
    assert_eq!(pages.len(), 1);
    assert!(failure::has_kind(
        pages[0].as_ref().unwrap_err(),
        FailureKind::Forbidden
    ));
}

#[tokio::test]
async fn unknown_kinds_are_looked_up() {
    let api = FakeApi::stateful();
    api.serve("example.com/v1", "Widget", "widgets", false);
    let cluster = cluster(&api);
    assert_eq!(
        cluster.discover_resource("v1", "Pod").await.unwrap(),
        Some(POD.clone())
    );
    assert!(api.requests().is_empty());
    let widget = cluster
        .discover_resource("example.com/v1", "Widget")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (widget.qualified().as_str(), widget.namespaced),
        ("widgets.example.com", false)
    );
    assert_eq!(
        cluster
            .discover_resource("example.com/v1", "Gadget")
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        cluster
            .discover_resource("nowhere/v1", "Widget")
            .await
            .unwrap(),
        None
    );
    let lines = || api.lines().len();
    assert_eq!(
        api.lines(),
        ["GET /apis/example.com/v1", "GET /apis/nowhere/v1"]
    );
    // Kinds of one version that are looked up at the same time share the request.
    api.serve("other.com/v1", "Widget", "widgets", true);
    let kinds = ["Widget", "Gadget", "Gizmo"];
    let reads = kinds.map(|kind| cluster.discover_resource("other.com/v1", kind));
    let found: Vec<bool> = futures::future::join_all(reads)
        .await
        .into_iter()
        .map(|found| found.unwrap().is_some())
        .collect();
    assert_eq!((found, lines()), (vec![true, false, false], 3));
    // A kind that this process defines is found afterwards; what was found is not read again.
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.other.com"}});
    let write = WriteOptions::by("test");
    let created = cluster.create(&CUSTOM_RESOURCE_DEFINITION, "", &definition, &write);
    created.await.unwrap();
    api.serve("other.com/v1", "Gadget", "gadgets", true);
    for kind in ["Widget", "Gadget", "Gadget"] {
        let found = cluster.discover_resource("other.com/v1", kind).await;
        assert!(found.unwrap().is_some(), "{kind}");
    }
    assert_eq!(lines(), 5, "{:?}", api.lines());
}

#[tokio::test]
async fn warnings_are_reported_once() {
    let api = FakeApi::new();
    api.on(
        "GET",
        "/version",
        Answer::ok(json!({})).warning("old \"x\"").warning("other"),
    );
    let cluster = cluster(&api);
    let (sender, heard) = std::sync::mpsc::channel();
    cluster.on_warning(move |text| sender.send(text.to_owned()).unwrap());
    cluster.get_raw("/version").await.unwrap();
    cluster.clone().get_raw("/version").await.unwrap();
    let heard: Vec<String> = heard.try_iter().collect();
    assert_eq!(heard, ["old \"x\"", "other"]);
}

#[tokio::test]
async fn only_reads_are_repeated_and_only_when_asked() {
    let api = FakeApi::new();
    api.on("GET", "/a", Answer::too_many(0))
        .on("GET", "/a", Answer::ok(json!({"a": 1})));
    api.on("GET", "/b", Answer::too_many(3600));
    api.on(
        "GET",
        "/c",
        Answer::text(503, "text/html", "<html>busy</html>"),
    );
    api.on("GET", "/d", Answer::hang_up())
        .on("GET", "/d", Answer::ok(json!({})));
    api.on("POST", "/**", Answer::too_many(0));
    let cluster = cluster(&api);
    assert_eq!(cluster.get_raw("/a").await.unwrap().0["a"], 1);
    assert!(failure::has_kind(
        &cluster.get_raw("/b").await.unwrap_err(),
        FailureKind::TooManyRequests
    ));
    assert!(failure::has_kind(
        &cluster.get_raw("/c").await.unwrap_err(),
        FailureKind::OtherStatus
    ));
    assert!(cluster.get_raw("/d").await.is_ok());
    let write = cluster
        .create(
            &SESSION,
            "default",
            &session("a"),
            &crate::WriteOptions::by("kubectl-session"),
        )
        .await;
    assert!(failure::has_kind(
        &write.unwrap_err(),
        FailureKind::TooManyRequests
    ));
    let lines: Vec<String> = api
        .requests()
        .iter()
        .map(|request| request.target())
        .collect();
    assert_eq!(
        lines[..6],
        ["GET /a", "GET /a", "GET /b", "GET /c", "GET /d", "GET /d"]
    );
    assert_eq!(lines.len(), 7);
}

#[tokio::test]
async fn exchanges_are_observed_without_secrets() {
    let api = FakeApi::new();
    api.on("GET", "/version", Answer::ok(json!({})));
    let cluster = cluster(&api);
    let (sender, seen) = std::sync::mpsc::channel();
    cluster.on_exchange(move |exchange| sender.send(exchange.clone()).unwrap());
    cluster.get_raw("/version").await.unwrap();
    let exchange = seen.recv().unwrap();
    assert_eq!(
        (
            exchange.method.as_str(),
            exchange.url.as_str(),
            exchange.status
        ),
        ("GET", "http://fake.test/version", 200)
    );
}
