//! `quota show`.

use serde_json::json;
use session_support::FakeApi;

use crate::quota;

#[test]
fn quotas_of_the_namespace_are_shown() {
    let api = FakeApi::stateful();
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "team", "namespace": "default"},
        "spec": {"hard": {"requests.cpu": "4"}},
        "status": {"hard": {"requests.cpu": "4"}, "used": {"requests.cpu": "1"}}}));
    let played = quota(&api, "show");
    assert!(played.done().contains("team"), "{played:?}");
}
