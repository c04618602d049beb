use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use http::Method;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachParams;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use super::{At, Fault};
use crate::{Execution, FakeApi, Real};

const PATH: &str = "/api/v1/namespaces/default/configmaps";

fn send(client: &Real, name: &str) -> Result<u16, String> {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let answer = client.try_ask(Method::POST, PATH, "application/json", &object);
    answer.map(|(code, _)| code)
}

fn names(api: &FakeApi) -> Vec<Value> {
    let all = api.objects("configmaps").into_iter();
    all.map(|object| object["metadata"]["name"].clone())
        .collect()
}

#[test]
fn one_request_goes_wrong_and_no_other() {
    for (fault, answer, made) in [
        (Fault::Refused(409), Some(409), false),
        (Fault::Refused(429), Some(429), false),
        (Fault::DroppedBefore, None, false),
        (Fault::DroppedAfter, None, true),
    ] {
        let api = FakeApi::stateful();
        let listening = api.listen();
        let real = Real::of(listening.kubeconfig());
        let proxy = real.faulty(Some(At { request: 2, fault }), "default");
        let client = Real::of(proxy.kubeconfig());
        assert_eq!(send(&client, "a"), Ok(201));
        assert!(!proxy.happened());
        assert_eq!(send(&client, "b").ok(), answer, "{fault:?}");
        assert!(proxy.happened());
        assert_eq!(send(&client, "c"), Ok(201));
        proxy.settle();
        let wanted: &[&str] = if made { &["a", "b", "c"] } else { &["a", "c"] };
        assert_eq!(names(&api), wanted, "{fault:?}");
        assert_eq!(
            proxy.requests(),
            [
                format!("POST {PATH}"),
                format!("POST {PATH}"),
                format!("POST {PATH}")
            ]
        );
    }
}

#[test]
fn who_is_killed_has_had_this_request_and_none_after_it() {
    let api = FakeApi::stateful();
    let listening = api.listen();
    let real = Real::of(listening.kubeconfig());
    let at = At {
        request: 1,
        fault: Fault::Killed,
    };
    let proxy = real.faulty(Some(at), "default");
    // It waits for an input that never comes.
    let mut client = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    proxy.client_is(client.id());
    for name in ["a", "b"] {
        let client = Real::of(proxy.kubeconfig());
        // Nobody gets an answer.
        std::thread::spawn(move || send(&client, name));
        if name == "a" {
            let held = client_is_gone(&proxy);
            assert!(held);
        }
    }
    assert_eq!(client.wait().unwrap().signal(), Some(9));
    proxy.settle();
    assert_eq!(names(&api), ["a"]);
}

/// Waits until the request that kills has been answered by the server.
fn client_is_gone(proxy: &super::Faulty) -> bool {
    while !proxy.happened() {
        std::thread::yield_now();
    }
    proxy.settle();
    true
}

#[test]
fn what_switches_protocols_passes() {
    let api = FakeApi::stateful();
    api.put(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "main"}]}}),
    );
    api.execute(
        "hello",
        Execution {
            stdout: b"there".to_vec(),
            ..Execution::default()
        },
    );
    let listening = api.listen();
    let real = Real::of(listening.kubeconfig());
    let proxy = real.faulty(None, "default");
    let client = Real::of(proxy.kubeconfig());
    let pods: Api<Pod> = Api::namespaced(client.client.clone(), "default");
    let said = client.runtime.wait(async move {
        let mut process = pods
            .exec("p", ["hello"], &AttachParams::default().stderr(false))
            .await
            .unwrap();
        let mut said = String::new();
        process
            .stdout()
            .unwrap()
            .read_to_string(&mut said)
            .await
            .unwrap();
        said
    });
    assert_eq!(said, "there");
    assert_eq!(proxy.requests().len(), 1);
}
