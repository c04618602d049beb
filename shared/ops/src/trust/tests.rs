use serde_json::json;

use super::*;

fn session(spec: serde_json::Value, applied: serde_json::Value) -> Session {
    let mut spec = spec;
    spec["userId"] = "u".into();
    serde_json::from_value(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": { "name": "a", "namespace": "ns", "uid": "u-1" },
        "spec": spec, "status": { "applied": applied },
    }))
    .unwrap()
}

fn keys(session: &Session, part: StoredPart) -> Vec<String> {
    stored_fields(session, part).into_keys().collect()
}

#[test]
fn everything_that_decides_what_a_start_makes_is_looked_at() {
    let all = json!({ "template": "t", "application": "p", "preset": "x", "parameters": { "A": "1", "B": "2" },
        "primary": { "kind": "Pod", "name": "n" } });
    assert_eq!(
        keys(&session(all, json!({})), StoredPart::Start),
        [
            "spec.application",
            "spec.parameters.A",
            "spec.parameters.B",
            "spec.preset",
            "spec.primary",
            "spec.template"
        ]
    );
    let manifest = session(json!({ "manifest": "kind: Pod" }), json!({}));
    assert_eq!(keys(&manifest, StoredPart::Copy), ["spec.manifest"]);
    // Fields that the owner's ordinary commands change are not included.
    let sizes = json!({ "template": "t", "state": "stopped", "timeout": "2h", "startRequest": "2026-01-01T00:00:00Z",
        "resources": { "cpu": "2" }, "storage": { "size": "2Gi" }, "dataPolicy": "keep", "secretsFrom": "client" });
    assert_eq!(
        keys(&session(sizes, json!({})), StoredPart::Start),
        ["spec.template"]
    );
}

#[test]
fn only_what_runs_a_command_is_looked_at_in_the_status() {
    let applied = json!({ "connect": [
        { "name": "shell", "exec": ["bash"] }, { "name": "page", "http": { "port": 80 } }, { "name": "ssh", "ssh": { "port": 22 } } ] });
    let one = session(json!({ "template": "t" }), applied);
    assert_eq!(
        keys(&one, StoredPart::Connect),
        ["status.applied.connect.shell"]
    );
    assert!(keys(&one, StoredPart::Hooks).is_empty());
    let hooked = session(
        json!({ "template": "t" }),
        json!({ "hooks": { "sync": { "command": ["save"] } } }),
    );
    assert_eq!(keys(&hooked, StoredPart::Hooks), ["status.applied.hooks"]);
}
