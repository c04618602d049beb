//! The session, its preconditions, and usage errors.

use serde_json::json;
use session_support::{FakeApi, golden};

use crate::scene::{half, resize, server, session};

#[test]
fn a_session_without_a_pod_that_runs_is_refused() {
    let mut text = String::new();
    let mut refused = |happened: &dyn Fn(&FakeApi)| {
        let api = server("Pod", &half());
        happened(&api);
        let played = resize(&api, "alice --cpu 2 --restart");
        text.push_str(played.failed());
        assert!(api.writes().is_empty());
    };
    refused(&|api| api.remove("pods", "default", "tool-alice-0"));
    refused(&|api| {
        let mut pod = api.object("pods", "default", "tool-alice-0").unwrap();
        pod["status"] = json!({"phase": "Pending"});
        api.put(pod);
    });
    // A Pod of others with the session's labels.
    refused(&|api| {
        let mut pod = api.object("pods", "default", "tool-alice-0").unwrap();
        pod["metadata"]["ownerReferences"] = json!([]);
        api.put(pod);
    });
    refused(&|api| {
        let mut alice = session(api);
        alice["metadata"]["finalizers"] = json!(["x/y"]);
        alice["metadata"]["deletionTimestamp"] = "2026-03-01T11:30:00Z".into();
        api.put(alice);
    });
    let api = FakeApi::stateful();
    text.push_str(resize(&api, "nobody --cpu 2").failed());
    golden("resize-missing.txt", &text);
}
