//! Workloads of kinds that are not built in: stopped by a patch of their author or by the scale subresource.

use kubectl_session_stop::Stop;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, SessionFixture, golden};

use crate::play::Play;
use crate::running::{session, stop, written};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const MACHINES: &str = "machines.example.com";

/// A session of a Machine, whose kind has a scale subresource; `fields` say how it is stopped instead.
fn machine(fields: Value) -> FakeApi {
    let api = FakeApi::stateful();
    let types = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "example.com/v1", "resources": [
        {"name": "machines", "namespaced": true, "kind": "Machine", "verbs": ["get", "patch"]},
        {"name": "machines/scale", "namespaced": true, "kind": "Scale", "verbs": ["get", "patch"]}]});
    api.on("GET", "/apis/example.com/v1", Answer::ok(types));
    let scale = "/apis/example.com/v1/namespaces/default/machines/m/scale";
    let machine = json!({"apiVersion": "example.com/v1", "kind": "Machine", "metadata": {"name": "m"}, "spec": {"replicas": 2}});
    api.on(
        "GET",
        scale,
        Answer::ok(json!({"kind": "Scale", "spec": {"replicas": 2}})),
    );
    SessionFixture::running("alice").put_custom(&api, machine, "machines", fields);
    api
}

fn patches() -> Value {
    json!({"stop": {"spec": {"paused": true}}, "start": {"spec": {"paused": false}}})
}

/// Refuses the right to `verb` Machines, of `subresource` if one is given.
fn deny(api: &FakeApi, subresource: &'static str) {
    api.handle("POST", REVIEWS, move |request| {
        let asked = &request.json()["spec"]["resourceAttributes"];
        let is_denied = asked["resource"] == "machines"
            && asked["subresource"].as_str().unwrap_or_default() == subresource;
        Answer::json(201, json!({"status": {"allowed": !is_denied}}))
    });
}

#[test]
fn a_missing_right_is_told_before_anything_is_written() {
    let mut text = String::new();
    for (subresource, fields) in [("scale", json!({})), ("", patches())] {
        let api = machine(fields);
        deny(&api, subresource);
        let refused = stop(&api, "alice -y");
        assert!(written(&api).is_empty(), "{:?}", written(&api));
        text.push_str(&refused.text());
    }
    golden("stop-custom-forbidden.txt", &text);
}

#[test]
fn a_patch_that_the_server_refuses_leaves_the_session_as_it_was() {
    let api = machine(patches());
    let path = "/apis/example.com/v1/namespaces/default/machines/m";
    let cause = [(
        "spec.paused",
        "Invalid value: true: a Machine with a lease cannot be paused",
    )];
    api.on(
        "PATCH",
        path,
        Answer::invalid("example.com", "Machine", "m", &cause),
    );
    let refused = stop(&api, "alice -y");
    golden("stop-custom-refused.txt", &refused.text());
    assert_eq!(session(&api, "alice")["status"]["phase"], "running");
    assert!(api.object("pods", "default", "tool-alice").is_some());
    assert!(api.object(MACHINES, "default", "m").is_some());
}

#[test]
fn each_is_stopped_in_its_own_way() {
    let mut text = String::new();
    for fields in [json!({}), patches()] {
        let api = machine(fields);
        let awaited = "fieldSelector=metadata.name%3Dtool-alice";
        let played = Play::on(&api).meanwhile::<Stop>("alice -y", |_, _| {
            let begun = std::time::Instant::now();
            while !api.lines().iter().any(|line| line.contains(awaited)) {
                assert!(begun.elapsed().as_secs() < 10, "nobody waits for the Pod");
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            api.remove("pods", "default", "tool-alice");
        });
        text.push_str(&played.text());
        written(&api)
            .iter()
            .for_each(|line| text.push_str(&format!("{line}\n")));
    }
    golden("stop-custom.txt", &text);
}
