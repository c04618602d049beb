//! Obstacles to a resize in place are found before the first write.

use serde_json::json;
use session_support::{Answer, FakeApi, golden};

use crate::scene::{half, kept, obeying, resize, resources, server};

const RESIZE: &str = "/api/v1/namespaces/default/pods/tool-alice-0/resize";

#[test]
fn what_needs_a_restart_says_so() {
    let mut text = String::new();
    let mut refused = |words: &str, api: FakeApi| {
        let played = resize(&api, words);
        text.push_str(&format!("$ resize {words}\n{}", played.failed()));
        assert_eq!(kept(&api), Vec::<String>::new(), "{words}");
    };
    refused("alice --cpu 2", server("Deployment", &half()));
    refused("alice --cpu 2", server("Pod", &json!({})));
    let api = server("Pod", &half());
    let cause =
        "Forbidden: memory limits cannot be decreased unless resizePolicy is RestartContainer";
    let field = "spec.containers[1].resources.limits";
    let answer = Answer::invalid("", "Pod", "tool-alice-0", &[(field, cause)]);
    api.on("PATCH", RESIZE, answer);
    refused("alice --memory 512Mi", api);
    let api = server("Pod", &half());
    api.on("PATCH", RESIZE, Answer::no_such_path());
    refused("alice --cpu 2", api);
    refused("alice --cpu 64", server("Pod", &half()));
    golden("resize-refused.txt", &text);
}

#[test]
fn a_right_that_is_missing_refuses_nothing() {
    let api = server("Pod", &half());
    obeying(&api);
    let answer = Answer::forbidden("alice", "get", "nodes", "");
    api.on("GET", "/api/v1/nodes/node-1", answer);
    let played = resize(&api, "alice --cpu 64");
    assert_eq!(played.done(), "session.streaming.platform/alice resized\n");
    let line = "note: node \"node-1\" not checked: no permission to read it\n";
    assert!(played.err.starts_with(line), "{}", played.err);
    assert_eq!(resources(&api)["limits"]["cpu"], "64");
}

#[test]
fn a_quota_is_no_matter_of_restarting() {
    let api = server("Pod", &half());
    let detail = "requested: limits.cpu=1, used: limits.cpu=1, limited: limits.cpu=1";
    api.on(
        "PATCH",
        RESIZE,
        Answer::quota("pods", "tool-alice-0", "q", detail),
    );
    let played = resize(&api, "alice --cpu 2");
    assert!(played.failed().contains("exceeded quota"), "{played:?}");
    assert!(!played.err.contains("--restart"), "{played:?}");
}
